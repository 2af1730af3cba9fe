"""The doctor on what troubled a model of late: the cases by name, what to type, and silence about what is rare or long ago."""

from __future__ import annotations

import datetime as dt
from contextlib import closing

import pytest
from making import attempt
from served import router

from routebook.engine.health.doctor import examine, problems
from routebook.engine.loop import engine_loop
from routebook.testing import Chaos, ScriptedServer

CASES = {
    "timeouts": ("timeout", "on_timeout = { retries = 1", "timeout = { first_token_s = 120 }"),
    "rate limit (HTTP 429)": ("rate_limited", "[models.m]: rpm = ", "on_rate_limit = { waits_s = [60]"),
    "refusals": ("refused", "on_refusal = { try = ", ""),
    "slow answers": ("ok", "hedge = true", "cache = { ttl_s = 86400 }"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_troubled_a_model_of_late_is_known_by_its_name_with_what_to_type(case: str) -> None:
    """The four cases of the model assignment guide; each of them is the user's daily life, and none is a fault of the set-up."""
    status, *typed = CASES[case]
    with ScriptedServer(models={"m": Chaos()}) as server, closing(router(server, models=["m"])) as of:
        healthy = examine(lambda: of)

        async def live_through() -> None:
            for number in range(5):
                ttft_s = 20 if case == "slow answers" else 0.4
                await of.runtime().books.note(
                    attempt(request_id=f"r{number}", time=dt.datetime.now(dt.UTC), model="m", provider="p", status=status, ttft_s=ttft_s)
                )

        engine_loop().run_sync(live_through())
        findings = examine(lambda: of)
    assert not [finding for finding in healthy if finding.state == "advice"]
    (found,) = [finding for finding in findings if finding.state == "advice"]
    assert found.about == f"{case} of m"
    assert "5 calls for route 'chat'" in found.said
    assert all(line in found.hint for line in typed)
    assert problems(findings) == 0, "it works, so it is no problem"


def test_what_is_rare_or_long_ago_is_not_spoken_of() -> None:
    """Retries and fallbacks are there for it."""
    with ScriptedServer(models={"m": Chaos()}) as server, closing(router(server, models=["m"])) as of:
        books, now = of.runtime().books, dt.datetime.now(dt.UTC)

        async def live_through() -> None:
            for number in range(40):
                await books.note(
                    attempt(request_id=f"r{number}", time=now, model="m", provider="p", status="ok" if number > 2 else "timeout")
                )
                await books.note(
                    attempt(request_id=f"o{number}", time=now - dt.timedelta(days=2), model="m", provider="p", status="refused")
                )

        engine_loop().run_sync(live_through())
        assert not [finding for finding in examine(lambda: of) if finding.state == "advice"]
