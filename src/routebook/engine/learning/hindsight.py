"""Recorded requests before and after: what each took, what it would have taken elsewhere, and where the record is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import fmean, median
from typing import Any, Final

from routebook.messages import Plan, Value
from routebook.plan.known import Known
from routebook.plan.pick import expected_cost

LEAST_SEEN: Final = 3
"""Answers of a model at a task below which nothing is said of its latency or quality there."""
_ANSWERED: Final = ("ok", "cached")


class Share(Value, frozen=True, kw_only=True):
    """Requests that began with a model."""

    model: str
    before: int
    after: int


class Untold(Value, frozen=True, kw_only=True):
    """Requests of which something cannot be told, and why."""

    requests: int
    reason: str


class Change(Value, frozen=True, kw_only=True):
    """A figure before and after, over the same requests."""

    before: float
    after: float
    requests: int
    """Over which it could be told."""


class Hindsight(Value, frozen=True, kw_only=True):
    """What another config would have changed."""

    requests: int
    told: int
    """Requests of which it can be told where they would have gone."""
    moved: int
    """Those of them that would have begun with another model."""
    shares: tuple[Share, ...]
    """By model, over the requests told."""
    cost_usd: Change | None
    """US dollars in all; `None` where the record cannot tell it of any request."""
    latency_s: Change | None
    """Mean seconds a request."""
    quality: Change | None
    """Mean feedback, 0 to 1, of the requests that have some."""
    untold: tuple[Untold, ...]
    """What is left out of the figures above, and why."""

    def __str__(self) -> str:
        lines = [f"{self.moved} of {self.told} requests would have begun with another model ({self.requests} recorded)."]
        lines += [f"  {one.model}: {one.before} before, {one.after} after" for one in self.shares]
        for name, change in (("cost, US dollars", self.cost_usd), ("seconds a request", self.latency_s), ("quality", self.quality)):
            lines.append(f"{name}: {_said(change)}")
        lines += [f"Not told of {one.requests}: {one.reason}." for one in self.untold]
        return "\n".join(lines)


def _said(change: Change | None) -> str:
    return (
        "the record cannot tell"
        if change is None
        else f"{change.before:.4g} before, {change.after:.4g} after, over {change.requests} requests"
    )


class Seen(Value, frozen=True, kw_only=True):
    """What is recorded of a request."""

    task: str
    first: str
    """The model it began with."""
    last: str
    """The model that answered."""
    is_answered: bool
    cost_usd: float | None
    """All attempts together."""
    latency_s: float | None
    feedback: float | None
    input_tokens: int | None
    output_tokens: int | None

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> Seen:
        """A request from its attempts, in order; `None` in a column is unknown."""
        last = next((row for row in reversed(rows) if row["status"] in _ANSWERED), rows[-1])
        return cls(
            task=rows[0]["task"], first=rows[0]["model"], last=last["model"], is_answered=last["status"] in _ANSWERED,
            cost_usd=_sum(row.get("cost_usd") for row in rows), latency_s=_sum(row.get("latency_s") for row in rows),
            feedback=last.get("feedback"), input_tokens=rows[0]["input_tokens"], output_tokens=last["output_tokens"],
        )  # fmt: skip


def _sum(values: Iterable[float | None]) -> float | None:
    held = list(values)
    return None if None in held else float(sum(value for value in held if value is not None))


def sum_up(planned: Sequence[tuple[Seen, str | Plan]], known: Known) -> Hindsight:
    """Compare what was with what is planned; a plan that is words says why there is none."""
    told = [(seen, plan.candidates[0].model) for seen, plan in planned if isinstance(plan, Plan)]
    untold = Counter(plan for _, plan in planned if isinstance(plan, str))
    of_model = _answers([seen for seen, _ in planned])
    costs: list[tuple[float, float]] = []
    waits: list[tuple[float, float]] = []
    marks: list[tuple[float, float]] = []
    for seen, model in told:
        _note(costs, untold, seen.cost_usd, _cost(seen, model, known), f"what {model} would have cost: tokens or price are unknown")
        few = f"at {seen.task}: fewer than {LEAST_SEEN} answers of it there"
        _note(waits, untold, seen.latency_s, _usual(seen, model, of_model, "latency_s"), f"how long {model} takes {few}")
        if seen.feedback is not None:
            _note(marks, untold, seen.feedback, _usual(seen, model, of_model, "feedback"), f"how good {model} is {few} that were voted on")
    before, after = Counter(seen.first for seen, _ in told), Counter(model for _, model in told)
    return Hindsight(
        requests=len(planned),
        told=len(told),
        moved=sum(seen.first != model for seen, model in told),
        shares=tuple(Share(model=model, before=before[model], after=after[model]) for model in sorted(before | after)),
        cost_usd=_change(costs, whole=True),
        latency_s=_change(waits),
        quality=_change(marks),
        untold=tuple(Untold(requests=count, reason=reason) for reason, count in untold.most_common()),
    )


def _answers(all_seen: Sequence[Seen]) -> dict[tuple[str, str], list[Seen]]:
    """Requests that a model answered at its first attempt, by model and task."""
    found: dict[tuple[str, str], list[Seen]] = {}
    for seen in all_seen:
        if seen.is_answered and seen.first == seen.last:
            found.setdefault((seen.first, seen.task), []).append(seen)
    return found


def _note(pairs: list[tuple[float, float]], untold: Counter[str], was: float | None, would: float | None, reason: str) -> None:
    """Keep a figure before and after, or count why there is none."""
    if was is not None and would is not None:
        pairs.append((was, would))
    else:
        untold[reason] += 1


def _cost(seen: Seen, model: str, known: Known) -> float | None:
    """US dollars on another model for the same tokens; as recorded on the same one."""
    if model == seen.first:
        return seen.cost_usd
    if seen.input_tokens is None or seen.output_tokens is None:
        return None
    cost: Decimal | None = expected_cost(known.prices.get(model), input_tokens=seen.input_tokens, output_tokens=seen.output_tokens)
    return None if cost is None else float(cost)


def _usual(seen: Seen, model: str, of_model: dict[tuple[str, str], list[Seen]], name: str) -> float | None:
    """The middle latency, or the mean vote, of a model at a task; as recorded where the model is the same."""
    if model == seen.first:
        value: float | None = getattr(seen, name)
        return value
    held = [value for other in of_model.get((model, seen.task), ()) if (value := getattr(other, name)) is not None]
    if len(held) < LEAST_SEEN:
        return None
    return median(held) if name == "latency_s" else fmean(held)


def _change(pairs: Sequence[tuple[float, float]], *, whole: bool = False) -> Change | None:
    if not pairs:
        return None
    of = 1 if whole else len(pairs)
    return Change(before=sum(was for was, _ in pairs) / of, after=sum(would for _, would in pairs) / of, requests=len(pairs))
