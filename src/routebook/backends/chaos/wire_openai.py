"""Chat Completions, as a server sends it."""

from __future__ import annotations

from typing import Any

from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.wire import REFUSAL, Wait, WaitForm, encode, halves, n_chars, sse, written
from routebook.config.scripted import Fault

_ERRORS = {
    "rate_limit": ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    "server_error": ("server_error", None, "The server had an error while processing your request."),
    "overloaded": ("server_error", "overloaded", "The engine is currently overloaded, please try again later."),
    "context_overflow": (
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 4096 tokens. However, your messages resulted in 9000 tokens.",
    ),
    "auth": ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "not_found": ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
}


class OpenAIWire:
    """See `Wire`."""

    stream_type = "text/event-stream"
    overloaded_status = 503
    wait_form: WaitForm = "seconds"
    reset_headers = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    has_reset_dates = False

    def asked(self, path: str, body: dict[str, Any]) -> Asked:  # noqa: ARG002 - one signature for all formats
        """See `Wire.asked`."""
        options = body.get("stream_options") or {}
        return Asked(
            model=body["model"],
            is_stream=bool(body.get("stream")),
            wants_usage=bool(options.get("include_usage")),
            max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
            n_chars=n_chars(body["messages"]),
            may_call=bool(body.get("tools")) and body.get("tool_choice") != "none",
            may_think=(body.get("chat_template_kwargs") or {}).get("enable_thinking") is not False,
            rounds=sum(bool(message.get("tool_calls")) for message in body["messages"]),
        )

    def opening(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.opening`."""
        thoughts = [sse(_chunk(asked, {"reasoning_content": half})) for half in halves(act.thoughts) if half]
        return sse(_chunk(asked, {"role": "assistant", "content": ""})) + b"".join(thoughts)

    def token(self, asked: Asked, text: str) -> bytes:
        """See `Wire.token`."""
        return (
            b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":%b,'
            b'"choices":[{"index":0,"delta":{"content":%b},"finish_reason":null}]}\n\n'
        ) % (encode(asked.model), encode(text))

    def closing(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.closing`."""
        events = [sse(_chunk(asked, {"tool_calls": [piece]})) for piece in _pieces(asked, act)]
        events.append(sse(_chunk(asked, {}, reason=_reason(act))))
        if asked.wants_usage:
            events.append(sse({**_chunk(asked, {}), "choices": [], "usage": _usage(act)}))
        return [*events, b"data: [DONE]\n\n"]

    def whole(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.whole`."""
        message: dict[str, Any] = {"content": "".join(act.tokens)}
        if act.thoughts:
            message["reasoning_content"] = act.thoughts
        if act.calls:
            functions = [{"name": call.name, "arguments": written(call)} for call in act.calls]
            message["tool_calls"] = [{"id": _id(asked, at), "type": "function", "function": one} for at, one in enumerate(functions)]
        return _whole(asked, act, message=message, reason=_reason(act))

    def refusal(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.refusal`."""
        if not asked.is_stream:
            return [_whole(asked, act, message={"content": None, "refusal": REFUSAL}, reason="stop")]
        parts = [sse(_chunk(asked, {"refusal": word + " "})) for word in REFUSAL.split()]
        return [self.opening(asked, act), *parts, *self.closing(asked, act)]

    def inside(self, message: str) -> bytes:
        """See `Wire.inside`."""
        return sse({"error": {"message": message, "type": "server_error", "param": None, "code": None}})

    def malformed(self) -> bytes:
        """See `Wire.malformed`."""
        return b'data: {"choices":[{"delta":{"content":"hal\n\n'

    def error(self, fault: Fault, *, status: int, wait: Wait) -> bytes:  # noqa: ARG002 - one signature for all formats
        """See `Wire.error`."""
        kind, code, text = _ERRORS[fault.kind]
        text += f" Please try again in {wait.seconds:g}s." if wait.is_in_body else ""
        return encode({"error": {"message": text, "type": kind, "param": None, "code": code}})

    def listing(self, models: tuple[str, ...]) -> bytes:
        """See `Wire.listing`."""
        return encode({"object": "list", "data": [{"id": model, "object": "model", "created": 1, "owned_by": "chaos"} for model in models]})


def _reason(act: Act) -> str:
    return "tool_calls" if act.calls else "length" if act.is_cut else "stop"


def _id(asked: Asked, at: int) -> str:
    return f"call_{asked.rounds}_{at}"


def _pieces(asked: Asked, act: Act) -> list[dict[str, Any]]:
    """Each call in three pieces: what it is, and its arguments in two."""
    pieces = []
    for at, call in enumerate(act.calls):
        pieces.append({"index": at, "id": _id(asked, at), "type": "function", "function": {"name": call.name, "arguments": ""}})
        pieces += [{"index": at, "function": {"arguments": half}} for half in halves(written(call))]
    return pieces


def _chunk(asked: Asked, delta: dict[str, Any], *, reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model, "choices": [choice]}


def _whole(asked: Asked, act: Act, *, message: dict[str, Any], reason: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return encode(
        {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.model, "choices": [choice], "usage": _usage(act)}
    )


def _usage(act: Act) -> dict[str, Any]:
    usage = {
        "prompt_tokens": act.input_tokens,
        "completion_tokens": act.output_tokens,
        "total_tokens": act.input_tokens + act.output_tokens,
    }
    return usage | ({"completion_tokens_details": {"reasoning_tokens": act.thinking_tokens}} if act.thoughts else {})
