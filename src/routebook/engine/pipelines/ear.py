"""What one step's request says, told as what it is: the answer itself, or only a step on the way to it."""

from __future__ import annotations

from routebook.engine.turn import Emit
from routebook.events import Decision, Done, Event, StepDelta, Switched
from routebook.messages import Answer, Delta


class Ear:
    """Hears one request, and passes on what belongs to the whole."""

    def __init__(self, emit: Emit, *, step: str, is_answer: bool, pieces: list[Answer], is_part: bool = False) -> None:
        """Of a step `is_answer`, text is the answer's; of a chunk (`is_part`) only the whole is told. `pieces` gets what came, also of one who is stopped."""
        self._emit, self._step, self._is_answer, self._is_part, self._pieces = emit, step, is_answer, is_part, pieces

    def __call__(self, event: Event) -> None:
        """Hear an event: a request has one decision and one end, and those of a step are its own."""
        match event:
            case Done(answer=answer):
                self._pieces.append(answer)
            case Decision():
                pass
            case Delta() if not self._is_answer:
                if not self._is_part and event.kind != "call":
                    self._emit(StepDelta(step=self._step, text=event.text, kind=event.kind))
            case Switched() if self._is_part:
                pass
            case _:
                self._emit(event)
