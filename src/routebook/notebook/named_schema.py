"""`--schema NAME`: a variable of the notebook, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from routebook.errors import UsageError
from routebook.near import did_you_mean


def named_schema(name: str, names: Mapping[str, Any]) -> Any:  # noqa: ANN401  whatever the variable holds; the router says whether it will do
    """The value of a variable, or what a `.json` file says.

    Raises:
        UsageError: there is neither.
    """
    if name in names:
        return names[name]
    if not name.endswith(".json"):
        near = did_you_mean(name, [own for own in names if not own.startswith("_")]) if names else ""
        raise UsageError(f"--schema takes a variable or a .json file, and there is no {name!r}. {near}".rstrip())
    try:
        return msgspec.json.decode(Path(name).read_bytes())
    except OSError as error:
        raise UsageError(f"--schema {name}: the file cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"--schema {name}: the file is not JSON: {error}.") from error
