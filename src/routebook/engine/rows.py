"""The row of an attempt is written before its request goes on; but a request does not wait for it long after its own deadline.

Where the books are locked, or the machine has more to do than it can, the row is written behind the request's back: it is on its way already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from routebook.engine.runtime import Runtime
from routebook.engine.turn import Outcome

LATE_S: Final = 0.2
"""A request may end so long after its deadline because its row is being written."""


async def write(
    runtime: Runtime, outcome: Outcome, end: Coroutine[Any, Any, tuple[str, ...]], *, until: float, then: Callable[[], object] | None = None
) -> None:
    """Write the end of an attempt, whatever happens to the task that waits for it; what the books say of it joins the outcome's notes.

    Args:
        runtime: waits for the row when it closes.
        outcome: of the attempt.
        end: what writes its row.
        until: the request's deadline, in the loop's time.
        then: is called when the row is written, also when nobody waits for that any more.
    """
    writing = asyncio.ensure_future(end)
    runtime.writing.add(writing)
    writing.add_done_callback(runtime.writing.discard)
    if then is not None:
        writing.add_done_callback(lambda _: then())
    try:
        await _wait(writing, until=until)
    except asyncio.CancelledError:
        await _wait(writing, until=until)
        raise
    finally:
        if writing.done():
            outcome.notes += writing.result()


async def _wait(writing: asyncio.Task[tuple[str, ...]], *, until: float) -> None:
    await asyncio.wait({writing}, timeout=max(0.0, until + LATE_S - asyncio.get_running_loop().time()))
