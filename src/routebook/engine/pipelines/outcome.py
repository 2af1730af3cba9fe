"""What the steps of a pipeline led to, as one answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from routebook.messages import Answer, Attempt, Plan

SAID: Final = {True: "said yes", False: "said no"}
"""What stands among the notes of a step that gave a verdict."""


@dataclass(slots=True)
class Piece:
    """What one step came to."""

    step: str
    is_verdict: bool
    """It only judges the others."""
    answers: list[Answer] = field(default_factory=list)
    """One, or one for each chunk."""
    attempts: tuple[Attempt, ...] = ()
    """Of one that got no answer."""
    is_done: bool = False
    verdict: bool | None = None
    """What it said of the work so far; `None` when it gave no verdict."""

    def give_up(self, attempts: Iterable[Attempt]) -> None:
        """Say nothing, and count all attempts: those of the failure, and those of chunks that were answered before it."""
        self.attempts = (*attempts, *(attempt for answer in self.answers for attempt in answer.attempts))
        self.answers.clear()

    @property
    def text(self) -> str:
        """Its text; those of several chunks under their numbers."""
        if len(self.answers) == 1:
            return self.answers[0].text
        return "\n\n".join(f"[{at} of {len(self.answers)}]\n{answer.text}" for at, answer in enumerate(self.answers, start=1))


def whole_answer(plan: Plan, pieces: Sequence[Piece], *, named: str | None, notes: Sequence[str], is_cancelled: bool) -> Answer:
    """One answer of all steps: the text of the step that is named, else of the last that judged nothing; the attempts of all of them."""
    counts = _counting(pieces, named)
    answers = tuple(answer for piece in pieces for answer in piece.answers)
    attempts = [attempt for piece in pieces for attempt in piece.attempts] + [attempt for answer in answers for attempt in answer.attempts]
    last = counts.answers[-1] if counts.answers else None
    return Answer(
        text=counts.text,
        thinking=last.thinking if last is not None else "",
        request_id=plan.request.id,
        plan=plan,
        attempts=tuple(sorted(attempts, key=lambda attempt: attempt.attempt)),
        finish_reason="cancelled" if is_cancelled or last is None else last.finish_reason,
        notes=(*_notes(answers), *notes),
        tools=tuple(run for answer in answers for run in answer.tools),
        echo=last.echo if last is not None else {},
        steps=tuple(_with_verdict(piece, answer) for piece in pieces for answer in piece.answers),
        answered_by=last.attempt.attempt if last is not None else None,
    )


def _counting(pieces: Sequence[Piece], named: str | None) -> Piece:
    """The piece whose text is the answer; one that did not end only when there is no other."""
    wanted = [piece for piece in pieces if piece.answers and (piece.step == named if named is not None else not piece.is_verdict)]
    any_at_all = [piece for piece in pieces if piece.answers] or list(pieces)
    return next((piece for piece in reversed(wanted) if piece.is_done), (wanted or any_at_all)[-1])


def _with_verdict(piece: Piece, answer: Answer) -> Answer:
    """A step's answer, with what it came down to among its notes."""
    return answer if piece.verdict is None else msgspec.structs.replace(answer, notes=(*answer.notes, SAID[piece.verdict]))


def _notes(answers: Sequence[Answer]) -> tuple[str, ...]:
    return tuple(f"{answer.plan.request.step}: {note}" for answer in answers for note in answer.notes)
