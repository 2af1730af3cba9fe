"""From the socket to the books: what one answer tells of a provider's limits, every kernel keeps to."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rawserver import RawServer, raw, response
from served import heard, loaded, outcome

from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, DeadlineExceeded
from routebook.events import Waiting
from routebook.messages import Answer

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "well"}, "finish_reason": "stop"}
WELL = json.dumps({"choices": [CHOICE], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
GEMINI_DAY = json.dumps(
    {
        "error": {
            "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota.",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "20"}],
                },
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"},
            ],
        }
    }
).encode()  # fmt: skip
OPENROUTER_DAY = json.dumps(
    {
        "error": {
            "message": "Rate limit exceeded: free-models-per-day", "code": 429,
            "metadata": {"headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "RESET"}},
        }
    }
)  # fmt: skip


def of(server: RawServer, books: Path, **tables: Any) -> Router:  # noqa: ANN401  tables as in routing.toml
    """A router over `m`, and `n` behind it where a route says so."""
    given = {
        "providers": {"p": {"kind": "openai", "base_url": server.url, "tier": "free"}},
        "models": {"m": {"provider": "p", "id": "m"}},
        "routes": [{"name": "chat", "try": ["m"]}],
    }
    return Router(loaded(books=books, **(given | tables)))


def test_remaining_nothing_holds_every_kernel_back_until_the_reset(tmp_path: Path) -> None:
    """OpenAI and Groq say it with the last answer that was still allowed: asking once more would only be refused."""
    last = "x-ratelimit-limit-requests: 30\r\nx-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1.4s\r\n"

    async def main() -> None:
        async with raw(response(WELL, headers=last), response(WELL)) as server, of(server, tmp_path / "b.db") as one:
            await one.ask("first", stream=False)
            told = time.monotonic()
            async with of(server, tmp_path / "b.db") as another:
                seen, error = await heard(another, "second", stream=False)
                assert error is None
                assert time.monotonic() >= told + 1.4
                (waited,) = {event.reason for event in seen if isinstance(event, Waiting)}
                assert waited == "m has 0 requests of the minute left, as its provider says"
                assert len(server.requests) == 2

    asyncio.run(main())


def test_a_spent_day_parks_the_model_for_every_kernel_and_the_plan_says_so(tmp_path: Path) -> None:
    """Gemini states 38 seconds beside a quota that is whole again at midnight in California; believing it costs a failure a minute."""
    too_many = response(GEMINI_DAY, status=429)
    tables: dict[str, Any] = {
        "models": {name: {"provider": name, "id": name} for name in ("m", "n")},
        "routes": [{"name": "chat", "try": ["m", "n"]}],
    }

    async def main() -> None:
        async with raw(too_many) as spent, raw(response(WELL)) as well:
            tables["providers"] = {
                "m": {"kind": "gemini", "base_url": spent.url, "tier": "free"},
                "n": {"kind": "openai", "base_url": well.url, "tier": "free"},
            }
            async with of(spent, tmp_path / "b.db", **tables) as one:
                assert (await one.ask("hello", stream=False)).model == "n"
            async with of(spent, tmp_path / "b.db", **tables) as another:
                plan = another.plan("hello")
                assert [candidate.model for candidate in plan.candidates] == ["n", "m"]
                assert "back at" in plan.candidates[1].reason
                assert (await another.ask("hello", stream=False)).model == "n"
            assert len(spent.requests) == 1

    asyncio.run(main())


def test_openrouter_s_free_models_are_spent_together(tmp_path: Path) -> None:
    """The day's requests are counted over all of them; its paid models are not concerned."""
    body = OPENROUTER_DAY.replace("RESET", str(round((time.time() + 7200) * 1000))).encode()
    tables = {
        "models": {name: {"provider": "p", "id": f"x/{name}" + (":free" if name != "paid" else "")} for name in ("m", "other", "paid")},
    }

    async def main() -> None:
        async with (
            raw(response(body, status=429), response(WELL)) as server,
            of(server, tmp_path / "b.db", **tables) as one,
            of(server, tmp_path / "b.db", **tables) as another,
        ):
            assert isinstance(await outcome(one, stream=False, deadline_s=3), AllAttemptsFailed)
            assert isinstance(await outcome(another, model="other", stream=False, deadline_s=3), DeadlineExceeded)
            assert isinstance(await outcome(another, model="paid", stream=False), Answer)
            assert len(server.requests) == 2

    asyncio.run(main())


@pytest.mark.parametrize("value", ["1e300", "-5", "nan", "99999999999999999999"])
def test_figures_that_nobody_means_do_no_harm(tmp_path: Path, value: str) -> None:
    """A gateway's bug must not break the books."""
    headers = f"x-ratelimit-remaining-requests: {value}\r\nx-ratelimit-reset-requests: {value}\r\nx-ratelimit-limit-requests: {value}\r\n"

    async def main() -> None:
        async with raw(response(WELL, headers=headers)) as server, of(server, tmp_path / "b.db") as one:
            for _ in range(2):
                await one.ask("hello", stream=False)

    asyncio.run(main())
