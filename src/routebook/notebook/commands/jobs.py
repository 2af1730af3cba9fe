"""`%route jobs`: the background cells."""

from __future__ import annotations

from routebook.errors import UsageError
from routebook.notebook import figures
from routebook.notebook.page import answer_page
from routebook.notebook.panels.background import Background
from routebook.notebook.report import Heading, report
from routebook.notebook.session import Session
from routebook.notebook.table import Table

_SHOWN: int = 60
"""Characters of a prompt in the list."""


def jobs(session: Session, rest: str) -> None:
    """List them; `show N` shows an answer, and waits for it; `cancel N` ends one.

    Raises:
        UsageError: there is no such job, or it was cancelled.
        RoutebookError: `show`: why it has no answer.
    """
    what, _, number = rest.partition(" ")
    if not what:
        session.show(_list(session.jobs.all()))
    elif what == "show":
        answer = session.jobs.find(number.strip()).result()
        session.remember(session.jobs.find(number.strip()).prompt, answer)
        session.show(answer_page(answer))
    elif what == "cancel":
        job = session.jobs.find(number.strip())
        said = "has ended already" if job.is_done else "is being ended"
        job.cancel()
        session.show(report(f"Job {job.number} {said}."))
    else:
        raise UsageError(f"%route jobs takes show N, cancel N, or nothing, and not {rest!r}.")


def _list(found: list[Background]) -> dict[str, str]:
    if not found:
        return report("No background cell yet. %%route -b makes one.")
    under_way = sum(not job.is_done for job in found)
    rows = [(str(job.number), f"{job.began:%H:%M:%S}", job.said, " ".join(job.prompt.split())[:_SHOWN]) for job in found]
    faint = [at for at, job in enumerate(found) if job.is_done]
    return report(Heading(f"{figures.plural(under_way, 'job')} under way"), Table((">", "began", "state", "prompt"), rows, faint=faint))
