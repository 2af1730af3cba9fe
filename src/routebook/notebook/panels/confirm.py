"""A person's yes before a tool marked `confirm` runs: asked for by the engine, answered on the main thread while the cell runs."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from routebook.notebook.panels.choice import choose
from routebook.notebook.session import Session

YES: Final = "yes"
NO: Final = "no"


class Confirming:
    """Hands questions from the engine's threads to the one that may ask."""

    def __init__(self, session: Session) -> None:
        """Nothing is asked yet."""
        self._session = session
        self._questions: queue.SimpleQueue[tuple[str, Future[bool]]] = queue.SimpleQueue()
        self._is_over = threading.Event()
        """The request that may ask has ended."""

    def __call__(self, question: str) -> bool:
        """Wait for the person's word; on a thread that may wait."""
        reply: Future[bool] = Future()
        self._questions.put((question, reply))
        return reply.result()

    def until(self, on_end: Callable[[], None]) -> Callable[[], None]:
        """Make of `on_end`, which is called when the request has ended, one that takes its question away as well."""

        def end() -> None:
            self._is_over.set()
            on_end()

        return end

    def look(self) -> None:
        """Ask what is to be asked; on the main thread.

        Raises:
            Interrupted: the stop button, instead of an answer.
        """
        with contextlib.suppress(queue.Empty):
            question, reply = self._questions.get_nowait()
            said = None
            try:
                said = choose(self._session, question, (YES, NO), is_wanted=lambda: not self._is_over.is_set())
            finally:
                reply.set_result(said == YES)
