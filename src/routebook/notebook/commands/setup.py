"""`%route setup`: fetches the embedded model's weights, once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from routebook.backends.fetch import fetch_weights
from routebook.backends.weights import Weights, find_weights
from routebook.errors import SetupNeeded
from routebook.notebook import figures
from routebook.notebook.progress import progress
from routebook.notebook.report import report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest

FETCHING: Final = "Fetching the embedded model's weights …"


def setup(session: Session, rest: str) -> None:
    """Fetch the weights unless they are here, and say where they are."""
    refuse_rest("setup", rest)
    with progress(session) as (say, finish):
        finish(report(set_up(say)))


def set_up(say: Callable[[str], None]) -> str:
    """Fetch the weights unless they are here; return what was done, where they are and how big they are.

    Raises:
        SetupNeeded: they cannot be fetched, or `$ROUTEBOOK_GGUF` names what is not there; the message says what to do.
    """
    found = _found()
    if found is not None:
        return f"Nothing to do: the embedded model is here already. {_where(found)}"
    say(FETCHING)
    path = fetch_weights(progress=lambda here, whole: say(_share(here, whole)))
    return f"Fetched. {_where(Weights(path, is_default=True))} It is used from now on."


def _found() -> Weights | None:
    if os.environ.get("ROUTEBOOK_GGUF"):
        return find_weights()  # one that is named and not there is not replaced by another
    try:
        return find_weights()
    except SetupNeeded:
        return None


def _share(here: int, whole: int) -> str:
    return f"{FETCHING} {figures.size(here)} of {figures.size(whole)} ({here * 100 // whole} %)" if here else FETCHING


def _where(weights: Weights) -> str:
    kind = "SmolLM2-135M (Apache-2.0), demo-grade" if weights.is_default else "A model of your own"
    return f"{kind}: {weights.path} ({figures.size(weights.path.stat().st_size)})."
