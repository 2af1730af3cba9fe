"""One row of a suite becomes a prompt with its check, or a list of what is wrong with it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from routebook.errors import UsageError
from routebook.evaluation.own_checks import OWN
from routebook.evaluation.suite import KINDS, MAX_TOKENS, Check, Item
from routebook.near import did_you_mean

Wrong = tuple[str, str, str]
"""The key, what is wrong with it, and what to do."""
_KEYS: Final = ("id", "task", "prompt", *KINDS, "args", "system", "max_tokens")


class ItemReader:
    """Reads the rows of one suite; the functions of the user's own files are loaded once."""

    def __init__(self, *, tasks: Collection[str], folder: Path) -> None:
        """`folder` is where the files of Python checks are looked for."""
        self._tasks, self._folder = tasks, folder
        self._seen: dict[str, int] = {}
        self._modules: dict[Path, Any] = {}

    def read(self, row: Mapping[str, Any], *, number: int) -> Item | list[Wrong]:
        """Read one row; `number` counts from 1."""
        wrong = [*self._texts(row), *self._numbers(row, number=number)]
        given = [kind for kind in KINDS if kind in row]
        if len(given) != 1:
            said = "has no check." if not given else f"has {len(given)} checks: {', '.join(given)}."
            return [*wrong, ("", said, f"Give one of {', '.join(KINDS)}.")]
        kind, expected, function = given[0], row[given[0]], None
        if kind == "python":
            found = self._function(expected)
            if isinstance(found, str):
                wrong.append((kind, found, ""))
            else:
                function, expected = found, expected if isinstance(expected, str) else getattr(expected, "__qualname__", "a function")
        elif (flaw := _CHECKS[kind](expected)) is not None:
            wrong.append((kind, *flaw))
        args = row.get("args", {})
        if not isinstance(args, Mapping) or ("args" in row and kind != "python"):
            wrong.append(("args", "belongs to a Python check, as a table.", ""))
        if wrong:
            return wrong
        return Item(
            id=str(row.get("id", number)), task=row["task"], prompt=row["prompt"], kind=kind, function=function, args=args,
            expected=_accepted(expected) if kind == "exact" else expected, system=row.get("system"), max_tokens=row.get("max_tokens", MAX_TOKENS),
        )  # fmt: skip

    def _texts(self, row: Mapping[str, Any]) -> list[Wrong]:
        wrong: list[Wrong] = [(key, "unknown key.", did_you_mean(key, _KEYS)) for key in row if key not in _KEYS]
        missing = [key for key in ("prompt", "task") if not isinstance(row.get(key), str) or not row[key].strip()]
        wrong += [(key, "is missing: it needs a text.", "") for key in missing]
        if "task" not in missing and (task := row["task"]) not in self._tasks:
            wrong.append(("task", f"there is no task {task!r}.", did_you_mean(task, self._tasks)))
        if not isinstance(row.get("system", ""), str):
            wrong.append(("system", "expected a text.", ""))
        return wrong

    def _numbers(self, row: Mapping[str, Any], *, number: int) -> list[Wrong]:
        name, tokens = str(row.get("id", number)), row.get("max_tokens", MAX_TOKENS)
        wrong: list[Wrong] = []
        if (first := self._seen.setdefault(name, number)) != number:
            wrong.append(("id", f"prompt {first} has the id {name!r} too.", ""))
        if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
            wrong.append(("max_tokens", "expected a whole number, 1 or more.", ""))
        return wrong

    def _function(self, given: object) -> Check | str:
        """The function of a Python check: one of ours by name, the user's as `FILE.py:FUNCTION`, or itself; or what is wrong."""
        if callable(given):
            return given
        if not isinstance(given, str):
            return "expected a name, or FILE.py:FUNCTION."
        if given in OWN:
            return OWN[given]
        file, colon, function = given.rpartition(":")
        if not colon:
            return f"there is no check {given!r}. {did_you_mean(given, OWN)} One of your own is FILE.py:FUNCTION."
        try:
            found = getattr(self._module(self._folder / Path(file).expanduser()), function, None)
        except UsageError as error:
            return str(error)
        return found if callable(found) else f"{file} has no function {function!r}."

    def _module(self, path: Path) -> Any:  # noqa: ANN401  a module
        if path not in self._modules:
            spec = importlib.util.spec_from_file_location(f"routebook_checks_{path.stem}", path)
            if spec is None or spec.loader is None or not path.is_file():
                raise UsageError(f"there is no Python file {path}.")
            module = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except Exception as error:  # a file of the user's own may fail in any way
                raise UsageError(f"{path} cannot be loaded: {type(error).__name__}: {error}.") from error
            self._modules[path] = module
        return self._modules[path]


def _accepted(expected: object) -> tuple[str, ...]:
    return tuple(map(str, expected)) if isinstance(expected, list | tuple) else (str(expected),)


def _exact(expected: object) -> tuple[str, str] | None:
    texts = expected if isinstance(expected, list | tuple) and expected else [expected]
    if all(isinstance(text, str | int | float) and not isinstance(text, bool) and str(text).strip() for text in texts):
        return None
    return "expected a text, or a list of them.", ""


def _regex(expected: object) -> tuple[str, str] | None:
    try:
        re.compile(expected if isinstance(expected, str) and expected else "(")
    except re.error as error:
        return f"is no regular expression: {error}.", "In single quotes a \\ is a \\."
    return None


def _schema(expected: object) -> tuple[str, str] | None:
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]  # these take a moment to load
    from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]

    if not isinstance(expected, Mapping):
        return "expected a JSON schema, as a table.", ""
    try:
        msgspec.json.encode(expected)
        validator_for(expected, default=Draft202012Validator).check_schema(expected)
    except (SchemaError, TypeError, ValueError) as error:
        return f"is no JSON schema: {str(getattr(error, 'message', error))[:200]}.", ""
    return None


def _judge(expected: object) -> tuple[str, str] | None:
    if isinstance(expected, str) and expected.strip():
        return None
    return "expected a text: what the judge is to look for.", "Who judges stands at the top: judge = MODEL."


_CHECKS: Final[Mapping[str, Callable[[object], tuple[str, str] | None]]] = {
    "exact": _exact,
    "regex": _regex,
    "schema": _schema,
    "judge": _judge,
}
