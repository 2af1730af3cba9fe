"""Work that may take long or never end, beside the loop: a thread of its own, left behind when its time is over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from routebook.engine.loop import call_on

T = TypeVar("T")


async def aside(work: Callable[[], T], *, limit_s: float) -> T:
    """Run `work` on a thread and return what it returns, or raise what it raises.

    Not on the loop's own pool: a thread there that never ends would keep the process from ending.

    Raises:
        TimeoutError: it did not end within `limit_s`; its thread ends with the process.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def end(result: T | None, error: Exception | None) -> None:
        if future.done():  # nobody waits any more
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("T", result))

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  whatever it raises belongs to whoever waits for it
            call_on(loop, partial(end, None, _told(error)))
        else:
            call_on(loop, partial(end, result, None))

    threading.Thread(target=run, name="routebook-aside", daemon=True).start()
    async with asyncio.timeout(limit_s):
        return await future


def _told(error: BaseException) -> Exception:
    """What can be raised where it is waited for: a future takes no `StopIteration`, and nobody there is to end a program."""
    if isinstance(error, SystemExit):
        return RuntimeError(f"it left with exit code {error.code}")
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"it raised {type(error).__name__}")
