"""A tool of an MCP server, ready to be run."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from routebook.config.tool_entry import ToolEntry
from routebook.engine.toolbox.failure import ToolFailed
from routebook.engine.toolbox.server import Server
from routebook.engine.toolbox.signature import as_given
from routebook.engine.toolbox.tool import MAX_BYTES, TIMEOUT_S, Tool
from routebook.messages import ToolSpec

_MOST_DESCRIBED: Final = 4_000
"""Characters of a server's description of a tool: every call pays for them."""
START_S: Final = 60.0
"""For a server that died to start again."""
_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


class ServerTool:
    """One tool of a server; see `Opened`."""

    def __init__(self, server: Server, found: Any, entry: ToolEntry) -> None:  # noqa: ANN401  the client's own type
        """`found` is the tool as the server lists it."""
        name = server.name if entry.tool is not None else _NOT_IN_NAME.sub("_", f"{server.name}_{found.name}")[:64]
        self._server, self._tool = server, found.name
        self.spec = ToolSpec(
            name=name, description=(found.description or found.name)[:_MOST_DESCRIBED], parameters=dict(found.input_schema)
        )
        self.confirm = bool(entry.confirm)
        self.timeout_s, self.max_bytes = entry.timeout_s or TIMEOUT_S, entry.max_bytes or MAX_BYTES
        self.fallbacks: tuple[str | Tool, ...] = entry.fallbacks

    def read(self, arguments: str) -> dict[str, Any]:
        """See `Opened.read`; by the server's schema, as far as that is one."""
        from jsonschema.exceptions import SchemaError, best_match  # type: ignore[import-untyped]  # these take a moment to load
        from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # given, so that nothing is fetched
        from referencing.exceptions import Unresolvable

        given = as_given(arguments)
        kind = validator_for(self.spec.parameters, default=Draft202012Validator)
        try:
            kind.check_schema(self.spec.parameters)
            flaw = best_match(kind(self.spec.parameters, registry=REGISTRY).iter_errors(given))
        except (SchemaError, Unresolvable, RecursionError):
            return given  # the server knows what it takes
        if flaw is not None:
            raise ValueError(f"{flaw.message} (at {flaw.json_path})")
        return given

    async def run(self, arguments: dict[str, Any], *, is_walled: bool, limit_s: float) -> object:  # noqa: ARG002  what may run behind the wall is decided before
        """See `Opened.run`."""
        async with asyncio.timeout(START_S):
            await self._server.start()
        async with asyncio.timeout(limit_s):
            result = await self._server.call(self._tool, arguments)
        text = "\n".join(map(_text, result.content))
        if result.is_error:
            raise ToolFailed(text or "the server says that it failed, and not why")
        return text if text or result.structured_content is None else result.structured_content


def _text(block: Any) -> str:  # noqa: ANN401  one of the client's own types
    """A piece of a result as text; what is none is only named."""
    if block.type == "text":
        return str(block.text)
    if block.type == "resource" and hasattr(block.resource, "text"):
        return str(block.resource.text)
    if block.type == "resource_link":
        return f"[{block.name}: {block.uri}]"
    kind = getattr(block, "mime_type", None) or block.type
    return f"[{kind}, {len(getattr(block, 'data', '')) * 3 // 4:,} bytes, which cannot be shown as text]"
