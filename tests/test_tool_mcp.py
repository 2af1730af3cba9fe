"""Tools of MCP servers: real ones, in processes of their own, over stdio and over HTTP; and servers that die, hang, and say too much."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from served import router, until

from routebook.config.tool_entry import ToolEntry
from routebook.engine.toolbox.server import Server
from routebook.messages import Answer
from routebook.testing import ScriptedCall, ScriptedServer

pytest.importorskip("mcp")
SERVER = Path(__file__).with_name("mcp_server.py")
STDIO = [sys.executable, str(SERVER), "stdio"]
DEADLINE_S = 170
"""A loaded machine takes long to start a server."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that listens on loopback."""
    said = tmp_path_factory.mktemp("mcp") / "url"
    process = subprocess.Popen([sys.executable, str(SERVER), "http", str(said)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + DEADLINE_S
    while not (said.exists() and said.read_text() and _listens(said.read_text())):
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.05)
    yield said.read_text()
    process.kill()
    process.wait()


def _listens(url: str) -> bool:
    import socket

    try:
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2].partition("/")[0])), timeout=1):
            return True
    except OSError:
        return False


def call(name: str, **arguments: Any) -> ScriptedCall:  # noqa: ANN401
    """A call of one of the server's tools."""
    return ScriptedCall(name=f"files_{name}", arguments=arguments)


def ask(steps: Sequence[ScriptedCall], entry: dict[str, Any], **more: Any) -> tuple[Answer, list[str]]:  # noqa: ANN401
    """Calls one after the other; the answer, and what the model was told."""
    with ScriptedServer(reply="Done.", calls=[[step] for step in steps]) as server:
        of = router(server, tools={"files": entry}, provider={"tier": "local"})
        try:
            answer = of.ask_sync("Do it.", tools="files", deadline_s=DEADLINE_S, **more)
        finally:
            of.close()
        told = [message["content"] for message in server.seen.calls[-1].json()["messages"] if message["role"] == "tool"]
    return answer, told


def test_tools_of_a_server_behind_a_command_run_and_say_what_is_wrong() -> None:
    """Its own errors, arguments that its schema refuses, a tool it does not have: each is told, and one server serves them all."""
    steps = [call("add", a=1, b=2), call("fail", why="no such file"), call("add", a="x"), call("pid"), call("nope"), call("pid")]
    answer, told = ask(steps, {"mcp": STDIO})
    assert told[0] == "3"
    assert "no such file" in told[1]
    assert "was not run" in told[2]
    assert told[3] == told[5] != str(os.getpid())
    assert "There is no tool 'files_nope'. The tools are: files_add," in told[4]
    assert [run.status for run in answer.tools] == ["ok", "error", "error", "ok", "error", "ok"]
    assert answer.text == "Done."
    assert not _lives(int(told[3])), "the server outlived its router"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_tools_of_a_server_at_an_address_run_too(address: str) -> None:
    """Streamable HTTP, as the specification has it."""
    answer, told = ask([call("add", a=20, b=22), call("fail", why="no such page")], {"mcp": address})
    assert told[0] == "42"
    assert "no such page" in told[1]
    assert [run.status for run in answer.tools] == ["ok", "error"]


def test_a_server_that_dies_is_told_with_its_last_words_and_started_again() -> None:
    """In the middle of a call; the next call has a new server."""
    answer, told = ask([call("pid"), call("die"), call("pid")], {"mcp": STDIO})
    assert "the server of files does not answer" in told[1]
    assert "out of memory, it says" in told[1]
    assert told[2].isdigit()
    assert told[2] != told[0]
    assert [run.status for run in answer.tools] == ["ok", "error", "ok"]


def test_a_server_that_hangs_is_left_and_the_next_call_has_a_new_one() -> None:
    """It may never come back, and it holds whatever it held."""
    answer, told = ask([call("hang", seconds=600), call("add", a=1, b=1)], {"mcp": STDIO, "timeout_s": 15})
    assert "It did not end within 15 s" in told[0]
    assert told[1] == "2"
    assert [run.status for run in answer.tools] == ["timeout", "ok"]


def test_megabytes_of_a_server_are_cut_and_hold_nothing_up() -> None:
    """The model gets the beginning; the person is told how much there was."""
    answer, told = ask([call("big", megabytes=8)], {"mcp": STDIO, "timeout_s": 120, "max_bytes": 1000})
    assert len(told[0]) < 1200
    assert "[cut: this is the beginning, 1,000 of 8,000,000 bytes]" in told[0]
    assert any("8,000,000 bytes" in note for note in answer.notes)


def test_a_server_gets_its_key_by_its_variable_and_nothing_else_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other people's code runs there: it sees what it needs."""
    monkeypatch.setenv("TEST_TOOL_KEY", "k-123456")
    _, told = ask([call("key")], {"mcp": STDIO, "key_env": "TEST_TOOL_KEY"})
    assert told == ["k-123456"]
    _, told = ask([call("key")], {"mcp": STDIO})
    assert told == ["none"]


def test_one_tool_of_a_server_may_have_a_name_of_its_own() -> None:
    """Then it can be a fallback, and have fallbacks."""
    with ScriptedServer(reply="Done.", calls=[[ScriptedCall(name="plus", arguments={"a": 2, "b": 3})]]) as server:
        of = router(server, tools={"plus": {"mcp": STDIO, "tool": "add"}})
        answer = of.ask_sync("Add.", tools="plus", deadline_s=DEADLINE_S)
        of.close()
    assert [(run.name, run.result) for run in answer.tools] == [("plus", "5")]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"mcp": ["no-such-command-at-all"]}, "No such file"),
        ({"mcp": [sys.executable, "-c", "print('I am no server')"]}, "the server of files does not answer"),
        ({"mcp": "http://127.0.0.1:9/mcp"}, "the server of files does not answer"),
        ({"mcp": STDIO, "tool": "nope"}, "its server has no tool 'nope'; it has: add, big"),
    ],
)
def test_a_server_that_cannot_be_opened_is_left_out_and_the_rest_goes_on(entry: dict[str, Any], words: str) -> None:
    """The person is told why; the model answers without it."""
    answer, _ = ask([], entry)
    [note] = answer.notes
    assert "The tool files is left out" in note
    assert words in note
    assert answer.text == "Done."


def test_behind_the_wall_servers_are_left_out_unless_they_are_said_to_stay_here() -> None:
    """What a server does with what it is told nobody here can see."""
    answer, _ = ask([], {"mcp": STDIO}, local=True)
    assert [(out.name, "uses the network" in out.reason) for out in answer.plan.tools_left_out] == [("files", True)]
    answer, told = ask([call("add", a=1, b=2)], {"mcp": STDIO, "network": False}, local=True)
    assert told == ["3"]


def test_a_server_that_hangs_as_it_starts_ends_with_the_request_that_is_stopped(tmp_path: Path) -> None:
    """Each question would leave one more behind, until the kernel ends."""
    said = tmp_path / "pid"
    program = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(f'{os.getpid()}\\n'); time.sleep(600)"

    async def main() -> None:
        server = Server("files", ToolEntry(mcp=[sys.executable, "-c", program, str(said)]), key=None)
        starting = asyncio.create_task(server.start())
        await until(lambda: said.exists() and said.read_text().endswith("\n"), within_s=DEADLINE_S)
        starting.cancel()
        await until(lambda: not _lives(int(said.read_text())), within_s=30)

    asyncio.run(main())
