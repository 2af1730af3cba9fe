"""The static form of many prompts by several models: what each model took, then a plain table prompt by model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from routebook.messages import Answer
from routebook.notebook import figures
from routebook.notebook.inert import inert
from routebook.notebook.markdown import render, words_of
from routebook.notebook.page import NOTHING, Bundle, template
from routebook.notebook.panels.comparison import Comparison, tokens_per_s
from routebook.notebook.report import Heading, report
from routebook.notebook.table import Table

if TYPE_CHECKING:  # a table shows itself by this page
    from routebook.notebook.panels.comparison_table import ComparisonTable, ModelSummary

MOST_PROMPTS: Final = 50
"""Prompts on the page; all of them are in the frame."""
_LEAST_EM: Final = 9
"""The least width of a column, in letters: beyond the page one scrolls."""
SHORT: Final = 240
"""Characters of an answer that stands there unfolded."""
_TITLES: Final = ("model", ">answers", ">failed", ">first token", ">total", ">tokens/s", ">tokens out", ">cost")


def table_page(table: ComparisonTable) -> Bundle:
    """The summary and the answers."""
    head = f"{figures.plural(len(table), 'prompt')} by {figures.plural(len(table.models), 'model')}; times and speeds are means"
    above = report(Heading(head), summary_table(table))
    shown = table.comparisons[:MOST_PROMPTS]
    cut = f"the first {MOST_PROMPTS} of {len(table):,} prompts; all of them are in .frame" if len(table) > MOST_PROMPTS else ""
    html = template("prompts").substitute(
        summary=above["text/html"],
        wide=_LEAST_EM * (1 + len(table.panes)),
        names="".join(template("pane_name").substitute(name=inert(name)) for name in ("prompt", *table.panes)),
        rows="".join(_row(comparison, table.panes) for comparison in shown),
        cut=inert(cut),
    )
    texts = [_text(comparison, table.panes) for comparison in shown]
    return {"text/html": html, "text/plain": "\n\n".join([above["text/plain"], *texts, *filter(None, [cut])])}


def summary_table(table: ComparisonTable) -> Table:
    """One line for each model."""
    return Table(_TITLES, [_summary(one) for one in table.summary])


def _summary(one: ModelSummary) -> list[str]:
    speed = figures.count(one.tokens_per_s)
    cost = figures.spent(one.cost_usd if one.answers > one.unpriced else None, one.unpriced) if one.answers else ""
    return [
        one.model, str(one.answers), str(one.failed), figures.seconds(one.ttft_s), figures.seconds(one.latency_s), speed,
        figures.count(one.output_tokens), cost,
    ]  # fmt: skip


def _row(comparison: Comparison, panes: Mapping[str, str]) -> str:
    prompt = template("prompt_text").substitute(body=_folded(comparison.prompt, inert(comparison.prompt)))
    cells = "".join(template("pane_text").substitute(body=_cell(comparison, pane)) for pane in panes)
    return template("row").substitute(style=' style="border-top:1px solid rgba(128,128,128,0.35)"', cells=prompt + cells)


def _cell(comparison: Comparison, pane: str) -> str:
    if pane in comparison.failures:
        return f"<em>did not answer: {inert(str(comparison.failures[pane]))}</em>"
    answer = comparison.answers[pane]
    body = _folded(answer.text, render(answer.text)) if answer.text else f"<em>{NOTHING}</em>"
    return body + template("heading").substitute(text=inert(_took(answer)))


def _folded(text: str, html: str) -> str:
    """What is long is folded behind its beginning."""
    if len(text) <= SHORT:
        return html
    return template("long").substitute(start=inert(f"{' '.join(words_of(text)[:SHORT].split())} …"), body=html)


def _took(answer: Answer) -> str:
    rate = tokens_per_s(answer)
    parts = [figures.seconds(answer.attempt.latency_s), f"{rate:,.0f} tokens/s" if rate else "", figures.money(answer.cost_usd)]
    return " · ".join(filter(None, parts))


def _text(comparison: Comparison, panes: Mapping[str, str]) -> str:
    lines = [f"── {comparison.prompt.strip()}"]
    for pane in panes:
        if pane in comparison.failures:
            lines.append(f"{pane}: did not answer: {comparison.failures[pane]}")
        else:
            answer = comparison.answers[pane]
            lines.append(f"{pane} ({_took(answer)}): {answer.text.strip() or NOTHING}")
    return "\n".join(lines)
