"""Chat Completions, as a server sends it."""

from __future__ import annotations

from typing import Any

from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.wire import REFUSAL, Wait, WaitForm, encode, n_chars, sse
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
        )

    def opening(self, asked: Asked, act: Act) -> bytes:  # noqa: ARG002 - one signature for all formats
        """See `Wire.opening`."""
        return sse(_chunk(asked, {"role": "assistant", "content": ""}))

    def token(self, asked: Asked, text: str) -> bytes:
        """See `Wire.token`."""
        return (
            b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":%b,'
            b'"choices":[{"index":0,"delta":{"content":%b},"finish_reason":null}]}\n\n'
        ) % (encode(asked.model), encode(text))

    def closing(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.closing`."""
        events = [sse(_chunk(asked, {}, reason="length" if act.is_cut else "stop"))]
        if asked.wants_usage:
            events.append(sse({**_chunk(asked, {}), "choices": [], "usage": _usage(act)}))
        return [*events, b"data: [DONE]\n\n"]

    def whole(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.whole`."""
        return _whole(asked, act, message={"content": "".join(act.tokens)}, reason="length" if act.is_cut else "stop")

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


def _chunk(asked: Asked, delta: dict[str, Any], *, reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model, "choices": [choice]}


def _whole(asked: Asked, act: Act, *, message: dict[str, Any], reason: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return encode(
        {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.model, "choices": [choice], "usage": _usage(act)}
    )


def _usage(act: Act) -> dict[str, int]:
    return {"prompt_tokens": act.input_tokens, "completion_tokens": act.output_tokens, "total_tokens": act.input_tokens + act.output_tokens}
