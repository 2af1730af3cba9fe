"""`%route plan TEXT`: what a prompt would be sent to."""

from __future__ import annotations

from routebook.errors import UsageError
from routebook.notebook.interpolate import interpolate
from routebook.notebook.page import plan_page
from routebook.notebook.session import Session


def plan(session: Session, rest: str) -> None:
    """Show the plan of a prompt; nothing is sent."""
    if not rest:
        raise UsageError("%route plan takes a prompt: %route plan write a haiku about rain")
    prompt = interpolate(rest, session.shell.user_ns, own=session.names)
    session.show(plan_page(session.router.plan(prompt, notebook=session.notebook)))
