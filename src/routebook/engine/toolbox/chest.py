"""The tools of one router: opens what requests name, and keeps the servers that run."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from functools import partial
from typing import Final

from routebook.config.keys import Keys
from routebook.config.tool_entry import ToolEntry
from routebook.config.values import Config
from routebook.engine.aside import aside
from routebook.engine.toolbox.failure import ToolFailed
from routebook.engine.toolbox.opened import Opened, OpenedFunction
from routebook.engine.toolbox.server import Server
from routebook.engine.toolbox.server_tool import ServerTool
from routebook.engine.toolbox.tool import Tool, as_tool, registered
from routebook.errors import RoutebookError, UsageError
from routebook.messages import ToolNote

OPENING_S: Final = 60.0
"""For a server to start and list its tools, or a module to load: some fetch themselves first."""


class Chest:
    """Used on the engine's loop."""

    def __init__(self, config: Config, keys: Keys) -> None:
        """Nothing is opened yet."""
        self._config, self._keys = config, keys
        self._servers: dict[str, Server] = {}

    async def open(self, note: ToolNote, *, is_walled: bool, limit_s: float = OPENING_S) -> Sequence[Opened]:
        """The tools behind a name: one, or all of a server's.

        Raises:
            ToolFailed: it cannot be opened; says why.
        """
        try:
            async with asyncio.timeout(min(limit_s, OPENING_S)):
                if isinstance(note.own, Tool):
                    return [OpenedFunction(note.own, find=self._keys.named)]
                entry = self._config.tools[note.name]
                if entry.key_env is not None and self._keys.named(entry.key_env) is None:
                    raise ToolFailed(f"no key: {entry.key_env} is not set, in the environment or in .env")
                if entry.python is not None:
                    return [await self._function(note.name, entry, is_walled=is_walled)]
                return await self._served(note.name, entry)
        except TimeoutError as error:
            raise ToolFailed(f"it was not ready within {min(limit_s, OPENING_S):.0f} s") from error
        except RoutebookError as error:
            raise ToolFailed(str(error)) from error

    async def fallback(self, name: str | Tool, *, is_walled: bool, limit_s: float) -> Opened:
        """A tool that takes another's place. Raises `ToolFailed` for one that cannot be opened, or is several."""
        own = name if isinstance(name, Tool) else registered().get(name) if name not in self._config.tools else None
        if own is None and name not in self._config.tools:
            raise ToolFailed("there is no tool of this name")
        note = own.note if own is not None else self._config.tools[str(name)].note(str(name))
        if is_walled and note.network:
            raise ToolFailed("it uses the network, and nothing may leave the machine")
        found = await self.open(note, is_walled=is_walled, limit_s=limit_s)
        if len(found) != 1:
            raise ToolFailed(f"its server has {len(found)} tools; name one with tool = in [tools.{name}]")
        return found[0]

    async def aclose(self) -> None:
        """End the servers."""
        servers, self._servers = self._servers, {}
        await asyncio.gather(*(server.aclose() for server in servers.values()))

    async def _function(self, name: str, entry: ToolEntry, *, is_walled: bool) -> Opened:
        module, _, attribute = (entry.python or "").partition(":")
        try:
            found = getattr(await aside(partial(importlib.import_module, module), limit_s=OPENING_S), attribute)
        except Exception as error:  # a module of the user's own may fail in any way
            raise ToolFailed(f"{entry.python} cannot be loaded: {type(error).__name__}: {error}") from error
        if not callable(found):
            raise ToolFailed(f"{entry.python} is no function")
        tool = as_tool(found).under(name, entry)
        if is_walled and tool.network:
            raise ToolFailed("it uses the network, and nothing may leave the machine")
        return OpenedFunction(tool, find=self._keys.named)

    async def _served(self, name: str, entry: ToolEntry) -> Sequence[Opened]:
        server = self._servers.get(name)
        if server is None:
            key = self._keys.named(entry.key_env) if entry.key_env else None
            server = self._servers[name] = Server(name, entry, key=key)
        listed = await server.tools()
        tools = [ServerTool(server, found, entry) for found in listed if entry.tool in (None, found.name)]
        if not tools:
            there = ", ".join(found.name for found in listed) or "none"
            raise ToolFailed(f"its server has no tool {entry.tool!r}; it has: {there}" if entry.tool else "its server has no tools")
        return tools


def notes_of(asked: object, config: Config) -> tuple[ToolNote, ...] | None:
    """The tools that a caller asks for: `"all"`, `"none"`, names with commas or in a list, functions; `None` leaves it to the route.

    Raises:
        UsageError: there is no tool of a name, or a function cannot be one.
    """
    if asked is None:
        return None
    if isinstance(asked, str):
        names = [name.strip() for name in asked.split(",") if name.strip()]
        if names == ["none"]:
            return ()
        asked = [*config.tools, *(name for name in registered() if name not in config.tools)] if names == ["all"] else names
    if not isinstance(asked, (list, tuple)):
        raise UsageError(f'tools takes "all", "none", or a list of names and functions, not {asked!r}.')
    notes = [_note(one, config) for one in asked]
    return tuple({note.name: note for note in notes}.values())


def _note(asked: object, config: Config) -> ToolNote:
    if callable(asked):
        return as_tool(asked).note
    if asked in config.tools:
        return config.tools[str(asked)].note(str(asked))
    if (own := registered().get(str(asked))) is not None:
        return own.note
    there = ", ".join([*config.tools, *registered()])
    raise UsageError(
        f"There is no tool {asked!r}; there are: {there}." if there
        else f"There is no tool {asked!r}. Add [tools.{asked}] to routing.toml, or make a function one: @rb.tool."
    )  # fmt: skip
