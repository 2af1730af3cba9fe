"""What came of one request since it was last shown: many events become one piece of news."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from routebook.events import Decision, Event, Started, Switched, Waiting
from routebook.messages import Delta, Plan
from routebook.notebook import wording

DONE: Final = "done"


class News(NamedTuple):
    """What is new in one pane; `None` where nothing is."""

    head: str | None
    state: str | None
    delta: str
    """Text to append."""
    void: str | None
    """Why the text before it no longer counts."""


@dataclass(slots=True)
class Gathered:
    """Gathers events; `take` gives what is new."""

    plan: Plan | None = None
    head: str | None = None
    state: str | None = None
    void: str | None = None
    text: list[str] = field(default_factory=list)
    is_empty: bool = True
    first_at: float | None = None
    """When the first piece of text came."""
    pieces: int = 0
    """So many came in all: about the tokens of the answer, by which its speed is told while it comes."""

    def add(self, event: Event) -> None:
        """Take an event in."""
        self.is_empty = False
        match event:
            case Decision(plan=plan):
                self.plan, self.head = plan, wording.headline(plan)
            case Waiting(model=model, place=place, reason=reason, expected_s=expected_s):
                about = "" if expected_s is None else f", about {expected_s:.0f} s ({reason})"
                self.state = f"waiting for {model}: " + (f"place {place} in its queue{about}" if place else reason)
            case Started(model=model):
                self.state = f"asking {model}"
                self.head = wording.headline(self.plan, model=model) if self.plan else None
                self.first_at, self.pieces = None, 0
            case Delta(text=text, kind="text"):
                self.state = "answering"
                self.text.append(text)
                self.pieces += 1
                self.first_at = self.first_at or time.monotonic()
            case Delta():
                self.state = "thinking"
            case Switched(from_model=gone, to_model=to, reason=reason):
                self.void, self.text = reason, []
                self.state = f"asking {gone} again" if gone == to else f"{gone} did not answer ({reason}); asking {to}"

    def end(self) -> None:
        """The request has ended."""
        self.state, self.is_empty = DONE, False

    def take(self) -> News:
        """What is new since the last time."""
        news = News(self.head, self.state, "".join(self.text), self.void)
        self.head = self.state = self.void = None
        self.text, self.is_empty = [], True
        return news
