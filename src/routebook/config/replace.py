"""The ways to write another value in the place of one that stands in the text of a `routing.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from routebook.config.lines import KeyPath, spans
from routebook.config.literal import literal
from routebook.config.reread import loaded


def replaced(text: str, path: KeyPath, value: object) -> Iterator[str]:
    """The text with each way that may be right, the best first; none where the value has no place of its own, or comments would be lost."""
    found = spans(text)
    if path not in found:
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from _moved(text, path, value, found)
    start, end = found[path]
    if "\n" not in text[start:end] or "#" not in text[start:end]:
        yield text[:start] + literal(value) + text[end:]


class _Own(NamedTuple):
    """An item of a list that has a line of its own."""

    line: int
    written: str


def _moved(text: str, path: KeyPath, value: Sequence[object], found: Mapping[KeyPath, tuple[int, int]]) -> Iterator[str]:
    """The lines of a list in another order, each with the comment behind it; what is new comes on a line of its own."""
    lines = text.split("\n")
    own = _own(text, path, found)
    if not own or not all(isinstance(item, str | int | float) for item in value) or not own.keys() <= set(value):
        return
    numbers = [one.line for one in own.values()]
    first, last = min(numbers), max(numbers)
    if last - first + 1 != len(numbers):
        return  # something stands between them
    indent = lines[first][: -len(lines[first].lstrip())]
    body = [_with_comma(lines[own[item].line], own[item].written) if item in own else f"{indent}{literal(item)}," for item in value]
    yield "\n".join([*lines[:first], *body, *lines[last + 1 :]])


def _own(text: str, path: KeyPath, found: Mapping[KeyPath, tuple[int, int]]) -> dict[object, _Own]:
    """The items of a list, if each has one line and no other is on it."""
    lines, data = text.split("\n"), _at(loaded(text), path)
    own: dict[object, _Own] = {}
    for place, item in enumerate(data if isinstance(data, list) else ()):
        start, end = found.get((*path, place), (0, 0))
        line = text.count("\n", 0, start)
        before, _, after = lines[line].partition(text[start:end])
        behind = after.lstrip(" ,\t")
        if not isinstance(item, str | int | float) or item in own or before.strip() or (behind and not behind.startswith("#")):
            return {}
        own[item] = _Own(line, text[start:end])
    return own


def _with_comma(line: str, item: str) -> str:
    """A line of a list with a comma behind its item: whoever is moved up needs one."""
    before, _, after = line.partition(item)
    return line if after.lstrip().startswith(",") else f"{before}{item},{after}"


def _at(found: object, path: KeyPath) -> object:
    for step in path:
        found = found[step]  # type: ignore[index]  # the path was found in this text
    return found
