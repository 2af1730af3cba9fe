"""Attempts as OpenTelemetry spans with the names of the GenAI conventions; prompts and answers are never in them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from routebook.engine.turn import Ended
from routebook.errors import UsageError
from routebook.messages import Attempt

_NANO: Final = 1_000_000_000
_PROVIDERS: Final = {"openai": "openai", "anthropic": "anthropic", "gemini": "gcp.gemini", "ollama": "ollama"}
"""The conventions' names of what a kind of provider speaks."""


class Spans:
    """Gives every request, and each of its attempts, to whatever tracer is set up in this process."""

    def __init__(self, kinds: dict[str, str]) -> None:
        """`kinds` has the kind of each provider.

        Raises:
            UsageError: OpenTelemetry is not installed.
        """
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise UsageError("metrics.spans needs OpenTelemetry; type: pip install 'routebook[otel]'") from error
        self._trace, self._kinds = trace, kinds
        self._tracer = trace.get_tracer("routebook")

    def ended(self, ended: Ended) -> None:
        """Record a request that is over."""
        attempts = [outcome.attempt for outcome in ended.outcomes]
        if not attempts:
            return
        plan, trace = ended.plan, self._trace
        began, over = _nanos(attempts[0].time), max(_end(attempt) for attempt in attempts)
        root = self._tracer.start_span(
            f"route {plan.route}", start_time=began,
            attributes={"routebook.request_id": plan.request.id, "routebook.route": plan.route, "routebook.task": plan.classification.task},
        )  # fmt: skip
        inside = trace.set_span_in_context(root)
        for attempt in attempts:
            span = self._tracer.start_span(
                f"chat {attempt.model}",
                context=inside,
                kind=trace.SpanKind.CLIENT,
                start_time=_nanos(attempt.time),
                attributes=self._said(attempt),
            )
            self._close(span, attempt.error_type or "", is_well=attempt.status == "ok", at=_end(attempt))
        self._close(root, type(ended.error).__name__ if ended.error else "", is_well=ended.error is None, at=over)

    def close(self) -> None:
        """Nothing is held: the tracer is not ours."""

    def _close(self, span: Any, error: str, *, is_well: bool, at: int) -> None:  # noqa: ANN401  OpenTelemetry's
        if not is_well:
            span.set_status(self._trace.StatusCode.ERROR)
            span.set_attribute("error.type", error or "cancelled")
        span.end(end_time=at)

    def _said(self, attempt: Attempt) -> dict[str, Any]:
        said = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _PROVIDERS.get(self._kinds.get(attempt.provider, ""), attempt.provider),
            "gen_ai.request.model": attempt.model,
            "gen_ai.usage.input_tokens": attempt.input_tokens,
            "gen_ai.usage.output_tokens": attempt.output_tokens,
            "gen_ai.response.finish_reasons": (attempt.finish_reason,) if attempt.finish_reason else None,
            "routebook.tier": attempt.tier,
            "routebook.kind": attempt.kind,
            "routebook.cost_usd": float(attempt.cost_usd) if attempt.cost_usd is not None else None,
            "routebook.time_to_first_token_s": attempt.ttft_s,
        }
        return {name: value for name, value in said.items() if value is not None}


def _nanos(time: dt.datetime) -> int:
    return round(time.timestamp() * _NANO)


def _end(attempt: Attempt) -> int:
    return _nanos(attempt.time) + round(((attempt.queue_s or 0) + (attempt.latency_s or 0)) * _NANO)
