"""What happens after a failed attempt."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from routebook.config.values import Route
from routebook.errors import AuthFailed, BadRequest, ProviderError, RateLimited, StreamBroken, TimedOut, Unavailable
from routebook.plan.react import Next, Retry, Step, Stop, react


def after(error: ProviderError, *, route: dict[str, Any] | None = None, **more: Any) -> Step:  # noqa: ANN401
    """The step after a failure."""
    values: dict[str, Any] = {"retries": 0, "failures": 1, "has_next": True, "left_s": 100.0} | more
    of = msgspec.convert({"name": "r", "try": ["a"], **(route or {})}, Route)
    return react(error, route=of, rng=random.Random(1), **values)


def test_a_stated_wait_is_never_cut_short() -> None:
    """Retrying before the server's time only prolongs the ban."""
    step = after(RateLimited("slow down", retry_after_s=20.0), has_next=False)
    assert isinstance(step, Retry)
    assert step.after_s >= 20.0


def test_with_another_model_at_hand_a_long_wait_is_not_waited() -> None:
    """The user wants an answer; the model cools down for as long as it asked."""
    assert after(RateLimited("slow down", retry_after_s=20.0)) == Next(cool_s=20.0)


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    """Waiting for nothing is the worst of all."""
    assert isinstance(after(RateLimited("x", retry_after_s=200.0), has_next=False), Next)


def test_the_route_s_own_waits_come_before_the_next_model() -> None:
    """60 s, then 120 s, then the next model, and never sooner than the server said."""
    route = {"on_rate_limit": {"waits_s": [6, 12]}}
    assert after(RateLimited("x"), route=route) == Retry(after_s=6)
    assert after(RateLimited("x", retry_after_s=9), route=route) == Retry(after_s=9)
    assert after(RateLimited("x"), route=route, retries=1) == Retry(after_s=12)
    assert isinstance(after(RateLimited("x"), route=route, retries=2), Next)
    assert isinstance(after(RateLimited("x"), route={"on_rate_limit": {"waits_s": [6], "then": "raise"}}, retries=1), Stop)


def test_a_spent_day_parks_the_model() -> None:
    """Retrying a day's quota every minute is how keys get banned."""
    step = after(RateLimited("per day", is_daily=True), has_next=False)
    assert isinstance(step, Next)
    assert step.cool_s >= 3600


def test_a_server_that_answered_gets_one_more_try_and_one_that_did_not_gets_none() -> None:
    """A 503 passes; a closed port does not."""
    assert isinstance(after(Unavailable("oops", status=503)), Retry)
    assert isinstance(after(Unavailable("oops", status=503), retries=1), Next)
    assert isinstance(after(Unavailable("refused")), Next)


def test_failing_again_and_again_cools_the_model_down() -> None:
    """A dead server should not cost every cell an attempt."""
    assert after(Unavailable("refused"), failures=3) == Next(cool_s=20.0)


def test_timeouts_follow_the_route() -> None:
    """Up to N tries, then the next."""
    route = {"on_timeout": {"retries": 2}}
    assert isinstance(after(TimedOut("idle", limit_s=1), route=route, retries=1), Retry)
    assert isinstance(after(TimedOut("idle", limit_s=1), route=route, retries=2), Next)
    assert isinstance(after(TimedOut("idle", limit_s=1)), Next)


@pytest.mark.parametrize("error", [BadRequest("bad", status=400), AuthFailed("key", status=401)])
def test_what_would_fail_again_is_not_tried_again(error: ProviderError) -> None:
    """The same request gives the same 400."""
    assert isinstance(after(error), Next)


def test_a_broken_stream_restarts_once_unless_the_route_says_raise() -> None:
    """A cut is usually chance; twice is not."""
    assert isinstance(after(StreamBroken("cut")), Retry)
    assert isinstance(after(StreamBroken("cut"), retries=1), Next)
    assert isinstance(after(StreamBroken("cut"), route={"on_stream_break": "raise"}), Stop)


def stated(error: ProviderError, seconds: float) -> ProviderError:
    """The error, with a time to come back."""
    error.retry_after_s = seconds
    return error


def test_a_wait_stated_with_any_error_is_not_cut_short() -> None:
    """A 503 says when to come back as well as a 429."""
    step = after(stated(Unavailable("busy", status=503), 1.5))
    assert isinstance(step, Retry)
    assert step.after_s >= 1.5
    assert after(stated(Unavailable("busy", status=503), 20.0)) == Next(cool_s=20.0)
    assert after(stated(BadRequest("no"), 20.0)) == Next(cool_s=20.0)


def test_a_wait_that_cannot_be_waited_holds_for_the_next_request() -> None:
    """The user who runs the cell again must not be sent before the time either."""
    assert after(RateLimited("x", retry_after_s=200.0), has_next=False) == Next(cool_s=200.0)
    route = {"on_rate_limit": {"waits_s": [6], "then": "raise"}}
    assert after(RateLimited("x", retry_after_s=20.0), route=route, retries=1) == Stop(cool_s=20.0)


@pytest.mark.parametrize("error", [TimedOut("first_token", limit_s=1), StreamBroken("cut"), Unavailable("gone")])
def test_three_failures_in_a_row_cool_a_model_down_however_it_fails(error: ProviderError) -> None:
    """Each cell would begin with the same wait for nothing."""
    assert after(error, failures=2, retries=1) == Next()
    assert after(error, failures=3, retries=1) == Next(cool_s=20.0)


@pytest.mark.parametrize("error", [StreamBroken("cut"), Unavailable("oops", status=503)])
def test_a_model_that_fails_again_and_again_gets_no_second_try_where_there_is_another(error: ProviderError) -> None:
    """It is on trial after its cooldown: one failure is answer enough. Without another model it is worth the try."""
    assert after(error, failures=3) == Next(cool_s=20.0)
    assert isinstance(after(error, failures=3, has_next=False), Retry)
