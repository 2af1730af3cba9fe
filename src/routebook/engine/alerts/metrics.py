"""Figures for Prometheus, served on this machine only: counts, money, tokens and times by model."""

from __future__ import annotations

from typing import Final

from routebook.engine.turn import Ended
from routebook.errors import UsageError
from routebook.messages import Attempt

_HOST: Final = "127.0.0.1"
_LABELS: Final = ("model", "provider", "tier")
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 90, 120, 180, 300)


class Metrics:
    """Counts what this router does, and serves it until it is closed."""

    def __init__(self, port: int) -> None:
        """Listen at `http://127.0.0.1:PORT/metrics`.

        Raises:
            UsageError: prometheus_client is not installed, or the port is taken.
        """
        try:
            from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
        except ImportError as error:
            raise UsageError("metrics.port needs prometheus_client; type: pip install 'routebook[metrics]'") from error
        registry = CollectorRegistry()
        self._attempts = Counter("routebook_attempts", "Attempts by how they ended.", (*_LABELS, "kind", "status"), registry=registry)
        self._requests = Counter("routebook_requests", "Requests by how they ended.", ("route", "task", "outcome"), registry=registry)
        self._tokens = Counter("routebook_tokens", "Tokens as counted or estimated.", (*_LABELS, "direction"), registry=registry)
        self._cost = Counter("routebook_cost_usd", "US dollars; calls of unknown price are not in it.", _LABELS, registry=registry)
        self._unpriced = Counter("routebook_unpriced_attempts", "Attempts whose price is unknown.", _LABELS, registry=registry)
        self._latency = Histogram("routebook_latency_seconds", "Until an answer was whole.", _LABELS, buckets=_SECONDS, registry=registry)
        self._first = Histogram("routebook_first_token_seconds", "Until its first token.", _LABELS, buckets=_SECONDS, registry=registry)
        try:
            self._server, self._thread = start_http_server(port, addr=_HOST, registry=registry)
        except OSError as error:
            raise UsageError(
                f"The figures cannot be served at {_HOST}:{port}: {error.strerror or error}. "
                "Another kernel may serve there already; name another port in [metrics]."
            ) from error

    def ended(self, ended: Ended) -> None:
        """Count a request that is over."""
        plan = ended.plan
        outcome = "answer" if ended.answer else type(ended.error).__name__ if ended.error else "cancelled"
        self._requests.labels(plan.route, plan.classification.task, outcome).inc()
        for each in ended.outcomes:
            self._count(each.attempt)

    def _count(self, attempt: Attempt) -> None:
        labels = (attempt.model, attempt.provider, attempt.tier)
        self._attempts.labels(*labels, attempt.kind, attempt.status).inc()
        for direction, tokens in (("input", attempt.input_tokens), ("output", attempt.output_tokens)):
            if tokens:
                self._tokens.labels(*labels, direction).inc(tokens)
        if attempt.cost_usd is None:
            self._unpriced.labels(*labels).inc()
        else:
            self._cost.labels(*labels).inc(float(attempt.cost_usd))
        for histogram, seconds in ((self._latency, attempt.latency_s), (self._first, attempt.ttft_s)):
            if seconds is not None and attempt.status == "ok":
                histogram.labels(*labels).observe(seconds)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)
