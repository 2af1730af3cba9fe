"""`[pipelines.NAME]`: several requests that lead to one answer. What they mean together is checked in `steps.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from routebook.config.table import Table
from routebook.messages import Think

Tokens = Annotated[int, Meta(ge=1)]
When = Literal["always", "low_quality", "checkpoint"]
MOST_ROUNDS = 20


class Step(Table, frozen=True, kw_only=True):
    """One step of a pipeline: a request of its own, whose answer the steps behind it can use by its name."""

    name: str
    route: str | None = None
    """The route whose models and reactions it takes; without `route` and `model` it is routed by its input, as a prompt is."""
    model: str | None = None
    """A model or pool, no choosing."""
    role: str | None = None
    """Its system message: who speaks here, and to what end."""
    input: str | None = None
    """What it is asked, with `{{names}}`; without it the prompt for the first step, `{{previous}}` for the others."""
    again: str | None = None
    """Its input from the second round on, where it is another."""
    max_tokens: Tokens | None = None
    """The longest answer of this step."""
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    thinking: Think | None = None
    when: When | tuple[When, ...] = "always"
    """The step is left out unless this holds, or all of these."""
    yes: tuple[str, ...] = ()
    """It gives a verdict: yes when its answer begins with one of these words, else no."""
    check: str | None = None
    """Its own answer is judged by this check, as in `on_low_quality`."""
    then: str | None = None
    """After it a new round begins at this step, as long as rounds are left."""
    over: Literal["chunks"] | None = None
    """Ask it of each chunk of the prompt, all at once within the limits; its answer is theirs, joined."""
    chunk_tokens: Tokens | None = None
    """The longest chunk; without it what its first model handles well."""
    tools: tuple[str, ...] | None = None
    """The tools that its models are told of, of `[tools]`; without it as the cell and the route say, and none for a step that gives a verdict."""
    optional: bool = False
    """Go on without it when it gets no answer; its text is then empty, and the answer says so."""

    @property
    def conditions(self) -> tuple[When, ...]:
        """All that must hold for it to run."""
        return self.when if isinstance(self.when, tuple) else (self.when,)


class Pipeline(Table, frozen=True, kw_only=True):
    """`[pipelines.NAME]`: steps in order."""

    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]
    answer: str | None = None
    """The step whose text is the answer; without it the last one that ran and gave no verdict."""
    rounds: Annotated[int, Meta(ge=1, le=MOST_ROUNDS)] = 3
    """How often the steps may be gone through, where one goes back by `then`."""
    checkpoint: Annotated[int, Meta(ge=1, le=MOST_ROUNDS)] = 1
    """Every so many rounds is a checkpoint."""
