"""A function's signature as a JSON schema, and a model's arguments checked by it before the call."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import msgspec

from routebook.engine.toolbox.docstring import read_docstring
from routebook.errors import UsageError
from routebook.messages import ToolSpec

Read = Callable[[str], dict[str, Any]]
"""Reads arguments as a model wrote them; raises `ValueError`, which says what is wrong with them."""
_PASSED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def read_signature(function: Callable[..., Any], *, name: str) -> tuple[ToolSpec, Read]:
    """What a model is told of a function, and what reads its arguments.

    Raises:
        UsageError: it has no docstring, or a parameter that no JSON can be given for; says which.
    """
    parameters = _parameters(function, name=name)
    said = read_docstring(function, parameters.keys())
    if not said.description:
        raise UsageError(
            f"The tool {name!r} has no docstring: by it a model knows when to call it. Write one sentence that says what it does."
        )
    hints = _hints(function, name=name)
    fields = [_field(one, hints.get(key, Any), said.parameters.get(key, "")) for key, one in parameters.items()]
    arguments = msgspec.defstruct("Arguments", fields, forbid_unknown_fields=True, kw_only=True)
    return ToolSpec(name=name, description=said.description, parameters=_schema(arguments, name=name)), partial(_read, arguments)


def _parameters(function: Callable[..., Any], *, name: str) -> dict[str, inspect.Parameter]:
    try:
        found = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"The tool {name!r} has no signature that Python can read: wrap it in a function with typed parameters."
        ) from error
    for key, parameter in found.items():
        if parameter.kind not in _PASSED:
            raise UsageError(
                f"The tool {name!r} takes {parameter}, and a model gives its arguments by name: give {key!r} a name and a type of its own."
            )
    return found


def _hints(function: Callable[..., Any], *, name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise UsageError(f"A type in the signature of the tool {name!r} is not known: {error}.") from error


def _field(parameter: inspect.Parameter, hint: Any, words: str) -> tuple[str, Any] | tuple[str, Any, Any]:  # noqa: ANN401  any type
    kind = Annotated[hint, msgspec.Meta(description=words)] if words else hint
    if parameter.default is inspect.Parameter.empty:
        return parameter.name, kind
    default = parameter.default
    if isinstance(default, (list, dict, set, bytearray)):
        return parameter.name, kind, msgspec.field(default_factory=default.copy)
    return parameter.name, kind, default


def _schema(arguments: type[msgspec.Struct], *, name: str) -> dict[str, Any]:
    try:
        [schema], others = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    except (TypeError, ValueError) as error:
        which = ", ".join(f"{field.name}: {field.type}" for field in msgspec.structs.fields(arguments) if not _is_json(field.type))
        raise UsageError(f"The tool {name!r} has a parameter that no JSON can be given for ({which}). Use types that JSON has.") from error
    own = others.pop(schema["$ref"].rpartition("/")[2])
    schema = {key: value for key, value in own.items() if key != "title"} | {"additionalProperties": False}
    return schema | ({"$defs": others} if others else {})


def _is_json(kind: object) -> bool:
    try:
        msgspec.json.schema(kind)
    except (TypeError, ValueError):
        return False
    return True


def _read(arguments: type[msgspec.Struct], text: str) -> dict[str, Any]:
    """The arguments by name, those with a default only where the model gave them. A null for one that has a default is none."""
    given = as_given(text)
    optional = {field.name for field in msgspec.structs.fields(arguments) if not field.required}
    given = {key: value for key, value in given.items() if value is not None or key not in optional}
    made = msgspec.convert(given, arguments, strict=False)
    return {key: getattr(made, key) for key in given}


def as_given(text: str) -> dict[str, Any]:
    """The arguments as JSON says. Raises `ValueError` for what is no object."""
    try:
        given = msgspec.json.decode(text.strip() or "{}")
    except RecursionError as error:
        raise ValueError("they are nested too deep") from error
    if not isinstance(given, dict):
        raise ValueError(f"expected an object with the arguments by name, got {str(given)[:40]!r}")  # noqa: TRY004  what reads wants one kind
    return given
