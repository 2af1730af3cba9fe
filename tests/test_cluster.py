"""The same call on a Dask cluster of real processes: limits and caps hold over all of them, and a worker that is killed loses nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dask.dataframe as dd
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.testing import Chaos, ScriptedServer

WORKERS = 3


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a cluster of three processes."""
    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as connected,
    ):
        yield connected


def frame(rows: int) -> dd.DataFrame:
    """Every text twice."""
    return dd.from_pandas(pd.DataFrame({"text": [f"review {number // 2}" for number in range(rows)]}), npartitions=4)


def routing(folder: Path, server: ScriptedServer, *, model: str = "", more: str = "") -> Router:
    """A router by a file, with its books beside it."""
    file = folder / "routing.toml"
    file.write_text(
        f'[books]\npath = "books.db"\n{more}\n[providers.p]\nkind = "openai"\nbase_url = "{server.url}"\ntier = "paid"\n'
        f'[models.a]\nprovider = "p"\nid = "a"\nmax_output = 20\nprice = {{ input = 0, output = 1000 }}\n{model}\n'
        '[[routes]]\nname = "chat"\ntry = ["a"]\n',
        encoding="utf-8",
    )
    return Router.load(file)


def test_without_a_cluster_or_with_books_in_memory_it_says_what_to_do(tmp_path: Path) -> None:
    """Before anything is sent; first in this file, because a cluster that is connected is found from everywhere."""
    with ScriptedServer() as server:
        router = routing(tmp_path, server)
        with pytest.raises(UsageError, match="No cluster is connected"):
            frame(4).route.map("{{text}}", router=router)
        with pytest.raises(UsageError, match="Did you mean 'text'"):
            frame(4).route.map("{{texts}}", router=router)
        router.close()


def test_every_prompt_is_answered_once_within_limits_though_a_worker_is_killed(client: Client, tmp_path: Path) -> None:
    """What it had under way is asked again by others, what it had reserved goes free, and the rows say what happened."""
    with ScriptedServer(script=Chaos(tokens=5, latency_s=0.02), max_concurrent=6) as server:
        router = routing(tmp_path, server, model="max_concurrent = 6\nrpm = 100000")

        def kill() -> None:
            deadline = time.monotonic() + 60
            while len(server.seen.calls) < 60 and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(next(pid for pid in client.run(os.getpid).values() if pid != os.getpid()), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        found = frame(600).route.map("Classify: {{text}}", router=router).compute()
        killer.join()
        outcomes = Counter(call.outcome for call in server.seen.calls)
        rows = router.frame()
        router.close()
    assert found["answer"].notna().all()
    assert len(found) == 600
    assert outcomes["rate_limited"] == 0, "more at once than the limit"
    assert 300 <= sum(outcomes.values()) <= 300 + 6
    assert set(rows["status"]) <= {"ok", "lost"}
    assert found["answer_request_id"].nunique() == 300
    assert 300 <= (rows["status"] == "ok").sum() <= 306, "an answer that died with its worker is asked for again"
    assert not rows["status"].eq("running").any()


@pytest.mark.usefixtures("client")
def test_a_budget_holds_over_all_workers_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    """A cap in routing.toml does too."""
    with ScriptedServer(script=Chaos(tokens=10)) as server:
        router = routing(tmp_path, server)
        found = frame(80).route.map("Classify: {{text}}", router=router, budget_usd=0.2).compute()
        spent = router.frame()["cost_usd"].sum()
        answered = found.drop_duplicates("text")["answer"].notna().sum()
        assert 10 <= answered <= 20
        assert spent <= 0.2
        assert "budget of $0.2 is spent" in found["answer_error"].dropna().iloc[0]
        found = frame(80).route.map("Classify: {{text}}", router=router, budget_usd=5).compute()
        assert found["answer"].notna().all()
        assert len(server.seen.calls) == 40
        router.close()


@pytest.mark.usefixtures("client")
def test_a_cap_of_the_config_holds_over_all_workers(tmp_path: Path) -> None:
    """One ledger, whoever spends."""
    with ScriptedServer(script=Chaos(tokens=10)) as server:
        router = routing(tmp_path, server, more="[budgets]\ntotal = { daily = 0.15 }\n")
        found = frame(80).route.map("Classify: {{text}}", router=router).compute()
        assert 0 < router.frame()["cost_usd"].sum() <= 0.15
        assert "budget of 'total' is $0.15" in found["answer_error"].dropna().iloc[0]
        router.close()
