"""A `routing.toml` with a history behind it, written by the books' own writer, and what is recommended to whom it is."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from making import attempt

import routebook as rb
from routebook.advice.proposal import Proposal
from routebook.books import ledger, outcomes
from routebook.books.books import Books
from routebook.config.read import parse
from routebook.lessons import Lesson
from routebook.messages import Attempt
from routebook.notebook.panels.advice import Recommendations

FIRST = dt.datetime(2026, 11, 1, 8, 0, tzinfo=dt.UTC)
FILE = """# our team's routes
[books]
path = "books.db"

[providers.far]
kind = "chaos"
tier = "paid"

[providers.near]
kind = "chaos"

[models.dear]
provider = "far"
id = "dear"
price = { input = 10, output = 30 }
timeout = { first_token_s = 20 }   # as the vendor says

[models.mid]
provider = "far"
id = "mid"
price = { input = 1, output = 2 }

[models.home]
provider = "near"
id = "home"

[models.riddle]
provider = "far"
id = "riddle"

# words first
[[routes]]
name = "write"
tasks = ["writing"]
try = ["dear", "mid"]   # the best one first

[[routes]]
name = "chat"
try = ["dear", "mid", "home"]
"""
OF: dict[str, dict[str, Any]] = {
    "dear": {"model": "dear", "provider": "far", "tier": "paid", "cost_usd": Decimal("0.01")},
    "mid": {"model": "mid", "provider": "far", "tier": "paid", "cost_usd": Decimal("0.001")},
    "home": {"model": "home", "provider": "near", "tier": "local", "cost_usd": Decimal(0)},
    "riddle": {"model": "riddle", "provider": "far", "tier": "paid", "cost_usd": None},
}


def asked(number: int, model: str = "dear", *, minutes: float | None = None, **changes: Any) -> Attempt:  # noqa: ANN401  fields of Attempt
    """An answered attempt at a prompt of its own, ten minutes after the one before, unless told otherwise."""
    values: dict[str, Any] = {
        "request_id": f"r{number:04}", "time": FIRST + dt.timedelta(minutes=10 * number if minutes is None else minutes), "task": "chat_qa",
        "strength": round(0.1 + number * 1e-4, 4), "input_tokens": 700, "output_tokens": 100, "ttft_s": 0.5, "latency_s": 4.0, "queue_s": 0.0,
        "reason": "first choice", **OF[model],
    }  # fmt: skip
    return attempt(**(values | changes))


def cut(number: int, limit_s: float = 20.0) -> Attempt:
    """An attempt of the dear model that was cut off before its first token."""
    said_so = f"far: no first token within {limit_s:g} s."
    return asked(number, status="timeout", error_type="TimedOut", error=said_so, ttft_s=None, latency_s=limit_s, cost_usd=None)


def said(of: Attempt, score: float, **more: Any) -> Lesson:  # noqa: ANN401  fields of Lesson
    """A vote on an answer."""
    values: dict[str, Any] = {
        "time": of.time,
        "request_id": of.request_id,
        "task": of.task,
        "model": of.model,
        "source": "vote",
        "score": score,
    }
    return Lesson(**(values | more))


def books_of(folder: Path, attempts: Iterable[Attempt], lessons: Iterable[Lesson] = (), *, text: str = FILE) -> rb.Router:
    """A router whose file and books are in a folder."""
    (folder / "routing.toml").write_text(text, encoding="utf-8")
    books = Books(str(folder / "books.db"), budgets={})

    async def write() -> None:
        await books.write(lambda connection: [ledger.start(connection, one, session="s") for one in attempts])
        await books.write(lambda connection: outcomes.add(connection, list(lessons), session="s"))

    try:
        asyncio.run(write())
    finally:
        books.close()
    return rb.Router.load(folder / "routing.toml")


def advised(folder: Path, attempts: Iterable[Attempt], lessons: Iterable[Lesson] = (), *, text: str = FILE) -> Recommendations:
    """What is recommended to whom such a history is."""
    return rb.recommend(router=books_of(folder, attempts, lessons, text=text))


def voted(
    dear: float = 1.0, mid: float = 1.0, *, n: int = 20, task: str = "writing", route: str = "write"
) -> tuple[list[Attempt], list[Lesson]]:
    """So many answers of each of two models at a task, each with a vote: a share of them good. Those of `mid` were asked for by name."""
    rows = [asked(number, task=task, route=route, feedback=float(number < round(dear * n))) for number in range(n)]
    named = [
        asked(number, "mid", task=task, route=route, reason="you named it", latency_s=2.0, feedback=float(number - n < round(mid * n)))
        for number in range(n, 2 * n)
    ]
    votes = [said(row, row.feedback or 0.0) for row in (*rows, *named)]
    return [*rows, *named], votes


def of_kind(found: Recommendations, kind: str) -> list[Proposal]:
    """The proposals of a kind."""
    return [one for one in found.advice.proposals if one.kind == kind]


def why_not(found: Recommendations, kind: str) -> str:
    """Why there is none of a kind."""
    assert not of_kind(found, kind)
    return "; ".join(need.said for need in found.advice.needs if need.kind == kind)


def the(found: Recommendations, kind: str) -> Proposal:
    """The only one of a kind; its change gives a file that is right."""
    [one] = of_kind(found, kind)
    parse(one.edit.on(found.advice.text), file="routing.toml")
    return one
