"""One value of a `routing.toml` set in its text, or a route put out of use, so that everything else stays as it was written.

What is written is read again, and kept only when it says what it said before but for that value. No library that writes TOML is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import tomli

from routebook.config.edit import route_lines, route_names
from routebook.config.lines import KeyPath, headers, spans
from routebook.errors import UsageError

_MARK: Final = "# "


def with_value(text: str, path: KeyPath, value: object) -> str:
    """Return the text with a value set: in the place of the one that is there, or as a new key; comments and order stay.

    Args:
        text: of the file.
        path: keys and places from the top: `("models", "qwen", "rpm")`, `("routes", 2, "try")`.
        value: texts, numbers, truths, and lists and tables of them. A list of the same items in another order, each on a line of its own, is
            moved by lines, so that their comments go with them.

    Raises:
        UsageError: the text is not right, has no such table, or is written in a way that is better changed by hand.
    """
    try:
        before = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"The file is not right TOML any more, so nothing was changed: {error}.") from error
    wanted = _set(before, path, value)
    for changed in _ways(text, path, value):
        if _says(changed, wanted):
            return changed
    name = ".".join(map(str, path))
    raise UsageError(f"{name} cannot be changed here without changing more; write {path[-1]} = {literal(value)} by hand.")


def without_route(text: str, name: str) -> str:
    """Return the text with a route as comments: nothing is lost, and taking the marks away brings it back.

    Raises:
        UsageError: there is no such route, or it is not written as a `[[routes]]` table of its own.
    """
    names = route_names(text)
    if name not in names:
        raise UsageError(f"There is no route {name!r} in the file.")
    before, place = tomli.loads(text), names.index(name)
    start, end = route_lines(text, place)
    lines = text.split("\n")
    marked = [_MARK + line if line.strip() and not line.startswith("#") else line for line in lines[start:end]]
    changed = "\n".join([*lines[:start], *marked, *lines[end:]])
    if not _says(changed, {**before, "routes": [route for at, route in enumerate(before["routes"]) if at != place]}):
        raise UsageError(f"Route {name!r} cannot be put out of use here without changing more; do it by hand.")
    return changed


def literal(value: object) -> str:
    """A value as TOML writes it, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return "{ " + ", ".join(f"{_key(name)} = {literal(inner)}" for name, inner in value.items()) + " }"
        case Sequence():
            return "[" + ", ".join(map(literal, value)) + "]"
    raise UsageError(f"{value!r} has no place in routing.toml.")


def _ways(text: str, path: KeyPath, value: object) -> Iterator[str]:
    """The text, changed in each way that may be right."""
    found, parent = spans(text), path[:-1]
    if path in found:
        if isinstance(value, Sequence) and not isinstance(value, str):
            yield from _moved(text, path, value, found)
        start, end = found[path]
        if "\n" not in text[start:end] or "#" not in text[start:end]:
            yield text[:start] + literal(value) + text[end:]
    setting = f"{_key(str(path[-1]))} = {literal(value)}"
    lines = text.split("\n")
    for inner, line in headers(text):
        if inner == parent:
            yield "\n".join([*lines[:line], setting, *lines[line:]])
    if parent in found and text[found[parent][0]] == "{":
        at = found[parent][0] + 1
        rest = text[at:].lstrip()
        yield f"{text[:at]} {setting}{' ' if rest.startswith('}') else ', '}{rest}"
    if len(path) > 2 and isinstance(parent[-1], str):  # noqa: PLR2004  a table in a table: it may be missing as a whole
        yield from _ways(text, parent, {str(path[-1]): value})
    if len(path) == 2:  # noqa: PLR2004  a table and its key
        yield f"{text.rstrip()}\n\n[{_key(str(path[0]))}]\n{setting}\n"


def _moved(text: str, path: KeyPath, value: Sequence[object], found: Mapping[KeyPath, tuple[int, int]]) -> Iterator[str]:
    """The lines of a list in another order, each with the comment behind it; what is new comes on a line of its own."""
    lines = text.split("\n")
    own: dict[object, int] = {}
    data = _at(tomli.loads(text), path)
    for place, item in enumerate(data):
        start, end = found.get((*path, place), (0, 0))
        line = text.count("\n", 0, start)
        before, after = lines[line].partition(text[start:end])[::2]
        if before.strip() or (after.strip(" ,\t") and not after.lstrip(" ,\t").startswith("#")):
            return  # several on a line, or a line of several
        own[item] = line
    if not own or len(own) != len(data) or not set(own) <= set(value):
        return
    indent = lines[min(own.values())][: -len(lines[min(own.values())].lstrip())]
    body = [_with_comma(lines[own[item]], literal(item)) if item in own else f"{indent}{literal(item)}," for item in value]
    first, last = min(own.values()), max(own.values())
    between = [line for line in range(first, last) if line not in own.values()]
    if not between:
        yield "\n".join([*lines[:first], *body, *lines[last + 1 :]])


def _with_comma(line: str, item: str) -> str:
    """A line of a list with a comma behind its item: whoever is moved up needs one."""
    before, _, after = line.partition(item)
    return line if after.lstrip().startswith(",") else f"{before}{item},{after}"


def _set(found: Any, path: KeyPath, value: object) -> Any:  # noqa: ANN401  whatever TOML holds
    """What the text must then say: the same but for one value."""
    if not path:
        return _plain(value)
    if isinstance(found, list):
        if not isinstance(path[0], int) or path[0] >= len(found):
            raise UsageError(f"The file has no place {path[0]} in a list of {len(found)}.")
        return [_set(inner, path[1:], value) if at == path[0] else inner for at, inner in enumerate(found)]
    return {**found, path[0]: _set(found.get(path[0], {}), path[1:], value)}


def _plain(value: object) -> Any:  # noqa: ANN401  as TOML reads it
    return tomli.loads(f"value = {literal(value)}")["value"]


def _at(found: Any, path: KeyPath) -> Any:  # noqa: ANN401
    for step in path:
        found = found[step]
    return found


def _key(name: str) -> str:
    return name if name and all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name) else literal(name)


def _says(text: str, wanted: object) -> bool:
    """Whether a text is right, and says what is wanted and nothing else."""
    try:
        return bool(tomli.loads(text) == wanted)
    except tomli.TOMLDecodeError:
        return False
