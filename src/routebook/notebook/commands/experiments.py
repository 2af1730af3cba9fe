"""`%route experiments`: how the parted routes stand, and how sure one may be."""

from __future__ import annotations

import math

from routebook.engine.learning.experiments import Arm, Standing, standings
from routebook.notebook import figures
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table

NOTHING = 'There is no experiment. One part of routing.toml: [experiments.NAME] with route = "…" and models = { a = 1, b = 1 }.'


def experiments(session: Session, rest: str) -> None:
    """Show each experiment with its models, the best first."""
    refuse_rest("experiments", rest)
    found = standings(session.router.runtime())
    parts: list[Heading | Table | str] = []
    for standing in found:
        parts += [Heading(f"{standing.name}: {_state(standing)}"), _table(standing)]
    session.show(report(*parts) if parts else report(NOTHING))


def _state(standing: Standing) -> str:
    if standing.verdict is not None:
        winner, sure = standing.verdict.winner, standing.verdict.sure
        return f"over, {winner} is better, {sure:.1%} sure" if winner else "over, no model is clearly better"
    if math.isinf(standing.high):
        return "under way, too little is known yet"
    return f"under way, {standing.arms[0].model} leads, {standing.sure:.0%} sure; it ends at {standing.experiment.sure:.0%}"


def _table(standing: Standing) -> Table:
    outcome = standing.experiment.outcome
    rows = [(arm.model, figures.count(arm.requests), figures.count(arm.seen), _mean(arm, outcome)) for arm in standing.arms]
    return Table(("model", ">requests", f">with {outcome}", f">{outcome}"), rows)


def _mean(arm: Arm, outcome: str) -> str:
    if not arm.seen:
        return "not known yet"
    return {"cost": f"${arm.mean:.6f}", "latency": f"{arm.mean:.2f} s"}.get(outcome, f"{arm.mean:.2f}")
