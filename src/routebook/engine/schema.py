"""What was given as `schema=` or `--schema` becomes a JSON schema that can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from routebook.errors import UsageError

_EXPECTED: Final = 'A schema is a JSON schema as a dict, such as {"type": "object", "properties": {…}}, or a pydantic model.'


def read_schema(given: object) -> tuple[Mapping[str, Any] | None, type | None]:
    """Return the JSON schema, and the pydantic model it was made from, if it was.

    Raises:
        UsageError: it is neither, or holds what JSON cannot say.
    """
    if given is None:
        return None, None
    if isinstance(given, type) and hasattr(given, "model_json_schema"):
        return _of_model(given), given
    if not isinstance(given, Mapping):
        raise UsageError(f"{_EXPECTED} This is {_named(given)}.")
    try:
        schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(given))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"The schema cannot be written as JSON: {error}. {_EXPECTED}") from error
    return schema, None


def _of_model(model: Any) -> dict[str, Any]:  # noqa: ANN401  a pydantic model
    try:
        return dict(model.model_json_schema())
    except Exception as error:  # a model may hold what has no JSON schema, and says so in its own way
        raise UsageError(f"The model {model.__name__} has no JSON schema: {str(error).splitlines()[0]}") from error


def _named(given: object) -> str:
    if isinstance(given, type):
        return f"the class {given.__name__}, which is no pydantic model"
    if hasattr(given, "model_json_schema"):
        return f"an object of {type(given).__name__}: give the class itself"
    article = "an" if type(given).__name__[0] in "aeiou" else "a"
    return f"{article} {type(given).__name__}"
