"""`%route plan TEXT` and `%%route --dry`: what a prompt would be sent to, what that would take, and what would leave the machine."""

from __future__ import annotations

from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.messages import Overrides, Plan
from routebook.notebook.interpolate import Used
from routebook.notebook.page import Bundle
from routebook.notebook.panels.plan_card_page import plan_card_page
from routebook.notebook.session import Session


def plan(session: Session, rest: str) -> None:
    """Show the plan of a prompt; nothing is sent."""
    if not rest:
        raise UsageError("%route plan takes a prompt: %route plan write a haiku about rain")
    show_plan(session, rest, Overrides(notebook=session.notebook), is_raw=False)


def show_plan(session: Session, cell: str, asked: Overrides, *, is_raw: bool, name: str | None = None) -> None:
    """Show the plan of a cell's text as a card; where one can press its button, `name` is the variable that the answer then goes to."""
    from routebook.notebook.panels.plan_card import PlanCard  # the shell command's `plan` needs no notebook

    card = PlanCard(cell, session.router, raw=is_raw, **asked)
    if not session.has_page:
        session.show(card.page())
        return
    if name:
        card.on_answer = lambda answer: session.shell.user_ns.update({name: answer})
    card.show()


def page(router: Router, planned: Plan, variables: list[Used]) -> Bundle:
    """A plan with what it would take and send."""
    return plan_card_page(router, planned, variables)
