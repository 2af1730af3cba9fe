"""One line that says what is going on, and gives its place to the result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from routebook.notebook.page import Bundle
    from routebook.notebook.session import Session

TICK_S: Final = 0.2
"""Between two updates: a notebook's server drops messages that come too fast."""


class ErrorLine:
    """A line on standard error that is overwritten, and gone in the end."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._width = 0
        self._pace = Pace()

    def say(self, text: str) -> None:
        """Show a text, unless the last one was shown just now."""
        if self._pace.is_due():
            sys.stderr.write(f"\r{text.ljust(self._width)}")
            sys.stderr.flush()
            self._width = len(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take the line away."""
        sys.stderr.write(f"\r{' ' * self._width}\r" if self._width else "")
        sys.stderr.flush()


class OutputLine:
    """An output of a notebook's cell that changes, and is emptied or replaced in the end."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._handle: Any = None
        self._pace = Pace()

    def say(self, text: str) -> None:
        """Show a text, unless the last one was shown just now."""
        if self._pace.is_due():
            self.put({"text/plain": text})

    def put(self, page: Bundle) -> None:
        """Show a page in the line's place."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(page, raw=True, display_id=True)
        else:
            self._handle.update(page, raw=True)


class Pace:
    """Lets something happen at most five times a second."""

    def __init__(self) -> None:
        """It is due at once."""
        self._last = -TICK_S

    def is_due(self) -> bool:
        """Whether it is time again; the answer yes starts the wait anew."""
        now = time.monotonic()
        is_due = now - self._last >= TICK_S
        self._last = now if is_due else self._last
        return is_due


@contextmanager
def progress(session: Session) -> Iterator[tuple[Callable[[str], None], Callable[[Bundle], None]]]:
    """Give `say`, which shows what is going on, and `finish`, which shows the result in its place."""
    if not session.has_page:
        with ErrorLine() as line:
            results: list[Bundle] = []
            yield line.say, results.append
        for page in results:
            session.show(page)
        return
    output = OutputLine()
    try:
        yield output.say, output.put
    except BaseException:
        output.put({"text/plain": ""})
        raise
