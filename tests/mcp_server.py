"""A real MCP server for tests, in a process of its own: `python mcp_server.py stdio`, or `http`, which prints its address."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from ports import free_port

server = MCPServer("test")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def big(megabytes: float) -> str:
    """Return much."""
    return "x" * round(megabytes * 1e6)


@server.tool()
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(why)


@server.tool()
def hang(seconds: float) -> str:
    """Take long."""
    time.sleep(seconds)
    return "at last"


@server.tool()
def die() -> str:
    """End the server in the middle of the call."""
    sys.stderr.write("out of memory, it says\n")
    sys.stderr.flush()
    os._exit(3)


@server.tool()
def key() -> str:
    """Say which key the server was given."""
    return os.environ.get("TEST_TOOL_KEY", "none")


@server.tool()
def pid() -> str:
    """Say which process this is."""
    return str(os.getpid())


def main() -> None:
    """Serve."""
    if sys.argv[1] == "stdio":
        server.run("stdio")
        return
    port = free_port()
    Path(sys.argv[2]).write_text(f"http://127.0.0.1:{port}/mcp")
    server.run("streamable-http", host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
