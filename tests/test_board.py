"""The board: its figures are those of the books, it follows what happens, and it stays readable when it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kernels import Kernel, Run, running_kernel
from making import attempt

from routebook.books.books import Books
from routebook.books.recent import MOST, REACH, offered, recent, spent_by_tier
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.notebook.panels.board import Board
from routebook.span import span
from routebook.tables.board import figures, with_tiers
from routebook.testing import Chaos, Fault, ScriptedServer

NOW = dt.datetime(2026, 11, 21, 12, 30, 30, tzinfo=dt.UTC)
ROUTING = """
[books]
path = "books.db"
[budgets]
total = { daily = 5.00 }
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
max_concurrent = 4
[models]
quick = { provider = "here", id = "quick" }
down = { provider = "here", id = "down" }
dear = { provider = "here", id = "quick", price = { input = 1, output = 5 } }
[pools]
shaky = { models = ["down", "quick"] }
[[routes]]
name = "chat"
try = ["quick"]
"""


def micro(time: dt.datetime) -> int:
    """As the books count."""
    return round(time.timestamp() * 1e6)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Books of their own."""
    opened = Books(str(tmp_path / "books.db"), budgets={})
    yield opened
    opened.close()


def write(books: Books, *rows: dict[str, Any]) -> None:
    """Attempts, the oldest first."""

    async def work() -> None:
        for number, values in enumerate(rows):
            row = attempt(**{"request_id": f"r{number}", "time": NOW, **values})
            await books.finish(await books.start(row, need_usd=Decimal(0)), row)

    asyncio.run(work())


def test_the_figures_are_those_of_the_books(books: Books) -> None:
    """Costs are exact, what is unknown is counted, what failed is no answer."""
    write(
        books,
        {"model": "a", "tier": "local", "task": "writing", "cost_usd": Decimal(0), "ttft_s": 0.2, "latency_s": 1.0},
        {"model": "a", "tier": "local", "task": "writing", "cost_usd": Decimal(0), "ttft_s": 0.4, "latency_s": 3.0},
        {"model": "a", "tier": "local", "status": "error", "request_id": "x", "cost_usd": Decimal(0)},
        {"model": "b", "tier": "paid", "kind": "fallback", "request_id": "x", "task": "bug_fix", "cost_usd": Decimal("0.25")},
        {"model": "b", "tier": "paid", "task": "bug_fix", "cost_usd": None},
        {"model": "b", "tier": "paid", "kind": "cache", "status": "cached", "cost_usd": Decimal(0), "baseline_usd": Decimal("0.10")},
        {"model": "b", "tier": "paid", "kind": "health"},
    )
    rows, is_cut = books.read(lambda connection: recent(connection, since=0))
    found = figures(rows, now=micro(NOW))
    assert not is_cut
    assert (found.requests, found.attempts, found.failed, found.cached, found.unpriced) == (5, 5, 1, 1, 1)
    assert (found.cost_pusd, found.saved_pusd) == (25 * 10**10, 10 * 10**10)
    by_model = {one.model: one for one in found.models}
    assert by_model["a"].ttft_s == pytest.approx(0.3)
    assert (by_model["a"].latency_s, by_model["a"].failed) == (2.0, 1)
    assert by_model["b"].fallbacks == 1
    assert [(one.tier, one.attempts) for one in found.tiers] == [("local", 3), ("paid", 2)]
    assert dict(found.tasks)["writing"] == (("a", 2),)


def test_the_last_hour_is_counted_by_the_minute(books: Books) -> None:
    """The newest on the right, and nothing older."""
    minutes = [dt.timedelta(minutes=61), dt.timedelta(minutes=5), dt.timedelta(seconds=70), dt.timedelta(0)]
    write(books, *({"time": NOW - ago, "status": "timeout" if n == 1 else "ok"} for n, ago in enumerate(minutes)))
    rows, _ = books.read(lambda connection: recent(connection, since=0))
    hour = figures(rows, now=micro(NOW)).minutes
    assert len(hour) == 60
    assert {at: tuple(minute) for at, minute in enumerate(hour) if minute.attempts} == {54: (1, 1), 58: (1, 0), 59: (1, 0)}


def test_filters_and_times_keep_what_they_say(books: Books) -> None:
    """Of one notebook, task, model or agent, and not older than asked."""
    write(
        books,
        {"time": NOW - dt.timedelta(days=2), "notebook": "a.ipynb"},
        {"notebook": "a.ipynb", "task": "testing"},
        {"notebook": "b.ipynb", "agent": "tester"},
    )

    def count(since: dt.datetime = NOW - dt.timedelta(hours=1), **only: str) -> int:
        return len(books.read(lambda connection: recent(connection, since=micro(since), only=only))[0])

    assert count() == 2
    assert count(notebook="a.ipynb") == 1
    assert count(task="testing", notebook="a.ipynb") == 1
    assert count(agent="tester", notebook="a.ipynb") == 0
    assert count(since=NOW - dt.timedelta(days=3), notebook="a.ipynb") == 2


def test_of_very_many_the_newest_are_shown_and_it_is_said(books: Books) -> None:
    """A million attempts are no slower than twenty thousand."""
    write(books, *({"time": NOW + dt.timedelta(seconds=n)} for n in range(9)))
    rows, is_cut = books.read(lambda connection: recent(connection, since=0, most=5))
    assert len(rows) == 5
    assert rows[0].time == micro(NOW + dt.timedelta(seconds=8))
    assert is_cut
    assert not books.read(lambda connection: recent(connection, since=micro(NOW + dt.timedelta(seconds=4)), most=5))[1]


def test_money_is_whole_however_few_attempts_are_shown(books: Books) -> None:
    """Of what was spent there is no newest part."""
    write(books, *({"tier": "paid", "cost_usd": Decimal("0.10")} for _ in range(9)), {"tier": "local", "cost_usd": None})
    rows, is_cut = books.read(lambda connection: recent(connection, since=0, most=3))
    assert is_cut
    found = with_tiers(figures(rows, now=micro(NOW)), books.read(lambda connection: spent_by_tier(connection, since=0)))
    assert [(one.tier, one.attempts, one.cost_pusd, one.unpriced) for one in found.tiers] == [
        ("local", 1, 0, 1),
        ("paid", 9, 9 * 10**11, 0),
    ]
    assert found.cost_pusd == 9 * 10**11


def test_what_a_filter_asks_for_is_looked_for_farther_back(books: Books) -> None:
    """Ten attempts of an agent are not hidden by a thousand of others that came since."""
    write(books, {"agent": "tester"}, *({} for _ in range(20)))
    assert books.read(lambda connection: recent(connection, since=0, only={"agent": "tester"}, most=5))[0][0].request_id == "r0"
    rows, is_cut = books.read(lambda connection: recent(connection, since=0, only={"task": attempt().task}, most=5))
    assert (len(rows), is_cut) == (5, True)
    assert REACH > MOST


def test_a_filter_offers_what_there_is(books: Books) -> None:
    """Each name once, in order; nothing where nothing was said."""
    assert books.read(offered) == {"notebook": [], "task": [], "model": [], "agent": []}
    write(
        books,
        {"notebook": "b.ipynb", "task": "testing"},
        {"notebook": "a.ipynb", "agent": "tester"},
        {"notebook": "b.ipynb", "agent": None},
    )
    found = books.read(offered)
    assert found["notebook"] == ["a.ipynb", "b.ipynb"]
    assert found["agent"] == ["tester"]
    assert "testing" in found["task"]
    write(books, {"kind": "health", "task": "aside"})
    assert "aside" not in books.read(offered)["task"]


def test_a_live_board_shows_what_is_chosen_and_its_end_says_so(server: ScriptedServer, tmp_path: Path) -> None:
    """At once, not with the next attempt; a saved board whose filter is not told would be read as the whole."""
    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    router = Router.load(tmp_path / "routing.toml")
    pages: list[str] = []
    board = Board(router, task="writing")
    try:
        router.ask_sync("What is two and two?", task="bug_fix")
        board.follow(lambda page: pages.append(page["text/plain"]))
        board.choose("task", "bug_fix")
        board.choose("since", "1 h")
        _wait_for(pages, "only task bug_fix")
        assert "1 request " in pages[-1]
        board.choose("agent", "nobody")
        _wait_for(pages, "only task bug_fix, agent nobody")
        board.choose("agent", None)
        board.choose("task", "")
        _wait_for(pages, "1 request ")
        board.choose("task", "bug_fix")
        with pytest.raises(UsageError, match="Did you mean 'model'"):
            board.choose("modle", "quick")
        with pytest.raises(UsageError, match="no time of the board"):
            board.choose("since", "yesterday")
    finally:
        board.stop()
        router.close()
    assert "only task bug_fix · as it was at" in pages[-1]


def _wait_for(pages: list[str], text: str) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and not (pages and text in pages[-1]):
        time.sleep(0.05)
    assert text in pages[-1]


def test_the_page_has_all_money_of_more_attempts_than_it_reads(server: ScriptedServer, tmp_path: Path) -> None:
    """What the tables of the newest leave out is in the sum."""
    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    books = Books(str(tmp_path / "books.db"), budgets={})
    now = dt.datetime.now().astimezone()
    write(books, *({"time": now, "tier": "paid", "cost_usd": Decimal("0.01")} for _ in range(MOST + 100)))
    books.close()
    router = Router.load(tmp_path / "routing.toml")
    try:
        assert "$21.00" in Board(router).page()["text/plain"]
        assert f"the newest {MOST:,} attempts" in Board(router).page()["text/plain"]
    finally:
        router.close()


@pytest.mark.parametrize(("text", "hours"), [("30min", 0.5), ("2h", 2), ("1.5d", 36), ("4w", 672)])
def test_times_are_written_as_one_says_them(text: str, hours: float) -> None:
    """And nothing else is taken for one."""
    assert span(text) == dt.timedelta(hours=hours)
    with pytest.raises(UsageError, match="--since takes a time such as"):
        span(f"{text}s")


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """One server."""
    scripts = {"quick": Chaos(reply="It is four."), "down": Chaos(faults=(Fault(kind="server_error"),))}
    with ScriptedServer(models=scripts) as running:
        yield running


def test_it_follows_what_happens_and_says_when_it_ended(server: ScriptedServer, tmp_path: Path) -> None:
    """Without being asked, and not when nothing has changed."""
    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with_router = Router.load(tmp_path / "routing.toml")
    pages: list[str] = []
    board = Board(with_router)
    board.follow(lambda page: pages.append(page["text/plain"]))
    try:
        time.sleep(1.5)
        still = len(pages)
        with_router.ask_sync("What is two and two?", model="dear")
        with_router.ask_sync("What is two and two?", model="shaky")
        until = time.monotonic() + 10
        while time.monotonic() < until and not (pages and "2 requests" in pages[-1]):
            time.sleep(0.05)
    finally:
        board.stop()
        with_router.close()
    assert still <= 2
    assert "Nothing was asked" in pages[0]
    assert "2 requests" in pages[-1]
    assert "as it was" in pages[-1]
    assert "live" in pages[-2]
    assert re.search(r"down\s+local\s+\d+\s+\d+", pages[-1])
    assert "$5.00" in pages[-1]
    assert "at once" in pages[-1]


def test_a_board_in_a_cell_lives_beside_other_cells_and_ends_readable(server: ScriptedServer, tmp_path: Path) -> None:
    """One display, replaced; a saved notebook shows what it showed last."""
    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with running_kernel(tmp_path) as kernel:
        _drive(kernel)


def _drive(kernel: Kernel) -> None:
    assert kernel.run("%load_ext routebook").status == "ok"
    cell = kernel.start("%route board --since 2h")
    run = kernel.finish(cell)
    assert run.status == "ok", run.text
    assert "live" in run.text
    asked = kernel.start("%%route\nWhat is two and two?")
    kernel.listen(cell, run, seconds=4)
    assert kernel.reply(asked, Run(), until=time.monotonic() + 30).status == "ok"
    assert len(run.outputs) == 1
    assert "1 request " in run.text
    assert sorted(run.outputs[0]["data"]) == ["text/html", "text/plain"]
    stopped = kernel.run("%route board stop")
    assert "as it was" in next(content["data"]["text/plain"] for _, kind, content in stopped.seen if kind == "update_display_data")
    wrong = kernel.run("%route board --sinse 2h")
    assert "%route board takes --since 2h" in wrong.text
