"""Plain words for what a file should say and what it says instead."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import msgspec.inspect as mi

from routebook.config.keylike import HIDDEN, is_keylike
from routebook.config.lines import KeyPath

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Final = 60
_MOST_DIGITS: Final = 10**18


def dotted(path: KeyPath) -> str:
    """A path as one writes it: `models.llama.price`, `routes[2].try[0]`; a part that looks like a key is hidden."""
    said = ""
    for part in path:
        if isinstance(part, int):
            said += f"[{part}]"
        else:
            said += ("." if said else "") + (_part(part))
    return said or "the file"


def shown(value: object) -> str:
    """A value of the file, short and on one line; one that looks like a key is hidden."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return HIDDEN if is_keylike(value) else repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
        case int() | float():
            return "a very large number" if _MOST_DIGITS < abs(value) < math.inf else str(value)
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return f"the date or time {value}"


def listed(names: Sequence[str]) -> str:
    """Names in quotes, joined as in a sentence."""
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]


def expected(kind: mi.Type) -> str:
    """What a value of a type looks like."""
    match kind:
        case mi.BoolType():
            return "true or false"
        case mi.IntType():
            return "a whole number" + _span(kind.ge, kind.gt, kind.le)
        case mi.FloatType():
            return "a number" + _span(kind.ge, kind.gt, kind.le)
        case mi.LiteralType():
            return f"one of {listed([str(value) for value in kind.values])}" if len(kind.values) > 1 else repr(kind.values[0])
        case mi.TupleType():
            return f"a list of {len(kind.item_types)} items, each {expected(kind.item_types[0])}"
        case mi.VarTupleType() if isinstance(kind.item_type, mi.StructType):
            return "an array of tables"
        case mi.VarTupleType():
            return f"a list, each item {expected(kind.item_type)}"
        case mi.StructType() | mi.DictType():
            return "a table"
        case mi.Metadata():
            extra = kind.extra or {}
            return "a number" + _span(extra.get("ge"), None, extra.get("le"))
        case _:
            return "text in quotes"


def _part(part: str) -> str:
    if is_keylike(part):
        return HIDDEN
    return part if _BARE.fullmatch(part) else shown(part).replace("'", '"')


def _span(ge: float | None, gt: float | None, le: float | None) -> str:
    low = f"of at least {ge:g}" if ge is not None else f"above {gt:g}" if gt is not None else ""
    if ge is not None and le is not None:
        return f" from {ge:g} to {le:.0f}" if le > 1 else f" from {ge:g} to {le:g}"
    high = f"at most {le:g}" if le is not None else ""
    return " " + " and ".join(filter(None, (low, high))) if low or high else ""
