"""A plan as a card: who is asked first and who stands behind, who was left out, what it would take, and what would leave the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from routebook.books.books import local_now
from routebook.books.usual import usual
from routebook.config.keylike import masked
from routebook.engine.router import Router
from routebook.engine.survey import status as survey_status
from routebook.messages import Plan
from routebook.notebook import figures, wording
from routebook.notebook.interpolate import Used
from routebook.notebook.page import Bundle, plan_page, template
from routebook.notebook.panels.departing import Section, departing, expected
from routebook.notebook.panels.foreseen_steps import steps_page
from routebook.notebook.panels.quota_use import quota_use
from routebook.plan.residence import load_s

TYPICAL_TOKENS: Final = 400
"""Of an answer, where nothing is known of the model's own."""
_LONGEST: Final = 4_000
"""Characters of the prompt on the page."""


def plan_card_page(router: Router, plan: Plan, variables: Sequence[Used]) -> Bundle:
    """The card, as HTML and text."""
    runtime = router.runtime()
    states = runtime.known.states
    record = runtime.books.read(lambda connection: usual(connection, task=plan.classification.task))

    def seconds_of(model: str) -> float | None:
        state, held = states.get(model), record.get(model)
        seen = state.expected_s(state.output_tokens or TYPICAL_TOKENS) if state is not None else None
        warm_s = seen if seen is not None or held is None else held.latency_s
        return None if warm_s is None else warm_s + load_s(runtime.known, model)

    first = states.get(plan.candidates[0].model) if plan.candidates else None
    typical = round((first.output_tokens if first is not None else None) or TYPICAL_TOKENS)
    taken = quota_use(plan, survey_status(runtime, notebook=plan.request.notebook), output_tokens=typical, now=local_now())
    beside: list[Section] = [*expected(plan, seconds_of=seconds_of), *_behind(plan, seconds_of), *taken, *departing(plan, variables)]
    page = steps_page(router, plan, variables) or plan_page(plan, beside=beside)
    return {"text/html": page["text/html"] + _prompt(plan.request.text), "text/plain": page["text/plain"]}


def _behind(plan: Plan, seconds_of: Callable[[str], float | None]) -> list[Section]:
    """What those behind the first would take, where their times are known."""
    timed = [(one, seconds) for one in plan.candidates[1:] if (seconds := seconds_of(one.model)) is not None]
    lines = [f"{one.model}: {wording.dollars(one.expected_cost_usd)}, about {figures.seconds(seconds)}" for one, seconds in timed]
    return [("Behind it", lines)] if lines else []


def _prompt(text: str) -> str:
    """The prompt as it would be sent, folded away; keys are hidden here."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    body = f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0">{escape(masked(shown))}</pre>'
    title = f"the prompt as it would be sent, {figures.plural(len(text), 'character')}"
    return template("folded").substitute(title=escape(title), body=body)
