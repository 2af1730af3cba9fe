"""Known traps of a machine are named with what to type."""

from __future__ import annotations

import subprocess
import sys

import pytest

from routebook.engine.health import machine


@pytest.mark.parametrize(
    ("version", "is_lossy"),
    [(None, False), ("6.31.0", False), ("7.0.1", False), ("7.1.0", True), ("7.4.0", True), ("8.0.0a1", True), ("7.1.0rc1", True)],
)
def test_which_kernels_lose_cells_with_the_old_nest_asyncio(version: str | None, is_lossy: bool) -> None:  # noqa: FBT001
    """Measured on 7.2 to 7.4: queued cells are lost; not on 6.31 and 7.0."""
    assert machine.is_lossy_with_nest_asyncio(version) is is_lossy


def test_versions_are_told() -> None:
    """A bug report needs them."""
    found = {finding.about: finding for finding in machine.look_at_versions()}
    assert found["Python"].said.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["ipykernel"].state == found["anywidget"].state == "ok"
    assert "nest_asyncio" not in found


@pytest.mark.parametrize(
    ("version", "words"),
    [((6, 31), "use the stop button"), ((7, 0, 1), ""), ((7, 4), "which Routebook mends")],
)
def test_a_kernels_way_with_cancel_is_told(version: tuple[int, ...], words: str) -> None:
    """A button that does nothing is taken for a fault of ours."""
    assert words in machine._judge_kernel(version)[0]


def test_an_old_anywidget_is_a_problem() -> None:
    """Without it a running cell shows nothing."""
    assert machine._judge_anywidget((0, 9, 20))[1] == "pip install -U anywidget"
    assert machine._judge_anywidget((0, 11)) == ("", "")


def test_the_old_nest_asyncio_in_use_is_a_problem() -> None:
    """It marks asyncio as patched; its successor leaves a second mark. In a process of its own, because it changes asyncio."""
    script = (
        "import asyncio\nasyncio._nest_patched = True\nfrom routebook.engine.health.machine import look_at_versions\n"
        "print([f.hint for f in look_at_versions() if f.about == 'nest_asyncio'])\n"
        "asyncio._nest_asyncio2 = True\nprint([f.hint for f in look_at_versions() if f.about == 'nest_asyncio'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert "pip install nest-asyncio2" in first
    assert second == "[]"
