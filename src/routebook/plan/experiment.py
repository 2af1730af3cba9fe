"""Which model an experiment gives a request to: by the request's id, so that it is the same whoever asks, and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from routebook.config.experiments import Experiment
from routebook.messages import Value

PREFIX: Final = "experiment "
"""How the reason of an attempt begins that an experiment chose."""


class Verdict(Value, frozen=True, kw_only=True):
    """How an experiment ended."""

    winner: str | None
    """`None`: undecided; the route's own order holds again."""
    sure: float
    """How sure one may be that it is better than each of the others."""


def arm_of(name: str, experiment: Experiment, request_id: str) -> str:
    """The model of a request."""
    point = int.from_bytes(blake2b(f"{name}\0{request_id}".encode(), digest_size=8).digest()) / 2**64 * sum(experiment.models.values())
    for model, weight in experiment.models.items():
        point -= weight
        if point < 0:
            return model
    return list(experiment.models)[-1]


def first_choice(
    experiments: Mapping[str, Experiment], verdicts: Mapping[str, Verdict], *, route: str, request_id: str
) -> tuple[str, str] | None:
    """The model that an experiment on a route puts first, and the reason; `None` without one."""
    for name, experiment in experiments.items():
        if experiment.route != route:
            continue
        verdict = verdicts.get(name)
        if verdict is None:
            arm = arm_of(name, experiment, request_id)
            return arm, f"{PREFIX}{name}: drawn for {arm}"
        if verdict.winner is not None:
            return verdict.winner, f"won the experiment {name}, {verdict.sure:.0%} sure"
    return None


def name_in(reason: str) -> str | None:
    """The experiment whose draw a reason tells of; `None` when it tells of none."""
    return reason.removeprefix(PREFIX).partition(": drawn for ")[0] if reason.startswith(PREFIX) else None
