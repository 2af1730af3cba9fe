"""What the caps have left is what the check before each call goes by."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from making import attempt

from routebook.books import glance
from routebook.books.books import Books
from routebook.config.values import Budget

NOW = dt.datetime(2026, 11, 21, 14, 30, tzinfo=dt.UTC)
BUDGETS = {
    "total": Budget(daily=Decimal(5), monthly=Decimal(50), unpriced=True),
    "claude": Budget(daily=Decimal(1), unpriced=True),
    "notebook": Budget(daily=Decimal(2)),
    "a_b": Budget(daily=Decimal(3)),
}


@pytest.fixture
def books() -> Iterator[Books]:
    """Books in memory, at a time that stands still."""
    made = Books(":memory:", budgets=BUDGETS, now=lambda: NOW)
    yield made
    made.close()


def spend(books: Books, cost: str | None, **changes: Any) -> None:  # noqa: ANN401
    """Record one attempt."""

    async def write() -> None:
        one = attempt(cost_usd=None if cost is None else Decimal(cost), **changes)
        row = await books.start(one, need_usd=one.cost_usd)
        await books.finish(row, one)

    asyncio.run(write())


def caps(books: Books, notebook: str | None = None) -> dict[tuple[str, str], glance.Cap]:
    """The caps by name and period."""
    found = books.read(lambda connection: list(glance.caps(connection, BUDGETS, notebook=notebook, now=NOW)))
    return {(cap.name, cap.period): cap for cap in found}


def test_spending_counts_in_every_scope_it_belongs_to(books: Books) -> None:
    """A call to Claude is a call of the day, of the month and of Claude."""
    spend(books, "0.25")
    found = caps(books)
    assert {key: cap.spent_usd for key, cap in found.items()} == {
        ("total", "daily"): Decimal("0.25"), ("total", "monthly"): Decimal("0.25"),
        ("claude", "daily"): Decimal("0.25"), ("a_b", "daily"): Decimal(0),
    }  # fmt: skip
    assert found["claude", "daily"].left_usd == Decimal("0.75")
    assert found["claude", "daily"].resets_at == dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def test_what_is_reserved_is_not_left(books: Books) -> None:
    """A call under way may still cost what was reserved for it."""

    async def start() -> None:
        await books.start(attempt(status="running"), need_usd=Decimal("0.4"))

    asyncio.run(start())
    cap = caps(books)["claude", "daily"]
    assert (cap.spent_usd, cap.reserved_usd, cap.left_usd) == (Decimal(0), Decimal("0.4"), Decimal("0.6"))


def test_calls_without_a_price_are_counted_beside_the_sum(books: Books) -> None:
    """The cap cannot hold what nobody can price."""
    spend(books, None)
    cap = caps(books)["total", "daily"]
    assert (cap.spent_usd, cap.unpriced) == (Decimal(0), 1)


def test_a_notebooks_cap_is_that_notebooks(books: Books) -> None:
    """Each notebook has its own, and a name is needed to know which."""
    spend(books, "0.5", notebook="one.ipynb")
    assert ("notebook", "daily") not in caps(books)
    assert caps(books, "one.ipynb")["notebook", "daily"].spent_usd == Decimal("0.5")
    assert caps(books, "two.ipynb")["notebook", "daily"].spent_usd == Decimal(0)


def test_a_name_stands_for_itself_alone(books: Books) -> None:
    """An underscore in a name is no wildcard."""
    spend(books, "0.5", model="axb")
    assert caps(books)["a_b", "daily"].spent_usd == Decimal(0)


def test_the_last_request_is_the_users_own(books: Books) -> None:
    """Another kernel's requests and the doctor's checks are not what `why` is asked about."""
    assert books.read(lambda connection: glance.last_request(connection, books.session)) is None
    spend(books, "0", request_id="mine")
    spend(books, "0", request_id="check", kind="health")
    assert books.read(lambda connection: glance.last_request(connection, books.session)) == "mine"
    assert books.read(lambda connection: glance.last_request(connection, "another")) is None


def test_requests_are_found_by_how_they_begin(books: Books) -> None:
    """As with the short ids of commits; signs of a pattern mean themselves."""
    for request_id in ("abc1", "abd2", "x%"):
        spend(books, "0", request_id=request_id)
    found = books.read(lambda connection: [glance.requests_like(connection, text) for text in ("ab", "abc", "%", "x%", "")])
    assert [sorted(ids) for ids in found] == [["abc1", "abd2"], ["abc1"], [], ["x%"], ["abc1", "abd2", "x%"]]


def test_attempts_are_counted(books: Books) -> None:
    """`%route status` shows how much the books hold."""
    spend(books, "0")
    assert books.read(glance.count_attempts) == 1
