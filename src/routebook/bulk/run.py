"""Asks for the prompts of a frame: each once, within a budget, and only those that have no answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from routebook.books import bulk
from routebook.books.bulk import Kept
from routebook.books.money import to_pico
from routebook.bulk.purse import Part, Purse
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, BudgetExceeded, RoutebookError, UsageError
from routebook.messages import Answer

CONCURRENCY: Final = 64
Report = Callable[[], None]
Keep = Callable[[Kept], Awaitable[None]]


class Asked(NamedTuple):
    """What came of the prompts."""

    answers: dict[str, Kept]
    failures: dict[str, str]
    """What went wrong, by prompt."""


def job_of(template: str, overrides: Mapping[str, Any]) -> bytes:
    """The key of a job: the same template with the same options is the same job, whatever the rows."""
    return blake2b(repr((template, sorted(overrides.items()))).encode(), digest_size=16).digest()


def key_of(prompt: str) -> bytes:
    """The key of a prompt."""
    return blake2b(prompt.encode(errors="surrogatepass"), digest_size=16).digest()


async def kept_answers(router: Router, job: bytes, prompts: Iterable[str]) -> dict[str, Kept]:
    """The answers that an earlier, unfinished run of the job left."""
    found = await asyncio.to_thread(lambda: router.runtime().books.read(lambda connection: bulk.kept_of(connection, job)))
    return {prompt: found[key] for prompt in prompts if (key := key_of(prompt)) in found}


async def ask_all(
    router: Router, prompts: Iterable[str], *, keep: Keep, purse: Purse, concurrency: int, tell: Report, overrides: Mapping[str, Any]
) -> Asked:
    """Ask each prompt once; every answer is kept as it comes. A failure of one does not stop the others; a spent budget does.

    Returns:
        Answers and failures; a prompt with neither was not sent because the budget was spent.
    """
    waiting = list(dict.fromkeys(prompts))[::-1]
    asked = Asked({}, {})

    async def one(prompt: str) -> None:
        async with purse.part() as part:
            try:
                answer = await _ask(router, prompt, part, overrides)
            except BudgetExceeded as error:
                part.spent_usd = error.spent_usd if error.period == "cell" else Decimal(0)
                if part.usd is not None and error.period == "cell":
                    purse.needs(None if error.needed_usd is None else error.needed_usd + error.spent_usd)
                    waiting.append(prompt)
                    return
                if error.period == "job":  # of all workers of a cluster together
                    purse.is_spent = True
                    return
                asked.failures[prompt] = str(error)
            except RoutebookError as error:
                asked.failures[prompt] = str(error)
            else:
                kept = _kept(prompt, answer)
                await keep(kept)
                asked.answers[prompt] = kept
        tell()

    async def worker() -> None:
        while waiting and not purse.is_spent:
            await one(waiting.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(waiting))):
            group.create_task(worker())
    return asked


async def keep_in(router: Router, job: bytes, kept: Kept) -> None:
    """Write an answer down in the router's own books."""
    runtime = await asyncio.to_thread(router.runtime)
    time = round(runtime.now().timestamp() * 1e6)
    await runtime.books.write(lambda connection: bulk.keep(connection, job, kept, time=time))


async def _ask(router: Router, prompt: str, part: Part, overrides: Mapping[str, Any]) -> Answer:
    own = {} if part.usd is None else {"budget_usd": part.usd}
    try:
        answer = await router.ask(prompt, **{**overrides, **own})
    except AllAttemptsFailed as error:
        part.spent_usd = _cost(error.attempts)
        raise
    part.spent_usd = _cost(answer.attempts)
    return answer


def _cost(attempts: Iterable[Any]) -> Decimal:
    return sum((attempt.cost_usd or Decimal(0) for attempt in attempts), Decimal(0))


def _kept(prompt: str, answer: Answer) -> Kept:
    cost = answer.cost_usd
    return Kept(key_of(prompt), answer.text, answer.attempt.model, answer.request_id, None if cost is None else to_pico(Decimal(str(cost))))


def check_concurrency(concurrency: int) -> None:
    """Refuse what is no number of requests.

    Raises:
        UsageError: it is below 1.
    """
    if concurrency < 1:
        raise UsageError(f"concurrency must be 1 or more, not {concurrency}.")
