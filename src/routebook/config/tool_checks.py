"""`[tools]` and what names its tools must make sense."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.sense import check_address, check_variable
from routebook.config.tool_entry import ToolEntry
from routebook.config.values import Config
from routebook.config.wording import shown
from routebook.near import did_you_mean

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""What all providers take as the name of a function."""
_LOCAL: Final = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?")


def check_tools(config: Config, *, problems: Problems) -> None:
    """Add a problem for each tool that cannot be opened, and for each name that leads to none."""
    for name, entry in config.tools.items():
        path: KeyPath = ("tools", name)
        if not NAME.fullmatch(name):
            what = "is no name that a model can call: letters, digits, `_` and `-` only, a letter first, at most 64."
            problems.add(path, what)
        _kind(path, entry, problems)
        _server(path, entry, problems)
        _known((*path, "fallbacks"), entry.fallbacks, config, problems)
        if name in entry.fallbacks:
            problems.add((*path, "fallbacks"), f"{shown(name)} cannot take its own place.", hint="Remove it.")
    _known(("defaults", "tools"), config.defaults.tools, config, problems)
    for at, route in enumerate(config.routes):
        _known(("routes", at, "tools"), route.tools or (), config, problems)


def _kind(path: KeyPath, entry: ToolEntry, problems: Problems) -> None:
    """It is a function or a server."""
    if problems.is_told((*path, "python")) or problems.is_told((*path, "mcp")):
        return
    if (entry.python is None) == (entry.mcp is None):
        hint = 'Write python = "module:function", or mcp = ["command", "argument"], or mcp = "https://…".'
        problems.add(path, "needs python or mcp, and not both.", hint=hint)
    if entry.tool is not None and entry.mcp is None:
        problems.add((*path, "tool"), "names one tool of an MCP server, and this is none.", hint="Remove it.")
    if entry.python is not None:
        module, colon, name = entry.python.partition(":")
        if not (colon and all(part.isidentifier() for part in (*module.split("."), name))):
            problems.add((*path, "python"), f"expected module:name, got {shown(entry.python)}.")


def _server(path: KeyPath, entry: ToolEntry, problems: Problems) -> None:
    """A server's address or command, and its key."""
    if isinstance(entry.mcp, str):
        check_address((*path, "mcp"), entry.mcp, problems)
        if entry.network is False and not _LOCAL.fullmatch(urlsplit(entry.mcp).hostname or ""):
            problems.add((*path, "network"), "is false, and the address is not this machine.", hint="Remove it.")
    elif entry.mcp is not None and not (entry.mcp and entry.mcp[0].strip()):
        problems.add((*path, "mcp"), "names no command.", hint='Write mcp = ["command", "argument"].')
    if entry.key_env is not None:
        check_variable((*path, "key_env"), entry.key_env, problems)


def _known(path: KeyPath, names: Iterable[str], config: Config, problems: Problems) -> None:
    """Each name must be a tool of the file's."""
    for at, name in enumerate(names):
        if name not in config.tools:
            hint = did_you_mean(name, config.tools) if config.tools else "Add it as [tools.NAME]."
            problems.add((*path, at), f"there is no tool {shown(name)}.", hint=hint)
