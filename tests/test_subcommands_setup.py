"""`%route doctor`, `init`, `reload`, `setup` and `nest` in a real IPython shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cells import ROUTING, Shell, refused, running_shell, usual_shell

from routebook.errors import SetupNeeded

shell = pytest.fixture(usual_shell)


def test_doctor_shows_what_is_wrong_and_what_to_do(shell: Shell) -> None:
    """The whole of it on one page, problems told apart by words and not by colour alone."""
    shell.run("%route doctor")
    assert "1 problem." in shell.text
    assert re.search(r"^ok +provider home: 1 model; tiny answered", shell.text, re.MULTILINE)
    assert re.search(r"^problem +provider broken: ", shell.text, re.MULTILINE)
    assert "A_KEY_THAT_NOBODY_HAS=… as a line in ~/.env" in shell.text
    shell.as_kernel()
    shell.run("%route doctor")
    assert "provider home" in shell.outputs[-1]["text/html"]


def test_init_writes_a_file_that_works_and_never_writes_over_one(tmp_path: Path) -> None:
    """A lost routing.toml is an evening's work."""
    with running_shell(tmp_path, None) as shell:
        shell.run("%route init")
        assert "The next cell uses it" in shell.text
        text = (tmp_path / "routing.toml").read_text(encoding="utf-8")
        shell.run("%route models")
        assert "llama-70b" in shell.text
        assert "not overwritten" in refused(shell, "%route init")
        assert (tmp_path / "routing.toml").read_text(encoding="utf-8") == text


def test_init_writes_into_a_folder_or_to_a_path_with_spaces(shell: Shell, tmp_path: Path) -> None:
    """The two other things that people type."""
    (tmp_path / "a project").mkdir()
    shell.run('%route init "a project"')
    assert (tmp_path / "a project" / "routing.toml").exists()
    shell.run("%route init other.toml")
    assert "once it is called routing.toml" in shell.text
    assert "one path at most" in refused(shell, "%route init a b")
    assert "not closed" in refused(shell, "%route init 'a")


def test_init_refuses_a_preset_that_is_none(shell: Shell, tmp_path: Path) -> None:
    """A slip in the name says the nearest one, and writes nothing."""
    assert "Did you mean 'agents'?" in refused(shell, "%route init new.toml --preset=agent")
    assert "--preset needs a value." in refused(shell, "%route init --preset")
    assert not (tmp_path / "new.toml").exists()


def test_reload_reads_the_file_again_and_keeps_the_old_one_when_it_is_wrong(shell: Shell, tmp_path: Path) -> None:
    """A slip in the file must not take the notebook's router away."""
    shell.run("%route models")
    (tmp_path / "routing.toml").write_text(ROUTING + '[models.second]\nprovider = "home"\nid = "second"\n', encoding="utf-8")
    shell.run("%route reload")
    assert "6 models" in shell.text
    (tmp_path / "routing.toml").write_text(ROUTING + "wrong = = 1\n", encoding="utf-8")
    shell.attempt("%route reload")
    assert shell.error is not None
    shell.run("%route models")
    assert "second" in shell.text


def test_setup_leaves_weights_that_are_there_alone(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """98 MB are fetched once, and never over a model of one's own."""
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF" * 1000)
    monkeypatch.setenv("ROUTEBOOK_GGUF", str(own))
    shell.run("%route setup")
    assert "Nothing to do" in shell.text
    assert f"{own} (4.0 kB)" in shell.text
    monkeypatch.setenv("ROUTEBOOK_GGUF", str(tmp_path / "none.gguf"))
    shell.attempt("%route setup")
    assert isinstance(shell.error, SetupNeeded)


def test_setup_without_a_network_says_what_to_do(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is the first command of many users, and the first that can fail."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    shell.attempt("%route setup")
    assert isinstance(shell.error, SetupNeeded)
    assert "%route setup again" in str(shell.error)


NEST = """
import asyncio, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_line_magic("load_ext", "routebook")
async def outer():
    shell.run_line_magic("route", "nest on")
    async def inner():
        return "nested"
    return asyncio.run(inner())
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
print(loop.run_until_complete(outer()))
"""


def test_nest_lets_loops_nest() -> None:
    """People call `asyncio.run()` in cells, where a loop runs already. In a process of its own, because it cannot be taken back."""
    done = subprocess.run([sys.executable, "-c", NEST], capture_output=True, text=True, check=False)
    assert "nested" in done.stdout, done.stderr
    assert "nest_asyncio2" in done.stdout


def test_nest_is_off_unless_asked_for(shell: Shell) -> None:
    """Patching asyncio for everybody slows everything down."""
    shell.run("%route nest off")
    assert "It is off." in shell.text
    assert "takes on or off" in refused(shell, "%route nest maybe")
