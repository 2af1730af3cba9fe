"""Loading and unloading: registers the magics and the completion, and nothing else."""

from __future__ import annotations

from typing import Any

from routebook.notebook.complete import Completer
from routebook.notebook.magics import RouteMagics
from routebook.notebook.session import Session

_NAME = "_routebook"


def load(shell: Any) -> None:  # noqa: ANN401  IPython has no types
    """`%load_ext routebook`."""
    if getattr(shell, _NAME, None) is not None:
        return
    session = Session(shell)
    matcher = Completer(session).matcher()
    shell.register_magics(RouteMagics(shell, session))
    shell.Completer.custom_matchers.append(matcher)
    setattr(shell, _NAME, (session, matcher))


def unload(shell: Any) -> None:  # noqa: ANN401
    """`%unload_ext routebook`: takes back all that `load` did."""
    found = getattr(shell, _NAME, None)
    if found is None:
        return
    session, matcher = found
    setattr(shell, _NAME, None)
    shell.Completer.custom_matchers[:] = [other for other in shell.Completer.custom_matchers if other is not matcher]
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop("route", None)
    session.close()
