"""The steps of a pipeline in a plan: who would be asked at each, for about how much, and who could read the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from routebook.engine.pipelines.choose import pipeline_of
from routebook.engine.pipelines.foresee import Foreseen
from routebook.engine.router import Router
from routebook.messages import Plan
from routebook.notebook import wording
from routebook.notebook.interpolate import Used
from routebook.notebook.page import Bundle, plan_page
from routebook.notebook.panels.departing import departing


def steps_page(router: Router, planned: Plan, variables: Sequence[Used]) -> Bundle | None:
    """The plan of a prompt that goes through steps; `None` where it goes through none."""
    steps = router.steps_of(planned)
    if not steps:
        return None
    request = msgspec.structs.replace(planned.request, pipeline=pipeline_of(router.runtime().config, planned))
    shown = msgspec.structs.replace(planned, request=request, candidates=(), left_out=())
    named = ("Steps", [_line(foreseen) for foreseen in steps])
    return plan_page(shown, beside=[named, *departing(_together(planned, steps), variables)])


def _together(planned: Plan, steps: Sequence[Foreseen]) -> Plan:
    """The prompt's plan with the candidates of all its steps, each once: all of them may get to read it."""
    found = {candidate.model: candidate for foreseen in steps for candidate in foreseen.plan.candidates}
    return msgspec.structs.replace(planned, candidates=tuple(found.values()), left_out=())


def _line(foreseen: Foreseen) -> str:
    step, candidates = foreseen.step, foreseen.plan.candidates
    names = ", then ".join(f"{candidate.model} ({candidate.tier})" for candidate in candidates)
    if not candidates:
        reasons = "; ".join(f"{out.model}: {out.reason}" for out in foreseen.plan.left_out)
        names = f"no model can take it ({reasons})" if reasons else "no model can take it"
    costs = [candidate.expected_cost_usd for candidate in candidates[:1]]
    cost = "" if not candidates or costs[0] == Decimal(0) else _cost(costs[0], foreseen.parts)
    chunks = f"{foreseen.parts} chunks" if foreseen.parts > 1 else ""
    limit = f"at most {step.max_tokens} tokens" if step.max_tokens else ""
    when = f"when {' and '.join(step.conditions)}".replace("_", " ") if step.conditions != ("always",) else ""
    back = f"then {step.then} again" if step.then else ""
    return f"{step.name}: " + ", ".join(filter(None, (names, chunks, limit, cost, when, back)))


def _cost(usd: Decimal | None, parts: int) -> str:
    each = " each" if parts > 1 else ""
    return "price unknown" if usd is None else f"about {wording.dollars(usd)}{each}"
