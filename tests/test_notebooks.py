"""The notebooks that come with the project run from the first cell to the last, and show what they say."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SHOWN = {
    "compare": ("Use a `set`", "word by word", "3 prompts by 3 models", "by your votes", "the others agree with it most", "believed"),
    "spend": ("BudgetExceeded", "by tier", "as it was", "budgets"),
    "write-your-routing": ("Did you mean 'quick'", "task is code_generation", "'shipping'", "Everything that is set up works"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs_and_shows_what_it_tells(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing that people copy from."""
    for variable in ("HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute(
        env=dict(os.environ)
    )
    shown = re.sub(r"</?span>", "", str([cell.get("outputs") for cell in notebook.cells]))
    for words in SHOWN[name]:
        assert words.replace("'", "\\'") in shown or words in shown, words


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_is_kept_without_outputs_and_without_places_of_a_machine(file: Path) -> None:
    """What it shows is made where it runs."""
    notebook = nbformat.read(file, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
    assert "/home/" not in str(notebook)
    assert "/tmp/" not in str(notebook)  # noqa: S108  to look for one is not to use it
