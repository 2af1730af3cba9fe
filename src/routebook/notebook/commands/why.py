"""`%route why`: how an answer came about, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from routebook.books.glance import last_request, requests_like
from routebook.errors import UsageError
from routebook.messages import Attempt
from routebook.notebook import figures, wording
from routebook.notebook.page import Bundle, why_page
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session
from routebook.notebook.table import Table

TITLES = (">", "kind", "model", "status", ">waited", ">first token", ">total", ">tokens", ">cost", "reason, and what went wrong")


def why(session: Session, rest: str) -> None:
    """Show the whole plan of this session's last answer; of any other request what the books have of it."""
    session.show(_page(session, request_of(session, rest)))


def request_of(session: Session, rest: str) -> str:
    """The id of the request that a line names, or of the last one of this session.

    Raises:
        UsageError: there is none.
    """
    books = session.router.runtime().books
    if not rest:
        last = books.read(lambda connection: last_request(connection, books.session))
        if last is None:
            raise UsageError(
                "Nothing was asked in this session yet. Run a %%route cell, or name a request's ID (request_id in %route frame)."
            )
        return last
    found = books.read(lambda connection: requests_like(connection, rest))
    if rest in found or len(found) == 1:
        return rest if rest in found else found[0]
    if found:
        raise UsageError(f"More than one request begins with {rest!r}: {', '.join(found)}, … Type more of it.")
    raise UsageError(f"The books have no request {rest!r}. Its ID stands in the column request_id of %route frame.")


def _page(session: Session, request_id: str) -> Bundle:
    last = session.last
    if last is not None and last.request_id == request_id:
        head, page = report(Heading(_head(last.attempts))), why_page(last)
        return {kind: f"{head[kind]}\n{page[kind]}" for kind in head}
    return attempts_page(session.router.attempts(request_id))


def attempts_page(attempts: Sequence[Attempt]) -> Bundle:
    """What the books have of a request: how it was classified, where it went, and each attempt."""
    first = attempts[0]
    seen = f"{first.task}, complexity {first.complexity:.1f} of 10, strength {first.strength:.2f}; route {first.route}, priority {first.priority}"
    return report(Heading(_head(attempts)), seen, Table(TITLES, [_row(attempt) for attempt in attempts]))


def _head(attempts: Sequence[Attempt]) -> str:
    """Which request it is, when it was made, and how it ended."""
    first, last = attempts[0], attempts[-1]
    return f"request {first.request_id} · {first.time.astimezone():%d %b %Y %H:%M} · {last.status}"


def _row(attempt: Attempt) -> tuple[str, ...]:
    tokens = "" if attempt.input_tokens is None else f"{attempt.input_tokens:,} in, {attempt.output_tokens or 0:,} out"
    cost = wording.dollars(attempt.cost_usd) if attempt.status != "running" else ""
    times = (attempt.queue_s, attempt.ttft_s, attempt.latency_s)
    text = "\n".join(filter(None, (attempt.reason, attempt.error)))
    return (str(attempt.attempt), attempt.kind, attempt.model, attempt.status, *map(figures.seconds, times), tokens, cost, text)
