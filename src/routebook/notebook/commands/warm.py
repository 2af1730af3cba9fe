"""`%route warm NAME`: asks a model for one word, so that it is loaded when it is needed."""

from __future__ import annotations

from routebook.engine.health.warming import Warmed
from routebook.engine.health.warming import warm as warm_up
from routebook.engine.loop import engine_loop
from routebook.errors import UsageError
from routebook.notebook.figures import seconds
from routebook.notebook.progress import progress
from routebook.notebook.report import report
from routebook.notebook.session import Session
from routebook.notebook.table import Table


def warm(session: Session, rest: str) -> None:
    """Warm up a model, or those of a pool or a provider, and say how long it took."""
    if not rest:
        raise UsageError("%route warm takes the name of a model, a pool or a provider.")
    runtime = session.router.runtime()
    with progress(session) as (say, finish):
        say(f"Warming up {rest} …")
        found = engine_loop().run_sync(warm_up(runtime, rest))
        finish(report(Table(("model", "state"), [(one.model, _state(one)) for one in found])))


def _state(one: Warmed) -> str:
    if one.ready_s is not None:
        return f"ready, first word after {seconds(one.ready_s)}"
    return f"not ready: {one.trouble or 'it said nothing'}"
