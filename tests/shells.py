"""A real IPython shell inside the test's own process."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@contextmanager
def shell() -> Iterator[Any]:
    """A shell without history, gone afterwards."""
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    made.Completer.use_jedi = False
    try:
        yield made
    finally:
        made.restore_sys_module_state()
        made.atexit_operations()
        atexit.unregister(made.atexit_operations)


def complete(made: Any, text: str) -> list[tuple[str, str]]:  # noqa: ANN401  IPython has no types
    """What Tab offers where `|` stands: the whole word and its kind, as a notebook shows them."""
    at = text.index("|")
    source = text.replace("|", "", 1)
    with provisionalcompleter():
        found = list(made.Completer.completions(source, at))
    return [(one.text, one.type) for one in found]
