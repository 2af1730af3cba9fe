"""Keys and values as `routing.toml` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from routebook.config.lines import KeyPath
from routebook.errors import UsageError

_WIDE: Final = 4
"""More values than this of a new table stand on lines of their own."""


def literal(value: object) -> str:
    """A value on one line.

    Raises:
        UsageError: it is of a kind that TOML has not.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case float():
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return "{ " + ", ".join(_pairs(value)) + " }" if value else "{}"
        case Sequence():
            return "[" + ", ".join(map(literal, value)) + "]"
    raise UsageError(f"{value!r} has no place in routing.toml.")


def laid_out(value: object) -> str:
    """A value as one reads it best: a wide table over several lines, all else on one."""
    if not isinstance(value, Mapping) or len(value) <= _WIDE:
        return literal(value)
    pairs = _pairs(value)
    rows = [", ".join(pairs[at : at + _WIDE]) for at in range(0, len(pairs), _WIDE)]
    return "{\n" + "".join(f"    {row},\n" for row in rows) + "}"


def key(path: KeyPath) -> str:
    """Keys with dots between them, each with quotes where it needs them."""
    return ".".join(name if _is_bare(name) else literal(name) for name in map(str, path))


def _pairs(table: Mapping[str, object]) -> list[str]:
    return [f"{key((name,))} = {literal(value)}" for name, value in table.items()]


def _is_bare(name: str) -> bool:
    return bool(name) and all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name)
