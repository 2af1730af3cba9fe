"""Asks for the prompts of a frame: each once, within a budget, and only those that have no answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b
from types import FunctionType
from typing import Any, Final, NamedTuple, Protocol

from routebook.books import bulk
from routebook.books.budgets import taken_pusd
from routebook.books.bulk import WANTED, Kept, Wanted
from routebook.books.money import from_pico, to_pico
from routebook.bulk.purse import Part, Purse
from routebook.engine.router import Router
from routebook.errors import BudgetExceeded, RoutebookError, UsageError
from routebook.messages import Answer

CONCURRENCY: Final = 64
Report = Callable[[], object]


class Asked(NamedTuple):
    """What came of the prompts."""

    answers: dict[str, Kept]
    failures: dict[str, str]
    """What went wrong, by prompt."""


class Line(Protocol):
    """Where prompts come from, and where it is told what came of them."""

    async def next(self) -> str | None:
        """The next prompt; `None` when there is none now."""
        ...

    def again(self, prompt: str) -> None:
        """A prompt was not asked, and is to be."""
        ...

    async def answered(self, prompt: str, kept: Kept, *, is_kept: bool) -> None:
        """There is an answer; `is_kept` when it was written down with its row."""
        ...

    async def failed(self, prompt: str, said: str) -> None:
        """There is none, and why."""
        ...


def job_of(template: str, overrides: Mapping[str, Any]) -> bytes:
    """The key of a job: the same template with the same options is the same job, whatever the rows."""
    named = sorted((name, _named(value)) for name, value in overrides.items())
    return blake2b(repr((template, named)).encode(), digest_size=16).digest()


def _named(value: object) -> object:
    """A value as the next process would see it too: a function is known by its name, its place in memory is another each time."""
    if isinstance(value, (list, tuple)):
        return [_named(one) for one in value]
    return f"{value.__module__}:{value.__qualname__}" if isinstance(value, FunctionType) else repr(value)


def key_of(prompt: str) -> bytes:
    """The key of a prompt."""
    return blake2b(prompt.encode(errors="surrogatepass"), digest_size=16).digest()


async def kept_answers(router: Router, job: bytes, prompts: Iterable[str]) -> dict[str, Kept]:
    """The answers that an earlier, unfinished run of the job left."""
    found = await asyncio.to_thread(lambda: router.runtime().books.read(lambda connection: bulk.kept_of(connection, job)))
    return {prompt: found[key] for prompt in prompts if (key := key_of(prompt)) in found}


def cost_of(kept: Iterable[Kept]) -> Decimal:
    """What answers have cost, in US dollars, as far as it is known: a job's budget is for all its runs together."""
    return from_pico(sum(one.cost_pusd or 0 for one in kept))


class OwnLine:
    """The prompts of this process; its answers go to the router's own books."""

    def __init__(self, router: Router, prompts: Iterable[str], *, job: bytes, into: Asked, tell: Report) -> None:
        """What comes of the prompts goes `into` what there is; `tell` is called for each that is over."""
        self._router, self._job, self._tell = router, job, tell
        self._waiting = list(dict.fromkeys(prompts))[::-1]
        self.asked = into

    async def next(self) -> str | None:
        """See `Line.next`."""
        return self._waiting.pop() if self._waiting else None

    def again(self, prompt: str) -> None:
        """See `Line.again`."""
        self._waiting.append(prompt)

    async def answered(self, prompt: str, kept: Kept, *, is_kept: bool) -> None:
        """See `Line.answered`."""
        if not is_kept:
            runtime = await asyncio.to_thread(self._router.runtime)
            time = round(runtime.now().timestamp() * 1e6)
            await runtime.books.write(lambda connection: bulk.keep(connection, self._job, kept, time=time))
        self.asked.answers[prompt] = kept
        self._tell()

    async def failed(self, prompt: str, said: str) -> None:
        """See `Line.failed`."""
        self.asked.failures[prompt] = said
        self._tell()


async def ask_all(router: Router, line: Line, *, job: bytes, purse: Purse, concurrency: int, overrides: Mapping[str, Any]) -> None:
    """Ask each prompt of a line once; every answer is kept as it comes. A failure of one does not stop the others; a spent budget does.

    A prompt that was not sent because the budget is spent has neither answer nor failure.

    Raises:
        BooksError: an answer cannot be written down.
    """

    async def asker() -> None:
        while not purse.is_spent and (prompt := await line.next()) is not None:
            wanted = Wanted(job, key_of(prompt))
            WANTED.set(wanted)
            async with purse.part() as part:
                try:
                    answer = await _ask(router, prompt, part, overrides)
                except RoutebookError as error:
                    await _after(error, prompt, line=line, part=part, purse=purse)
                else:
                    kept = _kept(prompt, answer)
                    await line.answered(prompt, kept, is_kept=kept == wanted.kept)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(asker())
    except ExceptionGroup as errors:  # the first thing that went wrong, as it would be raised for one prompt
        raise errors.exceptions[0] from None


async def _ask(router: Router, prompt: str, part: Part, overrides: Mapping[str, Any]) -> Answer:
    """Ask within a part of the budget. What it cost is what the books say: attempts that failed and steps of a pipeline count too."""
    if part.usd is None:
        return await router.ask(prompt, **overrides)
    try:
        answer = await router.ask(prompt, **{**overrides, "budget_usd": part.usd})
    except RoutebookError as error:
        part.spent_usd = await _taken(router, error.request_id)
        raise
    part.spent_usd = await _taken(router, answer.request_id)
    return answer


async def _after(error: RoutebookError, prompt: str, *, line: Line, part: Part, purse: Purse) -> None:
    """Ask again with a larger part where this one was too small, end where the budget is spent, else write down what went wrong."""
    if not isinstance(error, BudgetExceeded) or error.period not in ("job", "cell") or (error.period == "cell" and part.usd is None):
        await line.failed(prompt, str(error))
    elif error.period == "job":  # of all workers of a cluster together
        purse.is_spent = True
    else:
        purse.needs(None if error.needed_usd is None else error.needed_usd + error.spent_usd)
        line.again(prompt)


async def _taken(router: Router, request_id: str | None) -> Decimal:
    """What a request has cost; of what has not ended, the most it may."""
    if request_id is None:
        return Decimal(0)
    books = (await asyncio.to_thread(router.runtime)).books
    return from_pico(await asyncio.to_thread(books.read, lambda connection: taken_pusd(connection, request_id)))


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
