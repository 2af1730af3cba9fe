"""An evaluation as a page: the models, their scores by task, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from routebook.evaluation.outcome import Evaluated
from routebook.evaluation.tables import of_model, tasks_of
from routebook.notebook import figures
from routebook.notebook.inert import inert
from routebook.notebook.page import Bundle, template
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.table import Table

MODELS: Final = ("model", ">score", ">19 times of 20", ">prompts", ">tokens/s", ">first token", ">$ per 1,000 tokens", ">cost", ">failed")
MOST_ACROSS: Final = 8
"""Models beside each other in the table of tasks; the frame has all."""
_COLOURS: Final = {"+": "rgba(0,158,115,0.16)", "-": "rgba(213,94,0,0.16)"}


def evaluation_page(found: Evaluated) -> Bundle:
    """The whole of it."""
    all_of = {model: of_model(found, model) for model in found.models}
    ranked = sorted(found.models, key=lambda model: -(all_of[model]["score"] if all_of[model]["score"] is not None else -1.0))
    parts: list[Part] = [
        Heading(headline(found)),
        Table(MODELS, [_model(model, all_of[model]) for model in ranked]),
        Heading(f"scores by task, 0 to 10 (prompts){'; the best models' if len(ranked) > MOST_ACROSS else ''}"),
        _tasks(found, ranked[:MOST_ACROSS]),
    ]
    if found.missing:
        parts += [Heading("without a score"), Table(("model", ">prompts", "why"), _failures(found))]
    if found.left_out:
        parts += [Heading("left out"), Table(("model", "why"), list(found.left_out.items()))]
    return report(*parts, *found.notes)


def headline(found: Evaluated) -> str:
    """What was done, and what it cost."""
    answers = len(found.graded) + len(found.missing)
    cost = f"{figures.money(found.spent_usd)} spent"
    cost += f" of {figures.money(found.budget_usd)}" if found.budget_usd is not None else ""
    cost += f", {figures.plural(found.unpriced, 'call')} of unknown price" if found.unpriced else ""
    parts = [
        f"evaluation by {found.suite}: {figures.plural(len(found.models), 'model')}, {len(found.graded):,} of {answers:,} answers graded",
        cost,
    ]
    parts += [f"{found.kept:,} of them from the run before, not asked again"] if found.kept else []
    return " · ".join(parts)


def _model(model: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    is_scored = row["score"] is not None
    return (
        model,
        f"{row['score']:.1f}" if is_scored else "none",
        f"{row['low']:.1f} to {row['high']:.1f}" if is_scored else "",
        f"{row['n']:,}",
        figures.count(row["tokens_per_s"]),
        figures.seconds(row["ttft_s"]),
        figures.money(row["usd_per_1k"]) if is_scored else "",
        figures.money(row["cost_usd"]) if is_scored else "",
        f"{row['failed']:,}" if row["failed"] else "",
    )


def _tasks(found: Evaluated, models: Sequence[str]) -> Table:
    rows = []
    for task in sorted(tasks_of(found)):
        scores = [of_model(found, model, task) for model in models]
        rows.append((task, *(f"{one['score']:.1f} ({one['n']})" if one["score"] is not None else "" for one in scores)))
    return Table(("task", *(f">{model}" for model in models)), rows)


def _failures(found: Evaluated) -> list[tuple[str, str, str]]:
    counts: dict[tuple[str, str], int] = {}
    for _, model, why in found.missing:
        counts[model, why] = counts.get((model, why), 0) + 1
    return [(model, f"{count:,}", why) for (model, why), count in counts.items()]


def difference_page(lines: Sequence[str]) -> Bundle:
    """A unified difference."""
    shown = "".join(
        template("diff_line").substitute(colour=_COLOURS.get(line[:1], "transparent"), text=inert(line) or "&nbsp;") for line in lines
    )
    return {"text/html": template("diff").substitute(lines=shown), "text/plain": "\n".join(lines)}
