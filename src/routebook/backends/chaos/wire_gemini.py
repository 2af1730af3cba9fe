"""Gemini's generateContent, as a server sends it."""

from __future__ import annotations

from typing import Any

from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.wire import Wait, WaitForm, encode, n_chars, sse
from routebook.config.scripted import Fault

_ERRORS = {
    "rate_limit": ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    "server_error": ("INTERNAL", "An internal error has occurred."),
    "overloaded": ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    "context_overflow": ("INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    "auth": ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "not_found": ("NOT_FOUND", "The model is not found for API version v1beta."),
}
_QUOTA = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"


class GeminiWire:
    """See `Wire`."""

    stream_type = "text/event-stream"
    overloaded_status = 503
    wait_form: WaitForm = "body"
    reset_headers = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    has_reset_dates = False

    def asked(self, path: str, body: dict[str, Any]) -> Asked:
        """See `Wire.asked`."""
        model, _, verb = path.rpartition("/models/")[2].partition(":")
        system = body.get("systemInstruction") or {}
        return Asked(
            model=model,
            is_stream=verb == "streamGenerateContent",
            max_tokens=(body.get("generationConfig") or {}).get("maxOutputTokens"),
            n_chars=n_chars([*body["contents"], system]),
        )

    def opening(self, asked: Asked, act: Act) -> bytes:  # noqa: ARG002 - one signature for all formats
        """See `Wire.opening`."""
        return b""

    def token(self, asked: Asked, text: str) -> bytes:
        """See `Wire.token`."""
        return b'data: {"candidates":[{"content":{"parts":[{"text":%b}],"role":"model"},"index":0}],"modelVersion":%b}\n\n' % (
            encode(text),
            encode(asked.model),
        )

    def closing(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.closing`."""
        return [sse(_response(asked, act, text=""))]

    def whole(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.whole`."""
        return encode(_response(asked, act, text="".join(act.tokens)))

    def refusal(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.refusal`."""
        usage = {"promptTokenCount": act.input_tokens, "totalTokenCount": act.input_tokens}
        value = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage, "modelVersion": asked.model}
        return [sse(value) if asked.is_stream else encode(value)]

    def inside(self, message: str) -> bytes:
        """See `Wire.inside`."""
        return sse({"error": {"code": 500, "message": message, "status": "INTERNAL"}})

    def malformed(self) -> bytes:
        """See `Wire.malformed`."""
        return b'data: {"candidates":[{"content":{"parts":[{"text":"hal\n\n'

    def error(self, fault: Fault, *, status: int, wait: Wait) -> bytes:
        """See `Wire.error`."""
        name, text = _ERRORS[fault.kind]
        details: list[dict[str, Any]] = []
        if fault.kind == "rate_limit":
            violation = {"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests", "quotaId": _QUOTA}
            details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
        if wait.is_in_body:
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait.seconds:g}s"})
        return encode({"error": {"code": status, "message": text, "status": name, "details": details}})

    def listing(self, models: tuple[str, ...]) -> bytes:
        """See `Wire.listing`."""
        return encode({"models": [{"name": f"models/{model}", "supportedGenerationMethods": ["generateContent"]} for model in models]})


def _response(asked: Asked, act: Act, *, text: str) -> dict[str, Any]:
    candidate = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "finishReason": "MAX_TOKENS" if act.is_cut else "STOP",
        "index": 0,
    }
    usage = {
        "promptTokenCount": act.input_tokens,
        "candidatesTokenCount": act.output_tokens,
        "totalTokenCount": act.input_tokens + act.output_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model}
