"""`%route status`: what is under way, what is left, where things are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from routebook.books.books import local_now
from routebook.books.glance import Cap
from routebook.books.pools import PoolState
from routebook.books.quota_view import LimitLine
from routebook.engine.survey import ModelLine, Status
from routebook.engine.survey import status as survey_status
from routebook.notebook import figures
from routebook.notebook.commands.models import state_of
from routebook.notebook.machine import pull_parts
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table


def status(session: Session, rest: str) -> None:
    """Show how things stand."""
    refuse_rest("status", rest)
    router = session.router
    found = survey_status(router.runtime(), notebook=session.notebook)
    session.show(report(*status_parts(found, str(router.file or ""))))


def status_parts(found: Status, file: str) -> list[Part]:
    """The parts of the page."""
    return [*standing_parts(found), *_left_out(found), *_places(found, file)]


def standing_parts(found: Status) -> list[Part]:
    """What is under way, and what limits and caps have left."""
    return [*_under_way(found), *pull_parts(found.pulls), *_limits(found), *_budgets(found.caps), *pool_parts(found.pools)]


def _limits(found: Status) -> list[Part]:
    """What is left of each limit, and who cools down; the clock times are this machine's."""
    now = local_now()
    parts: list[Part] = []
    if found.limits:
        titles = ("of", "limit", ">taken", ">most", ">left", "more at", "says")
        parts += [
            Heading("limits, all kernels together"),
            Table(titles, [_limit(line, now) for line in found.limits], strong=[n for n, line in enumerate(found.limits) if not line.left]),
        ]
    if found.cooling:
        rows = [
            (cool.label, _at(now, cool.left_s), f"a day's quota is spent ({cool.reason})" if cool.is_day else cool.reason)
            for cool in found.cooling
        ]
        parts += [Heading("left alone, as their providers asked"), Table(("name", "until", "why"), rows)]
    return parts


def _limit(line: LimitLine, now: dt.datetime) -> tuple[str, ...]:
    back = "" if line.back_s is None else _at(now, line.back_s)
    return line.label, line.what, figures.count(line.used), figures.count(line.most), figures.count(line.left), back, line.source


def _at(now: dt.datetime, seconds: float) -> str:
    """A time as it will be on the clock: with seconds today, with the day when it is another."""
    then = now + dt.timedelta(seconds=seconds)
    return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%a %d %b %H:%M}"


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
    table = Table(titles, [_cap(cap) for cap in caps], strong=[n for n, cap in enumerate(caps) if not cap.left_usd])
    return [Heading("budgets"), table, *_lost(caps)]


def _lost(caps: tuple[Cap, ...]) -> list[Part]:
    """What nobody knows, and the caps count."""
    worst = max(caps, key=lambda cap: cap.lost_usd)
    if not worst.lost_usd:
        return []
    said = "1 call whose process was" if worst.lost == 1 else f"{worst.lost:,} calls whose processes were"
    taken = f"{figures.money(worst.lost_usd)} of {worst.name}, {worst.period}"
    return [f"Nobody knows what {said} killed cost; the most it may be is taken off what is left: {taken}."]


def pool_parts(pools: Sequence[PoolState]) -> list[Part]:
    """The allowances of tokens: what is left of each, and how long it will last."""
    rows = [
        (state.pool.name, figures.count(state.used), figures.count(state.left), state.pool.allowance, _outlook(state)) for state in pools
    ]  # fmt: skip
    return [Heading("token pools"), Table(("pool", ">used", ">left", ">of", "outlook"), rows)] if rows else []


def _outlook(state: PoolState) -> str:
    lost = f" Up to {state.lost:,} of them were used by calls whose processes were killed." if state.lost else ""
    return state.outlook + lost


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
