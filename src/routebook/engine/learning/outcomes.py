"""What becomes an outcome that is learned from: votes, preferences, failed and passed checks, refusals."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

from routebook.books.cache import drop_given
from routebook.books.ledger import attempts_of, set_feedback
from routebook.books.notes import keep
from routebook.config.keylike import masked
from routebook.engine.learning.learning import Learning
from routebook.engine.turn import Ended, Outcome
from routebook.errors import LowQuality, Refused, UsageError
from routebook.lessons import Lesson, Source
from routebook.messages import ASIDE, Attempt
from routebook.near import did_you_mean

JUDGED: Final = ("ok", "cached", "refused", "cancelled")
"""Attempts that a vote says something about: of an error it says nothing of how good the model is."""
ANSWERED: Final = ("ok", "cached")
"""Attempts whose text the user has read; a hedge that lost may come after it."""

BAD_BELOW: Final = 0.5
"""A lower score calls an answer bad."""


# ---- by itself, when a request ends


def ended(learning: Learning, over: Ended, *, checked_routes: Collection[str]) -> None:
    """Learn from the refusals and checks of a request that is over; `checked_routes` check their answers."""
    is_checked = over.plan.request.params.json_schema is not None or over.plan.route in checked_routes
    lessons = [lesson for outcome in over.outcomes if (lesson := _lesson_of(learning, outcome, is_checked=is_checked)) is not None]
    if lessons:
        learning.gather(lessons)


def _lesson_of(learning: Learning, outcome: Outcome, *, is_checked: bool) -> Lesson | None:
    """What an attempt teaches by itself.

    A passed check counts for the belief as a failed one counts against it, but it is not remembered: to pass a check is not to win.
    """
    attempt = outcome.attempt
    if attempt.kind in ASIDE:
        return None
    match outcome.error:
        case LowQuality():
            return lesson(learning, attempt, source="check", score=0.0)
        case Refused():
            return lesson(learning, attempt, source="refusal", score=0.0)
        case None if is_checked and attempt.status == "ok" and not outcome.calls:  # what asks for tools is not looked at
            return lesson(learning, attempt, source="check", score=1.0, is_remembered=False)
        case _:
            return None


# ---- by the user


async def vote(learning: Learning, request_id: str, good: float | None, *, model: str | None, note: str | None = None) -> Attempt:
    """Mark an answer and learn from it; return the attempt it is about. A second vote takes the place of the first, a second note too.

    A bad one is given to nobody again: the cache drops it with the vote.

    Raises:
        UsageError: the score is not from 0 to 1, or the books have no such request, or no answer of the model to it.
        BooksError: the books cannot be written.
    """
    if good is not None and not 0 <= good <= 1:
        raise UsageError(f"A vote is True, False, or a number from 0 (bad) to 1 (good), not {good}.")
    attempt = await _attempt(learning, request_id, model=model)
    is_learned = attempt.status in JUDGED
    lessons = [lesson(learning, attempt, source="vote", score=float(good))] if good is not None and is_learned else []

    def mark(connection: sqlite3.Connection) -> None:
        if note is not None:
            keep(
                connection, attempt.request_id, attempt.attempt, masked(note.strip()), now=round(dt.datetime.now(dt.UTC).timestamp() * 1e6)
            )
        if good is None:
            return
        _mark(connection, attempt, float(good))
        if good < BAD_BELOW and attempt.status in ANSWERED:
            drop_given(connection, attempt.request_id)

    await learning.add(lessons, also=mark)
    return attempt


async def prefer(learning: Learning, winner: str, loser: str, *, request_id: str | None, is_tie: bool) -> tuple[Attempt, Attempt]:
    """Learn that one answer is better than another, or as good; return both attempts.

    Raises as `vote` does.
    """
    better = await _attempt(learning, request_id or winner, model=winner if request_id else None)
    worse = await _attempt(learning, request_id or loser, model=loser if request_id else None)
    if (better.request_id, better.attempt) == (worse.request_id, worse.attempt):
        raise UsageError(f"A preference is between two answers, and both are the one of {better.model} to request {better.request_id}.")
    pairs = ((better, worse, 0.5 if is_tie else 1.0), (worse, better, 0.5 if is_tie else 0.0))
    lessons = [lesson(learning, one, source="preference", score=score, versus=other.model) for one, other, score in pairs]

    def mark(connection: sqlite3.Connection) -> None:
        for one, _, score in pairs:
            if one.feedback is None:  # what was said of the answer itself stays
                _mark(connection, one, score)

    await learning.add(lessons, also=mark)
    return better, worse


def lesson(
    learning: Learning, attempt: Attempt, *, source: Source, score: float, versus: str | None = None, is_remembered: bool = True
) -> Lesson:  # fmt: skip
    """One outcome of an attempt, as of now."""
    return Lesson(
        time=dt.datetime.now(dt.UTC), request_id=attempt.request_id, task=attempt.task, model=attempt.model, source=source, score=score,
        versus=versus, signature=learning.signature_of(attempt.request_id) if is_remembered else None,
    )  # fmt: skip


async def _attempt(learning: Learning, request_id: str, *, model: str | None) -> Attempt:
    """The attempt that answered a request, or the model's."""
    attempts = [one for one in await learning.read(lambda connection: attempts_of(connection, request_id)) if one.kind not in ASIDE]
    if not attempts:
        raise UsageError(f"The books have no request {request_id!r}. Its ID stands in the column request_id of the frame.")
    if model is not None:
        return _by(attempts, model)
    return next((one for one in reversed(attempts) if one.status in ANSWERED), attempts[-1])


def _by(attempts: Sequence[Attempt], model: str) -> Attempt:
    found = [one for one in attempts if one.model == model]
    if not found:
        names = list(dict.fromkeys(one.model for one in attempts))
        raise UsageError(
            f"{model!r} was not asked in request {attempts[0].request_id}; {', '.join(names)} was. {did_you_mean(model, names)}".rstrip()
        )
    return found[-1]


def _mark(connection: sqlite3.Connection, attempt: Attempt, score: float) -> None:
    set_feedback(connection, attempt.request_id, score, attempt=attempt.attempt)
