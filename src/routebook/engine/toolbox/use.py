"""A request's use of tools: what the models are told of, the steps of call, run and answer, and what is written down of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import msgspec

from routebook.engine.runtime import Runtime
from routebook.engine.toolbox.failure import ToolFailed
from routebook.engine.toolbox.opened import Opened
from routebook.engine.toolbox.result import Told
from routebook.engine.toolbox.run import Ran, Runner, shown
from routebook.engine.turn import Emit, Outcome
from routebook.errors import BooksError
from routebook.events import ToolEnded, ToolStarted, Waiting
from routebook.messages import Message, Plan, ToolCall, ToolNote, ToolRun, ToolSpec
from routebook.text import estimate_tokens

MOST_AT_ONCE: Final = 16
"""Calls of one answer that are run."""
KEPT: Final = 4_000
"""Characters of a result that its cell shows."""


class Use:
    """The tools of one request, and how far it has come with them."""

    def __init__(self, runtime: Runtime, plan: Plan, *, emit: Emit, until: float) -> None:
        """Nothing is opened yet; `until` is the deadline in the loop's time."""
        self._runtime, self._plan, self._emit, self._until = runtime, plan, emit, until
        self._open: dict[str, Opened] = {}
        self._said: list[tuple[str, Message]] = []
        """What was asked for and what came of it, each with the model that it was for."""
        self.steps = 0
        """So often tools were run."""
        self.runs: list[ToolRun] = []
        self.notes: tuple[str, ...] = ()
        """What the person should know."""

    async def open(self) -> None:
        """Open the tools, all at once; one that cannot be opened is left out, and the person is told."""
        notes = self._plan.tools
        if notes and self._plan.candidates:
            first = self._plan.candidates[0].model
            self._emit(Waiting(model=first, place=0, reason=f"opening {', '.join(note.name for note in notes)}"))
        for found in await asyncio.gather(*map(self._one, notes)):
            for tool in found:
                self._open.setdefault(tool.spec.name, tool)

    async def _one(self, note: ToolNote) -> Sequence[Opened]:
        try:
            return await self._runtime.chest.open(note, is_walled=self._plan.local, limit_s=self._left_s())
        except ToolFailed as error:
            self.notes += (f"The tool {note.name} is left out: {error}.".replace("..", "."),)
            return ()

    def _left_s(self) -> float:
        return max(0.001, self._until - asyncio.get_running_loop().time())

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the models are told of."""
        return tuple(tool.spec for tool in self._open.values())

    @property
    def may_call(self) -> bool:
        """Whether steps are left."""
        return self.steps < self._runtime.config.defaults.tool_steps

    def plan(self, plan: Plan, *, model: str) -> Plan:
        """The plan of the next attempt, by `model`: its request with what was called and what came of it; signatures only to whose they are."""
        if not self._open and not self._said:
            return plan
        said = [message if by == model or not message.echo else msgspec.structs.replace(message, echo={}) for by, message in self._said]
        request = msgspec.structs.replace(plan.request, messages=(*plan.request.messages, *said))
        more = estimate_tokens(msgspec.json.encode((self.specs, said)).decode())
        return msgspec.structs.replace(plan, request=request, input_tokens=plan.input_tokens + more)

    async def step(self, outcome: Outcome) -> None:
        """Run what an answer asks for, all at once, and keep it for the next attempt. Who is cancelled leaves a row of each call."""
        self.steps += 1
        calls = [
            msgspec.structs.replace(call, id=call.id or f"call_{self.steps}_{at}", name=call.name or "none")
            for at, call in enumerate(outcome.calls)
        ]
        runner = Runner(
            tools=self._open, confirm=self._plan.request.confirm, is_walled=self._plan.local, until=self._until, asking=asyncio.Lock(),
            fallback=lambda name: self._runtime.chest.fallback(name, is_walled=self._plan.local, limit_s=self._left_s()),
        )  # fmt: skip
        number = outcome.attempt.attempt
        work = [self._run(runner, call, attempt=number, is_over=at >= MOST_AT_ONCE) for at, call in enumerate(calls)]
        results = await _all(work)
        echo = outcome.finish.echo if outcome.finish is not None else {}
        asked = Message(role="assistant", content=outcome.text, calls=tuple(calls), echo=echo)
        self._said += [(outcome.attempt.model, message) for message in (asked, *results)]

    async def _run(self, runner: Runner, call: ToolCall, *, attempt: int, is_over: bool) -> Message:
        loop = asyncio.get_running_loop()
        begun, short = loop.time(), shown(call.arguments)
        self._emit(ToolStarted(id=call.id, name=call.name, arguments=short))
        ran = Ran("cancelled", Told("", 0), call.name)
        try:
            ran = _too_many(call) if is_over else await runner.run(call)
        except Exception:
            ran = Ran("error", Told("Error: this was not foreseen.", 0), call.name)
            raise
        finally:
            run = ToolRun(
                id=call.id, name=call.name, arguments=short, status=ran.status, seconds=loop.time() - begun, bytes=ran.told.size,
                result=ran.told.text[:KEPT], attempt=attempt, by=ran.by,
            )  # fmt: skip
            self.runs.append(run)
            if ran.status == "ok" and ran.told.is_cut:
                self.notes += (f"{run.by} returned {run.bytes:,} bytes; the model got the beginning.",)
            await self._write(run)
            self._emit(ToolEnded(run=run))
        return Message(role="tool", content=ran.told.text, call_id=call.id, name=call.name, is_error=ran.status != "ok")

    async def _write(self, run: ToolRun) -> None:
        """Write the row, also for one who is cancelled meanwhile."""
        writing = asyncio.ensure_future(self._runtime.books.ran(self._plan.request.id, run))
        try:
            await asyncio.shield(writing)
        except BooksError as error:
            self.notes += (f"{error} That {run.name} ran is not in the books.",)


async def _all(work: Sequence[Coroutine[Any, Any, Message]]) -> list[Message]:
    """What all come to; when one is cancelled all are, and each is waited for."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as errors:  # what nobody foresaw
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _too_many(call: ToolCall) -> Ran:
    text = f"Error: an answer may ask for {MOST_AT_ONCE} calls at once; this one was not run. Ask again, for fewer."
    return Ran("refused", Told(text, len(text)), call.name)
