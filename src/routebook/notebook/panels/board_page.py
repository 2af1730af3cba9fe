"""The board as a page: plain HTML at every moment, so that the last one is what a saved notebook shows."""

from __future__ import annotations

import datetime as dt
from html import escape
from typing import Final

from routebook.books.money import from_pico
from routebook.engine.survey import Status
from routebook.notebook import figures as words
from routebook.notebook.commands.status import standing_parts
from routebook.notebook.page import Bundle, template
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.table import Table
from routebook.tables.board import Figures, Minute

_MOST_ROWS: Final = 10
_HIGH_PX: Final = 44
_FINE, _FAILED, _NONE = "#0072B2", "#D55E00", "#80808040"
"""Okabe and Ito's blue and vermilion: told apart by everyone, in both themes."""


def board_page(found: Figures, status: Status, *, title: str, is_live: bool, now: dt.datetime) -> Bundle:
    """All of the board."""
    state = "live" if is_live else "as it was"
    head = report(Heading(f"{title} · {state} at {now:%H:%M:%S}"), _headline(found, status))
    minutes = report(Heading("attempts a minute, the last hour"))
    rest = report(*_tables(found), *standing_parts(status))
    line = _minutes_line(found.minutes)
    html = "".join((head["text/html"], minutes["text/html"], _minutes_html(found.minutes), rest["text/html"]))
    return {
        "text/html": f'<div class="routebook-board">{html}</div>',
        "text/plain": "\n".join((head["text/plain"], minutes["text/plain"], line, rest["text/plain"])),
    }


def _headline(found: Figures, status: Status) -> str:
    in_flight, queued = sum(line.in_flight for line in status.busy), sum(line.queued for line in status.busy)
    parts = [
        words.plural(found.requests, "request"),
        words.money(from_pico(found.cost_pusd)) + (f" and {found.unpriced} of unknown price" if found.unpriced else ""),
        f"{found.failed} of {words.plural(found.attempts, 'attempt')} failed",
    ]
    if found.cached:
        parts.append(f"{words.plural(found.cached, 'answer')} from the cache, which spared {words.money(from_pico(found.saved_pusd))}")
    parts.append(f"{in_flight} under way, {queued} waiting")
    return " · ".join(parts)


def _tables(found: Figures) -> list[Part]:
    tiers = [(one.tier, words.count(one.attempts), words.spent(from_pico(one.cost_pusd), one.unpriced)) for one in found.tiers]
    models = [
        (
            one.model, one.tier, words.count(one.attempts), words.count(one.failed), words.count(one.fallbacks),
            words.seconds(one.ttft_s), words.seconds(one.latency_s), words.spent(from_pico(one.cost_pusd), one.unpriced),
        )
        for one in found.models[:_MOST_ROWS]
    ]  # fmt: skip
    tasks = [(task, words.count(sum(count for _, count in went)), _went(went)) for task, went in found.tasks[:_MOST_ROWS]]
    if not found.attempts:
        return ["Nothing was asked in this time."]
    return [
        Heading("by tier"), Table(("tier", ">attempts", ">cost"), tiers),
        Heading("by model"), Table(("model", "tier", ">attempts", ">failed", ">as fallback", ">first token", ">total", ">cost"), models),
        Heading("where the prompts went"), Table(("task", ">prompts", "to"), tasks),
    ]  # fmt: skip


def _went(went: tuple[tuple[str, int], ...]) -> str:
    total = sum(count for _, count in went)
    return ", ".join(f"{model} {count / total:.0%}" for model, count in went[:4])


def _minutes_line(minutes: tuple[Minute, ...]) -> str:
    busiest = max(minute.attempts for minute in minutes)
    last = minutes[-1]
    failed = sum(minute.failed for minute in minutes)
    return f"this minute {words.plural(last.attempts, 'attempt')}, {last.failed} failed; busiest minute {busiest:,}; {failed:,} failed in the hour"


def _minutes_html(minutes: tuple[Minute, ...]) -> str:
    """A bar for each minute, of which the lower part failed; every bar says its figures."""
    most = max(1, *(minute.attempts for minute in minutes))
    bars = []
    for at, minute in enumerate(minutes):
        whole = max(2, round(_HIGH_PX * minute.attempts / most))
        failed = max(2, round(whole * minute.failed / minute.attempts)) if minute.failed else 0
        parts = ((_FINE, whole - failed), (_FAILED, failed)) if minute.attempts else ((_NONE, whole),)
        title = f"{len(minutes) - 1 - at} min ago: {words.plural(minute.attempts, 'attempt')}, {minute.failed} failed"
        pieces = "".join(template("bar").substitute(high=high, colour=colour) for colour, high in parts if high)
        bars.append(template("minute").substitute(pieces=pieces, title=escape(title)))
    line = template("line").substitute(text=escape(_minutes_line(minutes)))
    return template("minutes").substitute(bars="".join(bars)) + line
