"""A tool that is ready to be run, whatever stands behind it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
from functools import partial
from typing import Any, Protocol

from routebook.engine.aside import aside
from routebook.engine.toolbox.behind_wall import behind_wall
from routebook.engine.toolbox.failure import ToolFailed
from routebook.engine.toolbox.keyring import Find, find
from routebook.engine.toolbox.tool import Tool
from routebook.errors import RoutebookError
from routebook.messages import ToolSpec


class Opened(Protocol):
    """What can be run."""

    spec: ToolSpec
    confirm: bool
    timeout_s: float
    max_bytes: int
    fallbacks: tuple[str | Tool, ...]

    def read(self, arguments: str) -> dict[str, Any]:
        """The arguments as a model wrote them. Raises `ValueError`, which says what is wrong with them."""
        ...

    async def run(self, arguments: dict[str, Any], *, is_walled: bool, limit_s: float) -> object:
        """Run it and return what it returns.

        Raises:
            ToolFailed: it failed; says how.
            TimeoutError: it did not end within `limit_s`; it is left behind.
        """
        ...


class OpenedFunction:
    """A function, run on a thread of its own: it may block, and an async one gets a loop of its own, because it may block that too."""

    def __init__(self, tool: Tool, *, find: Find) -> None:
        """Takes the tool's options over; `find` finds the keys that it names."""
        self._find = find
        self._function = tool.function
        self.spec, self.read = tool.spec, tool.read
        self.confirm, self.timeout_s, self.max_bytes = tool.confirm, tool.timeout_s, tool.max_bytes
        self.fallbacks = tool.fallbacks

    async def run(self, arguments: dict[str, Any], *, is_walled: bool, limit_s: float) -> object:
        """See `Opened.run`. A sync function that is left behind goes on; an async one is cancelled."""
        running = _Running(partial(self._function, **arguments), is_walled=is_walled)
        context = contextvars.copy_context()
        context.run(find.set, self._find)
        try:
            return await aside(partial(context.run, running), limit_s=limit_s)
        except asyncio.CancelledError:
            running.cancel()
            raise
        except TimeoutError as error:
            if running.is_over:  # the function's own, not ours; asked before the cancel, which may end it at once
                raise ToolFailed(f"TimeoutError: {error}") from error
            running.cancel()
            raise
        except RoutebookError as error:
            raise ToolFailed(str(error)) from error
        except Exception as error:
            said = str(error).strip()
            raise ToolFailed(f"{type(error).__name__}: {said}" if said else type(error).__name__) from error


class _Running:
    """One run on its thread."""

    def __init__(self, work: partial[Any], *, is_walled: bool) -> None:
        self._work, self._is_walled = work, is_walled
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.is_over = False

    def __call__(self) -> object:
        """Run it, as a coroutine where it is one."""
        try:
            with behind_wall(is_up=self._is_walled):
                found = self._work()
                return asyncio.run(self._await(found)) if inspect.isawaitable(found) else found
        except asyncio.CancelledError:
            raise RuntimeError("it was cancelled") from None
        finally:
            self.is_over = True

    async def _await(self, found: Any) -> object:  # noqa: ANN401  whatever can be awaited
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await found

    def cancel(self) -> None:
        """Cancel a coroutine; from another thread."""
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
