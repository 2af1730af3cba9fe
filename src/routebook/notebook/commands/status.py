"""`%route status`: what is under way, what is left, where things are."""

from __future__ import annotations

from routebook.books.glance import Cap
from routebook.engine.survey import ModelLine, Status
from routebook.engine.survey import status as survey_status
from routebook.notebook import figures
from routebook.notebook.commands.models import state_of
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table


def status(session: Session, rest: str) -> None:
    """Show how things stand."""
    refuse_rest("status", rest)
    router = session.router
    found = survey_status(router.runtime(), notebook=session.notebook)
    session.show(report(*_under_way(found), *_budgets(found.caps), *_left_out(found), *_places(found, str(router.file or ""))))


def _under_way(found: Status) -> list[Part]:
    if not found.busy:
        return ["Nothing is under way, and no model cools down."]
    rows = [_busy(line) for line in found.busy]
    return [Heading("under way"), Table(("model", ">asked now", ">waiting", "state"), rows)]


def _busy(line: ModelLine) -> tuple[str, ...]:
    return line.name, figures.count(line.in_flight), figures.count(line.queued), state_of(line)


def _budgets(caps: tuple[Cap, ...]) -> list[Part]:
    if not caps:
        return [Heading("budgets"), "There are none. [budgets] in routing.toml sets them."]
    titles = ("name", "period", ">spent", ">reserved", ">cap", ">left", ">unpriced calls", "resets")
    return [Heading("budgets"), Table(titles, [_cap(cap) for cap in caps], strong=[n for n, cap in enumerate(caps) if not cap.left_usd])]


def _cap(cap: Cap) -> tuple[str, ...]:
    amounts = (cap.spent_usd, cap.reserved_usd, cap.cap_usd, cap.left_usd)
    return (cap.name, cap.period, *map(figures.money, amounts), figures.count(cap.unpriced), f"{cap.resets_at:%a %d %b %H:%M}")


def _left_out(found: Status) -> list[Part]:
    if not found.left_out:
        return []
    return [Heading("providers left out"), Table(("name", "why"), list(found.left_out.items()))]


def _places(found: Status, file: str) -> list[Part]:
    size = "in memory only" if found.books_bytes is None else figures.size(found.books_bytes)
    books = f"{found.books} ({size}, {figures.plural(found.attempts, 'attempt')})"
    rows = [("routing.toml", file or "none here; the built-in default is in use (%route init writes one)"), ("books", books)]
    return [Heading("files"), Table(("", ""), rows)]
