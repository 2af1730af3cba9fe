"""What a model's entry says of the model (`rubric`, `speed`, `price`) in the text of a `routing.toml`, written so that nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import tomli

from routebook.config.lines import KeyPath, headers, positions
from routebook.errors import UsageError
from routebook.messages import Value

_NUMBER: Final = r"[-+0-9][-+0-9.eE_]*"
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDE: Final = 4
"""More values than this of an inline table stand on lines of their own."""


class Profile(Value, frozen=True, kw_only=True):
    """What is to be written of one model; `None` and a task that is not named stay as they are."""

    rubric: Mapping[str, float] = msgspec.field(default_factory=dict)
    speed: float | None = None
    price: Mapping[str, float] | None = None
    """Written only where there is none."""


def with_profiles(text: str, profiles: Mapping[str, Profile]) -> str:
    """Return the text with the profiles of some models; comments, order and everything else stay as they are.

    Raises:
        UsageError: a model is not in the text, or its entry is written in a way that is better changed by hand.
    """
    for model, profile in profiles.items():
        table = _loaded(text).get("models", {}).get(model)
        if table is None:
            raise UsageError(f"There is no [models.{_key(model)}] in the file any more.")
        path: KeyPath = ("models", model)
        if profile.speed is not None:
            text = _with_number(text, path, "speed", profile.speed)
        if profile.price is not None and "price" not in table:
            text = _with_table(text, path, "price", profile.price)
        if profile.rubric and "rubric" not in table:
            text = _with_table(text, path, "rubric", profile.rubric)
        elif profile.rubric:
            for task, score in profile.rubric.items():
                text = _with_number(text, (*path, "rubric"), task, score)
    return text


def _with_number(text: str, path: KeyPath, key: str, number: float) -> str:
    """One number in the place of another, or put in where there is none."""
    found = _at(_loaded(text), path)
    if key in found and found[key] == number:
        return text
    line = positions(text).get((*path, key))
    ways = _replaced(text, line, key, number) if key in found and line is not None else _put_in(text, path, key, f"{number:g}")
    return _first_right(text, ways, path, key, number)


def _with_table(text: str, path: KeyPath, key: str, values: Mapping[str, float]) -> str:
    """A small table where there is none."""
    pairs = [f"{_key(name)} = {value:g}" for name, value in values.items()]
    inline = f"{{ {', '.join(pairs)} }}"
    if len(pairs) > _WIDE and any(inner == path for inner, _ in headers(text)):
        rows = [", ".join(pairs[at : at + _WIDE]) for at in range(0, len(pairs), _WIDE)]
        inline = "{\n" + "".join(f"    {row},\n" for row in rows) + "}"
    return _first_right(text, _put_in(text, path, key, inline), path, key, dict(values))


def _replaced(text: str, line: int, key: str, number: float) -> Iterator[str]:
    """The number behind the key on its line; where there are several such keys, each in turn."""
    lines = text.split("\n")
    own = lines[line - 1]
    pattern = re.compile(rf"""(?<![\w-])(["']?{re.escape(key)}["']?\s*=\s*)({_NUMBER})""")
    for match in pattern.finditer(own):
        new = f"{own[: match.start(2)]}{number:g}{own[match.end(2) :]}"
        yield "\n".join([*lines[: line - 1], new, *lines[line:]])


def _put_in(text: str, path: KeyPath, key: str, value: str) -> Iterator[str]:
    """A line of its own at the end of the table's own lines; or the last thing inside an inline table, or the first of one that runs over lines."""
    lines = text.split("\n")
    header = next((line for inner, line in headers(text) if inner == path), None)
    if header is not None:
        last = _last_line(text, path, header)
        yield "\n".join([*lines[:last], f"{_key(key)} = {value}", *lines[last:]])
        yield "\n".join([*lines[:header], f"{_key(key)} = {value}", *lines[header:]])
    line = positions(text).get(path)
    if line is None:
        return
    for end in (match.start() for match in re.finditer(r"\}", lines[line - 1])):
        before = lines[line - 1][:end].rstrip().removesuffix(",")
        new = f"{before}{'' if before.endswith('{') else ','} {_key(key)} = {value} {lines[line - 1][end:]}"
        yield "\n".join([*lines[: line - 1], new, *lines[line:]])
    for start in (match.end() for match in re.finditer(r"=\s*\{", lines[line - 1])):
        rest = lines[line - 1][start:]
        comma = "" if rest.lstrip().startswith("}") else ","
        for new in (f" {_key(key)} = {value}{comma}{rest}", f" {_key(key)} = {value}{comma} {rest.lstrip()}"):
            yield "\n".join([*lines[: line - 1], f"{lines[line - 1][:start]}{new}", *lines[line:]])
    yield "\n".join([*lines[:line], f"{_key(str(path[-1]))}.{_key(key)} = {value}", *lines[line:]])  # beside its like: rubric.writing = 6


def _last_line(text: str, path: KeyPath, header: int) -> int:
    """The last line, counted from 1, of what a table with a header says itself; comments behind it are the next one's, or nobody's."""
    lines = text.split("\n")
    after = min((line for _, line in headers(text) if line > header), default=len(lines) + 1)
    own = [line for inner, line in positions(text).items() if inner[: len(path)] == path and header < line < after]
    last = max(own, default=header)
    while last + 1 < after and lines[last].strip() and not lines[last].lstrip().startswith("#"):  # a value that runs over several lines
        last += 1
    return last


def _first_right(text: str, ways: Iterator[str], path: KeyPath, key: str, value: object) -> str:
    """The first way that says what is wanted and nothing else."""
    wanted = _loaded(text)
    _at(wanted, path)[key] = value
    for way in ways:
        try:
            if tomli.loads(way) == wanted:
                return way
        except tomli.TOMLDecodeError:
            continue
    where = ".".join(map(str, path))
    raise UsageError(f"{key} of {where} cannot be written here without changing more; write {key} = {_shown(value)} by hand.")


def _shown(value: object) -> str:
    return f"{{ {', '.join(f'{name} = {one:g}' for name, one in value.items())} }}" if isinstance(value, dict) else f"{value:g}"


def _at(found: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    inner: Any = found
    for part in path:
        inner = inner[part]
    return dict(inner) if not isinstance(inner, dict) else inner


def _loaded(text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"The file is not right TOML any more, so nothing was changed: {error}.") from error


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
