"""What a `%%route` cell would cost if it ran now: its own requests, those the cache answers left out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routebook.engine.router import Router
from routebook.errors import RoutebookError
from routebook.messages import Overrides
from routebook.notebook import options
from routebook.notebook.complete import CELL
from routebook.notebook.interpolate import NAME, interpolate
from routebook.notebook.panels.background import Background

if TYPE_CHECKING:
    from routebook.notebook.session import Session

AGE_S: Final = 1e12
"""As old as an answer in the cache may be when a run only replays: any age."""
ARENA: Final = 2
"""Answers of an arena."""


class CellCost(NamedTuple):
    """US dollars, about."""

    usd: Decimal
    unpriced: int
    """Requests to paid models of unknown price."""
    is_unsure: bool = False
    """It cannot be known yet: a variable of its prompt is not there, or the conversation that it sends along."""

    @property
    def is_dear(self) -> bool:
        """Whether it costs money."""
        return self.usd > 0 or self.unpriced > 0


FREE: Final = CellCost(Decimal(0), 0)
UNSURE: Final = CellCost(Decimal(0), 0, is_unsure=True)


def cost_of(router: Router, given: Any, prompt: str, asked: Overrides) -> CellCost:  # noqa: ANN401  argparse's namespace
    """What a cell would cost; nothing where it is wrong, which whoever runs it says."""
    try:
        asks = [(prompt, own) for own in _asks(given, asked)]
        found = router.replay_cost(asks)
        if not found.unpriced:
            return CellCost(found.cost_usd, 0)
        paid = sum(_is_paid(router, prompt, own) for _, own in asks)
    except RoutebookError:
        return FREE
    return CellCost(found.cost_usd, min(found.unpriced, paid))


def cost_below(session: Session, source: str) -> CellCost:
    """What a cell would cost that has not run yet."""
    match = CELL.match(source)
    if match is None:
        return FREE
    line, _, body = source[match.end() :].partition("\n")
    names = session.shell.user_ns
    try:
        given = options.parse(line)
        if given.help or given.dry:
            return FREE
        if given.history or (not given.raw and not _are_there(body, names)):
            return UNSURE
        prompt = (body if given.raw else interpolate(body, names)).strip()
        asked = options.overrides(given, names)
    except RoutebookError:
        return UNSURE
    return cost_of(session.router, given, prompt, asked)


def _are_there(body: str, names: dict[str, Any]) -> bool:
    """Whether each variable has a value that can be had without waiting."""
    values = [names.get(name) for name in NAME.findall(body)]
    return all(value is not None and not (isinstance(value, Background) and not value.is_done) for value in values)


def _asks(given: Any, asked: Overrides) -> list[Overrides]:  # noqa: ANN401
    """The options of each request that a cell makes. What is compared is never taken from the cache."""
    named = given.compare or given.ensemble
    if named:
        models = [name.strip() for name in named.split(",")] * (given.repeat or 1) + ([given.judge] if given.judge else [])
        return [Overrides(**{**asked, "model": model, "cache": False}) for model in models]
    return [Overrides(**{**asked, "cache": False})] * ARENA if given.arena else [asked]


def _is_paid(router: Router, prompt: str, asked: Overrides) -> bool:
    """Whether the model that would be asked first is of the paid tier, and no price of it is known."""
    first = router.plan(prompt, **asked).candidates[:1]
    return any(candidate.tier == "paid" and candidate.expected_cost_usd is None for candidate in first)
