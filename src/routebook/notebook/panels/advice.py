"""`rb.recommend()`: proposals for `routing.toml` from one's own record, each with its evidence, as a page, a frame, and a change of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routebook.advice.proposal import WHAT, Proposal
from routebook.advice.recommend import Advice, advice
from routebook.config.read import shipped
from routebook.errors import ConfigError, UsageError
from routebook.notebook import figures
from routebook.notebook.page import Bundle
from routebook.notebook.panels.draft import Draft
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.table import Table

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

    from routebook.engine.router import Router

NOTHING = "There is nothing to recommend."
UNRECORDED = "There is no prompt to look at yet. Use %%route for a while, and ask again: what is recommended comes from your own record."
HOW = "%route recommend --diff 1,3 shows what some of them would change; %route recommend --apply 1,3 writes it and keeps the old file."


class Recommendations:
    """What is proposed, as it stands in the books now; in a notebook it shows itself when it is the last thing of a cell.

        found = rb.recommend()
        found.frame
        print(found.diff(1, 3))
        found.apply(1, 3)

    The numbers stay what they are however much is asked meanwhile.
    """

    def __init__(self, advice: Advice, draft: Draft) -> None:
        """`draft` is the file that the advice is about."""
        self.advice, self._draft = advice, draft

    def __repr__(self) -> str:
        return self.page()["text/plain"]

    def __len__(self) -> int:
        return len(self.advice.proposals)

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each; see `docs/recommending.md` for the columns."""
        from routebook.tables.advice import advice_frame

        return advice_frame(self.advice.rows())

    def page(self) -> Bundle:
        """All of it, as HTML and text."""
        return report(*_parts(self.advice))

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return self.page()

    def diff(self, *numbers: int) -> str:
        """What some of them would change in the file, line by line.

        Raises:
            UsageError: there is no such number, or one cannot be written there; what to write by hand is said.
            ConfigError: the file would be wrong with all of them together.
        """
        return self.advice.diff(numbers)

    def apply(self, *numbers: int) -> str:
        """Write some of them into `routing.toml`, and put it to use; comments stay, the old file is kept. Return in words what became of it.

        Raises:
            UsageError: as `diff`; or there is no file, it was changed since the recommendations were made, or it cannot be written. Nothing was.
            ConfigError: the file would be wrong with all of them together; nothing was written.
        """
        draft = self._draft
        if draft.source.data is None:
            raise UsageError("There is no routing.toml here; %route init writes one to start from.")
        changed = self.advice.changed(numbers)
        if draft.is_stale or draft.source.text != self.advice.text:
            raise UsageError(f"{draft.name} was changed since these recommendations were made. Run %route recommend again.")
        draft.check(changed)
        spare = draft.save_keeping()
        use = draft.reload()
        done = figures.plural(len(set(numbers)), "recommendation")
        return f"{done} written to {draft.name}, {use}. The old file is kept as {spare}."


def recommend(frame: pd.DataFrame | None = None, *, router: Router | None = None) -> Recommendations:
    """Say what one's own record speaks for changing in `routing.toml`; nothing is sent or written.

    Args:
        frame: attempts, as `router.frame()` gives them, or a part of them; without it all that the books have.
        router: whose file and books; without it the notebook's own.

    Raises:
        ConfigError: `routing.toml` is wrong.
        UsageError: it is no frame of attempts.
        BooksError: the books cannot be read.
    """
    draft = Draft(router)
    if draft.router is None:
        raise ConfigError(draft.name, draft.trouble)
    runtime = draft.router.runtime()
    whole = draft.router.frame() if frame is None else frame
    text = draft.text if draft.router.file is not None else shipped("default.toml")
    return Recommendations(advice(runtime, text, whole, is_own=frame is None), draft)


def _parts(found: Advice) -> list[Part]:
    if not found.requests:
        return [Heading(NOTHING), UNRECORDED]
    over = f"{figures.plural(found.requests, 'request')} over {found.days:.1f} days" + (", the newest of them" if found.is_cut else "")
    head = figures.plural(len(found.proposals), "recommendation") + f", from {over}" if found.proposals else f"{NOTHING} Looked at: {over}."
    parts: list[Part] = [Heading(head)]
    if found.proposals:
        rows = [(str(number), one.change, saved(one)) for number, one in enumerate(found.proposals, 1)]
        parts.append(Table((">", "change", "would have saved"), rows))
        for number, one in enumerate(found.proposals, 1):
            parts += [Heading(f"{number} · {WHAT[one.kind]}"), *one.evidence, *(f"Not known: {doubt}" for doubt in one.doubts), _drawn(one)]
        parts += ["", HOW]
    if found.needs:
        parts += [
            Heading("what the record does not tell yet"),
            Table(("", "because"), [(WHAT[need.kind], need.said) for need in found.needs]),
        ]
    return parts


def saved(one: Proposal) -> str:
    """What a proposal would have saved, in words; what nobody knows is unknown."""
    if one.saves_usd is None and one.saves_s is None:
        return figures.UNKNOWN
    money = "money unknown" if one.saves_usd is None else _signed(one.saves_usd, figures.money(abs(one.saves_usd)))
    time = "time unknown" if one.saves_s is None else _signed(one.saves_s, f"{abs(one.saves_s):,.0f} s")
    return f"{money}, {time}" + (f" over {figures.plural(len(one.over), 'request')}" if one.over else "")


def _signed(value: float, words: str) -> str:
    return f"{words} more spent" if value < 0 else words


def _drawn(one: Proposal) -> str:
    """Which rows it is drawn from."""
    shown = ", ".join(one.requests[:3]) + (", …" if len(one.requests) > 3 else "")  # noqa: PLR2004  enough to look one up
    return f"Drawn from {figures.plural(len(one.requests), 'request')}: {shown}"
