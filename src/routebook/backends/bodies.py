"""What the request bodies of all wire formats have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routebook.messages import Message


def with_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Put `params.extra` over a body; objects that stand in both are merged, one level deep."""
    for name, value in extra.items():
        old = body.get(name)
        body[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, Mapping) else value
    return body


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was not asked for."""
    return {name: value for name, value in values.items() if value is not None}


def system_and_turns(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Part the system's words from the turns, for formats that send them apart."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    return system, [message for message in messages if message.role != "system"]
