"""Many requests at once from the thread that called: so many under way at most, and each ends for itself."""

from __future__ import annotations

import queue
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import CancelledError
from functools import partial
from typing import Final, TypeVar

from routebook.engine.loop import Job
from routebook.errors import RoutebookError
from routebook.events import Event
from routebook.messages import Answer
from routebook.notebook.live import GRACE_S, HEARTBEAT_S, Start

K = TypeVar("K", bound=Hashable)
AT_ONCE: Final = 64
"""Requests under way; those beyond wait here, and hold no place in any queue."""


def ask_each(starts: Mapping[K, Start], *, at_once: int = AT_ONCE) -> Iterator[tuple[K, Answer | RoutebookError]]:
    """Yield how each request ended, in the order of their ends. Whoever stops reading, or interrupts, cancels the others.

    Raises:
        KeyboardInterrupt: the stop button; what had not ended is cancelled.
    """
    ends: queue.SimpleQueue[K] = queue.SimpleQueue()
    waiting = iter(starts.items())
    jobs: dict[K, Job[Answer]] = {}

    def start_next() -> None:
        for key, start in waiting:
            jobs[key] = start(_unheard, partial(ends.put, key))
            return

    try:
        for _ in range(at_once):
            start_next()
        while jobs:
            key = _next(ends)
            job = jobs.pop(key)
            start_next()
            yield key, _end_of(job)
    finally:
        _end_all(jobs, ends)


def _next(ends: queue.SimpleQueue[K]) -> K:
    while True:
        try:
            return ends.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            continue


def _end_of(job: Job[Answer]) -> Answer | RoutebookError:
    try:
        return job.result(GRACE_S)
    except RoutebookError as error:
        return error
    except CancelledError:
        return RoutebookError("It was cancelled.")


def _end_all(jobs: Mapping[K, Job[Answer]], ends: queue.SimpleQueue[K]) -> None:
    """Cancel what is left, and wait a moment until its rows are written."""
    for job in jobs.values():
        job.cancel()
    left: Callable[[], K] = partial(ends.get, timeout=GRACE_S)
    try:
        for _ in jobs:
            left()
    except queue.Empty:
        return


def _unheard(_event: Event) -> None:
    """Nobody reads along."""
