"""The ways to write a new key into the text of a `routing.toml`: at the end of its table's own lines, however that table is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from routebook.config.lines import KeyPath, headers, positions, spans
from routebook.config.literal import key, laid_out, literal

_COMMA: Final = re.compile(r"[ \t]*,")


def inserted(text: str, path: KeyPath, value: object) -> Iterator[str]:
    """The text with each way that may be right, the best first."""
    table, name = path[:-1], path[-1]
    if not table or table in positions(text):
        yield from _in_braces(text, path, table, value)
        yield from _below(text, path, table, value)
        yield from _beside(text, path, value)
    elif len(table) > 1 and isinstance(table[-1], str):
        yield from inserted(text, table, {str(name): value})
    if len(table) == 1:  # its header may be missing, though it has tables within
        yield f"{text.rstrip()}\n\n[{key(table)}]\n{key((name,))} = {laid_out(value)}\n".lstrip("\n")


def _below(text: str, path: KeyPath, table: KeyPath, value: object) -> Iterator[str]:
    """A line behind the last one of a table that has a header, or of the top of the file."""
    stretch = _stretch(text, table)
    if stretch is None:
        return
    own = [span for span in spans(text).values() if stretch[0] <= span[0] < stretch[1]]
    setting = f"{key(path[len(table) :])} = {laid_out(value)}"
    if own:
        yield _behind(text, max(own, key=lambda span: span[1]), setting)
    elif table:
        yield f"{text[: stretch[0]]}\n{setting}{text[stretch[0] :]}"
    else:
        yield f"{setting}\n{text}"


def _beside(text: str, path: KeyPath, value: object) -> Iterator[str]:
    """With dots, beside its like, where the table is written with dots: `rubric.writing = 4`."""
    found, inner = spans(text), path[:-1]
    for depth in range(len(inner) - 1, -1, -1):
        table = path[:depth]
        if not all(isinstance(part, str) for part in path[depth:]):
            return
        yield from _in_braces(text, path, table, value)
        start, end = _stretch(text, table) or (0, 0)
        like = [span for other, span in found.items() if other[: len(inner)] == inner and start <= span[0] < end]
        if like:
            yield _behind(text, max(like, key=lambda span: span[1]), f"{key(path[depth:])} = {laid_out(value)}")


def _in_braces(text: str, path: KeyPath, table: KeyPath, value: object) -> Iterator[str]:
    """The last thing of an inline table, on a line of its own where it runs over lines."""
    found = spans(text)
    if table not in found or text[found[table][0]] != "{":
        return
    start, end = found[table]
    setting = f"{key(path[len(table) :])} = {literal(value)}"
    inside = [span for other, span in found.items() if len(other) > len(table) and other[: len(table)] == table]
    if not inside:
        yield f"{text[: start + 1]} {setting} {text[start + 1 :].lstrip(' ')}"
        return
    last = max(inside, key=lambda span: span[1])
    if "\n" in text[last[1] : end]:
        comma = "" if _COMMA.match(text, last[1]) else ","
        yield _behind(f"{text[: last[1]]}{comma}{text[last[1] :]}", last, f"{setting},")
    yield f"{text[: last[1]]}, {setting}{text[last[1] :]}"


def _behind(text: str, span: tuple[int, int], setting: str) -> str:
    """A setting on the line after a value's, as far to the right as that one's."""
    line = text[text.rfind("\n", 0, span[0]) + 1 : span[0]]
    indent = line[: len(line) - len(line.lstrip())]
    at = _line_end(text, span[1])
    return text[:at] + f"\n{setting}".replace("\n", f"\n{indent}") + text[at:]


def _stretch(text: str, table: KeyPath) -> tuple[int, int] | None:
    """From a table's header to the next one, in letters from the start; `None` when it has none, which only the top of the file needs not."""
    heads = headers(text)
    line = next((line for inner, line in heads if inner == table), None) if table else 0
    if line is None:
        return None
    after = next((other for _, other in heads if other > line), None)
    return _line_end(text, _line_start(text, line)) if line else 0, len(text) if after is None else _line_start(text, after)


def _line_start(text: str, line: int) -> int:
    return sum(len(one) + 1 for one in text.split("\n")[: line - 1])


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
