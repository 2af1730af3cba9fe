"""Marking requests that went the wrong way, and the share that went the right one."""

from __future__ import annotations

from routebook.books import misroutes
from routebook.books.misroutes import Misroute
from routebook.engine.runtime import Runtime
from routebook.errors import UsageError
from routebook.labels import TASKS
from routebook.messages import Attempt
from routebook.near import did_you_mean


async def mark_wrong(runtime: Runtime, attempt: Attempt, *, should: str | None) -> None:
    """Mark the request of an attempt as routed wrongly.

    Raises:
        UsageError: there is no task `should`, or the request was taken for it.
        BooksError: the books cannot be written.
    """
    labels = [*TASKS, *runtime.config.tasks]
    if should is not None and should not in labels:
        raise UsageError(f"There is no task {should!r}. {did_you_mean(should, labels)}".rstrip())
    if should == attempt.task:
        raise UsageError(f"It was taken for {should!r}. Name the task that it should have been taken for, or none.")
    found = Misroute(attempt.request_id, round(runtime.now().timestamp() * 1e6), attempt.task, attempt.route, should)
    await runtime.books.write(lambda connection: misroutes.mark(connection, found))


async def unmark_wrong(runtime: Runtime, request_id: str) -> bool:
    """Take a mark back; tell whether there was one."""
    return await runtime.books.write(lambda connection: misroutes.unmark(connection, request_id))
