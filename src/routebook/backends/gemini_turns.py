"""A conversation in the words of generateContent: what asks for tools, with its signatures, and the tools' results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from routebook.backends.calls import arguments_of
from routebook.messages import Message, ToolSpec

ECHO: Final = "gemini"
"""The name under which an answer's `echo` holds its parts."""
_UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google's documentation says to send for a call that another model made."""


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The turns as they are sent; results that follow each other are one turn."""
    sent: list[dict[str, Any]] = []
    own_ids: set[object] = set()
    for message in messages:
        if message.role == "tool":
            part = _result(message, has_id=message.call_id in own_ids)
            if sent and sent[-1]["role"] == "user" and "functionResponse" in sent[-1]["parts"][0]:
                sent[-1]["parts"].append(part)
            else:
                sent.append({"role": "user", "parts": [part]})
        else:
            parts = _parts(message)
            own_ids |= {part.get("functionCall", {}).get("id") for part in parts}
            sent.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
    return sent


def declared(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """The tools as the model is told of them."""
    functions = [{"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters} for tool in tools]
    return [{"functionDeclarations": functions}]


def _parts(message: Message) -> list[dict[str, Any]]:
    if ECHO in message.echo:
        return list(message.echo[ECHO])
    if not message.calls:
        return [{"text": message.content}]
    text: list[dict[str, Any]] = [{"text": message.content}] if message.content else []
    calls = [{"functionCall": {"name": call.name, "args": arguments_of(call)}, "thoughtSignature": _UNSIGNED} for call in message.calls]
    return text + calls


def _result(message: Message, *, has_id: bool) -> dict[str, Any]:
    said = {"error" if message.is_error else "result": message.content}
    return {"functionResponse": {"name": message.name, "response": said, **({"id": message.call_id} if has_id else {})}}
