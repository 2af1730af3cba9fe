"""The guard of Run All: what is in the cache is replayed, and before a run that would cost money it asks once.

Whether to ask is decided by what is certain: the cell that runs was sent together with others (`notebook/series.py`), and it, or a cell below it, would
cost money. What stands below is read from the notebook as it was last saved, so the amount is about right; a cell that the file did not show, or whose
variables were not there yet, is caught when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from routebook.errors import RoutebookError, UsageError
from routebook.messages import Overrides
from routebook.near import did_you_mean
from routebook.notebook import figures
from routebook.notebook.below import cells_below
from routebook.notebook.live import Interrupted
from routebook.notebook.panels.cell_cost import AGE_S, CellCost, cost_below, cost_of
from routebook.notebook.panels.choice import choose
from routebook.notebook.report import report

if TYPE_CHECKING:
    from routebook.notebook.session import Session

Way = Literal["ask", "run", "replay"]
WAYS: Final = get_args(Way)
VARIABLE: Final = "ROUTEBOOK_RUN_ALL"
REPLAY, RUN, STOP = CHOICES = ("replay", "run", "stop")
HINT: Final = "Replay shows what the cache has, and asks nothing that costs. You are asked once for a run of many cells."


class Guard:
    """Stands before the cells of a session."""

    def __init__(self, session: Session) -> None:
        """No run has been asked about."""
        self._session = session
        self._series = -1
        self._chosen: str | None = None
        """What was chosen for the run that is under way."""
        self._has_looked = False
        """Whether the cells below were reckoned in this run."""

    def admit(self, given: Any, prompt: str, asked: Overrides) -> Overrides | None:  # noqa: ANN401  argparse's namespace
        """Return the options with which a cell may be asked; `None` when it is left out, which the cell then says.

        Raises:
            Interrupted: the person stopped the run.
            UsageError: `ROUTEBOOK_RUN_ALL` is none of its words.
        """
        session = self._session
        if session.series.number != self._series:
            self._series, self._chosen, self._has_looked = session.series.number, None, False
        way: str | None = self._way()
        if way == RUN or not (session.series.is_many or not session.is_interactive):
            return asked
        cost = cost_of(session.router, given, prompt, asked)
        if way == "ask":
            way = self._chosen = self._chosen or self._ask(cost)
        if way == STOP:
            raise Interrupted("nothing was asked, and nothing spent.")
        return self._replayed(given, prompt, asked, cost) if way == REPLAY and cost.is_dear else asked

    def _way(self) -> str:
        """What `routing.toml` or the environment says; where nobody can be asked, `ask` means to run as ever."""
        said = os.environ.get(VARIABLE) or self._session.router.config.defaults.run_all
        if said not in WAYS:
            raise UsageError(f"${VARIABLE} is {said!r}; it takes {', '.join(WAYS)}. {did_you_mean(said, WAYS)}")
        return said if said != "ask" or self._session.is_interactive else RUN

    def _ask(self, cost: CellCost) -> str | None:
        """What the person chose; `None` while no cell is known to cost anything."""
        session = self._session
        others: list[CellCost] = []
        if not self._has_looked or cost.is_dear:
            self._has_looked = True
            below = cells_below(session.notebook_file, cell_id=session.cell_id, source=session.source)
            others = [cost_below(session, source) for source in below or ()]
        dear = [one for one in (cost, *others) if one.is_dear]
        if not dear:
            return None
        unsure = sum(one.is_unsure for one in others)
        return choose(session, question(dear, unsure=unsure), CHOICES, hint=HINT) or RUN

    def _replayed(self, given: Any, prompt: str, asked: Overrides, cost: CellCost) -> Overrides | None:  # noqa: ANN401
        """The options of a cell that would cost money, so that the cache answers it whatever its age; else say that it was not asked."""
        aged = Overrides(**{**asked, "cache": AGE_S, "fresh": False})
        if asked.get("cache") is not False and not (given.compare or given.ensemble or given.arena):
            try:
                if self._session.router.replay_cost([(prompt, aged)]).replayed:
                    return aged
            except RoutebookError:
                pass  # whoever asks it says what is wrong
        self._session.show(
            report(
                f"Not asked, because this run only replays: the cache has no answer, and one would cost {_sum([cost])}. Run this cell by itself to ask."
            )
        )
        return None


def question(dear: Iterable[CellCost], *, unsure: int) -> str:
    """The one question of a run."""
    dear = list(dear)
    later = f", and {unsure:,} more may, which cannot be known yet" if unsure else ""
    return f"{figures.plural(len(dear), 'cell')} would cost {_sum(dear)}{later}: replay, run, or stop?"


def _sum(dear: Iterable[CellCost]) -> str:
    """About what some cells cost together."""
    dear = list(dear)
    usd = sum((one.usd for one in dear), Decimal(0))
    unpriced = sum(one.unpriced > 0 for one in dear)
    if not usd:
        return "money, and their price is unknown" if len(dear) > 1 else "money, and its price is unknown"
    about = round(usd, 2 if usd >= 1 else 1 - usd.adjusted())  # two digits: it is an estimate
    return f"about {figures.money(about)}" + (f" and {unpriced} of them an unknown price" if unpriced else "")
