"""Tools in a `%%route` cell of a real kernel: shown as they go, folded, asked about, explained, and refused where nobody can be asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernels import Kernel, Run, running_kernel

from routebook.testing import Chaos, ScriptedCall, ScriptedServer

WAIT_S = 60
HOSTILE = "<img src=x onerror=alert(1)> ```` [a](javascript:alert(2)) **loud** {{name}}"
SCRIPTS = {
    "m": Chaos(
        reply="It **rains** there.",
        preamble="Let me look that up.",
        calls=((ScriptedCall(name="weather", arguments={"city": "Paris"}), ScriptedCall(name="evil")), (ScriptedCall(name="broken"),)),
    ),
    "deleter": Chaos(reply="As you wish.", calls=((ScriptedCall(name="delete", arguments={"path": "notes.txt"}),),)),
    "slow": Chaos(reply="Late.", calls=((ScriptedCall(name="waits"),),)),
}
ROUTING = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
m = { provider = "here", id = "m", tools = true }
deleter = { provider = "here", id = "deleter" }
slow = { provider = "here", id = "slow" }
[[routes]]
name = "chat"
try = ["m"]
"""
TOOLS = f'''
import routebook as rb, asyncio, pathlib

@rb.tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {{city}}"

@rb.tool
def evil() -> str:
    """Says what it should not."""
    return {HOSTILE!r}

@rb.tool
def broken() -> str:
    """Fails."""
    raise ConnectionError("no line")

@rb.tool(confirm=True)
def delete(path: str) -> str:
    """Delete a file."""
    pathlib.Path("deleted").write_text(path)
    return "gone"

@rb.tool
async def waits() -> str:
    """Wait."""
    pathlib.Path("waiting").touch()
    await asyncio.sleep(600)
    return "late"
'''


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, server: ScriptedServer) -> Iterator[Kernel]:
    """A kernel with the extension and the tools."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with running_kernel(folder) as running:
        running.folder = folder  # type: ignore[attr-defined]
        made = running.run("%load_ext routebook\n" + TOOLS, seconds=WAIT_S)
        assert made.status == "ok", made.text
        yield running


def said(kernel: Kernel, code: str) -> Run:
    """A cell that went well."""
    run = kernel.run(code, seconds=WAIT_S)
    assert run.status == "ok", run.text
    return run


def test_tools_are_shown_as_they_go_and_stay_in_the_finished_cell(kernel: Kernel) -> None:
    """Name, arguments, outcome and time in a line, the result folded behind it; the saved cell has them without a kernel."""
    run = said(kernel, "%%route --tools weather,evil,broken\nWhat is the weather in Paris?")
    assert run.html.count('<details class="routebook-stage"') == 3
    assert "weather(city=&quot;Paris&quot;) · ok · " in run.html
    assert "rain in Paris" in run.html
    assert "broken() · error · " in run.html
    assert "ConnectionError: no line" in run.html
    assert "<strong>rains</strong>" in run.html
    assert '[weather(city="Paris") · ok · ' in run.text
    assert "Let me look that up." not in run.html.partition("routebook-stage")[0]


def test_what_a_tool_says_is_shown_as_text(kernel: Kernel) -> None:
    """A page that a search found must not run in the notebook."""
    run = said(kernel, "%%route --tools all\nWhat is the weather in Paris?")
    assert "<img" not in run.html
    assert "&lt;img src=x onerror=alert(1)&gt;" in run.html
    assert 'href="javascript' not in run.html
    assert "**loud** {{name}}" in run.html, "it was taken for Markdown"


def test_why_tells_of_the_tools_of_the_last_answer_and_of_any_other(kernel: Kernel) -> None:
    """From memory for the last, from the books for others: without arguments and results, which the books do not hold."""
    said(kernel, "%%route --tools weather,evil,broken -o first\nWhat is the weather in Paris?")
    assert "Tools run" in said(kernel, "%route why").text
    said(kernel, "%%route --tools none\nHello")
    other = said(kernel, "get_ipython().run_line_magic('route', f'why {first.request_id}')").text
    assert "tools that ran" in other
    assert "weather" in other
    assert "rain in Paris" not in other


def test_dry_says_which_tools_there_would_be(kernel: Kernel) -> None:
    """Nothing runs, nothing is sent."""
    text = said(kernel, "%%route --dry --tools weather\nWhat is the weather in Paris?").text
    assert "Tools:\n  weather" in text


def test_an_unknown_tool_is_named_with_those_there_are(kernel: Kernel) -> None:
    """A slip of the finger costs nothing."""
    run = kernel.run("%%route --tools wether\nHello", seconds=WAIT_S)
    assert run.ename == "UsageError"
    assert "There is no tool 'wether'; there are: weather, evil, broken, delete, waits." in run.text


@pytest.mark.parametrize(("typed", "is_done"), [("yes", True), ("no", False)])
def test_a_tool_marked_confirm_asks_the_person(kernel: Kernel, typed: str, is_done: bool) -> None:  # noqa: FBT001  parametrized
    """By a button where a page is there, else by a line to type."""
    mark: Path = kernel.folder / "deleted"  # type: ignore[attr-defined]
    mark.unlink(missing_ok=True)
    sent = kernel.start("%%route -m deleter --tools delete\nDelete my notes.", allow_stdin=True)
    asked = kernel.client.get_stdin_msg(timeout=WAIT_S)
    assert 'Run delete(path="notes.txt")? A model asks for it. [yes / no]' in asked["content"]["prompt"]
    assert not mark.exists()
    kernel.client.input(typed)
    run = kernel.finish(sent, seconds=WAIT_S)
    assert run.status == "ok", run.text
    assert mark.exists() is is_done
    assert ("delete(path=&quot;notes.txt&quot;) · ok" if is_done else "· refused ·") in run.html


def test_where_nobody_can_be_asked_it_is_refused(kernel: Kernel) -> None:
    """Papermill and nbconvert: the model is told so, and the cell goes on."""
    run = said(kernel, "%%route -m deleter --tools delete\nDelete my notes.")
    assert "· refused ·" in run.html
    assert "nobody is here to be asked" in run.html


def test_the_stop_button_ends_a_tool(kernel: Kernel) -> None:
    """The cell ends at once, and says what ran."""
    sent, run = kernel.start("%%route -m slow --tools waits\nWait."), Run()
    until = time.monotonic() + WAIT_S
    while "waits() · running" not in str(run.seen):  # it is shown while it runs
        kernel.watch(sent, run, until=until, stop_at="comm_msg")
    mark: Path = kernel.folder / "waiting"  # type: ignore[attr-defined]
    while not mark.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    kernel.interrupt()
    run = kernel.finish(sent, seconds=WAIT_S / 2, run=run)
    assert run.ename == "Interrupted"
    assert "waits() · cancelled" in run.html
