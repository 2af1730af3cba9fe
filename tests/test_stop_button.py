"""The stop button of a real kernel: the cell ends at once, the connection too, what came is kept, and what it cost is booked."""

from __future__ import annotations

import time

import asking_kernel
import pytest
from asking_kernel import ask, told
from kernels import Kernel, Run, said
from served import wait_until

from routebook.testing import ScriptedServer

SCRIPTS, ENVIRON, ROUTING = asking_kernel.SCRIPTS, asking_kernel.ENVIRON, asking_kernel.ROUTING
SOON_S = 5.0
"""From the stop button to the closed connection, and to the end of the cell, on a machine with much else to do; `benchmarks/stopping.py` measures it.
The answers would come for more than a minute."""


@pytest.fixture(autouse=True, scope="module")
def _warm(kernel: Kernel) -> None:
    """The first cell of a kernel loads what all others find there; the cells that are stopped here are such others."""
    ask(kernel)


def stop(kernel: Kernel, server: ScriptedServer, line: str, *, after: int) -> tuple[Run, float, float]:
    """Run a cell, stop it when so many characters have come; return it, the seconds to its end, and those until the server saw the client leave."""
    before, run = len(server.seen.disconnects), Run()
    cell = kernel.start(f"%%route {line}\nWhat is two and two?")
    reached(server)
    while len("".join(told(run, "delta"))) < after:
        kernel.watch(cell, run, until=time.monotonic() + 30, stop_at="comm_msg")
    time.sleep(0.2)
    pressed = kernel.interrupt()
    kernel.finish(cell, run=run)
    until = time.monotonic() + SOON_S
    while len(server.seen.disconnects) == before and time.monotonic() < until:
        time.sleep(0.005)
    assert len(server.seen.disconnects) == before + 1
    return run, run.ended - pressed, server.seen.disconnects[-1] - pressed


def reached(server: ScriptedServer) -> None:
    """Wait until a call is under way."""
    until = time.monotonic() + 20
    while not server.seen.concurrent:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_stop_button_stops_at_once_and_keeps_what_came(kernel: Kernel, server: ScriptedServer) -> None:
    """The money stops, the text stays, one line says so."""
    run, cell_s, server_s = stop(kernel, server, "-m slow -o kept", after=21)
    assert cell_s <= SOON_S
    assert server_s <= SOON_S
    assert (run.status, run.ename) == ("error", "Interrupted")
    assert run.traceback[-1].startswith("Stopped: ")
    assert "characters are kept, cost so far: $0.0" in run.text
    assert len(run.traceback) == 1
    page = run.outputs[0]["data"]
    assert sorted(page) == ["text/html", "text/plain"]
    assert "stopped" in page["text/plain"]
    deltas = "".join(told(run, "delta"))
    assert deltas in page["text/plain"]
    assert len(deltas) > 20


def test_a_stopped_attempt_is_in_the_books_with_its_cost(kernel: Kernel, server: ScriptedServer) -> None:
    """What was streamed is billed."""
    stop(kernel, server, "-m slow", after=1)
    row = said(
        kernel,
        "row = rb.Router().frame().iloc[-1]\nprint(row.model, row.status, row.finish_reason, row.cost_usd > 0, row.output_tokens > 0, row.tokens_estimated)",
    )
    assert row == "slow cancelled cancelled True True True"


def test_a_stop_before_the_first_token_is_as_quick(kernel: Kernel, server: ScriptedServer) -> None:
    """A model that thinks for minutes is the usual reason to press it."""
    run, cell_s, server_s = stop(kernel, server, "-m mute", after=0)
    assert cell_s <= SOON_S
    assert server_s <= SOON_S
    assert "nothing had come yet" in run.text


def test_a_stop_aborts_the_cells_behind_it_and_leaves_the_kernel_alive(kernel: Kernel, server: ScriptedServer) -> None:
    """Run All must not go on and spend."""
    cell = kernel.start("%%route -m slow\nWhat?")
    behind = [kernel.start("%%route\nWhat?"), kernel.start("print('ran')")]
    reached(server)
    attempts = server.seen.attempts
    kernel.interrupt()
    kernel.finish(cell)
    assert [kernel.finish(one).status for one in behind] == ["aborted", "aborted"]
    assert server.seen.attempts == attempts
    assert "four" in ask(kernel).text
    wait_until(lambda: not server.seen.concurrent)


def test_the_cancel_button_is_heard_while_the_cell_runs(kernel: Kernel, server: ScriptedServer) -> None:
    """A page sends its clicks to a subshell of the kernel; the main one is busy with the cell."""
    made = kernel.client.session.msg("create_subshell_request", {})
    kernel.client.control_channel.send(made)
    subshell = kernel.client.get_control_msg(timeout=10)["content"]["subshell_id"]
    before = len(server.seen.disconnects)
    cell = kernel.start("%%route -m slow\nWhat?")
    run = Run()
    kernel.watch(cell, run, until=time.monotonic() + 30, stop_at="display_data")
    model = run.outputs[0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    reached(server)
    time.sleep(0.2)
    click = kernel.client.session.msg(
        "comm_msg", {"comm_id": model, "data": {"method": "custom", "content": {"kind": "cancel", "pane": ""}}}
    )
    click["header"]["subshell_id"] = subshell
    pressed = time.monotonic()
    kernel.client.shell_channel.send(click)
    kernel.finish(cell, run=run)
    assert run.ename == "Interrupted"
    assert run.ended - pressed <= SOON_S
    wait_until(lambda: len(server.seen.disconnects) == before + 1)
    assert server.seen.disconnects[-1] - pressed <= SOON_S
