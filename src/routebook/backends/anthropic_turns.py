"""A conversation in the words of Messages: what asks for tools, their results, and thoughts with their signatures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from routebook.backends.calls import arguments_of
from routebook.messages import Message, ToolSpec

ECHO: Final = "anthropic"
"""The name under which an answer's `echo` holds its blocks."""
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The turns as they are sent; results that follow each other are one turn."""
    sent: list[dict[str, Any]] = []
    for message in messages:
        if message.role != "tool":
            sent.append({"role": "assistant" if message.role == "assistant" else "user", "content": _content(message)})
        elif sent and sent[-1]["role"] == "user" and isinstance(sent[-1]["content"], list):
            sent[-1]["content"].append(_result(message))
        else:
            sent.append({"role": "user", "content": [_result(message)]})
    return sent


def declared(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """The tools as the model is told of them."""
    return [{"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in tools]


def is_foreign(messages: Sequence[Message]) -> bool:
    """Whether another provider's model asked for tools: its thoughts have no signature, so this model cannot go on thinking."""
    return any(message.calls and ECHO not in message.echo for message in messages)


def _content(message: Message) -> str | list[dict[str, Any]]:
    if ECHO in message.echo:
        return list(message.echo[ECHO])
    if not message.calls:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content.strip() else []
    return text + [{"type": "tool_use", "id": _id(call.id), "name": call.name, "input": arguments_of(call)} for call in message.calls]


def _result(message: Message) -> dict[str, Any]:
    failed = {"is_error": True} if message.is_error else {}
    return {"type": "tool_result", "tool_use_id": _id(message.call_id), "content": message.content, **failed}


def _id(call_id: str) -> str:
    return _NOT_IN_ID.sub("_", call_id)
