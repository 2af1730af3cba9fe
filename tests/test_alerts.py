"""Alerts: what passes a threshold is said once, over all kernels, in the notebook and to a webhook; figures for other programs."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from served import faulty, outcome, router, until

from routebook.books.recent import Recent
from routebook.config.alerts import Alerts
from routebook.config.read import parse
from routebook.engine.alerts.judge import Lately, judge
from routebook.engine.alerts.webhook import post
from routebook.engine.router import Router
from routebook.errors import AuthFailed, ConfigError, Unavailable
from routebook.messages import Answer
from routebook.testing import Chaos, ScriptedServer


class Hook(ThreadingHTTPServer):
    """A webhook: it keeps what it was sent, and answers as told, then well."""

    def __init__(self, *statuses: int) -> None:
        """The statuses of its first answers."""
        self.said: list[Any] = []
        self.statuses = list(statuses)
        super().__init__(("127.0.0.1", 0), _Answering)

    @property
    def url(self) -> str:
        """With a path that is a secret, as Slack's has."""
        return f"http://127.0.0.1:{self.server_address[1]}/services/T000/SECRET"


class _Answering(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.said.append((self.path, json.loads(body)))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def hook(*statuses: int) -> Iterator[Hook]:
    """A webhook while the test runs."""
    with Hook(*statuses) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def recent(number: int, status: str = "ok", latency_s: float = 1.0, model: str = "a", reason: str | None = None) -> Recent:
    """An attempt of a request of its own."""
    return Recent(number, f"r{number}", "chat_qa", model, "free", "answer", status, 0.1, latency_s, 0, None, reason)


def judged(alerts: Alerts, rows: list[Recent], *, spent: str = "0") -> list[str]:
    """The sentences."""
    return [alarm.text for alarm in judge(alerts, Lately(rows=rows, spent_today_usd=Decimal(spent), limits=[], pools=[]))]


def test_latency_is_judged_by_the_slow_tail_and_only_with_enough_answers() -> None:
    """One slow answer in a hundred is no alarm; six are."""
    alerts = Alerts(latency_s={"a": 10.0}, least=20)
    slow = [recent(number, latency_s=30.0) for number in range(6)]
    assert judged(alerts, [*slow[:1], *map(recent, range(10, 109))]) == []
    assert judged(alerts, [*slow, *map(recent, range(10, 104))]) == ["a is slow: 95 of 100 answers took up to 30 s, over 10 s."]
    assert judged(alerts, slow) == []
    assert judged(alerts, [recent(number, model="b", latency_s=30.0) for number in range(50)]) == []


def test_shares_are_of_requests_not_of_attempts() -> None:
    """A fallback that answered is a success; what runs still is not judged."""
    alerts = Alerts(success=0.9, cache_hits=0.2, least=10)
    failed_over = [recent(number, status) for number in range(10) for status in ("rate_limited", "ok")]
    assert judged(alerts, failed_over) == ["Only 0% of the last 10 requests were answered from the cache, under 20%."]
    cached = [recent(number, "cached") for number in range(10, 13)]
    assert judged(alerts, failed_over + cached) == []
    half = [one for number in range(40, 50) for one in (recent(number, reason="tool_calls"), recent(number, "timeout"))]
    assert judged(alerts, half) != [], "they asked for a tool, and never answered"
    lost = [recent(number, "error") for number in range(20, 22)]
    assert judged(alerts, failed_over + cached + lost) == ["Only 87% of the last 15 requests ended with an answer, under 90%."]
    assert judged(alerts, failed_over + cached + [recent(30, "running"), recent(31, "cancelled")]) == []


def test_the_first_cent_can_be_an_alert() -> None:
    """Where everything should be free."""
    assert judged(Alerts(spend_usd=Decimal(0)), [], spent="0") == []
    assert judged(Alerts(spend_usd=Decimal(0)), [], spent="0.0101") == ["$0.0101 were spent today, over $0."]


async def notes(of: Router, *, times: int = 1) -> tuple[str, ...]:
    """What the last answer says besides."""
    answer = None
    for _ in range(times):
        answer = await outcome(of)
        of.runtime().alarms._due = 0.0
    assert isinstance(answer, Answer)
    return answer.notes


def test_an_alert_stands_under_the_answer_once_over_two_kernels_and_goes_to_the_webhook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two kernels must not say the same twice."""

    async def play(server: ScriptedServer, said: list[Any]) -> None:
        alerts = {"spend_usd": 0, "webhook_env": "MY_HOOK"}
        async with router(server, books=tmp_path / "books.db", alerts=alerts) as one:
            first = await notes(one)
            assert len(first) == 1
            assert first[0].endswith("were spent today, over $0.")
            assert await notes(one) == ()
            async with router(server, books=tmp_path / "books.db", alerts=alerts) as other:
                assert await notes(other) == ()
            await until(lambda: said)

    with hook(500, 429) as webhook, ScriptedServer(script=Chaos(reply="hello")) as server:
        monkeypatch.setenv("MY_HOOK", webhook.url)
        asyncio.run(play(server, webhook.said))
        path, body = webhook.said[0]
    assert path == "/services/T000/SECRET"
    assert list(body) == ["text"]
    assert body["text"].startswith("Routebook: $")


def test_the_webhook_is_tried_again_and_its_address_is_never_shown() -> None:
    """A webhook that is down for a moment gets the alert; one that says no is not asked again."""
    with hook(503, 500) as webhook:
        asyncio.run(post(webhook.url, "hello", waits_s=(0.01, 0.01, 0.01)))
        assert len(webhook.said) == 3
    with hook(*[503] * 9) as webhook:
        with pytest.raises(Unavailable) as down:
            asyncio.run(post(webhook.url, "hello", waits_s=(0.01, 0.01)))
        assert len(webhook.said) == 3
    with hook(403) as webhook:
        with pytest.raises(AuthFailed) as denied:
            asyncio.run(post(webhook.url, "hello", waits_s=(0.01,)))
        assert len(webhook.said) == 1
    assert "SECRET" not in f"{down.value!r} {down.value} {denied.value!r} {denied.value}"


def test_an_unset_webhook_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence would look like all is well."""
    monkeypatch.delenv("MY_HOOK", raising=False)

    async def play(server: ScriptedServer) -> tuple[str, ...]:
        async with router(server, alerts={"spend_usd": 0, "webhook_env": "MY_HOOK"}) as of:
            return (*await notes(of), *await notes(of))

    with ScriptedServer() as server:
        said = asyncio.run(play(server))
    assert said.count("No alert was sent: MY_HOOK, which alerts.webhook_env names, is not set.") == 1


def test_figures_are_served_to_prometheus_on_this_machine_only() -> None:
    """Counts, money and times by model, as its format has them."""
    with Hook() as spare:
        port = spare.server_address[1]

    async def play(server: ScriptedServer) -> tuple[str, tuple[str, ...]]:
        async with router(server, models=("a",), metrics={"port": port}) as of:
            await notes(of, times=3)
            async with router(server, metrics={"port": port}) as second:
                said = await notes(second)
            read = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read())
            return read.decode(), said

    with ScriptedServer(script=Chaos(reply="one two three")) as server:
        page, said = asyncio.run(play(server))
    assert 'routebook_attempts_total{kind="answer",model="a",provider="p",status="ok",tier="paid"} 3.0' in page
    assert 'routebook_requests_total{outcome="answer",route="chat",task="chat_qa"} 3.0' in page
    assert 'routebook_latency_seconds_count{model="a",provider="p",tier="paid"} 3.0' in page
    assert "routebook_cost_usd_total{" in page
    assert len(said) == 1
    assert "Another kernel may serve there already" in said[0]
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)


def test_attempts_are_spans_without_any_text() -> None:
    """A request is a span, its attempts are within it; what was said is in none."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)

    async def play(server: ScriptedServer) -> None:
        async with router(server, models=("bad", "good"), metrics={"spans": True}) as of:
            await outcome(of, "a secret prompt")

    with ScriptedServer(models={"bad": faulty("server_error"), "good": Chaos(reply="a secret answer")}) as server:
        asyncio.run(play(server))
    spans = kept.get_finished_spans()
    root = next(span for span in spans if span.name.startswith("route "))
    inner = [span for span in spans if span is not root]
    assert inner
    assert all(span.parent is not None and span.parent.span_id == root.context.span_id for span in inner)
    said = dict(inner[-1].attributes or {})
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.usage.output_tokens"]
    assert (inner[-1].end_time or 0) >= (inner[-1].start_time or 0)
    assert "secret" not in "".join(span.to_json() for span in spans)


def test_a_webhook_s_address_in_the_file_is_refused() -> None:
    """It is a key; a file is committed."""
    text = '[alerts]\nwebhook_env = "https://hooks.slack.com/services/T0/B0/xyz"\nlatency_s = { on = 3 }\n'
    text += '[providers.p]\nkind = "embedded"\n[models.one]\nprovider = "p"\nid = "x"\n[[routes]]\nname = "chat"\ntry = ["one"]\n'
    with pytest.raises(ConfigError) as caught:
        parse(text, file="x")
    assert "xyz" not in str(caught.value)
    assert "not the name of a variable" in str(caught.value)
    assert "Did you mean 'one'" in str(caught.value)
