"""Whole set-ups to start from: each is a commented `routing.toml` in `presets/`, with no code of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from routebook.errors import UsageError
from routebook.near import did_you_mean

_FOLDER: Final = Path(__file__).with_name("presets")

PRESETS: Final = ("guide", "mac-local", "agents", "tiers", "two-model")
"""By name, as `%route init --preset NAME` takes them."""


def preset(name: str) -> str:
    """The text of a preset.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no preset {name!r}. {did_you_mean(name, PRESETS)} There are {', '.join(PRESETS)}.".replace("  ", " "))
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
