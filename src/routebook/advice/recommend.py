"""The record brought to the looks, and what came of it: numbered proposals that can be seen as a difference of the file."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from routebook.advice.advise import advise, in_order
from routebook.advice.proposal import Need, Proposal
from routebook.advice.record import Record, marks_of, rows_of
from routebook.advice.replay import weighed
from routebook.books import outcomes
from routebook.books.outcomes import Extent
from routebook.config.prices import price_of
from routebook.config.read import FILE_NAME, parse
from routebook.errors import UsageError
from routebook.messages import Value

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

    from routebook.engine.runtime import Runtime


class Advice(Value, frozen=True, kw_only=True):
    """What is proposed, numbered from 1, and what is missing where nothing is."""

    proposals: tuple[Proposal, ...]
    needs: tuple[Need, ...]
    requests: int
    """Looked at."""
    days: float
    is_cut: bool
    """There are older ones that were not."""
    text: str
    """Of the file that it is about."""

    def taken(self, numbers: Sequence[int]) -> list[Proposal]:
        """The proposals of some numbers, each once.

        Raises:
            UsageError: none is named, or there is none of a number.
        """
        last = len(self.proposals)
        wrong = [str(number) for number in numbers if not 1 <= number <= last]
        if wrong or not numbers:
            there = f"There are 1 to {last}." if last else "There is none."
            raise UsageError(f"There is no recommendation {', '.join(wrong)}. {there}" if wrong else f"Say which. {there}")
        return [self.proposals[number - 1] for number in dict.fromkeys(numbers)]

    def changed(self, numbers: Sequence[int]) -> str:
        """The text of the file with some of them.

        Raises:
            UsageError: there is no such number, or one cannot be written there.
            ConfigError: the file would be wrong with all of them.
        """
        text = self.text
        for proposal in sorted(self.taken(numbers), key=lambda one: one.edit.key is None):  # what is put out of use goes last
            text = proposal.edit.on(text)
        parse(text, file=FILE_NAME)
        return text

    def diff(self, numbers: Sequence[int]) -> str:
        """What would change in the file, line by line. Raises as `changed` does."""
        before, after = self.text.splitlines(), self.changed(numbers).splitlines()
        return "\n".join(difflib.unified_diff(before, after, FILE_NAME, f"{FILE_NAME}, with {_listed(numbers)}", lineterm="", n=1))

    def rows(self) -> list[dict[str, Any]]:
        """One row for each proposal, as the frame has them."""
        return [
            {
                "number": number, "kind": one.kind, "change": one.change, "evidence": "; ".join(one.evidence), "doubts": "; ".join(one.doubts),
                "saves_usd": one.saves_usd, "saves_s": one.saves_s, "over": len(one.over), "requests": list(one.requests),
            }
            for number, one in enumerate(self.proposals, 1)
        ]  # fmt: skip


def advice(runtime: Runtime, text: str, frame: pd.DataFrame, *, is_own: bool) -> Advice:
    """Look at a record for what speaks against the text of a `routing.toml`; nothing is sent or written.

    Args:
        runtime: its books have the outcomes, and it knows who cannot be called.
        text: of the file.
        frame: attempts, as `router.frame()` gives them.
        is_own: they are all that the books have; of others what the frame itself says of the answers counts too.

    Raises:
        ConfigError: the text is wrong.
        UsageError: it is no frame of attempts.
        BooksError: the books cannot be read.
    """
    config = parse(text, file=FILE_NAME)
    rows, is_cut = rows_of(frame)
    lessons = runtime.books.read(lambda connection: outcomes.since(connection, Extent(0, 0)))[1]
    marks, games = marks_of(rows, lessons, by_feedback=not is_own)
    record = Record(
        rows=rows, marks=marks, games=games, config=config, prices={name: price_of(config, name) for name in config.models},
        unusable=frozenset(runtime.known.unusable), is_cut=is_cut,
    )  # fmt: skip
    found, needs = advise(record)
    told = [one for proposal in found if (one := weighed(proposal, frame, text)) is not None]
    kinds = {one.kind for one in told}
    return Advice(
        proposals=tuple(in_order(told)), needs=tuple(need for need in needs if need.kind not in kinds),
        requests=len(record.requests), days=record.days, is_cut=is_cut, text=text,
    )  # fmt: skip


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, dict.fromkeys(numbers)))
