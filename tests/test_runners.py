"""`%%route` where nobody clicks: nbclient, papermill, nbconvert, and plain IPython in a terminal."""

# mypy: disable-error-code="no-untyped-call,import-untyped"
# nbformat and its kind have no types.

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pexpect
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter, MarkdownExporter

from routebook.testing import Chaos, ScriptedServer

ROUTING = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
quick = { provider = "here", id = "quick" }
slow = { provider = "here", id = "slow" }
[[routes]]
name = "chat"
try = ["quick"]
"""
ANSWER = "It is **four**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
QUIET = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
"""The runners' own warnings are theirs to mend."""


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """One server for all."""
    with ScriptedServer(models={"quick": Chaos(reply=ANSWER), "slow": Chaos(tokens=600, tokens_per_s=20)}) as running:
        yield running


@pytest.fixture
def folder(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `routing.toml` of its own, and nothing of the user's."""
    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    return tmp_path


def notebook(*cells: str) -> Any:  # noqa: ANN401  nbformat has no types
    """A notebook of code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


# ---- nbclient, papermill, nbconvert


@QUIET
def test_nbclient_gets_answers_without_widgets(folder: Path) -> None:
    """What is saved must be readable by a page that has no kernel and no widget."""
    made = notebook("%load_ext routebook", "%%route -o a\nWhat?", "print(a.text)")
    NotebookClient(made, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    assert set(made.cells[1].outputs[0].data) == {"text/html", "text/plain"}
    assert made.cells[2].outputs[0].text.strip() == ANSWER.strip()
    assert "application/vnd.jupyter.widget-view+json" not in nbformat.writes(made)
    assert "four" not in str(made.metadata.get("widgets", ""))


@QUIET
@pytest.mark.parametrize(
    ("cell", "says"), [("%%route -m slw\nWhat?", "'slow'"), ("%%route --nope\nWhat?", "--nope"), ("%%route\n{{x}}", "{{x}}")]
)
def test_nbclient_sees_an_error_as_an_error(folder: Path, cell: str, says: str) -> None:
    """An error printed as text would let the notebook go on with nothing."""
    made = notebook("%load_ext routebook", cell, "print('went on')")
    with pytest.raises(CellExecutionError, match=re.escape(says)) as caught:
        NotebookClient(made, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    assert caught.value.ename == "UsageError"
    assert not made.cells[2].outputs


@QUIET
def test_papermill_runs_a_notebook_with_parameters(folder: Path, server: ScriptedServer) -> None:
    """A parameter is a variable, so it goes into prompts."""
    made = notebook("city = 'nowhere'", "%load_ext routebook", "%%route -o a\nWhere is {{city}}?", "print(a.model)")
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, folder / "in.ipynb")
    papermill.execute_notebook(folder / "in.ipynb", folder / "out.ipynb", parameters={"city": "Rome"}, progress_bar=False, cwd=folder)
    assert server.seen.calls[-1].json()["messages"][-1]["content"] == "Where is Rome?"
    assert "quick" in nbformat.read(folder / "out.ipynb", as_version=4).cells[-1].outputs[0].text


@QUIET
def test_papermill_stops_at_an_error_and_says_what_it_was(folder: Path) -> None:
    """Its report is all that one sees of a run at night."""
    nbformat.write(notebook("%load_ext routebook", "%%route -m slw\nWhat?", "print('went on')"), folder / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="There is no model 'slw'"):
        papermill.execute_notebook(folder / "in.ipynb", folder / "out.ipynb", progress_bar=False, cwd=folder)


@QUIET
def test_nbconvert_shows_answer_and_plan(folder: Path) -> None:
    """Header, rendered text, footer, and why; no dead widget. In Markdown too, for a README or a diff."""
    nbformat.write(notebook("%load_ext routebook", "%%route\nWhat?", "%%route --dry\nWhat?"), folder / "book.ipynb")
    command = ["--execute", "--to", "notebook", "--output", "done", "book.ipynb"]
    subprocess.run([sys.executable, "-m", "nbconvert", *command], cwd=folder, check=True, capture_output=True, timeout=120)
    html, _ = HTMLExporter().from_filename(str(folder / "done.ipynb"))
    for part in ("It is <strong>four</strong>.", "<td>1</td>", "complexity", "first token", "<summary>", "To try, in order"):
        assert part in html
    assert "Error displaying widget" not in html
    text, _ = MarkdownExporter().from_filename(str(folder / "done.ipynb"))
    for part in ("four", "complexity", "first token", "To try, in order"):
        assert part in text


# ---- a terminal


class Terminal:
    """Plain IPython in a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        command = ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=nocolor"]
        environ = {**os.environ, "HOME": str(folder / "home"), "TERM": "dumb"}
        self.child = pexpect.spawn(
            sys.executable, command, cwd=str(folder), env=environ, encoding="utf-8", timeout=30, echo=False, dimensions=(50, 200)
        )
        self.child.expect(r"In \[1\]: ")

    def type(self, *lines: str) -> None:
        """Type a line, or a cell and the empty lines that end it."""
        for line in lines if len(lines) == 1 else (*lines, "", ""):
            self.child.sendline(line)

    def until_prompt(self) -> str:
        """All that is written until the next prompt."""
        self.child.expect(r"In \[\d+\]: ")
        return str(self.child.before).replace("\r\n", "\n")


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal with the extension loaded."""
    made = Terminal(folder)
    made.type("%load_ext routebook")
    made.until_prompt()
    yield made
    made.child.close(force=True)


def test_a_terminal_shows_lines_and_streams_the_text(terminal: Terminal) -> None:
    """No widget, no HTML: the header, the text as it comes, the footer."""
    terminal.type("%%route -m slow --max-tokens 30", "What is two and two?")
    terminal.child.expect(r"\[chat qa · complexity \d of 10 · slow\]")
    headed = time.monotonic()
    terminal.child.expect(
        r"\[slow · \d+ tokens in, 30 out · first token [\d.]+ s · total [\d.]+ s · free · cut at the longest answer allowed\]"
    )
    assert time.monotonic() - headed > 0.5
    assert "asking slow" in str(terminal.child.before)
    assert "<IPython" not in terminal.until_prompt()


def test_a_terminal_shows_the_answer_as_it_was_written(terminal: Terminal) -> None:
    """Markdown is readable as it is."""
    terminal.type("%%route", "What is two and two?")
    text = terminal.until_prompt()
    assert "It is **four**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n[quick · " in text


def test_ctrl_c_stops_a_terminal_s_cell_with_one_line(terminal: Terminal, server: ScriptedServer) -> None:
    """The request ends, the prompt comes back, what came stays on the screen."""
    before = len(server.seen.disconnects)
    terminal.type("%%route -m slow", "What is two and two?")
    terminal.child.expect(r"asking slow\]\s+\w+ \w+")  # two words have come
    pressed = time.monotonic()
    terminal.child.sendintr()
    text = terminal.until_prompt()
    assert time.monotonic() - pressed <= 5  # the figure is 0.2 s, by `benchmarks/stopping.py` on a quiet machine
    assert re.search(r"Stopped: \d+ characters are kept, cost so far: free\.", text)
    assert "Traceback" not in text
    while len(server.seen.disconnects) == before:
        assert time.monotonic() - pressed <= 5
        time.sleep(0.01)
    terminal.type("1 + 1")
    assert "2" in terminal.until_prompt()


def test_a_terminal_s_errors_are_short(terminal: Terminal) -> None:
    """One line that says what to do."""
    terminal.type("%%route -m slw", "What?")
    text = terminal.until_prompt()
    assert "UsageError: There is no model 'slw'. Did you mean 'slow'" in text
    assert "Traceback" not in text


def test_a_terminal_shows_a_plan_as_text(terminal: Terminal) -> None:
    """`--dry` has a text twin."""
    terminal.type("%%route --dry", "What?")
    assert "To try, in order:\n  quick (local): " in terminal.until_prompt()
