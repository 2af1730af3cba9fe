"""The real model for tests: fetched once, or a reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from routebook.backends.fetch import fetch_weights
from routebook.backends.weights import cache_file
from routebook.errors import SetupNeeded

_FILE: Final = cache_file()  # read before tests get a home of their own
_FAILED: list[str] = []


def real_weights() -> Path:
    """The embedded model's file; skips the test, saying why, where it cannot be fetched."""
    if _FAILED:
        pytest.skip(_FAILED[0])
    try:
        return fetch_weights(target=_FILE)
    except SetupNeeded as error:
        _FAILED.append(f"the real model is not here and cannot be fetched: {error}")
        pytest.skip(_FAILED[0])
