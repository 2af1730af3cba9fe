"""The engine's own event loop, on a thread of its own: it serves every entry point, and goes on between cells.

Limits and HTTP clients are bound to one loop; a slow model never blocks the kernel; `ask_sync` works inside a running loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """Work under way on the engine's loop, seen from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], *, on_end: Callable[[], None]) -> None:
        """Start `work`; `on_end` is called on the engine's thread when it has really ended, whether done, failed or cancelled."""
        self._loop, self._on_end = loop, on_end
        self.future: cf.Future[T] = cf.Future()
        """The end, for who waits for it in another way than `result`."""
        self._task: asyncio.Task[T] | None = None
        try:
            loop.call_soon_threadsafe(self._begin, work, contextvars.copy_context())
        except KeyboardInterrupt:  # it may have begun, and nobody else knows of it
            self.cancel()
            raise

    def cancel(self) -> None:
        """Cancel the work and return at once; `on_end` tells when it has ended."""
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the end; raises what the work raised, or `concurrent.futures.CancelledError`."""
        return self.future.result(timeout_s)

    def end(self) -> None:
        """Cancel the work and wait until it has really ended, whether well or not."""
        self.cancel()
        cf.wait([self.future])

    def _begin(self, work: Coroutine[Any, Any, T], context: contextvars.Context) -> None:
        self._task = self._loop.create_task(work, context=context)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.future.cancel()
            self.future.set_running_or_notify_cancel()
        elif (error := task.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())
        self._on_end()


class EngineLoop:
    """A running event loop and its thread."""

    def __init__(self) -> None:
        """Start the thread; it ends with the process."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="routebook-engine", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T], *, on_end: Callable[[], None]) -> Job[T]:
        """Start `work` and return at once."""
        return Job(self.loop, work, on_end=on_end)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the loop and await it from any loop; cancelling the caller cancels the work, and waits for its end."""
        own = asyncio.get_running_loop()
        if own is self.loop:
            return await work
        is_over = asyncio.Event()
        job = self.start(work, on_end=lambda: call_on(own, is_over.set))
        try:
            await is_over.wait()
        except asyncio.CancelledError:
            job.cancel()
            await is_over.wait()
            raise
        try:
            return job.result(0)
        except cf.CancelledError:  # the two modules have one each
            raise asyncio.CancelledError from None

    def run_sync(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the loop and wait for it; an interrupt cancels the work and waits for its end before it goes on.

        Raises:
            RuntimeError: called on the engine's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a sync call on the engine's own thread would wait for itself: use the async form")
        job: Job[T] | None = None
        try:
            job = self.start(work, on_end=lambda: None)
            return job.result()
        except KeyboardInterrupt:
            if job is not None:
                job.end()
            raise


def call_on(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    """Call `what` on another thread's loop, unless that has ended meanwhile."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(what)


_shared: EngineLoop | None = None
_lock = threading.Lock()


def _forget_parent() -> None:
    """In a forked child: the parent's thread is not here, so its loop would never run."""
    global _shared, _lock
    _shared, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_forget_parent)


def engine_loop() -> EngineLoop:
    """The one engine loop of this process, started when first asked for."""
    global _shared  # noqa: PLW0603  one loop a process is the point
    with _lock:
        if _shared is None:
            _shared = EngineLoop()
        return _shared
