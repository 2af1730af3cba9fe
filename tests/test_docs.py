"""The documents name things that exist, and their examples run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEST_NAME = re.compile(r"`(?:(?:systems/)?(test_\w+\.py)::)?(test_\w+?)(\.py)?`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_that_exist(document: Path) -> None:
    """A reader who follows a link must arrive."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_row_of_the_systems_names_tests_that_exist() -> None:
    """A claim without its test is a wish."""
    tests = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    for row in (line for line in (ROOT / "docs" / "systems.md").read_text(encoding="utf-8").splitlines() if re.match(r"\| \d\.\d", line)):
        state, proof = (cell.strip() for cell in row.split("|")[3:5])
        assert state in ("done", "partly", "not yet"), row
        file = ""
        for named_file, name, is_file in TEST_NAME.findall(proof):
            file = f"{name}.py" if is_file else named_file or file
            assert file in tests, row
            assert is_file or f"def {name}(" in tests[file], name
        assert state != "done" or file, f"done, but no test: {row}"


def test_every_promise_names_tests_that_exist() -> None:
    """What is promised in `docs/reliability.md` is held there."""
    tests = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    promises = [line for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines() if line.startswith("| **")]
    assert len(promises) > 5
    file = ""
    for promise in promises:
        for named_file, name, is_file in TEST_NAME.findall(promise):
            file = f"{name}.py" if is_file else named_file or file
            assert file in tests, promise
            assert is_file or f"def {name}(" in tests[file], name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_examples_are_python(document: Path) -> None:
    """An example that does not parse was never run."""
    for block in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        ast.parse(TransformerManager().transform_cell(block))


def test_the_two_commands_stand_first() -> None:
    """A newcomer reads ten lines."""
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:6]
    assert any(line.startswith("scripts/demo") for line in first)
    assert any(line.startswith("scripts/test") for line in first)


def test_every_dependency_has_its_sentence() -> None:
    """A dependency that nobody can justify goes."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = re.findall(r'^    "([\w-]+)[>=,\d.]*",$|"([\w-]+)>=[\d.]+"', text.split("[project.scripts]")[0], re.MULTILINE)
    said = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name in {one or other for one, other in declared} - {"types-tqdm", "hatchling", "jupyter", "llm", "routing"}:
        assert name in said, name
