"""The demo on Binder: the repository's description of itself is right, and the demo notebook runs in an environment made from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command, with its output."""
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def test_repo2docker_accepts_the_repository(tmp_path: Path) -> None:
    """A file that repo2docker does not understand means a Binder that never builds."""
    clone = tmp_path / "clone"
    run("git", "clone", "-q", ROOT, clone)
    done = run(sys.executable, "-m", "repo2docker", "--no-build", "--debug", ".", cwd=clone)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "binder/requirements.txt" in done.stderr + done.stdout


def test_the_build_script_is_a_script() -> None:
    """repo2docker does not look inside it."""
    assert run("bash", "-n", "binder/postBuild").returncode == 0
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


@pytest.mark.slow
def test_the_demo_runs_in_an_environment_made_from_the_requirements(tmp_path: Path) -> None:
    """What Binder installs must be enough: nothing of this environment's may be needed."""
    assert run(sys.executable, "-m", "venv", tmp_path / "env").returncode == 0
    python = tmp_path / "env" / "bin" / "python"
    own = {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "VIRTUAL_ENV": str(python.parents[1]),
    }
    installed = run(python, "-m", "pip", "install", "-q", "-r", "binder/requirements.txt", **own)
    assert installed.returncode == 0, installed.stderr[-2000:]
    assert run("bash", "binder/postBuild", **own).returncode == 0
    done = run(python, "scripts/headless.py", "notebooks/demo.ipynb", **own)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "smollm2" in done.stdout
    assert "by tier" in done.stdout
