"""The house keeps its floors, its rooms stay small, and its door opens fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import routebook

ROOT = Path(routebook.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = {
    "messages": 0, "words": 0, "overrides": 0, "events": 0, "errors": 0, "text": 0, "tokens": 0, "near": 0, "span": 0, "labels": 0, "lessons": 0, "arrival": 0, "config": 1, "classifier": 2, "plan": 2, "backends": 3, "books": 3, "learn": 3,
    "tables": 4, "engine": 5, "testing": 5, "advice": 6, "bulk": 6, "evaluation": 6, "moving": 6, "examples": 6, "notebook": 7, "cli": 7, "__main__": 8, "__init__": 8,
}  # fmt: skip
APART = {
    ("backends", "books"),
    ("books", "backends"),
    ("classifier", "plan"),
    ("plan", "classifier"),
    ("learn", "books"),
    ("learn", "backends"),
}
HOMES = {
    "pandas": {"tables", "bulk"}, "altair": {"tables"}, "IPython": {"notebook"}, "ipywidgets": {"notebook"}, "anywidget": {"notebook"},
    "httpx": {"backends"}, "ollama": {"backends"}, "xllamacpp": {"backends"}, "sqlite3": {"books", "engine"}, "genai_prices": {"config"},
    "tomli": {"config"}, "markdown_it": {"notebook"},
}  # fmt: skip
HEAVY = ("pandas", "altair", "ollama", "httpx", "anywidget", "ipywidgets", "numpy", "xllamacpp", "msgspec", "genai_prices")


def room(file: Path) -> str:
    """The top-level module or package that a file belongs to."""
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(file: Path) -> set[str]:
    """The full names that a file imports, inside functions too; what only type checkers read is left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_imports_only_from_floors_below(file: Path) -> None:
    """Imports that go up make cycles, and cycles make a house that nobody can take apart."""
    own = room(file)
    for name in imports(file):
        if name.startswith("routebook."):
            other = name.split(".")[1]
            if other in FLOORS and other != own:
                assert FLOORS[other] <= FLOORS[own], f"{own} (floor {FLOORS[own]}) imports {name} (floor {FLOORS[other]})"
                assert (own, other) not in APART, f"{own} and {other} know nothing of each other"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_library_stays_in_its_room(file: Path) -> None:
    """One room a library: that is where it can be replaced."""
    for name in imports(file):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or room(file) in homes, f"{name} belongs to {homes}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_holds_one_idea(file: Path) -> None:
    """350 lines are the ceiling."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 350


def test_every_room_has_a_floor() -> None:
    """A new room must say where it stands."""
    assert {room(file) for file in FILES} <= FLOORS.keys()


def test_no_file_has_a_name_that_says_nothing() -> None:
    """What is called utils ends up holding everything."""
    nothing = {"utils", "helpers", "common", "misc", "tools", "base_utils"}
    assert not [file for file in FILES if file.stem in nothing or file.stem.endswith(("_v2", "_new", "_old"))]


def test_importing_costs_nothing() -> None:
    """`%load_ext` must not be felt: nothing heavy loads before the first cell needs it."""
    script = f"import sys, routebook; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented() -> None:
    """The public API is what `routebook.__all__` says, and each of its names says what it is."""
    for name in routebook.__all__:
        value = getattr(routebook, name)
        assert value.__doc__, name


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    """`hasattr` and `getattr` with a default must work."""
    assert not hasattr(routebook, "no_such_name")


def test_no_public_name_is_hidden_by_a_module_of_that_name() -> None:
    """A room called `classify` would take the place of `rb.classify` as soon as anything imports it."""
    import pkgutil

    import routebook

    modules = {module.name for module in pkgutil.iter_modules(routebook.__path__)}
    assert modules & set(routebook.__all__) == set()
