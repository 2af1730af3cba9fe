"""`docs/systems.md` names a test for each row that is done; here it is looked up whether there is such a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "systems.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d\.\d+) \|(.*?)\| (done|partly|not yet) \|(.*)\|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(?:((?:systems/)?test_\w+\.py)(?:::)?)?(test_\w+)?`")
ALL = {1: 19, 2: 6, 3: 8, 4: 7, 5: 7}


def functions(file: str) -> set[str]:
    """The tests of a file."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def named(text: str) -> list[tuple[str, str]]:
    """The tests that a row names: file and function; a function alone is of the file named before it."""
    found: list[tuple[str, str]] = []
    file = ""
    for own_file, function in NAMED.findall(text):
        file = own_file or file
        if file:
            found.append((file, function))
    return found


def test_every_row_of_the_five_systems_is_there() -> None:
    """A row that is forgotten would never be missed."""
    assert [number for number, *_ in ROWS] == [f"{part}.{row}" for part, rows in ALL.items() for row in range(1, rows + 1)]


@pytest.mark.parametrize(("row", "state", "text"), [(row, state, text) for row, _, state, text in ROWS])
def test_every_test_that_a_row_names_exists(row: str, state: str, text: str) -> None:
    """A row counts as done by its tests; a test that was renamed or dropped proves nothing."""
    tests = named(text)
    assert tests or state != "done", row
    for file, function in tests:
        assert (TESTS / file).is_file(), f"row {row} names {file}"
        assert not function or function in functions(file), f"row {row} names {file}::{function}"


@pytest.mark.parametrize(("row", "text"), [(row, text) for row, _, state, text in ROWS if state == "done"])
def test_a_row_that_is_done_has_a_test_named_after_it(row: str, text: str) -> None:
    """Through cells: the parts alone may work where the whole does not."""
    part, number = row.split(".")
    assert re.search(rf"test_{part}_0?{number}_\w+`", text), row
