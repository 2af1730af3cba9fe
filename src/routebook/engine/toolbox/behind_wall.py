"""The wall around functions: while one runs for a request that must stay on this machine, Python opens no connection elsewhere for it.

An audit hook sees every connection that Python code of this process makes, whatever library makes it, and refuses those of a walled run. It
knows the run by its context, which `asyncio` and `to_thread` hand on; a thread that a tool starts by itself, a child process, or a library that
opens sockets beside Python is not seen: a tool that uses the network says so.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from routebook.backends.network import is_local_name
from routebook.errors import LocalOnlyViolation

_is_walled: ContextVar[bool] = ContextVar("routebook_tool_is_walled", default=False)
_LOOKS: Final = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"})


@contextlib.contextmanager
def behind_wall(*, is_up: bool) -> Iterator[None]:
    """Run what is inside behind the wall, if it is up."""
    if not is_up:
        yield
        return
    _watch()
    token = _is_walled.set(True)
    try:
        yield
    finally:
        _is_walled.reset(token)


@cache
def _watch() -> None:
    """Hooks stay for good, so there is one, and only once it is needed."""
    sys.addaudithook(_look)


def _look(event: str, args: tuple[Any, ...]) -> None:
    if event not in _LOOKS or not _is_walled.get():
        return
    if event in ("socket.connect", "socket.sendto"):
        own, address = args[0], args[1]
        host = address[0] if isinstance(address, tuple) and own.family in (socket.AF_INET, socket.AF_INET6) else None
    else:
        host = args[0]
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and name and not is_local_name(name):
        raise LocalOnlyViolation(f"this request must not leave the machine, and {name!r} is not this machine; nothing was sent.")
