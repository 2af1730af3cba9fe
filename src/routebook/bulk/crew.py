"""Who works on a job: one task on each worker that the cluster has, also on those that come later, as long as there are prompts."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import contextlib
from typing import TYPE_CHECKING, Final

from routebook.bulk.desk import Carried, value
from routebook.bulk.host import Host
from routebook.bulk.worker import Part, leave, work
from routebook.errors import BooksError

if TYPE_CHECKING:
    from distributed import Client, Future

_LOOK_S: Final = 1.0
_PATIENCE_S: Final = 15.0
"""For what Dask says of its own: a worker that ends in the same moment may leave it unsaid for ever."""
_TRIES: Final = 3
"""A worker whose part fails so often gets no more of it."""
_LEAVE_S: Final = 30.0


class Crew:
    """The tasks of one job; all of it runs on the client's own loop."""

    def __init__(self, client: Client, host: Host, part: Part) -> None:
        """None works yet."""
        self._client, self._host, self._part = client, host, part
        self._tasks: dict[str, Future] = {}
        self._tries: dict[str, int] = {}
        self._alive: set[str] = set()

    async def work(self) -> None:
        """Have all prompts asked.

        Raises what the last task raised, when there is no worker on which they succeed.
        """
        while self._is_going_on or self._tasks:
            await self._look()
            for gone in {*self._host.workers, *self._tasks} - self._alive:  # also one that was gone before it was heard of
                await self.lose(gone)
            for worker in [worker for worker in self._alive if worker not in self._tasks] if self._is_going_on else []:
                if self._tries.get(worker, 0) < _TRIES:
                    self._begin(worker)
            await self._wait()
            for worker, task in [(worker, task) for worker, task in self._tasks.items() if task.done()]:
                await self._ended(worker, task)

    async def leave(self) -> None:
        """End what is under way on the workers: who was asked tells the desk, and nothing of the job is left there."""
        tasks, self._tasks = self._tasks, {}
        if tasks:
            with contextlib.suppress(OSError):  # TimeoutError is one: a worker that hangs ends when it hears no more of the desk
                await asyncio.wait_for(
                    self._client.run(leave, self._part.token, workers=[*(self._alive & tasks.keys())], on_error="ignore"), _LEAVE_S
                )
                await asyncio.wait_for(self._client.cancel([*tasks.values()]), _LEAVE_S)

    @property
    def _is_going_on(self) -> bool:
        return bool(self._host.waiting) and not self._host.is_spent

    async def _look(self) -> None:
        """See who is there; where the scheduler does not say, as before."""
        with contextlib.suppress(OSError):
            said = await asyncio.wait_for(self._client.scheduler.identity(n_workers=-1), _PATIENCE_S)
            self._alive = set(said["workers"]) - {self._part.desk}

    async def lose(self, worker: str) -> None:
        """Let go of a worker that is gone; what cannot be written now is tried again at the next look."""
        task = self._tasks.pop(worker, None)
        if task is not None:
            task.release()
        await self._bury(worker)

    async def _bury(self, worker: str) -> None:
        with contextlib.suppress(OSError, BooksError):
            await asyncio.wait_for(self._host.bury(worker), _PATIENCE_S)

    def _begin(self, worker: str) -> None:
        self._tasks[worker] = self._client.submit(work, self._part, pure=False, workers=[worker], allow_other_workers=False, retries=0)

    async def _wait(self) -> None:
        """Until one has ended, or it is time to look again."""
        if not self._tasks:
            await asyncio.sleep(_LOOK_S)
            return
        from distributed import wait

        with contextlib.suppress(TimeoutError, cf.CancelledError):
            await wait([*self._tasks.values()], timeout=_LOOK_S, return_when="FIRST_COMPLETED")

    async def _ended(self, worker: str, task: Future) -> None:
        """A task has nothing to do any more, or went wrong."""
        del self._tasks[worker]
        came: Carried = (False, None)
        with contextlib.suppress(
            OSError
        ):  # its worker may end before it says how that went: then what it did not tell the desk is asked again
            if task.status == "finished":
                came = await asyncio.wait_for(_result(task), _PATIENCE_S)
        if came[0]:
            return
        self._tries[worker] = self._tries.get(worker, 0) + 1
        await self._bury(worker)
        if not self._tasks and self._alive and all(self._tries.get(one, 0) >= _TRIES for one in self._alive):
            value(came if came[1] is not None else await task)


async def _result(task: Future) -> Carried:
    came: Carried = await task
    return came
