"""The router: what notebooks, panels, scripts and the shell command all use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import msgspec

from routebook.books.books import Books
from routebook.books.ledger import attempts_of
from routebook.classifier.classify import classify
from routebook.config.read import Loaded, load
from routebook.config.values import Config
from routebook.engine.cache.caching import answered
from routebook.engine.cache.replay_cost import ReplayCost, replay_cost
from routebook.engine.channel import Channel
from routebook.engine.health.warming import warm_asked
from routebook.engine.loop import EngineLoop, Job, engine_loop
from routebook.engine.mapping import AT_ONCE, Mapped, map_prompts
from routebook.engine.pipelines.choose import pipeline_of
from routebook.engine.pipelines.foresee import Foreseen, calls_of, foresee
from routebook.engine.pipelines.run import run_pipeline
from routebook.engine.request import build_request
from routebook.engine.runtime import Runtime, open_runtime
from routebook.engine.teachable import Teachable
from routebook.errors import RoutebookError
from routebook.events import Event
from routebook.messages import Answer, Attempt, Classification, Overrides, Plan, Request
from routebook.plan.planner import make_plan

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd


T = TypeVar("T")


class Router(Teachable):
    """Routes prompts by a `routing.toml`, and keeps the books.

    Use it from any event loop, or from none: its work is done on the engine's own loop.

        async with Router.load("routing.toml") as router:
            answer = await router.ask("What is a monad?")

        Router().ask_sync("What is a monad?").text
    """

    def __init__(self, loaded: Loaded | None = None, *, books: str | Path | None = None) -> None:
        """Without `loaded`, find `routing.toml` in this folder or above it, else use the built-in default.

        Args:
            loaded: a config already read, as `config.read.load` gives it.
            books: a file for the books instead of the config's; `":memory:"` keeps none.

        Raises:
            ConfigError: `routing.toml` is wrong; every problem at once.
        """
        self._loaded = loaded if loaded is not None else load()
        self._books_path = str(books) if books is not None else self._loaded.books
        self._home = engine_loop()
        self._parents: list[object] = []
        self._opening: asyncio.Task[Runtime] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._mapped = Mapped()

    @classmethod
    def load(cls, path: str | Path, *, books: str | Path | None = None) -> Self:
        """A router by the `routing.toml` at `path`; raises as the constructor does."""
        return cls(load(Path(path)), books=books)

    # ---- asking

    async def ask(self, prompt: str, **overrides: Unpack[Overrides]) -> Answer:
        """Route one prompt and return its answer.

        Raises:
            NoCandidate, AllAttemptsFailed, BudgetExceeded, DeadlineExceeded, LocalOnlyViolation: no answer came.
            UsageError: the prompt or an option is not right.
        """
        return await self._engine.run(self._ask(prompt, overrides))

    def ask_sync(self, prompt: str, **overrides: Unpack[Overrides]) -> Answer:
        """As `ask`, for code without await; works inside a running event loop."""
        return self._engine.run_sync(self._ask(prompt, overrides))

    async def stream(self, prompt: str, **overrides: Unpack[Overrides]) -> AsyncIterator[Event]:
        """Route one prompt and yield what happens: `Decision`, `Waiting`, `Started`, `Delta`, `Switched`, and `Done` last.

        Of a pipeline also `StepBegan`, `StepDelta` and `StepEnded`, with tools `ToolStarted` and `ToolEnded`; the deltas joined are the answer
        in any case. Raises as `ask` does. Closing the iterator cancels the request.
        """
        channel = Channel()
        job = self.start(prompt, emit=channel.put, on_end=channel.close, **overrides)
        try:
            async for event in channel:
                yield event
            job.result(0)
        finally:
            job.cancel()

    def start(
        self, prompt: str, *, emit: Callable[[Event], None], on_end: Callable[[], None], **overrides: Unpack[Overrides]
    ) -> Job[Answer]:  # fmt: skip
        """Start a request and return at once; `emit` and then `on_end` are called on the engine's thread, so they must be quick."""
        return self._engine.start(self._ask(prompt, overrides, emit=emit), on_end=on_end)

    async def map(
        self, prompts: Iterable[str], *, progress: bool = True, concurrency: int | None = None, **overrides: Unpack[Overrides]
    ) -> list[Answer]:  # fmt: skip
        """Route many prompts within the shared limits; return the answers in the prompts' order.

        So many are under way at most as `concurrency` says, and at a model as its `max_batch`; without it 64, and at a model its `batch`.

        An interrupt or a failure loses nothing: calling again with the same prompts and options asks only what has no answer yet.

        Raises:
            RoutebookError: the first failure, after all the others have ended; a note says how many have an answer.
        """
        return await self._engine.run(self._map(list(prompts), overrides, progress=progress, concurrency=concurrency))

    def map_sync(
        self, prompts: Iterable[str], *, progress: bool = True, concurrency: int | None = None, **overrides: Unpack[Overrides]
    ) -> list[Answer]:  # fmt: skip
        """As `map`, for code without await."""
        return self._engine.run_sync(self._map(list(prompts), overrides, progress=progress, concurrency=concurrency))

    async def _map(self, prompts: list[str], overrides: Overrides, *, progress: bool, concurrency: int | None) -> list[Answer]:
        runtime = await self._open()

        def widths(prompt: str, overrides: Overrides) -> tuple[str, int | None]:
            plan = self._plan(runtime, build_request(prompt, overrides, config=runtime.config))
            if not plan.candidates:
                return "", None
            entry = runtime.config.models[plan.candidates[0].model]
            return plan.candidates[0].model, entry.max_batch if concurrency else entry.batch or entry.max_batch

        return await map_prompts(
            self._ask, prompts, overrides, done=self._mapped, progress=progress, concurrency=concurrency or AT_ONCE, widths=widths
        )  # fmt: skip

    async def _ask(self, prompt: str, overrides: Overrides, *, emit: Callable[[Event], None] = lambda _: None) -> Answer:
        runtime = await self._open()
        with runtime.under_way():
            await runtime.comeback.look()
            runtime.machine.refresh()
            plan = self._plan(runtime, build_request(prompt, overrides, config=runtime.config))
            runtime.learning.note(plan)
            try:
                if (pipeline := pipeline_of(runtime.config, plan)) is not None:
                    return await run_pipeline(runtime, plan, pipeline, plan_of=partial(self._plan, runtime), emit=emit)
                return await answered(runtime, plan, emit=emit)
            except RoutebookError as error:
                error.request_id = plan.request.id
                raise

    # ---- deciding

    def plan(self, prompt: str, **overrides: Unpack[Overrides]) -> Plan:
        """Say what would be tried, in order, and what was left out, each with its reason; nothing is sent."""
        runtime = self.runtime()
        return self._plan(runtime, build_request(prompt, overrides, config=runtime.config))

    def steps_of(self, plan: Plan) -> list[Foreseen]:
        """Say what each step of the pipeline that a plan's prompt goes through would be sent to; none where it goes through none."""
        runtime, name = self.runtime(), pipeline_of(self.runtime().config, plan)
        pipeline = runtime.config.pipelines[name] if name is not None else None
        return [] if pipeline is None else foresee(runtime.config, plan, pipeline, plan_of=partial(self._plan, runtime))

    def classify(self, prompt: str) -> Classification:
        """Classify a prompt, the user's own tasks included."""
        return classify(prompt, tasks=self._loaded.config.tasks)

    def replay_cost(self, prompts: Iterable[str | tuple[str, Overrides]], **overrides: Unpack[Overrides]) -> ReplayCost:
        """Say how many of some prompts the cache would answer, and what the others would cost; nothing is sent.

        A prompt may come with options of its own, which go on top of `overrides`. Of a pipeline each step counts once.
        """
        runtime = self.runtime()
        asks = [
            (prompt, overrides) if isinstance(prompt, str) else (prompt[0], Overrides(**{**overrides, **prompt[1]})) for prompt in prompts
        ]
        plans = [self._plan(runtime, build_request(prompt, own, config=runtime.config)) for prompt, own in asks]
        return replay_cost(runtime, [call for plan in plans for call in calls_of(self.steps_of(plan)) or [plan]])

    def _plan(self, runtime: Runtime, request: Request) -> Plan:
        seen = classify(request.text, tasks=runtime.config.tasks, found=runtime.learning.hold(request.text))
        said = {name: value for name in ("task", "complexity") if (value := getattr(request, name)) is not None}
        if said:
            reasons = (*(f"you said {name} {value}" for name, value in said.items()), *seen.reasons)
            seen = msgspec.structs.replace(seen, **said, reasons=reasons)
        return make_plan(runtime.config, request, seen, known=runtime.known, rng=runtime.rng)

    # ---- the books

    def frame(self) -> pd.DataFrame:
        """One row for each attempt in the books, typed; see `docs/frame.md` for the columns."""
        from routebook.tables.frame import frame

        return frame(self.runtime().books)

    def attempts(self, request_id: str | None = None) -> list[Attempt]:
        """The attempts of one request, or of the newest."""
        return self.runtime().books.read(lambda connection: attempts_of(connection, request_id))

    # ---- life

    @property
    def _engine(self) -> EngineLoop:
        """The engine's loop. A forked child has one of its own and opens everything anew; what its parent has open is left alone."""
        engine = engine_loop()
        if engine is not self._home:
            self._parents.append(self._opening)  # kept: to close a database or a socket here would spoil it for the parent
            self._home, self._opening, self._closing = engine, None, None
        return engine

    @property
    def is_open(self) -> bool:
        """Whether it has been used yet."""
        return self._opening is not None and self._opening.done()

    @property
    def config(self) -> Config:
        """What `routing.toml` says, without what is discovered."""
        return self._loaded.config

    @property
    def file(self) -> Path | None:
        """The `routing.toml` in use; `None` for the built-in default."""
        return self._loaded.file

    def runtime(self) -> Runtime:
        """What the router runs on; opened when first needed."""
        engine, opening = self._engine, self._opening
        if opening is not None and opening.done() and not opening.cancelled() and opening.exception() is None:
            return opening.result()
        return engine.run_sync(self._open())

    async def _open(self) -> Runtime:
        """Open once; the first caller's cancellation does not spoil it for the others."""
        if self._opening is None or (self._opening.done() and (self._opening.cancelled() or self._opening.exception())):
            self._opening = asyncio.ensure_future(self._open_runtime())
        if self._opening.done():
            return self._opening.result()
        return await asyncio.shield(self._opening)

    async def _open_runtime(self) -> Runtime:
        books = self._open_books()
        runtime = await open_runtime(self._loaded.config, folder=self._loaded.folder, books_path=self._books_path, books=books)
        warm_asked(runtime)
        return runtime

    def _open_books(self) -> Books | None:
        """The books of another process; `None` for its own."""
        return None

    async def __aenter__(self) -> Self:
        await self._engine.run(self._open())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._engine.run(self._close())

    def close(self) -> None:
        """End what is under way, then close connections, child processes and the books. A closed router opens again when used.

        Raises:
            BooksError: an attempt that ended could not be written.
        """
        self._engine.run_sync(self._close())

    async def _close(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            self._closing = asyncio.ensure_future(self._close_all(opening))
            self._closing.add_done_callback(lambda closing: closing.cancelled() or closing.exception())
        if self._closing is not None:
            await asyncio.shield(self._closing)  # whoever is stopped while it waits would leave the rest open for ever

    @staticmethod
    async def _close_all(opening: asyncio.Task[Runtime]) -> None:
        try:
            runtime = await opening
        except RoutebookError:  # it could not be opened, which was said to whoever wanted it
            return
        await runtime.aclose()
