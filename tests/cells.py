"""Runs cells in a real IPython shell with the extension loaded, and keeps what they show."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from routebook.errors import UsageError

ROUTING = """
[defaults]
route = "chat"

[budgets]
total = { daily = 5.00, unpriced = true }
notebook = { daily = 1.00 }

[providers.home]
kind = "chaos"
chaos = { reply = "Four." }

[providers.cloud]
kind = "chaos"
tier = "paid"
chaos = { reply = "A dear answer." }

[providers.groq]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "A_KEY_THAT_NOBODY_HAS"
tier = "free"

[providers.broken]
kind = "chaos"
chaos = { faults = [{ kind = "auth" }] }

[models.tiny]
provider = "home"
id = "tiny:1b"
context = 8192
memory_gb = 1.2

[models.opus]
provider = "cloud"
id = "opus-1"
price = { input = 15, output = 75 }

[models.riddle]
provider = "cloud"
id = "riddle-1"

[models.llama]
provider = "groq"
id = "llama-<b>70b</b>"

[models.shut]
provider = "broken"
id = "shut-1"

[pools.all]
models = ["tiny", "opus"]
pick = "cheapest"

[[routes]]
name = "chat"
try = ["all", "llama"]
"""
"""Models that answer, one that is dear, one of unknown price, one without a key, one that refuses its key; all on this machine."""


class Shell:
    """Runs cells and keeps what the last one showed."""

    def __init__(self, shell: InteractiveShell) -> None:
        """`shell` has the extension loaded."""
        self.shell = shell
        self.text = ""
        """What the last cell printed, or showed as text."""
        self.outputs: list[dict[str, Any]] = []
        """What the last cell displayed, as MIME bundles."""
        self.error: BaseException | None = None

    def run(self, cell: str) -> Any:  # noqa: ANN401  a cell's value
        """Run a cell and return its value; a cell that fails fails the test."""
        value = self.attempt(cell)
        if self.error is not None:
            raise self.error
        return value

    def attempt(self, cell: str) -> Any:  # noqa: ANN401
        """Run a cell and return its value; what it raised is in `error`."""
        with capture_output() as captured:
            result = self.shell.run_cell(cell)
        self.error = result.error_before_exec or result.error_in_exec
        self.outputs = [output.data for output in captured.outputs]
        self.text = "\n".join([captured.stdout, captured.stderr, *(output.get("text/plain", "") for output in self.outputs)])
        return result.result

    @property
    def names(self) -> dict[str, Any]:
        """The user's variables."""
        names: dict[str, Any] = self.shell.user_ns
        return names

    def as_kernel(self) -> None:
        """From now on pages are displayed, as in a notebook; only a kernel's shell has this attribute."""
        self.shell.kernel = None  # type: ignore[attr-defined]  # that is the point


@contextmanager
def running_shell(folder: Path, routing: str | None = ROUTING) -> Iterator[Shell]:
    """A shell that works in `folder`, with a `routing.toml` there unless that is `None`.

    It is the process's one shell while it lives, because what a cell displays goes to that one.
    """
    if routing is not None:
        (folder / "routing.toml").write_text(routing, encoding="utf-8")
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    try:
        shell.run_line_magic("load_ext", "routebook")
        yield Shell(shell)
        shell.run_line_magic("unload_ext", "routebook")
    finally:
        shell.restore_sys_module_state()
        shell.atexit_operations()
        atexit.unregister(shell.atexit_operations)
        InteractiveShell.clear_instance()


def usual_shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell with a `routing.toml` of three usable models."""
    with running_shell(tmp_path) as made:
        yield made


def refused(shell: Shell, line: str) -> str:
    """Run a line that must be refused as wrong usage; return what it says."""
    shell.attempt(line)
    assert isinstance(shell.error, UsageError), shell.error
    return str(shell.error)
