"""The same call on a Dask cluster of real processes: limits and caps hold over all of them, and a worker that is killed loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from making import config

import routebook as rb
from routebook.books.tool_calls import tool_calls_of
from routebook.bulk.crew import Crew
from routebook.bulk.host import Host
from routebook.bulk.worker import Part
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.testing import Chaos, ScriptedCall, ScriptedServer

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


def left_behind(dask_worker: Any) -> tuple[int, list[str], list[str]]:  # noqa: ANN401  distributed has no types
    """What a job has on a worker: tasks, plugins, threads that lead to the one who asked."""
    from routebook.bulk.worker import UNDER_WAY

    plugins = [name for name in dask_worker.plugins if name.startswith("routebook")]
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith(("routebook-desk", "routebook-books"))]
    return len(UNDER_WAY), plugins, threads


def nothing_is_left(client: Client, *, within_s: float = 60) -> bool:
    """Whether every worker is soon as it was before the job."""
    deadline = time.monotonic() + within_s
    while (found := [one for one in client.run(left_behind).values() if one != (0, [], [])]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not found
    return True


def after(calls: int, server: ScriptedServer, do: Callable[[], object]) -> threading.Thread:
    """Do something when so many calls have reached the server."""

    def wait() -> None:
        deadline = time.monotonic() + 60
        while len(server.seen.calls) < calls and time.monotonic() < deadline:
            time.sleep(0.01)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


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
        killer = after(
            30, server, lambda: os.kill(next(pid for pid in client.run(os.getpid).values() if pid != os.getpid()), signal.SIGKILL)
        )
        found = frame(240).route.map("Classify: {{text}}", router=router).compute()
        killer.join()
        outcomes = Counter(call.outcome for call in server.seen.calls)
        rows = router.frame()
        router.close()
    assert found["answer"].notna().all()
    assert len(found) == 240
    assert server.seen.over_limit == 0, "more at once than the limit"
    assert 120 <= sum(outcomes.values()) <= 120 + 6
    assert set(rows["status"]) <= {"ok", "lost"}
    assert found["answer_request_id"].nunique() == 120
    assert (rows["status"] == "ok").sum() == 120, "what the books say was answered is not asked again"
    assert nothing_is_left(client)


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


def test_an_interrupt_stops_the_workers_too_and_the_same_call_goes_on(client: Client, tmp_path: Path) -> None:
    """What was under way is cancelled and told; nothing of the job stays on the workers, and no row stays open."""
    with ScriptedServer(script=Chaos(reply="good", latency_s=0.2)) as server:
        router = routing(tmp_path, server)
        stopping = after(20, server, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt) as caught:
            frame(400).route.map("Classify: {{text}}", router=router, concurrency=4)
        stopping.join()
        calls = len(server.seen.calls)
        assert nothing_is_left(client)
        statuses = router.frame()["status"]
        done = int(statuses.eq("ok").sum())
        assert caught.value.__notes__ == [f"{done} of 200 answers are kept. The same call goes on where it stopped."]
        assert set(statuses) <= {"ok", "cancelled"}
        assert len(server.seen.calls) == calls
        found = frame(400).route.map("Classify: {{text}}", router=router).compute()
        assert found["answer"].eq("good").all()
        assert router.frame()["status"].eq("ok").sum() == 200
        router.close()


def test_when_the_one_who_asked_is_killed_the_workers_are_free_and_the_same_call_goes_on(client: Client, tmp_path: Path) -> None:
    """`kill -9` of the kernel, while the cluster lives on: nothing that was answered is asked again."""
    script = """
        import sys, dask.dataframe as dd, pandas as pd, routebook as rb
        from distributed import Client
        connected = Client(sys.argv[1])
        frame = dd.from_pandas(pd.DataFrame({"text": [f"review {number // 2}" for number in range(400)]}), npartitions=4)
        frame.route.map("Classify: {{text}}", router=rb.Router.load(sys.argv[2]), concurrency=4)
    """
    with ScriptedServer(script=Chaos(reply="good", latency_s=0.2)) as server:
        router = routing(tmp_path, server)
        asking = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), client.scheduler.address, str(tmp_path / "routing.toml")])
        after(20, server, asking.kill).join()
        asking.wait()
        assert nothing_is_left(client)
        found = frame(400).route.map("Classify: {{text}}", router=router, concurrency=8).compute()
        assert found["answer"].eq("good").all()
        statuses = router.frame()["status"]
        router.close()
    assert statuses.eq("ok").sum() == 200
    assert set(statuses) <= {"ok", "lost"}


def test_the_books_of_a_dead_worker_that_cannot_be_written_are_no_end_of_the_job(client: Client, tmp_path: Path) -> None:
    """Its prompts go to the others at once; what it held is freed as soon as it can be."""
    host = Host(str(tmp_path / "books.db"), budgets={}, prompts=["one", "two", "three"])
    crew = Crew(client, host, Part(token="t", desk="", key="", job=b"", config=config(), overrides={}, concurrency=1))  # noqa: S106  no secret

    async def main() -> None:
        taken = host.take("tcp://gone", 2)
        assert taken == ["one", "two"]
        books = host.of("tcp://gone")
        await books.aclose()
        await crew.lose("tcp://gone")
        assert sorted(host.waiting) == ["one", "three", "two"]
        assert host.workers == ["tcp://gone"], "to be tried again"

    client.sync(main)


def test_a_worker_that_was_gone_before_it_took_anything_holds_nobody(client: Client, tmp_path: Path) -> None:
    """The scheduler may still name a worker that has just died: what was begun on it waits for ever."""
    host = Host(str(tmp_path / "books.db"), budgets={})
    crew = Crew(client, host, Part(token="t", desk="", key="", job=b"", config=config(), overrides={}, concurrency=1))  # noqa: S106  no secret

    async def main() -> None:
        crew._begin("tcp://127.0.0.1:1")
        await asyncio.wait_for(crew.work(), 60)

    client.sync(main)


@pytest.mark.usefixtures("client")
def test_tools_and_pipelines_go_through_a_cluster_too(tmp_path: Path) -> None:
    """A function of this process goes along; what ran is in the books of the one who asked."""

    @rb.tool
    def cluster_weather(city: str) -> str:
        """The weather of a city."""
        return f"rain in {city}"

    steps = '[[pipelines.two.steps]]\nname = "first"\nmodel = "a"\ninput = "{{prompt}}"\n[[pipelines.two.steps]]\nname = "second"\nmodel = "a"\ninput = "{{first}}"\n'
    calls = ((ScriptedCall(name="cluster_weather", arguments={"city": "Paris"}),),)
    with ScriptedServer(reply="It rains.", calls=calls) as server:
        router = routing(tmp_path, server, more=steps)
        found = frame(8).route.map("What is the weather in {{text}}?", router=router, tools="cluster_weather").compute()
        assert found["answer"].eq("It rains.").all()
        request = found["answer_request_id"].iloc[0]
        ran = router.runtime().books.read(lambda connection: tool_calls_of(connection, request))
        assert [(row.name, row.status) for row in ran] == [("cluster_weather", "ok")]
        found = frame(8).route.map("Describe {{text}}", router=router, pipeline="two").compute()
        rows = router.frame().query("step.notna()")
        assert found["answer"].eq("It rains.").all()
        assert rows.groupby("request_id").size().tolist() == [2] * 4
        with pytest.raises(UsageError, match="no tool 'nothing'"):
            frame(8).route.map("{{text}}", router=router, tools="nothing")
        router.close()
