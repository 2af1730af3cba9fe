"""Loading and unloading: registers the magics, the completion and what tells a Run All, and nothing else."""

from __future__ import annotations

from typing import Any

from routebook.notebook.complete import Completer
from routebook.notebook.magics import RouteMagics
from routebook.notebook.series import Watch
from routebook.notebook.session import Session

_NAME = "_routebook"


def load(shell: Any) -> None:  # noqa: ANN401  IPython has no types
    """`%load_ext routebook`."""
    if getattr(shell, _NAME, None) is not None:
        return
    magics = RouteMagics(shell, Session(shell))
    watch = Watch(shell, magics.session.series)
    matcher = Completer(magics.session).matcher()
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(matcher)
    watch.start()
    setattr(shell, _NAME, (magics, matcher, watch))


def session_of(shell: Any) -> Session | None:  # noqa: ANN401
    """The session of a shell that has the extension loaded."""
    found = getattr(shell, _NAME, None)
    return found[0].session if found is not None else None


def unload(shell: Any) -> None:  # noqa: ANN401
    """`%unload_ext routebook`: takes back all that `load` did."""
    found = getattr(shell, _NAME, None)
    if found is None:
        return
    magics, matcher, watch = found
    setattr(shell, _NAME, None)
    watch.stop()
    shell.Completer.custom_matchers[:] = [other for other in shell.Completer.custom_matchers if other is not matcher]
    shell.configurables[:] = [other for other in shell.configurables if other is not magics]
    manager = shell.magics_manager
    for known in (manager.registry, *manager.magics.values()):
        for name, entry in list(known.items()):
            if getattr(entry, "__self__", entry) is magics:
                del known[name]
    magics.session.close()
