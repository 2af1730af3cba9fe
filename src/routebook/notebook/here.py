"""The session of the notebook that this code runs in, for what is called as plain Python."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from routebook.notebook.extension import session_of
from routebook.notebook.session import Session

if TYPE_CHECKING:
    from routebook.engine.router import Router


def session_here() -> Session | None:
    """The session of `%load_ext routebook`, or a bare one where that was not said; `None` where no shell runs, as in a script."""
    ipython = sys.modules.get("IPython")  # where it is not loaded, no shell runs
    shell = ipython.get_ipython() if ipython is not None else None
    return None if shell is None else session_of(shell) or Session(shell)


def router_here() -> Router:
    """The notebook's own router, or a new one.

    Raises:
        ConfigError: `routing.toml` is wrong.
    """
    from routebook.engine.router import Router

    session = session_here()
    return session.router if session is not None else Router()
