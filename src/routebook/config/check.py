"""TOML data becomes the values of `values.py`; every key that is unknown, missing or wrong is told, not only the first."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeGuard, cast

import msgspec
import msgspec.inspect as mi

from routebook.config.keylike import is_keylike
from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.values import Config
from routebook.config.wording import expected, shown
from routebook.near import did_you_mean

_LARGEST: Final = 10**15
"""Beyond it a number is a slip of the finger; the books count in 64 bits."""
_KEYLIKE: Final = "looks like an API key itself (it is not shown here)."
_KEYLIKE_HINT: Final = 'Keys stay in the environment or in ~/.env: name the variable instead, as in api_key_env = "GROQ_API_KEY".'
_VARIABLE: Final = 'Keys stay in the environment: write api_key_env = "NAME_OF_THE_VARIABLE".'
_ADVICE: Final = {
    ("providers", "api_key"): _VARIABLE,
    ("providers", "key"): _VARIABLE,
    ("models", "api_key"): _VARIABLE,
    ("models", "base_url"): "It stands on the provider: [providers.NAME].",
    ("models", "tier"): "It stands on the provider: [providers.NAME].",
    ("models", "model"): "Did you mean 'id'?",
    ("models", "temperature"): "It stands in params: params = { temperature = 0.2 }.",
    ("models", "max_tokens"): "It stands in params: params = { max_tokens = 1024 }.",
    ("routes", "models"): "Did you mean 'try'?",
    ("routes", "model"): "Did you mean 'try'?",
}
"""What to write instead of a key that is right elsewhere, by table and key."""


def check(data: Mapping[str, Any], *, problems: Problems) -> Config:
    """Return the config as far as it can be read, and add every problem of form to `problems`.

    Where something is wrong the value is the key's default, or an empty one, so that the names of the rest can still be checked.
    """
    _refuse_keys(data, problems)
    return cast("Config", _Reader(problems).table(data, (), _tables()))


@cache
def _tables() -> mi.StructType:
    return cast("mi.StructType", mi.type_info(Config))


def _refuse_keys(data: Mapping[str, Any], problems: Problems) -> None:
    """Find every text that looks like an API key, before anything could show it. Without recursion: `extra` may be deep."""
    todo: list[tuple[KeyPath, Any]] = [((), data)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            todo += [((*path, key), inner) for key, inner in value.items()]
            for key in value:
                if is_keylike(key):
                    problems.add((*path, key), f"the name {_KEYLIKE}", hint=_KEYLIKE_HINT)
        elif isinstance(value, list):
            todo += [((*path, at), inner) for at, inner in enumerate(value)]
        elif isinstance(value, str) and is_keylike(value):
            problems.add(path, _KEYLIKE, hint=_KEYLIKE_HINT)


class _Reader:
    """Walks data and types side by side."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def table(self, data: Mapping[str, Any], path: KeyPath, kind: mi.StructType) -> object:
        """Build a table from its keys."""
        fields = {field.encode_name: field for field in kind.fields}
        for key in data:
            if key not in fields:
                advice = _ADVICE.get((str(path[0]), key)) if len(path) == 2 else None  # noqa: PLR2004  [models.NAME], [[routes]]
                self.problems.add((*path, key), "unknown key.", hint=advice or did_you_mean(key.lower(), fields))
        values: dict[str, object] = {}
        for key, field in fields.items():
            if key in data:
                fallback = _default(field)
                values[field.name] = self.value(data[key], (*path, key), field.type, fallback=fallback)
            elif field.required:
                self.problems.add((*path, key), f"is missing: it needs {expected(_inner(field.type))}.", hint=_missing_hint(key))
                values[field.name] = _blank(field.type)
        return kind.cls(**values)

    def value(self, value: object, path: KeyPath, kind: mi.Type, *, fallback: object) -> object:
        """Read one value, or note what is wrong with it and return the fallback."""
        kind = _inner(kind, is_list=isinstance(value, list))
        match kind:
            case mi.StructType() if isinstance(value, dict):
                return self.table(value, path, kind)
            case mi.DictType() if isinstance(value, dict):
                return {
                    key: self.value(inner, (*path, key), kind.value_type, fallback=_blank(kind.value_type)) for key, inner in value.items()
                }
            case mi.VarTupleType() if isinstance(value, list) and len(value) >= (kind.min_length or 0):
                return tuple(
                    self.value(inner, (*path, at), kind.item_type, fallback=_blank(kind.item_type)) for at, inner in enumerate(value)
                )
            case mi.TupleType() if isinstance(value, list) and len(value) == len(kind.item_types):
                kinds = kind.item_types
                return tuple(self.value(inner, (*path, at), kinds[at], fallback=_blank(kinds[at])) for at, inner in enumerate(value))
            case mi.AnyType():
                return self.free(value, path)
            case _:
                return self.leaf(value, path, kind, fallback=fallback)

    def leaf(self, value: object, path: KeyPath, kind: mi.Type, *, fallback: object) -> object:
        """Read a value without keys or items of its own."""
        if _fits(value, kind):
            return _converted(value, kind)
        self.problems.add(path, f"expected {expected(kind)}, got {_got(value, kind)}.", hint=_leaf_hint(value, kind, path))
        return fallback

    def free(self, value: object, path: KeyPath) -> object:
        """Check that a value of the user's own can be sent as JSON."""
        todo: list[tuple[KeyPath, object]] = [(path, value)]
        while todo:
            at, found = todo.pop()
            if isinstance(found, dict):
                todo += [((*at, key), inner) for key, inner in found.items()]
            elif isinstance(found, list):
                todo += [((*at, index), inner) for index, inner in enumerate(found)]
            elif isinstance(found, dt.date | dt.time) or (isinstance(found, float) and not math.isfinite(found)):
                self.problems.add(at, f"{shown(found)} cannot be sent: JSON has no such values.", hint="Put it in quotes.")
        return value


def _inner(kind: mi.Type, *, is_list: bool = False) -> mi.Type:
    """The type without `None`, which TOML cannot say, a union of names and text as text, and of one value and a list what is given."""
    if isinstance(kind, mi.UnionType):
        inner = [one for one in kind.types if not isinstance(one, mi.NoneType)]
        inner = [one for one in inner if isinstance(one, mi.VarTupleType) is is_list] or inner
        return next((one for one in inner if isinstance(one, mi.StrType)), inner[0])
    return kind


def _fits(value: object, kind: mi.Type) -> bool:
    match kind:
        case mi.BoolType():
            return isinstance(value, bool)
        case mi.StrType():
            return isinstance(value, str)
        case mi.LiteralType():
            return isinstance(value, str) and value in kind.values
        case mi.IntType():
            return isinstance(value, int) and not isinstance(value, bool) and _in_range(value, kind.ge, kind.gt, kind.le)
        case mi.FloatType():
            return _is_number(value) and _in_range(value, kind.ge, kind.gt, kind.le)
        case mi.Metadata():
            extra = kind.extra or {}
            return _is_number(value) and _in_range(value, extra.get("ge"), None, extra.get("le"))
        case _:
            return False


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and (isinstance(value, int) or math.isfinite(value))


def _in_range(value: float, ge: float | None, gt: float | None, le: float | None) -> bool:
    return abs(value) <= _LARGEST and (ge is None or value >= ge) and (gt is None or value > gt) and (le is None or value <= le)


def _converted(value: object, kind: mi.Type) -> object:
    match kind:
        case mi.FloatType() if isinstance(value, int):
            return float(value)
        case mi.Metadata():
            return Decimal(str(value))  # by its digits: 0.1 is a tenth
        case _:
            return value


def _default(field: mi.Field) -> object:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else _blank(field.type)


def _blank(kind: mi.Type) -> object:
    """Stands in for what could not be read; its path is told, so nothing that follows from it is."""
    kind = _inner(kind)
    match kind:
        case mi.StructType():
            return kind.cls(**{field.name: _blank(field.type) for field in kind.fields if field.required})
        case mi.DictType():
            return {}
        case mi.VarTupleType() | mi.TupleType():
            return ()
        case mi.LiteralType():
            return kind.values[0]
        case mi.StrType():
            return ""
        case mi.BoolType():
            return False
        case mi.Metadata():
            return Decimal(0)
        case _:
            return 0


def _got(value: object, kind: mi.Type) -> str:
    match kind:
        case mi.VarTupleType() if value == []:
            return "an empty one"
        case mi.TupleType() if isinstance(value, list):
            return f"a list of {len(value)}"
        case _:
            return shown(value)


def _leaf_hint(value: object, kind: mi.Type, path: KeyPath) -> str:
    """What to write instead, where it can be told."""
    match kind:
        case mi.LiteralType() if isinstance(value, str):
            near = did_you_mean(value.lower(), [str(name) for name in kind.values])
            return near if near.startswith("Did") else ""
        case mi.VarTupleType(item_type=mi.StructType()):
            return f"Write [[{path[-1]}]] above each."
        case mi.VarTupleType() if isinstance(value, str) and not is_keylike(value):
            return f"Write [{shown(value)}]."
        case mi.StructType() | mi.DictType() if len(path) <= 2 and path[0] not in ("defaults", "books", "budgets"):  # noqa: PLR2004  [models.NAME]
            return f"Write [{path[0]}.NAME] above its keys." if path[0] != "routes" else "Write [[routes]] above its keys."
        case mi.IntType() | mi.FloatType() | mi.Metadata() if isinstance(value, str) and value.replace(".", "", 1).isdigit():
            return "Write it without the quotes."
        case mi.BoolType() if isinstance(value, str) and value.lower() in ("true", "false", "yes", "no"):
            return "Write it without the quotes."
        case _:
            return ""


def _missing_hint(key: str) -> str:
    return "Add at least one [[routes]] with a name and try = [...]." if key == "routes" else ""
