"""One quiet line a session: that the models are due to be evaluated, or that some have no profile yet. Nothing runs by itself."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Final

from routebook.books.evaluations import Standing, standing
from routebook.config.values import Config
from routebook.engine.runtime import Runtime
from routebook.errors import BooksError
from routebook.notebook.report import report
from routebook.notebook.session import Session
from routebook.span import seconds_of

DO: Final = "%route evaluate runs the suite."
MOST_NAMED: Final = 5


def remind(session: Session) -> None:
    """Show the line, where `[evaluation] every` asks for it and it was not shown in this session."""
    config = session.router.config
    if session.was_reminded or config.evaluation.every is None:
        return
    session.was_reminded = True
    with contextlib.suppress(BooksError):  # whoever needs them next says so
        line = due(session.router.runtime(), config)
        if line:
            session.show(report(line))


def due(runtime: Runtime, config: Config) -> str:
    """What is to be said; nothing where the models were evaluated in time and each has a profile."""
    found = runtime.books.read(standing)
    said = [*_late(found, config, now=runtime.now()), *_new(found, config)]
    line = "; ".join(said)
    return f"{line[0].upper()}{line[1:]}. {DO}" if line else ""


def _late(found: Standing, config: Config, *, now: dt.datetime) -> list[str]:
    every = config.evaluation.every or ""
    if found.ended is None:
        return ["The models were never evaluated"]
    ago = now - dt.datetime.fromtimestamp(found.ended / 1e6, dt.UTC)
    if ago.total_seconds() < (seconds_of(every) or float("inf")):
        return []
    since = f"{ago.days} days" if ago.days > 1 else f"{ago.total_seconds() / 3600:.0f} hours"
    return [f"The models were evaluated {since} ago, and every {every} is wanted"]


def _new(found: Standing, config: Config) -> list[str]:
    names = [name for name, model in config.models.items() if not model.rubric and name not in found.models]
    if not names or found.ended is None:
        return []
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [f"without a profile: {', '.join(names[:MOST_NAMED])}{more}"]
