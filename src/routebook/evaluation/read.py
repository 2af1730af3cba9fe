"""A suite from a TOML file, a DataFrame, or the one that comes with Routebook; what is wrong with it is told all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from routebook.config.problems import Problems
from routebook.config.read import read_toml
from routebook.errors import ConfigError, Problem, SuiteError
from routebook.evaluation.item import ItemReader
from routebook.evaluation.suite import Item, Suite
from routebook.labels import TASKS
from routebook.near import did_you_mean

if TYPE_CHECKING:  # pandas loads only when a frame is given
    import pandas as pd

BUILT_IN: Final = "built-in"
_TOP: Final = ("name", "judge", "local", "system", "max_tokens", "prompts")


def read_suite(given: str | Path | pd.DataFrame | None, *, tasks: Collection[str] = (), folder: Path | None = None) -> Suite:
    """Read a suite: a TOML file, a DataFrame with a prompt in each row, or `None` for the built-in one.

    Args:
        given: what to read.
        tasks: the user's own tasks, beside the built-in ones.
        folder: where a relative path begins; the working folder without it.

    Raises:
        SuiteError: with every problem of it.
    """
    known = (*TASKS, *tasks)
    if given is None or (isinstance(given, str) and given == BUILT_IN):
        return _from_file(Path(str(files("routebook.evaluation") / "suite.toml")), tasks=known, name=BUILT_IN)
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        return _from_file(path if folder is None or path.is_absolute() else folder / path, tasks=known)
    return _from_frame(given, tasks=known)


def _from_file(path: Path, *, tasks: Collection[str], name: str | None = None) -> Suite:
    try:
        text, data = read_toml(path)
    except ConfigError as error:
        problems_there = [Problem(problem.path, problem.what, line=problem.line) for problem in error.problems]
        raise SuiteError(str(path), problems_there) from error
    problems = Problems(text)
    for key in data:
        if key not in _TOP:
            problems.add((key,), "unknown key.", hint=did_you_mean(key, _TOP))
    for key, kind, wanted in (("name", str, "text"), ("judge", str, "a model's name"), ("local", bool, "true or false")):
        if key in data and not isinstance(data[key], kind):
            problems.add((key,), f"expected {wanted}.")
    rows = data.get("prompts", [])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        problems.add(("prompts",), "expected at least one prompt.", hint="Write [[prompts]] above each.")
        rows = []
    reader = ItemReader(tasks=tasks, folder=path.parent)
    defaults: dict[str, Any] = {key: data[key] for key in ("system", "max_tokens") if key in data}
    items: list[Item] = []
    for at, row in enumerate(rows):
        found = reader.read({**defaults, **row}, number=at + 1)
        items += [found] if isinstance(found, Item) else []
        for key, what, hint in found if not isinstance(found, Item) else ():
            problems.add(("prompts", at, key) if key else ("prompts", at), what, hint=hint)
    _refuse(str(path), problems.in_order())
    return Suite(name=name or data.get("name") or path.stem, items=tuple(items), judge=data.get("judge"), is_local=data.get("local", False))


def _from_frame(frame: pd.DataFrame, *, tasks: Collection[str]) -> Suite:
    columns = [str(column) for column in getattr(frame, "columns", ())]
    if "prompt" not in columns:
        hint = "A suite has the columns prompt, task, and one of exact, regex, schema, python or judge."
        _refuse("the DataFrame", [Problem("columns", f"there is no 'prompt' among {', '.join(columns) or 'none'}.", hint=hint)])
    reader = ItemReader(tasks=tasks, folder=Path.cwd())
    items: list[Item] = []
    problems: list[Problem] = []
    for number, (label, row) in enumerate(_rows(frame), start=1):
        found = reader.read(row, number=number)
        items += [found] if isinstance(found, Item) else []
        for key, what, hint in found if not isinstance(found, Item) else ():
            problems.append(Problem(f"row {label}{f', {key}' if key else ''}", what, hint=hint))
    if not len(frame):
        problems.append(Problem("rows", "there are none."))
    _refuse("the DataFrame", problems)
    return Suite(name="a DataFrame", items=tuple(items))


def _rows(frame: pd.DataFrame) -> Iterable[tuple[object, dict[str, Any]]]:
    """Each row by its label, without what is missing in it."""
    for label, row in zip(frame.index, frame.to_dict("records"), strict=True):
        yield label, {str(key): _plain(value) for key, value in row.items() if not _is_missing(value)}


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")  # noqa: PLR0124  NaN


def _plain(value: Any) -> Any:  # noqa: ANN401  a cell of any kind
    """A number of numpy's as Python's; a whole number that pandas made a float of as one again."""
    value = value.item() if hasattr(value, "item") and not isinstance(value, Mapping) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse(file: str, problems: list[Problem]) -> None:
    if problems:
        raise SuiteError(file, problems)
