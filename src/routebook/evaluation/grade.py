"""What an answer is worth, by its item's check."""

from __future__ import annotations

import inspect
import re
from functools import partial
from typing import Final

import msgspec

from routebook.config.values import Route
from routebook.engine.aside import aside
from routebook.engine.quality import LIMIT_S, quality_of
from routebook.engine.turn import Outcome
from routebook.errors import RoutebookError
from routebook.evaluation.suite import Item
from routebook.messages import Answer, Finish, Usage, Value

LONGEST: Final = 50_000
"""Characters of an answer that are looked at."""
MOST_MATCHED: Final = 10_000
"""Of these by a pattern: matching can take time that grows with the square of a text, and nothing else runs meanwhile."""
MOST_SAID: Final = 200
_AROUND: Final = " \t\r\n*_`\"'.,;:!()[]{}\u201c\u201d\u2018\u2019"
"""What models put around a short answer."""


class Grade(Value, frozen=True, kw_only=True):
    """What an answer is worth."""

    score: float
    """0 to 1."""
    said: str = ""
    """What is wrong with it."""


async def grade(item: Item, answer: Answer) -> Grade:
    """Look at an answer by any check but a judge's; a refusal is worth nothing.

    Checks run beside the loop, with a time limit: they may be the user's own.
    """
    text = answer.text[:LONGEST]
    if answer.is_refusal or answer.finish_reason == "refusal":
        return Grade(score=0.0, said="it declined.")
    if not text.strip():
        return Grade(score=0.0, said="it is empty" + (": all tokens went into thinking." if answer.finish_reason == "length" else "."))
    if item.kind == "schema":
        found = await _by_schema(item, answer, text)
    else:
        look = {"exact": _exact, "regex": _regex, "python": _python}[item.kind]
        try:
            found = await aside(partial(look, item, text), limit_s=LIMIT_S)
        except TimeoutError:
            found = Grade(score=0.0, said=f"the check did not end within {LIMIT_S:g} s.")
        except Exception as error:  # noqa: BLE001  a check of the user's own may raise anything
            found = Grade(score=0.0, said=_short(f"the check said {type(error).__name__}: {error}"))
    if found.said and answer.finish_reason == "length":
        return msgspec.structs.replace(found, said=f"{found.said} It was cut at the longest answer allowed.")
    return found


async def _by_schema(item: Item, answer: Answer, text: str) -> Grade:
    request = msgspec.structs.replace(
        answer.plan.request, params=msgspec.structs.replace(answer.plan.request.params, json_schema=item.expected), shape=None
    )
    quality = await quality_of(Route(name="evaluation"), request)
    outcome = Outcome(attempt=answer.attempt, pieces=[text], finish=Finish(reason="stop", usage=Usage()))
    try:
        flaw = await quality(outcome) if quality is not None else None
    except RoutebookError as error:  # a schema that points nowhere
        flaw = error
    return Grade(score=1.0) if flaw is None else Grade(score=0.0, said=_short(getattr(flaw, "flaw", str(flaw))))


def _exact(item: Item, text: str) -> Grade:
    said = _bare(text)
    if any(said == _bare(expected) for expected in item.expected):
        return Grade(score=1.0)
    return Grade(score=0.0, said=f"it is not {' or '.join(map(repr, item.expected[:3]))}.")


def _bare(text: str) -> str:
    """Without case, spaces between words but one, and the marks around it."""
    return " ".join(text.strip(_AROUND).casefold().split())


def _regex(item: Item, text: str) -> Grade:
    if re.search(item.expected, text[:MOST_MATCHED]) is not None:
        return Grade(score=1.0)
    return Grade(score=0.0, said=_short(f"it does not match {item.expected}"))


def _python(item: Item, text: str) -> Grade:
    """True or nothing is right, false or a text is wrong, a number from 0 to 1 is a share."""
    if item.function is None:
        return Grade(score=0.0, said="the check is gone.")
    said = item.function(text, **item.args)
    if inspect.iscoroutine(said):
        said.close()
        return Grade(score=0.0, said="the check is an async function; a plain one is needed.")
    if isinstance(said, float) and 0 <= said <= 1:
        return Grade(score=said, said="" if said == 1 else f"the check gives it {said:.2f}.")
    if isinstance(said, str):
        return Grade(score=0.0, said=_short(said)) if said else Grade(score=1.0)
    return Grade(score=1.0) if said is None or said else Grade(score=0.0, said="the check says no.")


def _short(text: str) -> str:
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}…"
