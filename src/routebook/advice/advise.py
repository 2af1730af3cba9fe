"""All that the record says against a config, as proposals in order, one a place; and what is missing where it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from routebook.advice.cheaper import cheaper
from routebook.advice.failing import failing
from routebook.advice.limits import limits
from routebook.advice.proposal import Found, Need, Proposal
from routebook.advice.record import Record
from routebook.advice.repeats import repeats
from routebook.advice.spending import spending
from routebook.advice.times import times
from routebook.advice.unused import unused

LOOKS: Final[tuple[Callable[[Record], Iterable[Found]], ...]] = (cheaper, failing, limits, times, unused, repeats, spending)


def advise(record: Record) -> tuple[list[Proposal], list[Need]]:
    """Return what is proposed, and why there is nothing of a kind."""
    found = [one for look in LOOKS for one in look(record)]
    proposals = [one for one in found if isinstance(one, Proposal)]
    needs = [one for one in found if isinstance(one, Need)]
    return proposals, needs


def in_order(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Of several for the same place the first; those that save most money first, then those that save most time."""
    places: dict[tuple[tuple[str, ...], str | None], Proposal] = {}
    for one in sorted(proposals, key=lambda one: (-(one.saves_usd or 0.0), -(one.saves_s or 0.0))):
        places.setdefault((one.edit.table, one.edit.key), one)
    return list(places.values())
