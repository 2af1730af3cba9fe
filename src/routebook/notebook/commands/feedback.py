"""`%route good` and `%route bad`: what the user thinks of an answer, for the books and for what is learned from them."""

from __future__ import annotations

from routebook.notebook.commands.why import request_of
from routebook.notebook.report import report
from routebook.notebook.session import Session


def good(session: Session, rest: str) -> None:
    """Mark an answer as good."""
    _mark(session, rest, is_good=True)


def bad(session: Session, rest: str) -> None:
    """Mark an answer as bad."""
    _mark(session, rest, is_good=False)


def _mark(session: Session, rest: str, *, is_good: bool) -> None:
    voted = session.router.vote(request_of(session, rest), is_good)
    said = "good" if is_good else "bad"
    session.show(report(f"Marked as {said}: the answer of {voted.model} to request {voted.request_id} ({voted.task})."))
