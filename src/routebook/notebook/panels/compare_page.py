"""The static form of a comparison: the answers side by side, their figures, and where each differs from the first."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from routebook.messages import Answer
from routebook.notebook import figures
from routebook.notebook.inert import inert
from routebook.notebook.markdown import render
from routebook.notebook.page import NOTHING, Bundle, template
from routebook.notebook.panels.comparison import Comparison, tokens_per_s
from routebook.notebook.panels.difference import Span, difference
from routebook.notebook.table import Table

_MARKS: Final = {"both": "{}", "left": "<del>{}</del>", "right": "<ins>{}</ins>"}
_END: Final = {"cancelled": "stopped", "length": "cut at the longest answer allowed", "refusal": "refused", "error": "broke off"}


def compare_page(comparison: Comparison) -> Bundle:
    """All answers, side by side."""
    head = f"{figures.plural(len(comparison.answers) + len(comparison.failures), 'model')} side by side"
    panes = {**{pane: _body(answer) for pane, answer in comparison.answers.items()},
             **{pane: f"<em>did not answer: {inert(str(error))}</em>" for pane, error in comparison.failures.items()}}  # fmt: skip
    table = figures_table(comparison)
    html = template("compare").substitute(
        head=inert(head),
        panes=_side_by_side(panes),
        figures=table.html,
        difference="".join(_difference(title, spans) for title, spans in _differences(comparison)),
    )
    return {"text/html": html, "text/plain": f"[{head}]\n\n{_texts(comparison)}\n\n{table.text}"}


def blind_page(comparison: Comparison) -> Bundle:
    """The answers under the names of their panes, and nothing that would tell who wrote which."""
    panes = _side_by_side({pane: _body(answer) for pane, answer in comparison.answers.items()})
    head = "who wrote which is told after the vote"
    html = template("compare").substitute(head=inert(head), panes=panes, figures="", difference="")
    return {"text/html": html, "text/plain": f"[{head}]\n\n{_texts(comparison)}"}


def _side_by_side(panes: Mapping[str, str]) -> str:
    """Panes of safe HTML that stand one below the other where there is no room."""
    return "".join(template("pane").substitute(name=inert(name), body=body) for name, body in panes.items())


def _body(answer: Answer) -> str:
    return render(answer.text) if answer.text else f"<em>{NOTHING}</em>"


def figures_table(comparison: Comparison) -> Table:
    """Time, speed, tokens and cost of each."""
    rows = []
    for pane, answer in comparison.answers.items():
        last, rate = answer.attempt, tokens_per_s(answer)
        rows.append([
            pane, figures.seconds(last.ttft_s), figures.seconds(last.latency_s), figures.count(rate),
            figures.count(last.input_tokens), figures.count(last.output_tokens), figures.money(answer.cost_usd),
            _END.get(answer.finish_reason, ""),
        ])  # fmt: skip
    rows += [[pane, "", "", "", "", "", "", "failed"] for pane in comparison.failures]
    return Table(["model", ">first token", ">total", ">tokens/s", ">tokens in", ">out", ">cost", ""], rows)


def _differences(comparison: Comparison) -> list[tuple[str, list[Span]]]:
    """How each further answer differs from the first."""
    answered = [(pane, answer.text) for pane, answer in comparison.answers.items() if answer.text]
    first, *others = answered or [("", "")]
    return [(f"{pane} against {first[0]}, word by word", difference(first[1], text)) for pane, text in others]


def _difference(title: str, spans: list[Span]) -> str:
    marked = "".join(_MARKS[span.kind].format(_inert_span(span.text)) for span in spans)
    return template("difference").substitute(title=inert(title), spans=marked)


def _inert_span(text: str) -> str:
    """As `inert`, with the line breaks that a preformatted block shows by itself."""
    return escape(text).replace("$", "<span>$</span>").replace("\\", "<span>\\</span>")


def _texts(comparison: Comparison) -> str:
    parts = [f"── {pane}\n{answer.text.strip() or NOTHING}" for pane, answer in comparison.answers.items()]
    parts += [f"── {pane}\ndid not answer: {error}" for pane, error in comparison.failures.items()]
    return "\n\n".join(parts)
