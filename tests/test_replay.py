"""Restart and Run All: what was answered is shown again, says where it comes from, and what it would cost to ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from cells import Shell, running_shell
from kernels import Kernel, Run, running_kernel
from making import attempt
from recorded import recorded

from routebook.errors import UsageError
from routebook.messages import Replay
from routebook.notebook.commands.cost import cost_parts
from routebook.notebook.wording import ago, dollars
from routebook.tables.totals import totals
from routebook.testing import Chaos, ScriptedServer

ROUTING = """
[books]
path = "books.db"
[providers.cloud]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_SET"
tier = "paid"
[models.dear]
provider = "cloud"
id = "dear"
price = { input = 1000, output = 5000 }
[[routes]]
name = "chat"
try = ["dear"]
CACHE
"""
NOTEBOOK = ("%load_ext routebook\nrows = 'one, two'", "%%route\nHow many are these? {{rows}}", "%%route\nWhat is two and two?")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server whose answers cost something, and take a second."""
    with ScriptedServer(script=Chaos(reply="It is **four**.", latency_s=1.0)) as running:
        yield running


@contextmanager
def started(server: ScriptedServer, folder: Path) -> Iterator[Kernel]:
    """A new kernel of the same notebook, as after a restart; its one route is cached for a day."""
    (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url).replace("CACHE", "cache = { ttl_s = 86400 }"))
    with running_kernel(folder, environ={"A_KEY_THAT_IS_SET": "k-secret"}) as running:
        yield running


def run_all(kernel: Kernel, *cells: str) -> list[Run]:
    """Run cells, which must succeed; return those of `%%route`."""
    runs = [kernel.run(cell) for cell in cells]
    assert all(run.status == "ok" for run in runs), [run.text for run in runs]
    return [run for cell, run in zip(cells, runs, strict=True) if cell.startswith("%%route")]


def test_restart_and_run_all_replays_what_is_unchanged_and_asks_what_is_not(server: ScriptedServer, tmp_path: Path) -> None:
    """A notebook of forty cells is run again for nothing, and says what it would have cost."""
    with started(server, tmp_path) as kernel:
        assert all("replayed" not in run.text for run in run_all(kernel, *NOTEBOOK))
        assert server.seen.attempts == 2
    with started(server, tmp_path) as kernel:
        for run in run_all(kernel, *NOTEBOOK):
            assert "It is <strong>four</strong>." in run.html
            for shown in (run.text, re.sub(r"<[^>]+>", "", run.html)):
                assert re.search(
                    r"dear \(paid\) · replayed from the cache · first asked \d+ (s|min) ago · cost then .?\$0\.0\d+; run again", shown
                )
        assert server.seen.attempts == 2
    with started(server, tmp_path) as kernel:
        run_all(kernel, *NOTEBOOK, "%route bad")
    with started(server, tmp_path) as kernel:
        assert ["replayed" in run.text for run in run_all(kernel, *NOTEBOOK)] == [True, False], "what was called bad is not shown again"
        assert server.seen.attempts == 3
    with started(server, tmp_path) as kernel:
        changed = run_all(kernel, NOTEBOOK[0].replace("two", "three"), *NOTEBOOK[1:])
        assert ["replayed" in run.text for run in changed] == [False, True]
        assert server.seen.attempts == 4
        fresh = run_all(kernel, "%%route --fresh\nWhat is two and two?", "%%route --no-cache\nWhat is two and two?")
        assert all("replayed" not in run.text for run in fresh)
        assert server.seen.attempts == 6
        assert re.search(r"requests answered +6\nsaved +\$0\.\d", kernel.run("%route cache").text)


# ---- %route cache


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell without a cache in its `routing.toml`."""
    with running_shell(tmp_path) as made:
        yield made


def test_the_cache_shows_its_figures_and_can_be_dropped(shell: Shell) -> None:
    """One who shares a machine wants to see what is kept, and to be rid of it."""
    shell.run("%route cache")
    assert "No route is cached." in shell.text
    assert re.search(r"answers +0\n", shell.text)
    shell.run("import routebook as rb\nrouter = get_ipython().magics_manager.registry['RouteMagics'].session.router")
    shell.run("for _ in range(3): router.ask_sync('What is 2+2?', cache=True)")
    shell.run("%route cache")
    assert re.search(r"answers +1\nsize +\d+ bytes of 200 MB\nrequests answered +2\nsaved +\$0$", shell.text, re.MULTILINE)
    shell.run("%route cache clear")
    assert "1 answer dropped" in shell.text
    shell.run("%route cache")
    assert re.search(r"answers +0\nsize +0 bytes of 200 MB\nrequests answered +2", shell.text)


def test_the_cache_takes_no_other_word(shell: Shell) -> None:
    """A typo must not drop anything."""
    shell.attempt("%route cache clean")
    assert isinstance(shell.error, UsageError)
    assert "clear" in str(shell.error)


# ---- words and totals


def test_how_long_ago_is_said_as_people_say_it() -> None:
    """`10,800.0 s` is no time."""
    said = {
        0: "0 s ago",
        40: "40 s ago",
        61: "1 min ago",
        3 * 3600: "3 h ago",
        30 * 3600: "30 h ago",
        5 * 86400: "5 days ago",
        -3: "0 s ago",
    }
    assert {seconds: ago(seconds) for seconds in said} == said


def test_totals_tell_what_the_cache_saved_from_what_a_cheaper_model_saved() -> None:
    """Two kinds of thrift, and an answer that was not asked for is no attempt that was paid."""
    replay = {"kind": "cache", "status": "cached", "cost_usd": Decimal(0), "input_tokens": 0, "output_tokens": 0}
    frame = recorded(
        [
            attempt(cost_usd=Decimal("0.1"), baseline_usd=Decimal("0.3")),
            attempt(request_id="r2", baseline_usd=Decimal("0.1"), **replay),
            attempt(request_id="r3", baseline_usd=None, **replay),
            attempt(request_id="r4", baseline_usd=None, **(replay | {"status": "cancelled"})),
        ]
    )
    total = totals(frame).loc["all"]
    assert (total["replayed"], total["tokens"], total["unpriced"]) == (2, 150, 0)
    assert float(total["replayed_usd"]) == pytest.approx(0.1)
    assert float(total["saved_usd"]) == pytest.approx(0.2)
    assert "The cache answered 2 requests; what that saved: $0.10." in str(cost_parts(frame)[0])


def test_a_shared_call_is_told_apart_from_a_replay() -> None:
    """One was asked now, the other long ago."""
    from test_page import answer

    from routebook.notebook.wording import footline

    replay = Replay(asked_at=attempt().time, cost_usd=Decimal("0.012"), request_id="r0", is_shared=True)
    row = attempt(kind="cache", status="cached", cost_usd=Decimal(0), tier="local")
    assert (
        footline(answer(attempts=(row,), replay=replay))
        == f"dear · shares the call of an equal request, whose cost was {dollars(replay.cost_usd)}"
    )
