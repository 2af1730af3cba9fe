"""`docs/commands.md` tells of everything that can be typed, and of nothing that cannot."""

from __future__ import annotations

import re
from pathlib import Path

from cells import running_shell

from routebook.cli import _parser
from routebook.notebook.options import OPTIONS
from routebook.notebook.options import parse as parse_options
from routebook.notebook.subcommands import SUBCOMMANDS, find

DOC = (Path(__file__).parent.parent / "docs" / "commands.md").read_text(encoding="utf-8")


def test_every_option_has_its_row() -> None:
    """An option that is not in the docs is found by nobody."""
    for option in OPTIONS:
        row = ", ".join(f"`{flag}`" for flag in option.flags) + (f" {option.metavar}" if option.metavar else "")
        assert f"| {row} |" in DOC, row


def test_every_example_of_an_option_is_right() -> None:
    """What people copy must work."""
    examples = re.findall(r"\| `%%route ([^`]+)` \|", DOC)
    assert len(examples) == len(OPTIONS)
    for example in examples:
        parse_options(example)


def test_every_subcommand_has_its_row_and_no_other() -> None:
    """As above."""
    named = re.findall(r"`%route ([a-z]+)", DOC)
    assert set(named) == {subcommand.name for subcommand in SUBCOMMANDS}


def test_the_lines_shown_are_lines_that_work(tmp_path: Path) -> None:
    """Those that need no network and no earlier cell are run."""
    with running_shell(tmp_path) as shell:
        for line in re.findall(r"\| `(%route [^`]+)`", DOC):
            name = line.split()[1]
            assert find(name)
            if name not in ("why", "good", "bad", "wrong", "setup", "init", "import", "nest", "warm", "jobs"):
                shell.run(line)


def test_every_shell_command_is_shown() -> None:
    """And every line shown is a right one."""
    lines = re.findall(r"^\$ .*?routebook (.+?)(?:  +#.*)?$", DOC, re.MULTILINE)
    assert {line.split()[0] for line in lines} == {"ask", "plan", "models", "doctor", "init", "setup", "import", "export"}
    import shlex

    for line in lines:
        _parser().parse_args(shlex.split(line.partition(" > ")[0]))
