"""Every prompt by every model: what `rb.compare` gives."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from routebook.notebook.panels.comparison import COLUMNS, FLOATS, Comparison, tokens_per_s

if TYPE_CHECKING:
    import pandas as pd

    from routebook.messages import Answer
    from routebook.notebook.page import Bundle

TABLE_COLUMNS: Final = ("prompt_no", "prompt", *COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One model over all prompts. Means are of the answers that came, `None` when there is none."""

    model: str
    answers: int
    failed: int
    ttft_s: float | None
    latency_s: float | None
    tokens_per_s: float | None
    output_tokens: int
    cost_usd: Decimal
    """Of the answers whose price is known."""
    unpriced: int
    """Answers whose price is not."""


class ComparisonTable:
    """A comparison for each prompt, in order; in a notebook it shows itself."""

    def __init__(self, comparisons: Sequence[Comparison], *, panes: Mapping[str, str]) -> None:
        """`panes` are the columns, and the model of each."""
        self.comparisons, self.panes = tuple(comparisons), dict(panes)

    def __getitem__(self, place: int) -> Comparison:
        """The answers to one prompt: votes and ratings go there."""
        return self.comparisons[place]

    def __iter__(self) -> Iterator[Comparison]:
        """Prompt by prompt."""
        return iter(self.comparisons)

    def __len__(self) -> int:
        """So many prompts."""
        return len(self.comparisons)

    def __repr__(self) -> str:
        """What it holds."""
        return f"<{len(self)} prompts by {', '.join(self.models)}: {sum(map(len, self))} answers, {self.failed} failed>"

    @property
    def models(self) -> list[str]:
        """The models, in the order they were named."""
        return list(dict.fromkeys(self.panes.values()))

    @property
    def failed(self) -> int:
        """How many have no answer."""
        return sum(len(comparison.failures) for comparison in self)

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each prompt and pane: `prompt_no` from 0, `prompt`, and the columns of `Comparison.frame`."""
        from routebook.tables.rows import as_frame

        return as_frame(self._rows(), columns=TABLE_COLUMNS, floats=FLOATS)

    @property
    def summary(self) -> list[ModelSummary]:
        """One for each model."""
        return [self._summary(model) for model in self.models]

    def to_csv(self) -> str:
        """The frame as CSV."""
        return str(self.frame.to_csv(index=False))

    def to_markdown(self) -> str:
        """The summary, then every prompt with its answers, as Markdown."""
        from routebook.notebook.panels.comparison_table_page import summary_table

        return "\n".join([f"{summary_table(self).markdown}\n", *(comparison.to_markdown() for comparison in self)])

    def _repr_mimebundle_(self, **_asked: object) -> Bundle:
        from routebook.notebook.panels.comparison_table_page import table_page

        return table_page(self)

    def _rows(self) -> Iterator[dict[str, Any]]:
        order = list(self.panes)
        for place, comparison in enumerate(self):
            rows = sorted(comparison.rows(), key=lambda row: order.index(row["pane"]))
            yield from ({"prompt_no": place, "prompt": comparison.prompt, **row, "model": self.panes[row["pane"]]} for row in rows)

    def _summary(self, model: str) -> ModelSummary:
        panes = [pane for pane, name in self.panes.items() if name == model]
        answers = [comparison.answers[pane] for comparison in self for pane in panes if pane in comparison.answers]
        costs = [answer.cost_usd for answer in answers]
        return ModelSummary(
            model=model,
            answers=len(answers),
            failed=len(self) * len(panes) - len(answers),
            ttft_s=_mean(answer.attempt.ttft_s for answer in answers),
            latency_s=_mean(answer.attempt.latency_s for answer in answers),
            tokens_per_s=_mean(map(tokens_per_s, answers)),
            output_tokens=sum(_tokens(answer) for answer in answers),
            cost_usd=sum((cost for cost in costs if cost is not None), Decimal(0)),
            unpriced=costs.count(None),
        )


def _tokens(answer: Answer) -> int:
    return answer.attempt.output_tokens or 0


def _mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
