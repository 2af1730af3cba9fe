"""The same on a Dask cluster: prompts go to its workers, limits and caps stay with the books of the one who asked."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from routebook.books.connect import MEMORY
from routebook.bulk.desk import HOSTS, Desk, Host
from routebook.bulk.run import Asked, job_of, kept_answers
from routebook.bulk.worker import Job, work
from routebook.engine.loop import engine_loop
from routebook.engine.router import Router
from routebook.engine.runtime import Runtime, caps_of
from routebook.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client

BATCH: Final = 50
"""Prompts of one task at most; of few prompts every worker gets some."""
_LOOK_S: Final = 1.0


def ask_on_cluster(
    client: Client, router: Router, prompts: Sequence[str], *, template: str, budget_usd: float | Decimal | None, concurrency: int,
    overrides: Mapping[str, Any],
) -> Asked:  # fmt: skip
    """Ask each prompt once, on the workers of a cluster; each answer is in the books as soon as it is there.

    Raises:
        UsageError: the books are in memory, or the cluster has no worker.
        BooksError: the books cannot be read or written.
    """
    runtime = router.runtime()
    if runtime.books.path == MEMORY:
        raise UsageError("On a cluster the books must be in a file: [books] path in routing.toml, or Router(books=FILE).")
    if not client.scheduler_info()["workers"]:
        raise UsageError("The cluster has no worker. Start some, or wait until they are there: client.wait_for_workers(1).")
    wanted, job = list(dict.fromkeys(prompts)), job_of(template, overrides)
    budget = None if budget_usd is None else Decimal(str(budget_usd))
    kept = engine_loop().run_sync(kept_answers(router, job, wanted))
    left = [prompt for prompt in wanted if prompt not in kept]
    with _desk(client, runtime, job=job, budget_usd=budget) as (desk, token, own):
        spec = Job(token=token, config=runtime.config, overrides=dict(overrides), concurrency=concurrency)
        workers = [address for address in client.scheduler_info(n_workers=-1)["workers"] if address != own]
        size = max(1, min(BATCH, len(left) // (2 * len(workers))))
        batches = [left[start : start + size] for start in range(0, len(left), size)]
        ended = client.gather(
            [client.submit(work, desk, spec, batch, pure=False, workers=workers, allow_other_workers=False, retries=2) for batch in batches]
        )
    answers = engine_loop().run_sync(kept_answers(router, job, wanted))
    failures = {prompt: said for failed, _ in ended for prompt, said in failed.items()}
    if any(is_spent for _, is_spent in ended):
        said = f"not sent: the budget of ${budget} is spent; the same call with a larger one goes on"
        failures |= {prompt: said for prompt in left if prompt not in answers and prompt not in failures}
    return Asked(answers, failures)


@contextmanager
def _desk(client: Client, runtime: Runtime, *, job: bytes, budget_usd: Decimal | None) -> Iterator[tuple[Any, str, str]]:
    """The actor, its token and the address it stands at: a worker in this very process that does nothing else."""
    from distributed import Worker

    books, token = runtime.books, uuid.uuid4().hex
    host = HOSTS[token] = Host(books.path, budgets=caps_of(runtime.config), pools=books.pools, job=job, budget_usd=budget_usd)

    async def start() -> Worker:
        return await Worker(client.scheduler.address, nthreads=1, name=f"routebook-books-{token}", security=client.security, memory_limit=0)

    place = client.sync(start)
    burying = client.sync(_begin, _bury_the_dead, client, host)
    try:
        desk = client.submit(Desk, token, actor=True, workers=[place.address], allow_other_workers=False, pure=False).result()
        yield desk, token, place.address
    finally:
        client.sync(_end, burying)
        client.sync(place.close)
        client.sync(host.aclose)
        del HOSTS[token]


async def _begin(work_: Any, *words: Any) -> asyncio.Task[None]:  # noqa: ANN401
    return asyncio.ensure_future(work_(*words))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _bury_the_dead(client: Client, host: Host) -> None:
    """Free what workers held that are gone."""
    while True:
        await asyncio.sleep(_LOOK_S)
        alive = set((await client.scheduler.identity(n_workers=-1))["workers"])
        for worker in host.workers:
            if worker not in alive:
                await host.bury(worker)
