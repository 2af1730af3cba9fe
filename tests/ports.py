"""Ports for servers that must be told theirs."""

from __future__ import annotations

import contextlib
import secrets
import socket


def free_port() -> int:
    """A port on which nobody listens. It is none of those that the system gives out by itself, so nobody has it before it is used."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
