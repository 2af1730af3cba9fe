"""What came of one request since it was last shown: many events become one piece of news."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from routebook.events import Decision, Event, Started, StepBegan, StepDelta, StepEnded, Switched, ToolEnded, ToolStarted, Waiting
from routebook.messages import Delta, Plan
from routebook.notebook import wording
from routebook.notebook.stages import Stage, Stages

DONE: Final = "done"
SPEED_S: Final = 0.5
"""How often the speed of an answer is told."""


class News(NamedTuple):
    """What is new in one pane; `None` where nothing is."""

    head: str | None
    state: str | None
    delta: str
    """Text to append."""
    void: str | None
    """Why the text before it no longer counts."""
    stages: tuple[Stage, ...] | None = None
    """All steps of a pipeline so far."""
    speed: float | None = None
    """Tokens a second since the first one; told now and then while text comes."""


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
    told_at: float = 0.0
    """When its speed was told last."""
    stages: Stages = field(default_factory=Stages)
    has_new_stages: bool = False
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
                self._say(f"waiting for {model}: " + (f"place {place} in its queue{about}" if place else reason))
            case Started(model=model):
                self._say(f"asking {model}")
                self.head = wording.headline(self.plan, model=model) if self.plan else None
                self.first_at, self.pieces = None, 0
            case Delta(text=text, kind="text"):
                self.stages.is_answering()
                self._say("answering")
                self.text.append(text)
                self.pieces += 1
                self.first_at = self.first_at or time.monotonic()
            case Delta(kind=kind):
                self._say("thinking" if kind == "thinking" else "asking for a tool")
            case ToolStarted() | ToolEnded():
                self._tool(event)
            case Switched(from_model=gone, to_model=to, reason=reason):
                self.void, self.text = reason, []
                self.stages.void()
                self._say(f"asking {gone} again" if gone == to else f"{gone} did not answer ({reason}); asking {to}")
            case StepBegan() | StepDelta() | StepEnded():
                self._step(event)

    def _tool(self, event: ToolStarted | ToolEnded) -> None:
        self.has_new_stages = True
        if isinstance(event, ToolEnded):
            self.stages.tool_ended(event.run)
            return
        if self.pieces:
            self.void, self.text, self.pieces = "it was said before the tools ran", [], 0
        self.stages.tool_began(event)
        self._say(f"running {event.name}")

    def _step(self, event: StepBegan | StepDelta | StepEnded) -> None:
        self.has_new_stages = True
        match event:
            case StepBegan():
                self.stages.began(event)
                self.state = self.stages.title
            case StepDelta():
                self.stages.said(event)
                self._say("thinking" if event.kind == "thinking" else "answering")
            case StepEnded():
                self.stages.ended(event)

    def _say(self, state: str) -> None:
        """Set the state, with the step that runs."""
        self.state = f"{self.stages.title}: {state}" if self.stages.title else state

    def end(self) -> None:
        """The request has ended."""
        self.state, self.is_empty = DONE, False

    def take(self) -> News:
        """What is new since the last time."""
        shown = self.stages.shown() if self.has_new_stages else None
        news = News(self.head, self.state, "".join(self.text), self.void, shown, self._speed())
        self.head = self.state = self.void = None
        self.text, self.is_empty, self.has_new_stages = [], True, False
        return news

    def _speed(self) -> float | None:
        """How quick the answer comes, when it is time to say it again: a figure that jumps twenty times a second cannot be read."""
        now = time.monotonic()
        if self.first_at is None or self.pieces < 2 or now - max(self.first_at, self.told_at) < SPEED_S:  # noqa: PLR2004  one has no speed
            return None
        self.told_at = now
        return (self.pieces - 1) / (now - self.first_at)
