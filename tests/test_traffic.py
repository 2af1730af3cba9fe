"""Requests an hour, error rate and failovers: by model, by agent and for the whole, from the frame and from a cell."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from pathlib import Path

import pytest
from cells import ROUTING, running_shell
from making import attempt
from recorded import FIRST, recorded
from served import faulty, outcome, router

import routebook as rb
from routebook.config.scripted import Chaos
from routebook.errors import UsageError
from routebook.messages import Attempt
from routebook.tables.totals import totals
from routebook.testing import ScriptedServer


def tries(request: str, *models_and_status: tuple[str, str], minute: int = 0, agent: str | None = None) -> list[Attempt]:
    """One request: the models it asked in order, the second and later as fallbacks, so many minutes after the first of all."""
    return [
        attempt(
            request_id=request, attempt=place + 1, kind="fallback" if place else "answer", model=model, status=status, agent=agent,
            time=FIRST + dt.timedelta(minutes=minute),
        )
        for place, (model, status) in enumerate(models_and_status)
    ]  # fmt: skip


def test_requests_an_hour_are_over_the_hours_in_which_anything_was_asked() -> None:
    """A night without a prompt does not make a busy morning a quiet one, and the rows of a table add up to its last."""
    rows = [row for number in range(6) for row in tries(f"m{number}", ("a", "ok"), minute=number)]
    rows += [row for number in range(2) for row in tries(f"n{number}", ("b", "ok"), minute=24 * 60 + number)]
    found = totals(recorded(rows))
    assert found["requests_h"].to_dict() == {"a": 3.0, "b": 1.0, "all": 4.0}


def test_a_failover_is_counted_where_it_was_left_and_a_retry_is_none() -> None:
    """It says which model to doubt: the one that did not answer, not the one that helped out."""
    rows = tries("one", ("a", "error"), ("b", "timeout"), ("c", "ok"), agent="x") + tries("two", ("a", "ok"), agent="y")
    rows += [
        attempt(request_id="three", attempt=1, model="a", status="error"),
        attempt(request_id="three", attempt=2, kind="retry", model="a"),
    ]
    frame = recorded(rows)
    assert frame.route.totals()["failovers"].to_dict() == {"a": 1, "b": 1, "c": 0, "all": 2}
    assert frame.route.totals("agent")["failovers"].to_dict() == {"x": 2, "y": 0, "(none)": 0, "all": 2}


def test_a_part_of_the_frame_counts_what_is_in_it() -> None:
    """Of a request of which only the fallback is left, nobody knows what was left for it; the one before it had its answer."""
    frame = recorded([*tries("one", ("a", "error"), ("b", "ok")), *tries("two", ("a", "error"), ("b", "ok"))])
    part = frame[(frame["request_id"] == "one") | (frame["model"] == "b")]
    assert part.route.totals()["failovers"].to_dict() == {"b": 0, "a": 1, "all": 1}


def test_the_error_rate_is_of_what_was_sent_and_is_over() -> None:
    """An answer from the cache was not sent, one under way is not over, and a vote against an answer is no error."""
    rows = [attempt(request_id=f"r{n}", status=status) for n, status in enumerate(("ok", "error", "rate_limited", "refused", "running"))]
    rows.append(attempt(request_id="c", kind="cache", status="cached"))
    assert totals(recorded(rows)).loc["all", "error_rate"] == 0.5
    assert math.isnan(totals(recorded([])).loc["all", "error_rate"])


def test_a_frame_of_something_else_says_what_is_missing() -> None:
    """As its charts do."""
    frame = recorded(tries("one", ("a", "ok")))
    with pytest.raises(UsageError, match="nobody"):
        frame.route.totals("nobody")


async def agents_at_work(server: ScriptedServer, books: Path) -> None:
    """Six requests of two agents; the model that is down is asked first by one of them."""
    agents = {"writer": {"primary": ["down"], "backup": ["well"], "pick": "in-order"}, "tester": {"primary": ["well"]}}
    async with router(server, models=("down", "well"), books=books, agents=agents) as of:
        for agent in ("writer", "writer", "tester", "tester", "tester", "tester"):
            assert not isinstance(await outcome(of, agent=agent), Exception)


def test_3_08_requests_an_hour_errors_and_failovers_by_model_by_agent_and_for_the_whole(tmp_path: Path) -> None:
    """From real attempts at a server where one model is down, into the frame and into `%route cost`."""
    scripts = {"down": faulty("server_error"), "well": Chaos(reply="all is well")}
    with ScriptedServer(models=scripts) as server:
        asyncio.run(agents_at_work(server, tmp_path / "books.db"))
    frame = rb.Router(books=tmp_path / "books.db").frame()
    by_agent, by_model = frame.route.totals("agent"), frame.route.totals()
    assert by_agent.loc["writer", "failovers"] >= 1
    assert by_agent.loc["tester", ["failed", "failovers", "error_rate"]].tolist() == [0, 0, 0.0]
    assert by_model.loc["down", "error_rate"] == 1.0
    assert by_model.loc["well", "error_rate"] == 0.0
    assert by_model.loc["all", "requests"] == by_agent.loc["all", "requests"] == 6
    assert by_model.loc["all", "requests_h"] in (6.0, 3.0), "in one hour, or over the turn of one"
    with running_shell(tmp_path, '[books]\npath = "books.db"\n' + ROUTING) as shell:
        shell.run("%route cost")
        said = shell.text
    for words in ("an hour", "failed", "(100.0%)", "failovers", "by agent", "writer", "tester"):
        assert words in said, words
