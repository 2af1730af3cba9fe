"""`%route plan TEXT` and `%%route --dry`: what a prompt would be sent to, what that would take, and what would leave the machine."""

from __future__ import annotations

from typing import Final

from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.messages import Overrides, Plan
from routebook.notebook.interpolate import Used, interpolate, used
from routebook.notebook.page import Bundle, plan_page
from routebook.notebook.panels.departing import departing, expected
from routebook.notebook.session import Session

TYPICAL_TOKENS: Final = 400
"""Of an answer, where nothing is known of the model's own."""


def plan(session: Session, rest: str) -> None:
    """Show the plan of a prompt; nothing is sent."""
    if not rest:
        raise UsageError("%route plan takes a prompt: %route plan write a haiku about rain")
    show_plan(session, rest, Overrides(notebook=session.notebook), is_raw=False)


def show_plan(session: Session, cell: str, asked: Overrides, *, is_raw: bool) -> None:
    """Show the plan of a cell's text."""
    names = session.shell.user_ns
    prompt = (cell if is_raw else interpolate(cell, names, own=session.names)).strip()
    session.show(page(session.router, session.router.plan(prompt, **asked), [] if is_raw else used(cell, names)))


def page(router: Router, planned: Plan, variables: list[Used]) -> Bundle:
    """A plan with what it would take and send."""
    states = router.runtime().known.states

    def seconds_of(model: str) -> float | None:
        state = states.get(model)
        return state.expected_s(state.output_tokens or TYPICAL_TOKENS) if state is not None else None

    return plan_page(planned, beside=[*expected(planned, seconds_of=seconds_of), *departing(planned, variables)])
