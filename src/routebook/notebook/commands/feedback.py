"""`%route good` and `%route bad`: what the user thinks of an answer, for the books."""

from __future__ import annotations

from routebook.books.ledger import set_feedback
from routebook.engine.loop import engine_loop
from routebook.notebook.commands.why import request_of
from routebook.notebook.report import report
from routebook.notebook.session import Session

GOOD, BAD = 1.0, 0.0


def good(session: Session, rest: str) -> None:
    """Mark an answer as good."""
    _mark(session, rest, feedback=GOOD)


def bad(session: Session, rest: str) -> None:
    """Mark an answer as bad."""
    _mark(session, rest, feedback=BAD)


def _mark(session: Session, rest: str, *, feedback: float) -> None:
    request_id = request_of(session, rest)
    books = session.router.runtime().books

    async def write() -> int:
        return await books.write(lambda connection: set_feedback(connection, request_id, feedback))

    engine_loop().run_sync(write())
    answered = session.router.attempts(request_id)[-1]
    said = "good" if feedback == GOOD else "bad"
    session.show(report(f"Marked as {said}: the answer of {answered.model} to request {request_id} ({answered.task})."))
