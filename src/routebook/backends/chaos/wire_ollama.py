"""Ollama's chat, as a server sends it."""

from __future__ import annotations

from typing import Any

from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.wire import REFUSAL, Wait, WaitForm, encode, n_chars
from routebook.config.scripted import Fault

_ERRORS = {
    "rate_limit": "too many requests",
    "server_error": "llama runner process has terminated",
    "overloaded": "server busy, please try again.  maximum pending requests exceeded",
    "context_overflow": "the input length exceeds the context length",
    "auth": "unauthorized",
    "not_found": "model 'no-such-model' not found",
}
_TIME = "2026-01-01T00:00:00Z"
_TOKEN_NS = 20_000_000


class OllamaWire:
    """See `Wire`."""

    stream_type = "application/x-ndjson"
    overloaded_status = 503
    wait_form: WaitForm = "seconds"
    reset_headers = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    has_reset_dates = False

    def asked(self, path: str, body: dict[str, Any]) -> Asked:  # noqa: ARG002 - one signature for all formats
        """See `Wire.asked`."""
        limit = (body.get("options") or {}).get("num_predict")
        return Asked(
            model=body["model"],
            is_stream=body.get("stream") is not False,
            max_tokens=limit if limit is not None and limit >= 0 else None,
            n_chars=n_chars(body["messages"]),
            may_call=bool(body.get("tools")),
            may_think=body.get("think") is not False,
            rounds=sum(bool(message.get("tool_calls")) for message in body["messages"]),
        )

    def opening(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.opening`."""
        if not act.thoughts:
            return b""
        message = {"role": "assistant", "content": "", "thinking": act.thoughts}
        return encode({"model": asked.model, "created_at": _TIME, "message": message, "done": False}) + b"\n"

    def token(self, asked: Asked, text: str) -> bytes:
        """See `Wire.token`."""
        return b'{"model":%b,"created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":%b},"done":false}\n' % (
            encode(asked.model),
            encode(text),
        )

    def closing(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.closing`."""
        calls = [{"model": asked.model, "created_at": _TIME, "message": _said(act, text=""), "done": False}] if act.calls else []
        return [encode(part) + b"\n" for part in (*calls, _final(asked, act, text=""))]

    def whole(self, asked: Asked, act: Act) -> bytes:
        """See `Wire.whole`."""
        return encode(_final(asked, act, text="") | {"message": _said(act, text="".join(act.tokens))})

    def refusal(self, asked: Asked, act: Act) -> list[bytes]:
        """See `Wire.refusal`: Ollama knows none, so its words are all there is."""
        final = encode(_final(asked, act, text="" if asked.is_stream else REFUSAL)) + b"\n"
        return [self.token(asked, REFUSAL), final] if asked.is_stream else [final]

    def inside(self, message: str) -> bytes:
        """See `Wire.inside`."""
        return encode({"error": message}) + b"\n"

    def malformed(self) -> bytes:
        """See `Wire.malformed`."""
        return b'{"model":"m","message":{"role":"assistant","content":"hal\n'

    def error(self, fault: Fault, *, status: int, wait: Wait) -> bytes:  # noqa: ARG002 - one signature for all formats
        """See `Wire.error`."""
        return encode({"error": _ERRORS[fault.kind] + (f", try again in {wait.seconds:g}s" if wait.is_in_body else "")})

    def listing(self, models: tuple[str, ...]) -> bytes:
        """See `Wire.listing`; also the answer of `/api/ps`, where each model counts as loaded."""
        details = {"format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "8.0B", "quantization_level": "Q4_K_M"}
        return encode({"models": [_entry(model, details=details) for model in models]})


def _entry(model: str, *, details: dict[str, Any]) -> dict[str, Any]:
    return {"name": model, "model": model, "modified_at": _TIME, "size": 4_700_000_000, "digest": "0" * 64, "details": details}


def _said(act: Act, *, text: str) -> dict[str, Any]:
    """A message; calls come whole, their arguments as objects."""
    calls = [{"function": {"name": call.name, "arguments": call.arguments}} for call in act.calls]
    thoughts = {"thinking": act.thoughts} if act.thoughts and text else {}
    return {"role": "assistant", "content": text, **thoughts, **({"tool_calls": calls} if calls else {})}


def _final(asked: Asked, act: Act, *, text: str) -> dict[str, Any]:
    return {
        "model": asked.model,
        "created_at": _TIME,
        "message": {"role": "assistant", "content": text},
        "done": True,
        "done_reason": "length" if act.is_cut else "stop",
        "total_duration": 100_000_000 + act.output_tokens * _TOKEN_NS,
        "load_duration": round(act.load_s * 1e9),
        "prompt_eval_count": act.input_tokens,
        "prompt_eval_duration": 50_000_000,
        "eval_count": act.output_tokens,
        "eval_duration": act.output_tokens * _TOKEN_NS,
    }
