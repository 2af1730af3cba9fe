"""What a model's entry says of the model (`rubric`, `speed`, `price`) in the text of a `routing.toml`, written so that nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routebook.config.lines import KeyPath
from routebook.config.literal import key
from routebook.config.reread import loaded
from routebook.config.rewrite import with_value
from routebook.errors import UsageError
from routebook.messages import Value


class Profile(Value, frozen=True, kw_only=True):
    """What is to be written of one model; `None` and a task that is not named stay as they are."""

    rubric: Mapping[str, float] = msgspec.field(default_factory=dict)
    speed: float | None = None
    price: Mapping[str, float] | None = None
    """Written only where there is none."""


def with_profiles(text: str, profiles: Mapping[str, Profile]) -> str:
    """Return the text with the profiles of some models; comments, order and everything else stay as they are.

    Raises:
        UsageError: a model is not in the text, or its entry is written in a way that is better changed by hand.
    """
    models = loaded(text).get("models", {})
    for model, profile in profiles.items():
        if model not in models:
            raise UsageError(f"There is no [{key(('models', model))}] in the file any more.")
        for path, value in _settings(profile, models[model]):
            text = with_value(text, ("models", model, *path), value)
    return text


def _settings(profile: Profile, entry: Mapping[str, Any]) -> Iterator[tuple[KeyPath, object]]:
    """What is set in a model's entry: a table that is there is changed in its parts, because the others are the user's."""
    if profile.speed is not None:
        yield ("speed",), profile.speed
    if profile.price is not None and "price" not in entry:
        yield ("price",), profile.price
    if profile.rubric and "rubric" not in entry:
        yield ("rubric",), profile.rubric
    elif profile.rubric:
        yield from ((("rubric", task), score) for task, score in profile.rubric.items())
