"""What a changed `routing.toml` must say: the same as before but for what was asked. A change counts only when it is read so."""

from __future__ import annotations

from typing import Any

import tomli

from routebook.config.lines import KeyPath
from routebook.config.literal import key, literal
from routebook.errors import UsageError


def loaded(text: str) -> dict[str, Any]:
    """The data of a text.

    Raises:
        UsageError: it is not right TOML.
    """
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"The file is not right TOML any more, so nothing was changed: {error}.") from error


def says(text: str, wanted: object) -> bool:
    """Whether a text is right, and says what is wanted and nothing else."""
    try:
        return bool(tomli.loads(text) == wanted)
    except tomli.TOMLDecodeError:
        return False


def changed(found: Any, path: KeyPath, value: object) -> Any:  # noqa: ANN401  whatever TOML holds
    """The data with another value at a path.

    Raises:
        UsageError: there is no such place in a list, or something else than a table stands on the way.
    """
    if not path:
        return tomli.loads(f"value = {literal(value)}")["value"]  # as TOML reads it
    if isinstance(found, list):
        if not isinstance(path[0], int) or path[0] >= len(found):
            raise UsageError(f"The file has no place {path[0]} in a list of {len(found)}.")
        return [changed(inner, path[1:], value) if at == path[0] else inner for at, inner in enumerate(found)]
    if not isinstance(found, dict):
        raise UsageError(f"The file has {found!r} where a table with {key(path)} would stand.")
    return {**found, path[0]: changed(found.get(path[0], {}), path[1:], value)}
