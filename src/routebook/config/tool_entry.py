"""`[tools.NAME]`: what a model may ask to be run."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from routebook.config.table import Table
from routebook.messages import ToolNote


class ToolEntry(Table, frozen=True, kw_only=True):
    """`[tools.NAME]`: a function, or a server that speaks MCP."""

    python: str | None = None
    """`module:name` of a function, made a tool by `@rb.tool` or not."""
    mcp: str | tuple[str, ...] | None = None
    """A server that speaks MCP: the address of one that runs, or a command with its arguments."""
    tool: str | None = None
    """mcp: this one tool of the server's, under the entry's name; without it all of them, as `NAME_tool`."""
    key_env: str | None = None
    """The NAME of the variable with its key. An address gets it as a bearer token, a command as that variable."""
    fallbacks: tuple[str, ...] = ()
    """Other tools of `[tools]`, tried in order with the same arguments when this one fails."""
    confirm: bool | None = None
    """Ask the person before it runs; without a word here as the function says, else false."""
    timeout_s: Annotated[float, Meta(gt=0)] | None = None
    """As the function says, else 30."""
    max_bytes: Annotated[int, Meta(ge=1)] | None = None
    """The longest result that a model is given, the rest is cut; as the function says, else 20,000."""
    network: bool | None = None
    """It sends something out of the machine, so it is left out behind the wall; without a word here true for mcp, else as the function says."""
    cache: bool | None = None
    """Answers made with it may be kept by the cache; as the function says, else false."""

    def note(self, name: str) -> ToolNote:
        """What a plan needs to know of it, before it is opened."""
        network = self.network if self.network is not None else self.mcp is not None
        return ToolNote(name=name, network=network, cache=bool(self.cache))
