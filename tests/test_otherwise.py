"""`%route why` says what stronger and cheaper models would have cost and taken, as far as the user's own record tells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cells import Shell, running_shell
from making import attempt

from routebook.books.books import Books
from routebook.books.usual import Usual, usual

ROUTING = """
[books]
path = "books.db"
[providers.home]
kind = "chaos"
tier = "paid"
chaos = { reply = "Four." }
[providers.gone]
kind = "openai"
api_key_env = "A_KEY_THAT_NOBODY_HAS"
[models]
mid = { provider = "home", id = "m", price = { input = 2, output = 4 }, rubric = { chat_qa = 5 } }
big = { provider = "home", id = "b", price = { input = 20, output = 40 }, rubric = { chat_qa = 9 } }
little = { provider = "home", id = "l", price = { input = 0.2, output = 0.4 }, rubric = { chat_qa = 3 } }
odd = { provider = "home", id = "o", rubric = { chat_qa = 5 } }
huge = { provider = "gone", id = "h", price = { input = 1, output = 1 }, rubric = { chat_qa = 10 } }
[[routes]]
name = "chat"
try = ["mid", "big"]
"""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell whose books know how the models did."""
    past = [("big", "chat_qa", 3.0, 1.0), ("big", "chat_qa", 5.0, None), ("big", "chat_qa", 4.0, 0.5), ("little", "chat_qa", 1.0, None)]
    write(tmp_path / "books.db", [*past, *[("little", "writing", 9.0, 0.0)] * 5])
    with running_shell(tmp_path, ROUTING) as running:
        yield running


def write(path: Path, past: list[tuple[str, str, float, float | None]]) -> None:
    """Put answers into new books: model, task, seconds, vote."""

    async def work() -> None:
        for number, (model, task, latency_s, feedback) in enumerate(past):
            row = attempt(request_id=f"p{number}", model=model, task=task, latency_s=latency_s, feedback=feedback)
            await books.finish(await books.start(row, need_usd=Decimal(0)), row)

    books = Books(str(path), budgets={})
    asyncio.run(work())
    books.close()


def rows(shell: Shell) -> dict[str, list[str]]:
    """The lines about other models, by model, without their names."""
    lines = shell.text.split("other models, ")[1].splitlines()[2:]
    return {words[0]: words[1:] for words in (line.split() for line in lines) if words}


def test_stronger_and_cheaper_models_with_cost_time_and_votes(shell: Shell) -> None:
    """For the same tokens, at the same task; a model without its key is no alternative, and an unknown price is none that is lower."""
    shell.run("%%route\nWhat is the capital of France?")
    shell.run("%route why")
    found = rows(shell)
    assert list(found) == ["mid", "big", "little"]
    assert found["mid"][1] == "answered"
    assert (found["big"][1], found["little"][1]) == ("stronger", "cheaper")
    cost: dict[str, Any] = {name: float(next(word for word in words if word.startswith("$"))[1:]) for name, words in found.items()}
    assert cost["big"] == pytest.approx(10 * cost["mid"], rel=0.02)
    assert cost["little"] == pytest.approx(cost["mid"] / 10, rel=0.02)
    assert "4.00 s" in " ".join(found["big"])
    assert "0.75 of 2 votes" in " ".join(found["big"])
    assert "1 answer: too few none" in " ".join(found["little"])


def test_an_older_request_says_it_too_from_the_books(shell: Shell) -> None:
    """With what was recorded of it."""
    shell.run("%%route\nWhat is the capital of France?")
    first = shell.names["_route"].request_id
    shell.run("%%route -m big\nWhat is the capital of Spain?")
    shell.run(f"%route why {first}")
    assert list(rows(shell)) == ["mid", "big", "little"]


def test_without_an_alternative_or_an_answer_nothing_is_said(shell: Shell) -> None:
    """A table of one is none."""
    shell.run("%route why p4")
    assert "request p4" in shell.text
    assert "other models" not in shell.text
    shell.attempt("%%route -m huge\nWhat is the capital of France?")
    shell.attempt("%route why")
    assert "other models" not in shell.text


def test_what_is_usual_is_the_median_and_the_mean_vote_of_the_newest(tmp_path: Path) -> None:
    """One slow answer says little."""
    write(tmp_path / "b.db", [("a", "t", 1.0, None), ("a", "t", 2.0, 1.0), ("a", "t", 90.0, 0.0), ("b", "u", 1.0, None)])
    books = Books(str(tmp_path / "b.db"), budgets={})
    assert books.read(lambda connection: usual(connection, task="t")) == {"a": Usual(3, 2.0, 2, 0.5)}
    assert books.read(lambda connection: usual(connection, task="t", most=2)) == {"a": Usual(1, 90.0, 1, 0.0)}
    books.close()
