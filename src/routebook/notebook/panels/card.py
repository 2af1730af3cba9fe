"""`%%route -b`: the card of a background cell, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from routebook.errors import RoutebookError
from routebook.messages import Answer, Overrides
from routebook.notebook.gather import News
from routebook.notebook.live import ALONE, PanesView
from routebook.notebook.page import Bundle, answer_page, failed_page
from routebook.notebook.panels.background import Background
from routebook.notebook.session import Session


def start_behind(session: Session, prompt: str, asked: Overrides, *, name: str | None) -> Background:
    """Start a request in the background; the variable `name` holds the job, and the answer itself once it has come.

    Raises:
        UsageError: an option is wrong; nothing was sent.
    """
    router, names = session.router, session.shell.user_ns
    router.plan(prompt, **asked)
    view: PanesView = session.panes_view([ALONE], last_page=last_page) if session.has_page else Silent()

    def keep(answer: Answer) -> None:
        if name and names.get(name) is background:
            names[name] = answer
            background.is_taken = True  # the variable has it

    background = session.jobs.start(
        lambda emit, on_end: router.start(prompt, emit=emit, on_end=on_end, **asked), view, prompt=prompt, on_answer=keep
    )
    if name:
        names[name] = background
    if not session.has_page:
        print(f"[job {background.number} is under way; {name or '%route jobs'} has its answer]")  # noqa: T201  a terminal's card
    return background


def last_page(answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> Bundle:
    """What a card ends as."""
    if ALONE in answers:
        return answer_page(answers[ALONE])
    return failed_page(failures[ALONE]) if ALONE in failures else {"text/plain": "stopped before anything came"}


class Silent:
    """A terminal shows nothing of what runs behind: it would come in between what is typed."""

    def open(self, *, cancel: Callable[[str], None]) -> None:
        """Nothing to show."""

    def show(self, news: Mapping[str, News]) -> None:
        """Nothing to show."""

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        """Nothing to show."""
