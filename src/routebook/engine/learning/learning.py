"""What this process has learned: read from the books when the router opens, kept up with what it and other kernels add, asked by the plan.

It belongs to the engine's loop. The plan only reads it, from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from routebook.books import outcomes
from routebook.books.books import Books
from routebook.books.connect import MEMORY
from routebook.books.outcomes import Extent
from routebook.classifier.features import Features, features
from routebook.classifier.structure import HEAD, TAIL
from routebook.errors import BooksError
from routebook.learn.beliefs import Beliefs
from routebook.learn.memory import MOST, Memory
from routebook.learn.signature import signature
from routebook.lessons import Lesson
from routebook.messages import Plan
from routebook.plan.evidence import Remembered
from routebook.plan.known import EXPLORING, REMEMBERED, WEIGHED, Known

T = TypeVar("T")

LOOK_EVERY_S: Final = 30.0
"""How often, at most, the books are asked for what other kernels learned."""
_MOST_RECENT: Final = 512
_MOST_CHOICES: Final = 1000
"""Of the newest so many requests one knows, when the router opens, how many explored: a short session must keep to the share too."""
_MANY: Final = 200
"""Outcomes that take so long to learn from that the loop does not wait for it."""
_NOTHING: Final = Extent(0, 0)


class Learning:
    """Beliefs and memory, as far as the books reach."""

    def __init__(
        self, books: Books, known: Known, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives seconds that only go up, `now` seconds since 1970."""
        self._books, self._known, self._clock, self._now = books, known, clock, now
        self.beliefs, self.memory = Beliefs(now=now), Memory()
        self._reach = _NOTHING
        self._recent: OrderedDict[str, str] = OrderedDict()
        """What was asked lately, in this process only: a vote needs to know what its prompt was like."""
        self._at_hand: tuple[str, Features] = ("", {})
        self._looked = clock()
        self.looks: list[Callable[[], Coroutine[Any, Any, None]]] = []
        """Each is awaited with every look at the books, and may raise `BooksError`."""
        self._turn = asyncio.Lock()
        self._waiting: list[Lesson] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read all that the books have.

        Raises:
            BooksError: they cannot be read.
        """
        async with self._turn:
            await self._take(*await self.read(lambda connection: outcomes.since(connection, _NOTHING)))
            words = (WEIGHED, REMEMBERED, EXPLORING)
            weighed, remembered, explored = await self.read(
                lambda connection: outcomes.count_choices(connection, words, most=_MOST_CHOICES)
            )
            self._known.weighed, self._known.explored = weighed + remembered, explored

    # ---- for the plan

    def hold(self, text: str) -> Features:
        """Return the features of a prompt, and keep them for the plan that is about to be made."""
        found = features(text)
        self._at_hand = (text, found)
        return found

    def recall(self, text: str) -> Sequence[Remembered]:
        """How the models did on prompts like this one."""
        held, found = self._at_hand  # one look: another thread may plan meanwhile
        return self.memory.recall(signature(found if held == text else features(text)), now=self._now())

    # ---- what comes in

    def note(self, plan: Plan) -> None:
        """Keep what is read of a prompt for a while, count how it was chosen, and look now and then what other kernels learned."""
        text = plan.request.text
        if plan.candidates:
            self._known.count_choice(plan.candidates[0].reason)
        self._recent[plan.request.id] = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
        if len(self._recent) > _MOST_RECENT:
            self._recent.popitem(last=False)
        if self._books.path != MEMORY and self._clock() - self._looked > LOOK_EVERY_S:
            self._looked = self._clock()
            self.later(self.look())

    def prompt_of(self, request_id: str) -> str | None:
        """The prompt of a request of this process, a long one cut in its middle; `None` when it is not known any more."""
        return self._recent.get(request_id)

    def signature_of(self, request_id: str) -> bytes | None:
        """The signature of the prompt of a request of this process; `None` when it is not known any more."""
        text = self._recent.get(request_id)
        return None if text is None else signature(features(text))

    async def add(self, lessons: Sequence[Lesson], *, also: Callable[[sqlite3.Connection], object] = lambda _: None) -> None:
        """Write outcomes to the books and learn from them; `also` is done in the same transaction.

        Raises:
            BooksError: the books cannot be written; nothing was learned.
        """
        async with self._turn:
            await self._write(lessons, also)

    def gather(self, lessons: Sequence[Lesson]) -> None:
        """Write outcomes that nobody waits for, those of many requests together; what cannot be written is not learned."""
        is_first = not self._waiting
        self._waiting.extend(lessons)
        if is_first:
            self.later(self._write_waiting())

    async def _write_waiting(self) -> None:
        async with self._turn:
            waiting, self._waiting = self._waiting, []
            with contextlib.suppress(BooksError):
                await self._write(waiting, lambda _: None)

    async def _write(self, lessons: Sequence[Lesson], also: Callable[[sqlite3.Connection], object]) -> None:
        reach, session = self._reach, self._books.session

        def work(connection: sqlite3.Connection) -> tuple[Extent, list[Lesson], bool]:
            also(connection)
            outcomes.add(connection, lessons, session=session)
            return outcomes.since(connection, reach)

        await self._take(*await self._books.write(work))

    async def forget(self, *, task: str | None, model: str | None) -> int:
        """Forget a task, a model, both together, or all; return how many outcomes that were.

        Raises:
            BooksError: the books cannot be written.
        """
        async with self._turn:

            def work(connection: sqlite3.Connection) -> tuple[int, tuple[Extent, list[Lesson], bool]]:
                return outcomes.forget(connection, task=task, model=model), outcomes.since(connection, _NOTHING)

            count, found = await self._books.write(work)
            await self._take(found[0], found[1], True)  # noqa: FBT003  all that is left
        return count

    async def look(self) -> None:
        """Take in what other kernels learned; books that cannot be read now are read the next time."""
        with contextlib.suppress(BooksError):
            async with self._turn:
                reach = self._reach
                await self._take(*await self.read(lambda connection: outcomes.since(connection, reach)))
            for look in self.looks:
                await look()

    async def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """Read the books without stopping the loop.

        Raises:
            BooksError: they cannot be read.
        """
        return await asyncio.to_thread(self._books.read, look)

    async def settle(self) -> None:
        """Wait for what is done beside the requests; before the books are closed."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the request at hand."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, reach: Extent, lessons: Sequence[Lesson], is_whole: bool) -> None:  # noqa: FBT001  as `since` returns it
        """Learn from outcomes; when they are all there are, what was known before is void."""
        beliefs, memory = (Beliefs(now=self._now), Memory()) if is_whole else (self.beliefs, self.memory)
        if len(lessons) > _MANY:
            await asyncio.to_thread(_learn, lessons, beliefs, memory)
        else:
            _learn(lessons, beliefs, memory)
        self.beliefs, self.memory, self._reach = beliefs, memory, reach
        self._known.evidence = beliefs.evidence if len(beliefs) else None
        self._known.recall = self.recall if len(memory) else None


def _learn(lessons: Sequence[Lesson], beliefs: Beliefs, memory: Memory) -> None:
    for lesson in lessons:
        beliefs.add(lesson)
    for lesson in [lesson for lesson in lessons if lesson.signature][-MOST:]:
        memory.add(lesson)
