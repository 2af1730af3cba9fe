"""The scripted server's end: nobody is left on the line, also not those who were just coming in."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket

import pytest

from routebook.backends.chaos.script import Chaos
from routebook.backends.chaos.server import ChaosServer


@pytest.mark.parametrize("steps", range(6))
def test_who_comes_in_as_it_ends_is_cut_off(steps: int) -> None:
    """A connection that stays open is waited for by its client, and is a warning later on."""

    async def main() -> None:
        server = ChaosServer(Chaos())
        await server.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            for _ in range(steps):
                await asyncio.sleep(0)
            await server.aclose()
            client.settimeout(0)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), 10) == b""

    asyncio.run(main())
    gc.collect()
