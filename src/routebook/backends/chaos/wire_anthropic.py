"""Anthropic's Messages, as a server sends it."""

from __future__ import annotations

from typing import Any

from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.wire import REFUSAL, Wait, WaitForm, encode, halves, n_chars, written
from routebook.config.scripted import Fault

_ERRORS = {
    "rate_limit": ("rate_limit_error", "This request would exceed your organization's rate limit."),
    "server_error": ("api_error", "Internal server error"),
    "overloaded": ("overloaded_error", "Overloaded"),
    "context_overflow": ("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
    "auth": ("authentication_error", "invalid x-api-key"),
    "not_found": ("not_found_error", "model: no-such-model"),
}


_FIRST = 100
"""The index of a block that comes before the text, whose own is 0."""


class AnthropicWire:
    """See `Wire`."""

    stream_type = "text/event-stream"
    overloaded_status = 529
    wait_form: WaitForm = "seconds"
    reset_headers = ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset")
    has_reset_dates = True

    def asked(self, path: str, body: dict[str, Any]) -> Asked:  # noqa: ARG002 - one signature for all formats
        """See `Wire.asked`."""
        system = body.get("system") or ""
        return Asked(
            model=body["model"],
            is_stream=bool(body.get("stream")),
            max_tokens=body["max_tokens"],
            n_chars=n_chars([*body["messages"], {"content": system}]),
            may_call=bool(body.get("tools")) and (body.get("tool_choice") or {}).get("type") != "none",
            may_think=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
            rounds=sum("tool_use" in {block["type"] for block in _blocks(message)} for message in body["messages"]),
        )

    def opening(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.opening`."""
        message = {**_message(asked), "content": [], "stop_reason": None, "usage": {"input_tokens": act.input_tokens, "output_tokens": 1}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        return _event({"type": "message_start", "message": message}) + _thoughts(act) + _event(block) + _event({"type": "ping"})

    def token(self, asked: Asked, text: str) -> bytes:  # noqa: ARG002 - one signature for all formats
        """See `Wire.token`."""
        return (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%b}}\n\n'
        ) % encode(text)

    def closing(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.closing`."""
        return _closing(act, reason=_reason(act), calls=_call_events(asked, act))

    def whole(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.whole`."""
        return _whole(asked, act, text="".join(act.tokens), reason=_reason(act))

    def refusal(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.refusal`."""
        if not asked.is_stream:
            return [_whole(asked, act, text=REFUSAL, reason="refusal")]
        return [self.opening(asked, act), self.token(asked, REFUSAL), *_closing(act, reason="refusal")]

    def inside(self, message: str) -> bytes:
        """See `Wire.inside`."""
        return _event({"type": "error", "error": {"type": "api_error", "message": message}})

    def malformed(self) -> bytes:
        """See `Wire.malformed`."""
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"hal\n\n'

    def error(self, fault: Fault, *, status: int, wait: Wait) -> bytes:  # noqa: ARG002 - one signature for all formats
        """See `Wire.error`."""
        kind, text = _ERRORS[fault.kind]
        text += f" Please try again in {wait.seconds:g} seconds." if wait.is_in_body else ""
        return encode({"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"})

    def listing(self, models: tuple[str, ...]) -> bytes:
        """See `Wire.listing`."""
        data = [{"type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z"} for model in models]
        return encode({"data": data, "has_more": False, "first_id": None, "last_id": None})


def _event(value: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), encode(value))


def _message(asked: Asked) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.model, "stop_sequence": None}


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return content if isinstance(content, list) else []


def _reason(act: Act) -> str:
    return "tool_use" if act.calls else "max_tokens" if act.is_cut else "end_turn"


def _uses(asked: Asked, act: Act) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": f"toolu_{asked.rounds}_{at}", "name": call.name, "input": {}} for at, call in enumerate(act.calls)]


def _call_events(asked: Asked, act: Act) -> list[bytes]:
    """A block of thinking with its signature, and one for each call, its arguments in two pieces."""
    if not act.calls:
        return []
    events: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 1, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "thinking_delta", "thinking": "A tool will know."}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "signature_delta", "signature": f"signed-{asked.rounds}"}},
        {"type": "content_block_stop", "index": 1},
    ]
    for at, (use, call) in enumerate(zip(_uses(asked, act), act.calls, strict=True), start=2):
        events.append({"type": "content_block_start", "index": at, "content_block": use})
        pieces = [{"type": "input_json_delta", "partial_json": half} for half in halves(written(call))]
        events += [{"type": "content_block_delta", "index": at, "delta": piece} for piece in pieces]
        events.append({"type": "content_block_stop", "index": at})
    return [_event(event) for event in events]


def _thoughts(act: Act) -> bytes:
    """A block of thinking before the text."""
    if not act.thoughts:
        return b""
    events: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": _FIRST, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": _FIRST, "delta": {"type": "thinking_delta", "thinking": act.thoughts}},
        {"type": "content_block_delta", "index": _FIRST, "delta": {"type": "signature_delta", "signature": _signature(act)}},
        {"type": "content_block_stop", "index": _FIRST},
    ]
    return b"".join(map(_event, events))


def _signature(act: Act) -> str:
    return f"thought-{act.number}"


def _closing(act: Act, *, reason: str, calls: list[bytes] | None = None) -> list[bytes]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        _event({"type": "content_block_stop", "index": 0}),
        *(calls or ()),
        _event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": act.output_tokens}}),
        _event({"type": "message_stop"}),
    ]


def _whole(asked: Asked, act: Act, *, text: str, reason: str) -> bytes:
    usage = {"input_tokens": act.input_tokens, "output_tokens": act.output_tokens}
    thought = [{"type": "thinking", "thinking": "A tool will know.", "signature": f"signed-{asked.rounds}"}] if act.calls else []
    uses = [use | {"input": call.arguments} for use, call in zip(_uses(asked, act), act.calls, strict=True)]
    aloud = [{"type": "thinking", "thinking": act.thoughts, "signature": _signature(act)}] if act.thoughts else []
    content = [*aloud, *thought, {"type": "text", "text": text}, *uses]
    return encode({**_message(asked), "content": content, "stop_reason": reason, "usage": usage})
