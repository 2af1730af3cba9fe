"""The table of outcomes: what is new since a look, what replaced what, what is forgotten, and what goes when there is too much."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from lessons_made import lesson
from making import attempt

from routebook.books import ledger, outcomes
from routebook.books.connect import connect
from routebook.books.outcomes import Extent
from routebook.lessons import Lesson

NOTHING = Extent(0, 0)


@pytest.fixture
def books() -> Iterator[sqlite3.Connection]:
    """Books in memory."""
    connection = connect(":memory:")
    yield connection
    connection.close()


def add(books: sqlite3.Connection, *lessons: Lesson) -> Extent:
    """Write outcomes."""
    return outcomes.add(books, lessons, session="s")


def new(books: sqlite3.Connection, known: Extent) -> tuple[list[str], bool]:
    """The models of what is new since a look, and whether it is all there is."""
    _, lessons, is_whole = outcomes.since(books, known)
    return [one.model for one in lessons], is_whole


def test_an_outcome_comes_back_as_it_was(books: sqlite3.Connection) -> None:
    """Time, score and signature too."""
    given = [lesson("a", 0.25, prompt="hello there", versus="b", source="preference", days=0.123456), lesson("b", 1)]
    add(books, *given)
    assert outcomes.since(books, NOTHING)[1] == given


def test_a_look_sees_what_was_added_since(books: sqlite3.Connection) -> None:
    """Another kernel's votes come in without reading all again."""
    reach = add(books, lesson("a", 1))
    assert new(books, reach) == ([], False)
    add(books, lesson("b", 1), lesson("c", 1))
    assert new(books, reach) == (["b", "c"], False)


@pytest.mark.parametrize("change", ["replaced", "forgotten", "forgotten and as many added"])
def test_a_look_sees_that_what_it_knew_is_void(books: sqlite3.Connection, change: str) -> None:
    """A vote that was changed or forgotten elsewhere must not live on here."""
    reach = add(books, lesson("a", 1, request_id="r1"), lesson("b", 1, request_id="r2"))
    if change == "replaced":
        add(books, lesson("b", 0, request_id="r2"))
    else:
        outcomes.forget(books, model="b")
    if change == "forgotten and as many added":
        add(books, lesson("c", 1))
    left = {"replaced": ["a", "b"], "forgotten": ["a"], "forgotten and as many added": ["a", "c"]}
    assert new(books, reach) == (left[change], True)


@pytest.mark.parametrize(
    ("again", "count"),
    [({}, 1), ({"source": "check"}, 2), ({"model": "b"}, 2), ({"request_id": "r2"}, 2), ({"source": "preference", "versus": "b"}, 2)],
)
def test_only_the_same_word_about_the_same_answer_is_replaced(books: sqlite3.Connection, again: dict[str, Any], count: int) -> None:
    """A check is not a vote, and another answer is another answer."""
    first: dict[str, Any] = {"model": "a", "request_id": "r1"}
    add(books, lesson(score=1, **first))
    assert add(books, lesson(score=0, **(first | again))).rows == count


def test_checks_go_when_they_are_too_many_and_votes_do_not(books: sqlite3.Connection) -> None:
    """A route that checks a thousand answers a day must not push a year of votes out."""
    most = outcomes.MOST_SEEN
    add(books, lesson("voted", 1), *(lesson("a", 1, source="check", request_id=f"r{n}") for n in range(most + 1500)))
    rows = books.execute("SELECT source, count(*) FROM outcomes GROUP BY source").fetchall()
    assert dict(rows)["vote"] == 1
    assert most <= dict(rows)["check"] <= most + 1000


def test_past_choices_are_counted_by_the_first_attempts_of_the_newest_requests(books: sqlite3.Connection) -> None:
    """A fallback was not chosen, and last year does not count."""
    for n in range(10):
        ledger.start(books, attempt(request_id=f"r{n}", reason="believed 0.50, not exploring" if n % 2 else "first choice"), session="s")
        ledger.start(books, attempt(request_id=f"r{n}", attempt=2, reason="believed 0.40"), session="s")
    assert outcomes.count_choices(books, ("believed", "exploring", "nothing"), most=100) == [5, 5, 0]
    assert outcomes.count_choices(books, ("believed",), most=4) == [2]
    books.execute("DELETE FROM attempts")
    assert outcomes.count_choices(books, ("believed",), most=4) == [0]
