"""The same on a Dask cluster: prompts go to its workers, limits and caps stay with the books of the one who asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from routebook.books.connect import MEMORY
from routebook.bulk.crew import Crew
from routebook.bulk.desk import HOSTS, Desk
from routebook.bulk.frames import bar_of, noting, unsent
from routebook.bulk.host import Host
from routebook.bulk.run import Asked, cost_of, job_of, kept_answers
from routebook.bulk.worker import Part
from routebook.config.values import Config
from routebook.engine.loop import engine_loop
from routebook.engine.ranges import usd
from routebook.engine.router import Router
from routebook.engine.runtime import caps_of
from routebook.engine.toolbox.chest import notes_of
from routebook.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client


def ask_on_cluster(
    client: Client, router: Router, prompts: Sequence[str], *, template: str, budget_usd: float | Decimal | None, concurrency: int,
    progress: bool, overrides: Mapping[str, Any],
) -> Asked:  # fmt: skip
    """Ask each prompt once, on the workers of a cluster; each answer is in the books as soon as it is there.

    Raises:
        UsageError: the books are in memory, or the cluster has no worker.
        BooksError: the books cannot be read or written.
        KeyboardInterrupt: it was stopped, on the workers too; a note says how many answers are kept.
    """
    runtime = router.runtime()
    if runtime.books.path == MEMORY:
        raise UsageError("On a cluster the books must be in a file: [books] path in routing.toml, or Router(books=FILE).")
    if not client.scheduler_info()["workers"]:
        raise UsageError("The cluster has no worker. Start some, or wait until they are there: client.wait_for_workers(1).")
    wanted, job = list(dict.fromkeys(prompts)), job_of(template, overrides)
    budget = usd("budget_usd", budget_usd)
    kept = engine_loop().run_sync(kept_answers(router, job, wanted))
    left = [prompt for prompt in wanted if prompt not in kept]
    token, options = uuid.uuid4().hex, _with_own_tools(overrides, runtime.config)
    with noting(router, job, wanted), bar_of(len(wanted), done=len(kept), is_shown=progress) as tell:
        host = Host(
            runtime.books.path, budgets=caps_of(runtime.config), pools=runtime.books.pools, job=job, budget_usd=budget,
            spent_usd=cost_of(kept.values()), prompts=left, tell=tell,
        )  # fmt: skip
        if left:
            with _desk(client, host, token) as (desk, key):
                part = Part(
                    token=token, desk=desk, key=key, job=job, config=runtime.config, overrides=options, concurrency=concurrency
                )  # fmt: skip
                _work(client, Crew(client, host, part))
    answers = engine_loop().run_sync(kept_answers(router, job, wanted))
    asked = Asked(answers, host.failures)
    return unsent(asked, wanted, budget, spent_usd=host.spent_usd) if host.is_spent else asked


def _with_own_tools(overrides: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The options with tools of this process as functions: a worker knows the names in `[tools]`, and not what was made a tool here.

    Raises:
        UsageError: there is no tool of a name.
    """
    notes = notes_of(overrides.get("tools"), config)
    return dict(overrides) if notes is None else {**overrides, "tools": [note.own or note.name for note in notes]}


def _work(client: Client, crew: Crew) -> None:
    try:
        client.sync(crew.work)
    finally:
        client.sync(crew.leave)


@contextmanager
def _desk(client: Client, host: Host, token: str) -> Iterator[tuple[str, str]]:
    """The address and the key of the actor: it stands at a worker in this very process that does nothing else."""
    from distributed import Worker

    HOSTS[token] = host

    async def start() -> Worker:
        return await Worker(client.scheduler.address, nthreads=1, name=f"routebook-books-{token}", security=client.security, memory_limit=0)

    place = client.sync(start)
    try:
        desk = client.submit(Desk, token, actor=True, workers=[place.address], allow_other_workers=False, pure=False).result()
        yield place.address, desk.key
    finally:
        del HOSTS[token]
        try:
            client.sync(place.close)
        finally:
            client.sync(host.aclose)
