"""What small Python has: its operators, its functions, the methods of its values, and how large a value may be."""

# ruff: noqa: ANN401 - the values of the code that is followed may be anything
from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

MOST_SIZE: Final = 2_000
"""Items of a list, characters of a text, bits of a whole number; with the steps there are, some tens of megabytes in all."""


class CannotFollow(Exception):
    """The code does what this part of Python does not have, or too much of it."""


BINARY: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Pow: operator.pow, ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip
COMPARE: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Is: operator.is_, ast.IsNot: operator.is_not, ast.In: lambda one, many: one in many, ast.NotIn: lambda one, many: one not in many,
}  # fmt: skip
UNARY: Final[Mapping[type, Callable[[Any], Any]]] = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_}
METHODS: Final[Mapping[type, frozenset[str]]] = {
    str: frozenset((
        "lower", "upper", "title", "capitalize", "casefold", "strip", "lstrip", "rstrip", "split", "splitlines", "join", "startswith", "endswith",
        "find", "index", "count", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "swapcase", "removeprefix", "removesuffix", "partition", "replace",
    )),
    list: frozenset(("append", "extend", "insert", "pop", "remove", "index", "count", "sort", "reverse", "copy", "clear")),
    dict: frozenset(("get", "keys", "values", "items", "pop", "setdefault", "update", "copy")),
    set: frozenset(("add", "discard", "remove", "union", "intersection", "difference", "update", "copy", "issubset", "issuperset")),
    tuple: frozenset(("index", "count")),
}  # fmt: skip
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    each.__name__: each
    for each in (len, min, max, abs, round, sorted, reversed, enumerate, zip, any, all, int, float, str, bool, list, tuple, set, dict, range,
                 map, filter, ord, chr, divmod, isinstance, frozenset)
}  # fmt: skip


CONTAINERS: Final = (list, tuple, set, frozenset, dict)
LAZY: Final = ("map", "filter", "zip", "enumerate", "reversed", "list_reverseiterator", "dict_keys", "dict_values", "dict_items")


def bounded(op: ast.operator, left: Any, right: Any) -> Any:
    """A sum or a product, unless it could be huge."""
    if type(op) not in BINARY:
        raise CannotFollow(f"it uses {type(op).__name__}, which is not followed here")
    if isinstance(op, ast.Pow) and not (abs(right) <= 64 and abs(left) <= 10**6):  # noqa: PLR2004  bits enough for any fair example
        raise CannotFollow("its numbers are too large")
    if isinstance(op, ast.Mult):  # before it is done: afterwards the memory is gone already
        for many, times in ((left, right), (right, left)):
            if hasattr(many, "__len__") and isinstance(times, int) and len(many) * times > MOST_SIZE:
                raise CannotFollow("its lists or texts are too large")
    if isinstance(op, ast.Mod) and isinstance(left, str):
        raise CannotFollow("it formats with %, which is not followed here")
    return sized(BINARY[type(op)](left, right))


def added(numbers: Any, start: float = 0) -> Any:
    """Of numbers only: lists would grow while they are added."""
    found = list(numbers)
    if not all(isinstance(number, int | float) for number in (*found, start)):
        raise CannotFollow("it adds up what are no numbers")
    return sum(found, start)


def sized(value: Any) -> Any:
    """The value, unless it is huge, with all that is in it; what comes item by item is made a list."""
    if type(value).__name__ in LAZY:
        value = list(value)
    if isinstance(value, int) and value.bit_length() > MOST_SIZE:
        raise CannotFollow("its numbers are too large")
    if isinstance(value, str | range) and len(value) > MOST_SIZE:
        raise CannotFollow("its lists or texts are too large")
    if isinstance(value, CONTAINERS):
        _weigh(value)
    return value


def _weigh(value: Any) -> None:
    """Refuse what has many items in all: lists in lists grow without end in few steps, or hold themselves, and to compare or show them takes for ever."""
    waiting, count = [value], 0
    while waiting:
        inner = waiting.pop()
        count += len(inner)
        if count > MOST_SIZE:
            raise CannotFollow("its lists or texts are too large")
        parts = (*inner.keys(), *inner.values()) if isinstance(inner, dict) else inner
        waiting += [part for part in parts if isinstance(part, CONTAINERS)]
