"""One call of a tool: found, its arguments checked, the person asked where that is wanted, run, and its fallbacks after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from routebook.engine.aside import aside
from routebook.engine.toolbox.failure import ToolFailed
from routebook.engine.toolbox.opened import Opened
from routebook.engine.toolbox.result import Told, told
from routebook.engine.toolbox.tool import Tool
from routebook.messages import ToolCall, ToolStatus

Confirm = Callable[[str], bool]
Fallback = Callable[[str | Tool], Awaitable[Opened]]
_SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a call."""

    status: ToolStatus
    told: Told
    by: str
    """The tool that gave the result."""


@dataclass(slots=True)
class Runner:
    """Runs the calls of one request."""

    tools: Mapping[str, Opened]
    fallback: Fallback
    """Opens a tool that takes another's place; raises `ToolFailed`."""
    confirm: Confirm | None
    is_walled: bool
    until: float
    """The request's deadline, in the loop's time."""
    asking: asyncio.Lock
    """One question at a time."""

    async def run(self, call: ToolCall) -> Ran:
        """Run a call. Whatever goes wrong becomes what the model is told."""
        tool = self.tools.get(call.name)
        if tool is None:
            return _failed(call.name, ToolFailed(f"There is no tool {call.name!r}. The tools are: {', '.join(self.tools)}."))
        try:
            arguments = tool.read(call.arguments)
        except ValueError as error:
            return _failed(call.name, ToolFailed(f"The arguments do not fit, so it was not run: {error}."))
        try:
            await self._ask(tool, call)
            return await self._one(tool, arguments)
        except ToolFailed as error:
            if error.status == "refused" or not tool.fallbacks:
                return _failed(call.name, error)
            return await self._instead(tool, arguments, error)

    async def _one(self, tool: Opened, arguments: dict[str, Any]) -> Ran:
        limit_s = min(tool.timeout_s, self._left_s())
        try:
            async with asyncio.timeout(self._left_s()):  # a server may have to start again first
                value = await tool.run(arguments, is_walled=self.is_walled, limit_s=limit_s)
        except TimeoutError as error:
            raise ToolFailed(f"It did not end within {limit_s:.3g} s, and was left.", status="timeout") from error
        return Ran("ok", await aside(lambda: told(value, max_bytes=tool.max_bytes), limit_s=limit_s), tool.spec.name)

    async def _instead(self, tool: Opened, arguments: dict[str, Any], first: ToolFailed) -> Ran:
        """Try the fallbacks in order; the first that works gives the result."""
        said = [f"{tool.spec.name}: {first}"]
        last = first
        for name in tool.fallbacks:
            try:
                other = await self.fallback(name)
                if other.confirm:
                    await self._ask(other, ToolCall(id="", name=other.spec.name, arguments=_text(arguments)))
                return await self._one(other, adapted(arguments, of=tool, to=other))
            except ToolFailed as error:
                said.append(f"{name.name if isinstance(name, Tool) else name}: {error}")
                last = error
        return _failed(tool.spec.name, ToolFailed("\n".join(said), status=last.status))

    async def _ask(self, tool: Opened, call: ToolCall) -> None:
        """Ask the person, where the tool wants it; a question counts against the request's deadline."""
        if not tool.confirm:
            return
        if self.confirm is None:
            raise ToolFailed("It needs a person's yes, and nobody is here to be asked, so it was not run.", status="refused")
        confirm, question = self.confirm, f"Run {tool.spec.name}({shown(call.arguments)})? A model asks for it."
        try:
            async with self.asking:
                is_yes = await aside(lambda: confirm(question), limit_s=self._left_s())
        except TimeoutError as error:
            raise ToolFailed("Nobody said yes in time, so it was not run.", status="refused") from error
        except Exception as error:  # a caller's own function may fail in any way, and that is no yes
            raise ToolFailed(f"Asking failed ({type(error).__name__}), so it was not run.", status="refused") from error
        if not is_yes:
            raise ToolFailed("The person said no, so it was not run.", status="refused")

    def _left_s(self) -> float:
        return max(0.001, self.until - asyncio.get_running_loop().time())


def adapted(arguments: dict[str, Any], *, of: Opened, to: Opened) -> dict[str, Any]:
    """The arguments as another tool takes them: those it knows; else the one text that both need, whatever it is called.

    Raises:
        ToolFailed: they do not fit.
    """
    known = to.spec.parameters.get("properties", {})
    try:
        return to.read(_text({name: value for name, value in arguments.items() if name in known}))
    except ValueError as error:
        first = error
    mine, theirs = _only_need(of), _only_need(to)
    try:
        if mine in arguments and theirs:
            return to.read(_text({theirs: arguments[mine]}))
    except ValueError as error:
        first = error
    raise ToolFailed(f"it takes other arguments ({first})") from first


def shown(arguments: str) -> str:
    """Arguments as a person reads them: on one line, short."""
    try:
        given = msgspec.json.decode(arguments or "{}")
        text = ", ".join(f"{name}={_text(value)}" for name, value in given.items())
    except (msgspec.DecodeError, RecursionError, AttributeError):
        text = arguments
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _only_need(tool: Opened) -> str:
    required = tool.spec.parameters.get("required", [])
    return str(required[0]) if len(required) == 1 else ""


def _text(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _failed(name: str, error: ToolFailed) -> Ran:
    text = f"Error: {error}"
    return Ran(error.status, Told(text, len(text.encode())), name)
