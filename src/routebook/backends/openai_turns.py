"""A conversation in the words of Chat Completions: the turns that ask for tools, and the tools' results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from routebook.backends.calls import arguments_of, written
from routebook.backends.dialects import Dialect
from routebook.backends.openai_thoughts import thoughtful
from routebook.messages import Message, ToolCall, ToolSpec

ECHO: Final = "openai"
"""The name under which an answer's `echo` holds what this format wants back."""
_SHORT: Final = 9


def turns(messages: Sequence[Message], *, dialect: Dialect) -> Sequence[object]:
    """The messages as they are sent."""
    if all(not message.calls and not message.echo and message.role != "tool" for message in messages):
        return messages
    return [_turn(message, dialect=dialect) for message in messages]


def declared(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """The tools, as Chat Completions and Ollama are told of them."""
    return [
        {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
        for tool in tools
    ]


def _turn(message: Message, *, dialect: Dialect) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": _id(message.call_id, dialect), "content": message.content}
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    echo = message.echo.get(ECHO, {})
    if not message.calls:
        return thoughtful(turn, echo)
    extras = echo.get("extras") or [None] * len(message.calls)
    turn["content"] = message.content or None
    turn["tool_calls"] = [_call(call, extra, dialect=dialect) for call, extra in zip(message.calls, extras, strict=False)]
    return thoughtful(turn, echo)


def _call(call: ToolCall, extra: object, *, dialect: Dialect) -> dict[str, Any]:
    function = {"name": call.name, "arguments": written(arguments_of(call))}
    beside = {"extra_content": extra} if extra else {}
    return {"id": _id(call.id, dialect), "type": "function", "function": function, **beside}


def _id(call_id: str, dialect: Dialect) -> str:
    """Mistral takes nine letters and digits only, and the call may be another provider's."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:_SHORT] if dialect.has_short_ids else call_id
