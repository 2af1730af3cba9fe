"""A conversation in the words of Ollama's chat: what asks for tools, and their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from routebook.backends.calls import arguments_of
from routebook.messages import Message

ECHO: Final = "ollama"
"""The name under which an answer's `echo` holds its thoughts."""


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as they are sent."""
    return [_turn(message) for message in messages]


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        turn["tool_name"] = message.name
    if message.calls:
        turn["tool_calls"] = [{"function": {"name": call.name, "arguments": arguments_of(call)}} for call in message.calls]
    if thoughts := message.echo.get(ECHO):
        turn["thinking"] = thoughts
    return turn
