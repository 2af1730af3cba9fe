"""What a cell says about a request, in words: the lines above and below the answer, and why. Shared by page, terminal and text twin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from routebook.messages import Answer, Attempt, Candidate, Plan, Replay
from routebook.notebook import figures

_HOW: Final = {
    "ok": "answered", "rate_limited": "was at its limit", "timeout": "took too long", "error": "failed", "cached": "answered an equal request",
}  # fmt: skip


def headline(plan: Plan, *, model: str | None = None) -> str:
    """Task, complexity, the model, and how many stand behind it."""
    names = [candidate.model for candidate in plan.candidates]
    pipeline = plan.request.pipeline
    model = model or (names[0] if names else "" if pipeline else "no model")
    behind = 0 if pipeline else len(names) - 1 - (names.index(model) if model in names else 0)
    seen = plan.classification
    parts = [seen.task.replace("_", " "), f"complexity {seen.complexity:.0f} of 10", *([model] if model else [])]
    if behind > 0:
        parts.append(f"{behind} more behind it")
    if pipeline:
        parts.append(f"pipeline {pipeline}")
    if plan.local:
        parts.append("stays on this machine")
    return " · ".join(parts)


def footline(answer: Answer) -> str:
    """Model, tokens, time to first token, total time, cost, and attempts when there was more than one."""
    last = answer.attempt
    parts = _steps_took(answer) if answer.steps else _took(answer) if answer.replay is None else _spared(answer.replay, last)
    if len(answer.attempts) > len(answer.steps or (1,)):
        parts.append(f"{len(answer.attempts)} attempts{_switched(answer)}")
    if answer.finish_reason == "length":
        parts.append("cut at the longest answer allowed")
    if answer.finish_reason == "refusal":
        parts.append("the model refused")
    if answer.finish_reason == "error":
        parts.append("the stream broke off")
    if answer.finish_reason == "cancelled":
        parts.append("stopped")
    return " · ".join(filter(None, parts))


def _switched(answer: Answer) -> str:
    """Who did not answer before another model did, and how it failed: what the cell said while it ran."""
    last = answer.attempt.model
    gone = {
        one.model: _HOW.get(one.status, one.status)
        for one in answer.attempts
        if one.model != last and one.status not in ("ok", "cancelled")
    }
    return f": {', '.join(f'{model} {how}' for model, how in gone.items())}" if gone and not answer.steps else ""


def _took(answer: Answer) -> list[str]:
    """What an answer took."""
    last = answer.attempt
    parts = [last.model, tokens(last)]
    if last.ttft_s is not None:
        parts.append(f"first token {figures.seconds(last.ttft_s)}")
    if last.latency_s is not None:
        parts.append(f"total {figures.seconds(last.latency_s)}")
    return [*parts, dollars(answer.cost_usd)]


def _steps_took(answer: Answer) -> list[str]:
    """What all steps of a pipeline took together; of chunks at once the time that passed, not its sum."""
    attempts = answer.attempts
    ends = [one.time + dt.timedelta(seconds=(one.queue_s or 0.0) + (one.latency_s or 0.0)) for one in attempts]
    names = dict.fromkeys(step.plan.request.step for step in answer.steps)
    tokens_in, tokens_out = (sum(getattr(one, name) or 0 for one in attempts) for name in ("input_tokens", "output_tokens"))
    took = (max(ends) - min(one.time for one in attempts)).total_seconds()
    calls = f"{len(answer.steps)} answers in {len(names)} steps" if len(answer.steps) > len(names) else f"{len(names)} steps"
    return [answer.model, calls, f"{tokens_in:,} tokens in, {tokens_out:,} out", f"total {figures.seconds(took)}", dollars(answer.cost_usd)]


def _spared(replay: Replay, attempt: Attempt) -> list[str]:
    """Where an answer came from that took no call of its own, and what the call had cost. One that came from afar still says so."""
    model = attempt.model if attempt.tier == "local" else f"{attempt.model} ({attempt.tier})"
    if replay.is_shared:
        cost = "" if replay.cost_usd is None else f", whose cost was {dollars(replay.cost_usd)}"
        return [model, f"shares the call of an equal request{cost}"]
    asked = f"first asked {ago((attempt.time - replay.asked_at).total_seconds())}"
    return [model, "replayed from the cache", asked, f"cost then {dollars(replay.cost_usd)}; run again with --fresh"]


def ago(elapsed_s: float) -> str:
    """How long ago something was, as people say it: `40 s ago`, `3 h ago`, `2 days ago`."""
    for unit, one_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if elapsed_s >= (2 * one_s if unit == "days" else one_s):
            return f"{elapsed_s / one_s:.0f} {unit} ago"
    return f"{max(0.0, elapsed_s):.0f} s ago"


def tokens(attempt: Attempt) -> str:
    """Tokens in and out; `about` when they are estimated."""
    if attempt.input_tokens is None and attempt.output_tokens is None:
        return ""
    about = "about " if attempt.tokens_estimated else ""
    noun = "token" if attempt.input_tokens == 1 else "tokens"
    return f"{about}{attempt.input_tokens or 0:,} {noun} in, {attempt.output_tokens or 0:,} out"


def dollars(cost: Decimal | None) -> str:
    """An amount to the digits that matter, or that it is unknown."""
    return "price unknown" if cost is None else "free" if cost == 0 else figures.money(cost)


def total_usd(answers: Iterable[Answer]) -> Decimal | None:
    """What answers cost together; `None` when the cost of one is unknown."""
    costs = [answer.cost_usd for answer in answers]
    return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))


def attempt_line(attempt: Attempt) -> str:
    """One attempt with how it ended and why it was made."""
    time = f" after {figures.seconds(attempt.latency_s)}" if attempt.latency_s is not None else ""
    how = _HOW.get(attempt.status, attempt.status)
    trouble = f": {attempt.error}" if attempt.error else ""
    step = f"{attempt.step}: " if attempt.step else ""
    return f"{step}{attempt.model} {how}{time}{trouble}"


def reasons(plan: Plan) -> list[tuple[str, list[str]]]:
    """Why the plan is as it is, as headings with their lines."""
    seen = plan.classification
    parts = [
        (
            "Classified",
            [
                f"{seen.task} (confidence {seen.confidence:.2f}), complexity {seen.complexity:.1f} of 10, strength {seen.strength:.2f}, "
                + ("needs tools" if seen.needs_tools else "needs no tools"),
                "because of " + ", ".join(seen.reasons),
            ],
        ),
        ("Route", [f"{plan.route}: {plan.route_reason}"]),
        ("Pipeline", [plan.request.pipeline] if plan.request.pipeline else []),
        ("To try, in order", [f"{c.model} ({_class(c)}): {c.reason}" for c in plan.candidates]),
        ("Left out", [f"{out.model}: {out.reason}" for out in plan.left_out]),
        (
            "Tools",
            [
                *filter(None, [", ".join(note.name for note in plan.tools)]),
                *(f"not {out.name}: {out.reason}" for out in plan.tools_left_out),
            ],
        ),
    ]
    return [(title, lines) for title, lines in parts if lines]


def _class(candidate: Candidate) -> str:
    """Its tier and what it would cost, where that goes without saying not."""
    cost = candidate.expected_cost_usd
    if cost == 0 and candidate.tier != "paid":
        return candidate.tier
    return f"{candidate.tier}, " + (f"about {dollars(cost)}" if cost else dollars(cost))
