"""Several models' answers to one prompt, side by side: what `%%route --compare` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from routebook.books.notes import said_of
from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer
from routebook.near import did_you_mean
from routebook.notebook.panels.difference import likeness

if TYPE_CHECKING:
    import pandas as pd

    from routebook.engine.router import Router


COLUMNS: Final = (
    "pane", "model", "status", "text", "ttft_s", "latency_s", "tokens_per_s", "input_tokens", "output_tokens", "cost_usd", "likeness", "error",
    "feedback", "note",
)  # fmt: skip
FLOATS: Final = ("ttft_s", "latency_s", "tokens_per_s", "cost_usd", "feedback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Answers by pane; a pane is a model's name, numbered where the model was asked more than once."""

    prompt: str
    answers: Mapping[str, Answer]
    failures: Mapping[str, RoutebookError]
    router: Router | None = field(default=None, repr=False, compare=False)
    """Where votes go."""

    def vote(self, winner: str) -> None:
        """Say that the answer of a pane is better than all the others; the router learns from it.

        Raises:
            UsageError: there is no such pane, or the comparison was not made by a router.
        """
        best = self[winner]
        for pane, answer in self.answers.items():
            if pane != winner:
                self._voted().prefer(best.request_id, answer.request_id)

    def rate(self, pane: str, score: float) -> None:
        """Say how good the answer of a pane is, from 0 to 1; the router learns from it, and it stands in the frame's `feedback`.

        Raises as `vote` does, and for a score out of its range.
        """
        self._voted().vote(self[pane].request_id, score)

    def note(self, pane: str, text: str) -> None:
        """Write a note on the answer of a pane, in the place of an older one; `rb.notes()` and `.frame` have it.

        Raises as `vote` does.
        """
        self._voted().vote(self[pane].request_id, None, note=text)

    def _voted(self) -> Router:
        if self.router is None:
            raise UsageError("This comparison has no router to learn from its votes: only one that %%route --compare made has.")
        return self.router

    def __getitem__(self, pane: str) -> Answer:
        """The answer of a pane.

        Raises:
            UsageError: there is no such pane, or its model did not answer.
        """
        if pane in self.answers:
            return self.answers[pane]
        if pane in self.failures:
            raise UsageError(f"{pane} did not answer: {self.failures[pane]}")
        raise UsageError(f"There is no pane {pane!r}. {did_you_mean(pane, [*self.answers, *self.failures])}".rstrip())

    def __iter__(self) -> Iterator[str]:
        """The panes that have an answer."""
        return iter(self.answers)

    def __len__(self) -> int:
        """So many answers."""
        return len(self.answers)

    @property
    def task(self) -> str:
        """What the prompt was taken for."""
        return next(iter(self.answers.values())).plan.classification.task

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each pane: `pane, model, status, text, ttft_s, latency_s, tokens_per_s, input_tokens, output_tokens, cost_usd, likeness, error, feedback, note`.

        `cost_usd` is NaN when a price is unknown; `feedback` and `note` are what was said of the answer; `likeness` is to the first answer, 0 to 1, word by word.
        """
        from routebook.tables.rows import as_frame

        return as_frame(self.rows(), columns=COLUMNS, floats=FLOATS)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the frame: answers first, then failures."""
        return [*self._answered(), *self._failed()]

    def _said(self) -> dict[str, tuple[float | None, str]]:
        """What was said of the answers, by request: votes, ratings and notes, as the books have them."""
        ids = [answer.request_id for answer in self.answers.values()]
        return {} if self.router is None else self.router.runtime().books.read(lambda connection: said_of(connection, ids))

    def to_csv(self) -> str:
        """The frame as CSV."""
        return str(self.frame.to_csv(index=False))

    def to_markdown(self) -> str:
        """The prompt, the answers, what was said of them, and their figures as Markdown."""
        from routebook.notebook.panels.compare_page import figures_table

        parts, said = [f"> {line}" for line in self.prompt.splitlines()], self._said()
        for pane, answer in self.answers.items():
            feedback, note = said.get(answer.request_id, (None, ""))
            words = " · ".join([*([f"rated {feedback:.2f}"] if feedback is not None else []), *([note] if note else [])])
            parts += ["", f"## {pane}", "", answer.text.strip(), *(["", f"*{words}*"] if words else [])]
        for pane, error in self.failures.items():
            parts += ["", f"## {pane}", "", f"*did not answer: {error}*"]
        return "\n".join([*parts, "", figures_table(self).markdown]) + "\n"

    def _answered(self) -> Iterator[dict[str, Any]]:
        first, said = next(iter(self.answers.values()), None), self._said()
        for pane, answer in self.answers.items():
            last = answer.attempt
            yield {
                "pane": pane, "model": answer.model, "status": last.status, "text": answer.text, "ttft_s": last.ttft_s,
                "latency_s": last.latency_s, "tokens_per_s": tokens_per_s(answer), "input_tokens": last.input_tokens,
                "output_tokens": last.output_tokens, "cost_usd": answer.cost_usd,
                "likeness": 1.0 if answer is first or first is None else likeness(first.text, answer.text), "error": None,
                **dict(zip(("feedback", "note"), said.get(answer.request_id, (None, "")), strict=True)),
            }  # fmt: skip

    def _failed(self) -> Iterator[dict[str, Any]]:
        for pane, error in self.failures.items():
            yield {
                "pane": pane,
                "model": pane.partition(" #")[0],
                "status": "error",
                "text": "",
                "cost_usd": None,
                "error": str(error),
                "note": "",
            }


def renamed(comparison: Comparison, names: Mapping[str, str]) -> Comparison:
    """The same answers under other names."""
    answers = {names[pane]: answer for pane, answer in comparison.answers.items()}
    return replace(comparison, answers=answers, failures={names[pane]: error for pane, error in comparison.failures.items()})


def tokens_per_s(answer: Answer) -> float | None:
    """Output tokens a second, from the first token on; `None` when the answer is too short or too quick to say."""
    last = answer.attempt
    if last.latency_s is None or not last.output_tokens or last.output_tokens < 2:  # noqa: PLR2004  one token has no speed
        return None
    time_s = last.latency_s - (last.ttft_s or 0.0)
    return last.output_tokens / time_s if time_s > 0 else None


def pane_names(models: list[str], *, repeat: int = 1) -> dict[str, str]:
    """Panes and the model of each: `qwen`, or `qwen #1`, `qwen #2` where it is asked more than once."""
    asked = [model for model in models for _ in range(repeat)]
    panes: dict[str, str] = {}
    for model in asked:
        n = sum(other == model for other in panes.values()) + 1
        panes[model if asked.count(model) == 1 else f"{model} #{n}"] = model
    return panes
