"""`%route why`: how an answer came about, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from routebook.books.glance import last_request, requests_like
from routebook.books.tool_calls import ToolRow, tool_calls_of
from routebook.engine.learning.otherwise import Other, otherwise
from routebook.errors import UsageError
from routebook.messages import Attempt
from routebook.notebook import figures, wording
from routebook.notebook.page import Bundle, why_page
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.table import Table

TOOLS = (">asked by", "tool", "status", "by", ">took", ">bytes")
TITLES = (">", "kind", "model", "status", ">waited", ">first token", ">total", ">tokens", ">cost", "reason, and what went wrong")

OTHERS = ("model", "tier", "", ">would have cost", ">takes", ">your votes", ">believed")


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
    runtime = session.router.runtime()
    if last is not None and last.request_id == request_id:
        pages = [
            report(Heading(_head(last.attempts))),
            why_page(last),
            report(*others_parts(otherwise(runtime, last.attempts), last.attempt.task)),
        ]
        return {kind: "\n".join(filter(None, (page[kind] for page in pages))) for kind in pages[0]}
    attempts = session.router.attempts(request_id)
    tools = runtime.books.read(lambda connection: tool_calls_of(connection, request_id))
    return attempts_page(attempts, others=otherwise(runtime, attempts), tools=tools)


def others_parts(others: Sequence[Other], task: str) -> list[Part]:
    """What stronger and cheaper models would have cost and taken, and what the user's own record says of them."""
    if len(others) < 2:  # noqa: PLR2004  the chosen one alone says nothing
        return []
    title = f"other models, for the same tokens; times, votes and beliefs are those of {task.replace('_', ' ')}, from your own record"
    return [Heading(title), Table(OTHERS, [_other(one) for one in others], strong=[0])]


def _other(one: Other) -> tuple[str, ...]:
    against = " and ".join(word for word, holds in (("stronger", one.is_stronger), ("cheaper", one.is_cheaper)) if holds)
    took = figures.seconds(one.latency_s) or (f"{figures.plural(one.answers, 'answer')}: too few" if one.answers else "never asked here")
    votes = f"{one.feedback:.2f} of {figures.plural(one.votes, 'vote')}" if one.feedback is not None else "none"
    return (
        one.model,
        one.tier,
        "answered" if one.is_chosen else against,
        wording.dollars(one.cost_usd),
        took,
        votes,
        f"{one.believed:.2f}",
    )


def attempts_page(attempts: Sequence[Attempt], *, others: Sequence[Other] = (), tools: Sequence[ToolRow] = ()) -> Bundle:
    """What the books have of a request: how it was classified, where it went, each attempt, and the tools that ran."""
    first = attempts[0]
    seen = f"{first.task}, complexity {first.complexity:.1f} of 10, strength {first.strength:.2f}; route {first.route}, priority {first.priority}"
    ran: list[Part] = [Heading("tools that ran"), Table(TOOLS, list(map(_tool, tools)))] if tools else []
    rows = Table(TITLES, [_row(attempt) for attempt in attempts])
    return report(Heading(_head(attempts)), seen, rows, *ran, *others_parts(others, first.task))


def _tool(row: ToolRow) -> tuple[str, ...]:
    by = row.by if row.by != row.name else ""
    return (str(row.attempt), row.name, row.status, by, figures.seconds(row.seconds), f"{row.bytes:,}")


def _head(attempts: Sequence[Attempt]) -> str:
    """Which request it is, when it was made, and how it ended."""
    first, last = attempts[0], attempts[-1]
    return f"request {first.request_id} · {first.time.astimezone():%d %b %Y %H:%M} · {last.status}"


def _row(attempt: Attempt) -> tuple[str, ...]:
    tokens = "" if attempt.input_tokens is None else f"{attempt.input_tokens:,} in, {attempt.output_tokens or 0:,} out"
    cost = wording.dollars(attempt.cost_usd) if attempt.status != "running" else ""
    times = (attempt.queue_s, attempt.ttft_s, attempt.latency_s)
    text = "\n".join(filter(None, (attempt.reason, attempt.error)))
    kind = f"{attempt.step}: {attempt.kind}" if attempt.step else attempt.kind
    return (str(attempt.attempt), kind, attempt.model, attempt.status, *map(figures.seconds, times), tokens, cost, text)
