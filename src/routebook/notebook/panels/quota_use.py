"""What a plan would take of limits and caps: of each that counts for its first candidate, how much is left."""

from __future__ import annotations

import datetime as dt

from routebook.books.glance import Cap
from routebook.books.quota_view import LimitLine
from routebook.engine.survey import Status
from routebook.messages import Candidate, Plan
from routebook.notebook import figures, wording
from routebook.notebook.panels.departing import Section


def quota_use(plan: Plan, status: Status, *, output_tokens: int, now: dt.datetime) -> list[Section]:
    """Lines for the limits and budgets that the first candidate counts towards; `output_tokens` is what its answers usually have."""
    if not plan.candidates:
        return []
    first = plan.candidates[0]
    tokens = plan.input_tokens + output_tokens
    limits = [_limit(line, tokens, now) for line in status.limits if line.label in (first.model, first.provider)]
    caps = [_cap(cap, first) for cap in status.caps if cap.name in _scopes(plan, first)]
    sections = [("Its limits", limits), ("Its budgets", caps)]
    return [(title, lines) for title, lines in sections if lines]


def _scopes(plan: Plan, first: Candidate) -> set[str | None]:
    return {"total", "notebook", first.provider, first.model, first.pool, first.tier, plan.request.agent}


def _limit(line: LimitLine, tokens: int, now: dt.datetime) -> str:
    need = f"about {tokens:,}" if line.what.startswith(("tokens", "input", "output")) else "1"
    back = "" if line.left or line.back_s is None else f"; more at {now + dt.timedelta(seconds=line.back_s):%H:%M:%S}"
    most = f" of {line.most:,}" if line.most is not None else ""
    return f"{line.label}, {line.what}: takes {need}, {figures.count(line.left)}{most} left{back}"


def _cap(cap: Cap, first: Candidate) -> str:
    need = "nothing" if first.expected_cost_usd == 0 else wording.dollars(first.expected_cost_usd)
    return f"{cap.name}, {cap.period}: takes {need}, {figures.money(cap.left_usd)} of {figures.money(cap.cap_usd)} left"
