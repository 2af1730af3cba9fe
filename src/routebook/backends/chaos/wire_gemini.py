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
            may_call=bool(body.get("tools")) and "NONE" not in str(body.get("toolConfig")),
            may_think=_may_think((body.get("generationConfig") or {}).get("thinkingConfig") or {}),
            rounds=sum(any("functionCall" in part for part in content["parts"]) for content in body["contents"]),
        )

    def opening(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.opening`."""
        content = {"parts": _thoughts(act), "role": "model"}
        return sse({"candidates": [{"content": content, "index": 0}], "modelVersion": asked.model}) if act.thoughts else b""

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
        response = _response(asked, act, text="".join(act.tokens))
        content = response["candidates"][0]["content"]
        content["parts"] = [*_thoughts(act), *content["parts"]]
        return encode(response)

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


def _calls(asked: Asked, act: Act) -> list[dict[str, Any]]:
    """Calls come whole; the first is signed."""
    parts = [{"functionCall": {"name": call.name, "args": call.arguments}} for call in act.calls]
    return [part | ({"thoughtSignature": f"signed-{asked.rounds}"} if at == 0 else {}) for at, part in enumerate(parts)]


def _may_think(config: dict[str, Any]) -> bool:
    return config.get("thinkingBudget") != 0 and config.get("thinkingLevel") != "minimal"


def _thoughts(act: Act) -> list[dict[str, Any]]:
    return [{"text": act.thoughts, "thought": True}] if act.thoughts else []


def _response(asked: Asked, act: Act, *, text: str) -> dict[str, Any]:
    said: dict[str, Any] = {"text": text} | ({"thoughtSignature": f"thought-{act.number}"} if act.thoughts else {})
    candidate = {
        "content": {"parts": [*([] if act.calls and not text else [said]), *_calls(asked, act)], "role": "model"},
        "finishReason": "MAX_TOKENS" if act.is_cut else "STOP",
        "index": 0,
    }
    usage = {
        "promptTokenCount": act.input_tokens,
        "candidatesTokenCount": act.output_tokens - act.thinking_tokens,
        **({"thoughtsTokenCount": act.thinking_tokens} if act.thoughts else {}),
        "totalTokenCount": act.input_tokens + act.output_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model}
