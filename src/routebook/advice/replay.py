"""What a proposal would have saved: the requests it is about replayed by the file as it is and as it would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from routebook.advice.proposal import Proposal
from routebook.config.read import parse
from routebook.engine.learning.hindsight import Change, Hindsight
from routebook.engine.learning.what_if import what_if
from routebook.errors import ConfigError, UsageError

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

REPLAYED: Final = ("cheaper", "failing")
"""Kinds that change where prompts go."""
MOST: Final = 2_000
"""The newest so many requests are replayed."""


def weighed(proposal: Proposal, frame: pd.DataFrame, text: str) -> Proposal | None:
    """A proposal with what it would have saved, as far as the record can tell; `None` when the file with it would be wrong.

    One that is written in a way that only its author can change stays, and says so.
    """
    try:
        changed = proposal.edit.on(text)
        parse(changed, file="routing.toml")
    except ConfigError:
        return None
    except UsageError as error:
        return msgspec.structs.replace(proposal, doubts=(*proposal.doubts, f"it cannot be applied from here: {error}"))
    if proposal.kind not in REPLAYED:
        return proposal
    over = proposal.over[-MOST:]
    try:
        part = frame[frame["request_id"].isin(over)]
        now, then = (what_if(part, parse(each, file="routing.toml")) for each in (text, changed))
    except UsageError as error:
        return msgspec.structs.replace(proposal, doubts=(*proposal.doubts, f"the record cannot tell what it saves: {error}"))
    return _told(msgspec.structs.replace(proposal, over=over), now, then)


def _told(proposal: Proposal, now: Hindsight, then: Hindsight) -> Proposal:
    usd, mean_s = _saved(now.cost_usd, then.cost_usd), _saved(now.latency_s, then.latency_s)
    spared_s = proposal.saves_s if mean_s is None or then.latency_s is None else mean_s * then.latency_s.requests
    told = [f"replayed: {then.moved} of {then.told} requests would have begun with another model"]
    said = ("how good", *(["how long"] if spared_s is not None else []))  # the evidence says the one, the record as a whole the other
    untold = [one for one in then.untold if not one.reason.startswith(tuple(said))]
    doubts = [f"of {one.requests} request{'s' * (one.requests != 1)} the record does not tell {one.reason}" for one in untold[:2]]
    return msgspec.structs.replace(
        proposal,
        evidence=(*proposal.evidence, *told),
        doubts=(*proposal.doubts, *doubts),
        saves_usd=usd,
        saves_s=spared_s,
    )


def _saved(now: Change | None, then: Change | None) -> float | None:
    """By how much less a figure would be; `None` where it is not told of the same requests."""
    if now is None or then is None or now.requests != then.requests:
        return None
    return now.after - then.after
