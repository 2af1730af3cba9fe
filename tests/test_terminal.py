"""A cell in a terminal: with rich what has settled is rendered; with and without it a model cannot work the terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from routebook.notebook.terminal import TerminalView
from routebook.notebook.visible import visible
from routebook.testing import Chaos, ScriptedServer

EVIL = "It is \x1b]0;owned\x07four\x1b[2J\x1b[1;31m red\x9b31m.\r\nnext\ttab"
ANSWER = "# A title\n\nIt is **four**, see [this](https://example.org/x).\n\n```python\nprint(2 + 2)\n```\n\nThe end of it."
ROUTING = """
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
quick = { provider = "here", id = "quick" }
evil = { provider = "here", id = "evil" }
[[routes]]
name = "chat"
try = ["quick"]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """One server that answers for both."""
    scripts = {"quick": Chaos(reply=ANSWER, tokens_per_s=60), "evil": Chaos(reply=EVIL)}
    with ScriptedServer(models=scripts) as running:
        yield running


SCRIPT = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.run_line_magic('load_ext', 'routebook')
shell.run_cell_magic('route', '-m MODEL', 'What is two and two?')
"""


@contextmanager
def _pty() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    try:
        yield ends
    finally:
        os.close(ends[0])


def seen(folder: Path, server: ScriptedServer, model: str, *, term: str = "xterm-256color") -> str:
    """All that a cell writes to a terminal of that kind."""
    (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with _pty() as (mine, its):
        environ = {**os.environ, "TERM": term, "COLUMNS": "100", "LINES": "40"}
        environ.pop("NO_COLOR", None)
        child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT.replace("MODEL", model)], cwd=folder, env=environ, stdin=its, stdout=its, stderr=its
        )
        os.close(its)
        pieces = []
        while True:
            try:
                piece = os.read(mine, 65_536)
            except OSError:  # the terminal has no other end any more
                break
            if not piece:
                break
            pieces.append(piece)
        assert child.wait(60) == 0, b"".join(pieces).decode(errors="replace")
    return b"".join(pieces).decode()


def test_a_terminal_that_draws_gets_rendered_markdown(server: ScriptedServer, tmp_path: Path) -> None:
    """Bold words, coloured code, the address of a link; header and footer as everywhere."""
    pytest.importorskip("rich", reason="pip install routebook[terminal]")
    text = seen(tmp_path, server, "quick")
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text)
    assert "\x1b[1mfour\x1b[0m" in text
    assert "**four**" not in plain.split("print(2 + 2)")[-1]
    assert "```" not in plain.split("The end")[-1]
    assert "https://example.org/x" in plain
    assert "chat qa · complexity" in plain
    assert "first token" in plain
    assert "\x1b]8" not in text  # no hidden addresses
    assert text.count("\x1b[?25h") >= text.count("\x1b[?25l")  # the cursor is there again


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_model_cannot_work_the_terminal(server: ScriptedServer, tmp_path: Path, term: str) -> None:
    """No title of the window, no cleared screen, no colour of its own, no bell."""
    text = seen(tmp_path, server, "evil", term=term)
    for escape in ("\x1b]0;", "\x07", "\x1b[2J", "\x1b[1;31m", "\x9b"):
        assert escape not in text
    assert "four" in text
    assert "red" in text


def test_the_plain_view_shows_controls_and_keeps_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """What is replaced is seen to be; line breaks and tabs are text."""
    view = TerminalView()
    view.show(head=None, state=None, delta=EVIL, void=None)
    assert capsys.readouterr().out == "It is �]0;owned�four�[2J�[1;31m red�31m.\nnext\ttab"
    assert visible("plain äöü 漢字 🙂") == "plain äöü 漢字 🙂"
