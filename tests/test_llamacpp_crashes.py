"""What is left of a llama.cpp server when a process is killed or crashes: no orphan, an error that says it, and a new start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import llama_server
import pytest
from calls import collect
from llama_backends import FILE, PATIENCE_S, asked, closing, is_alive, opened, parent_of, record
from ports import free_port
from served import loaded, wait_until

from routebook.engine.router import Router
from routebook.errors import StreamBroken


def test_a_killed_kernel_leaves_no_server_behind(tmp_path: Path) -> None:
    """`kill -9` runs no clean-up; the memory must come back all the same."""
    program = (
        "import asyncio, sys, pathlib\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from calls import collect\n"
        "from llama_backends import asked, opened, record\n"
        "async def run():\n"
        "    backend = opened(pathlib.Path(sys.argv[2]), int(sys.argv[3]))\n"
        "    await collect(backend, asked())\n"
        "    print(record()['pid'], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    argv = [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path), str(free_port())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout is not None
        pid = int(kernel.stdout.readline())
        assert is_alive(pid)
        kernel.kill()
    wait_until(lambda: not is_alive(pid))
    wait_until(lambda: not list((Path.home() / ".cache" / "routebook").rglob("*.json")))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_killed_keeper_takes_its_server_along(tmp_path: Path) -> None:
    """Nobody would know of it any more."""

    async def run() -> None:
        backend = opened(tmp_path, free_port())
        async with closing(backend):
            await collect(backend, asked())
            pid = int(record()["pid"])
            link = backend._servers["tiny"].link
            assert link is not None
            os.kill(parent_of(pid), signal.SIGKILL)
            await asyncio.to_thread(wait_until, lambda: not is_alive(pid))
            assert await link.ended(within_s=PATIENCE_S)
            assert (await collect(backend, asked())).text

    asyncio.run(run())


def test_a_crash_is_an_error_with_its_last_words_and_the_next_call_starts_it_again(tmp_path: Path) -> None:
    """Out of memory in the middle of an answer costs that answer."""
    port = free_port()

    async def run() -> None:
        backend = opened(tmp_path, port, "--die-at", "3")
        async with closing(backend):
            for _ in range(2):
                with pytest.raises(
                    StreamBroken, match=r"server of small ended \(status 9\) while it answered.*next request starts it again"
                ):
                    await collect(backend, asked())
        slow = opened(tmp_path, port, "--token-s", "0.05")
        async with closing(slow):
            events = slow.stream(asked())
            await anext(events)
            os.kill(record()["pid"], signal.SIGKILL)
            with pytest.raises(StreamBroken, match=r"was killed \(signal 9\)"):
                async for _ in events:
                    pass
            assert (await collect(slow, asked())).text

    asyncio.run(run())


def test_a_crash_costs_a_request_nothing_but_time(tmp_path: Path) -> None:
    """The route's own reactions hold: the same model once more, then the next."""
    program, port = llama_server.program(tmp_path), free_port()
    (tmp_path / FILE).write_bytes(b"GGUF")
    given = loaded(
        providers={"llama": {"kind": "llamacpp", "command": program}, "here": {"kind": "chaos", "chaos": {"reply": "the other"}}},
        models={
            "small": {"provider": "llama", "id": "tiny", "gguf": str(tmp_path / FILE), "port": port, "args": ["--die-at", "3"]},
            "other": {"provider": "here", "id": "other"},
        },
        routes=[{"name": "chat", "try": ["small", "other"]}],
    )

    async def run() -> None:
        async with Router(given) as router:
            answer = await router.ask("count", local=True)
            assert answer.text == "the other"
            assert [(one.model, one.error_type) for one in answer.attempts] == [
                ("small", "StreamBroken"), ("small", "StreamBroken"), ("other", None),
            ]  # fmt: skip

    asyncio.run(run())
