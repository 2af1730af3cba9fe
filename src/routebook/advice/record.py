"""The user's record as advice reads it: attempts of prompts, request by request, and what was thought of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from routebook.config.values import Config, Price, Route
from routebook.engine.learning.hindsight import LEAST_SEEN
from routebook.errors import UsageError
from routebook.lessons import Lesson
from routebook.messages import ASIDE

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

MOST: Final = 20_000
"""The newest so many attempts are looked at: what was long ago says little of the models of today."""
COLUMNS: Final = (
    "time", "request_id", "attempt", "kind", "notebook", "cell_id", "step", "task", "complexity", "strength", "route", "agent", "model", "tier", "status",
    "error_type", "error", "queue_s", "ttft_s", "latency_s", "input_tokens", "output_tokens", "cost_usd", "feedback", "reason",
)  # fmt: skip
FAILED: Final = ("rate_limited", "timeout", "error")
NAMED: Final = "you named it"
DAY_S: Final = 86400.0


class Row(NamedTuple):
    """One attempt; `time` in seconds since 1970, what is unknown is `None`."""

    time: float
    request_id: str
    attempt: int
    kind: str
    notebook: str | None
    cell_id: str | None
    step: str | None
    task: str
    complexity: float
    strength: float
    route: str
    agent: str | None
    model: str
    tier: str
    status: str
    error_type: str | None
    error: str | None
    queue_s: float | None
    ttft_s: float | None
    latency_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    feedback: float | None
    reason: str | None

    @property
    def is_failed(self) -> bool:
        """Whether the model did not answer."""
        return self.status in FAILED

    @property
    def is_sent(self) -> bool:
        """Whether it was sent and is over by itself."""
        return self.status in ("ok", "refused", *FAILED) and self.kind != "cache"


class Mark(NamedTuple):
    """How good an answer was, 0 to 1: one for each request and model, the user's own word before a check."""

    request_id: str
    model: str
    score: float
    is_said: bool


class Game(NamedTuple):
    """A vote between two models on one request."""

    request_id: str
    model: str
    versus: str
    score: float


@dataclass(frozen=True)
class Record:
    """All of it, and the config it is held against."""

    rows: Sequence[Row]
    """In the order of time."""
    marks: Sequence[Mark]
    games: Sequence[Game]
    config: Config
    """What `routing.toml` says, without what is discovered."""
    prices: Mapping[str, Price | None]
    unusable: frozenset[str] = frozenset()
    """Providers that cannot be called."""
    is_cut: bool = False
    """There are older attempts that were not looked at."""

    @cached_property
    def requests(self) -> Mapping[str, Sequence[Row]]:
        """The attempts of each request, in order."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.request_id, []).append(row)
        return {name: sorted(rows, key=lambda row: row.attempt) for name, rows in found.items()}

    @cached_property
    def days(self) -> float:
        """From the first attempt to the last, in days."""
        return (self.rows[-1].time - self.rows[0].time) / DAY_S if self.rows else 0.0

    def routed(self, route: str) -> Sequence[Sequence[Row]]:
        """The requests that the config decided on a route: neither a model nor an agent with models of its own was named.

        Those that the cache answered, and those of a pipeline, are not in it.
        """
        return self._routed.get(route, ())

    @cached_property
    def _routed(self) -> Mapping[str, Sequence[Sequence[Row]]]:
        found: dict[str, list[Sequence[Row]]] = {}
        for rows in self.requests.values():
            first = rows[0]
            is_named = (first.reason or "").startswith(NAMED) or first.agent in self.config.agents
            if not is_named and first.kind != "cache" and not any(row.step for row in rows):
                found.setdefault(first.route, []).append(rows)
        return found

    def sent(self, model: str) -> list[Row]:
        """The attempts of a model that were sent and are over."""
        return [row for row in self.by_model.get(model, ()) if row.is_sent]

    @cached_property
    def by_model(self) -> Mapping[str, Sequence[Row]]:
        """The attempts of each model, in the order of time."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.model, []).append(row)
        return found

    def usual_s(self, model: str, task: str) -> float | None:
        """The middle time of a model's answers to a task; `None` where fewer than three are recorded."""
        times = [
            row.latency_s for row in self.by_model.get(model, ()) if row.task == task and row.status == "ok" and row.latency_s is not None
        ]
        return median(times) if len(times) >= LEAST_SEEN else None

    def spared_s(self, routed: Iterable[Sequence[Row]], model: str) -> float | None:
        """By how much less requests would have taken had they begun with a model that answers as usual; `None` where its usual time is unknown."""
        held = list(routed)
        usual = {task: self.usual_s(model, task) for task in {rows[0].task for rows in held}}
        spared = 0.0
        for rows in held:
            takes_s = usual[rows[0].task]
            if takes_s is None:
                return None
            spared += seconds(row.latency_s for row in rows) - takes_s
        return spared


def fits(route: Route, row: Row) -> bool:
    """Whether all that is recorded of a request would let a route take it."""
    spans = ((route.complexity, row.complexity), (route.strength, row.strength))
    tokens = row.input_tokens
    return (
        (not route.tasks or row.task in route.tasks)
        and all(span is None or span[0] <= value <= span[1] for span, value in spans)
        and (tokens is None or ((route.min_tokens or 0) <= tokens and (route.max_tokens is None or tokens <= route.max_tokens)))
        and (route.agent is None or route.agent == row.agent)
    )


def rows_of(frame: pd.DataFrame) -> tuple[list[Row], bool]:
    """Return the newest attempts of prompts in the order of time, and whether there were more.

    Raises:
        UsageError: it is no frame of attempts.
    """
    missing = [name for name in COLUMNS if name not in map(str, getattr(frame, "columns", ()))]
    if missing:
        raise UsageError(f"recommend needs a frame as router.frame() gives it; this one has no {', '.join(missing)}.")
    own = frame[~frame["kind"].isin(ASIDE) & ~frame["status"].isin(("running", "lost"))]
    newest = own.sort_values("time", kind="stable").tail(MOST)[list(COLUMNS)]
    plain = newest.astype(object).where(newest.notna(), None)
    return [Row(values[0].timestamp(), *values[1:]) for values in plain.itertuples(index=False, name=None)], len(own) > MOST


def marks_of(rows: Iterable[Row], lessons: Iterable[Lesson], *, by_feedback: bool) -> tuple[list[Mark], list[Game]]:
    """What was thought of the answers in some attempts: by votes, checks and refusals, and by votes between two.

    `by_feedback`: what the frame says of an answer counts where the lessons do not tell. They tell of all but what was forgotten on purpose.
    """
    known = {(row.request_id, row.model): row for row in rows}
    held: dict[tuple[str, str], Mark] = {}
    games = []
    for lesson in lessons:
        key = (lesson.request_id, lesson.model)
        if key not in known:
            continue
        if lesson.source == "preference":
            if lesson.versus is not None:
                games.append(Game(*key, lesson.versus, lesson.score))
        elif key not in held or lesson.source == "vote" or not held[key].is_said:
            held[key] = Mark(*key, lesson.score, lesson.source == "vote")
    for key, row in known.items() if by_feedback else ():
        if key not in held and row.feedback is not None:
            held[key] = Mark(*key, row.feedback, is_said=True)
    return list(held.values()), games


def seconds(values: Iterable[float | None]) -> float:
    """The sum of the times that are known."""
    return sum(value for value in values if value is not None)


def names(config: Config, tried: Sequence[str]) -> Iterator[str]:
    """The models that a list of models and pools begins with, as far as their order is fixed."""
    for name in tried:
        if name in config.models:
            yield name
        elif name in config.pools and config.pools[name].pick == "in-order":
            yield from names(config, config.pools[name].models)
        else:
            return
