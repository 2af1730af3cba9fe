"""What to do after a failed attempt: again, the next model, or give up. Pure: the error, the route and the time left decide."""

from __future__ import annotations

import random
from typing import Final

from routebook.config.values import Route
from routebook.errors import AuthFailed, BadRequest, ProviderError, RateLimited, Refused, StreamBroken, TimedOut, Unavailable
from routebook.messages import Value

SHORT_S: Final = 2.0
"""A stated wait this short is waited for rather than changing the model."""
BACKOFF_S: Final = 0.5
COOL_RATE_LIMIT_S: Final = 30.0
"""How long a model is left alone after a 429 that does not say."""
COOL_FAILURES: Final = 3
"""Failures in a row after which a model cools down."""
COOL_FAILING_S: Final = 20.0
COOL_AUTH_S: Final = 300.0
COOL_DAILY_S: Final = 3600.0
"""A spent day's quota without a stated reset: look again in an hour."""


class Retry(Value, frozen=True, kw_only=True):
    """Again on the same model, after a wait."""

    after_s: float


class Next(Value, frozen=True, kw_only=True):
    """The next candidate; the failed model cools down for so long."""

    cool_s: float = 0.0


class Stop(Value, frozen=True, kw_only=True):
    """Give up."""

    cool_s: float = 0.0


Step = Retry | Next | Stop


def react(error: ProviderError, *, route: Route, retries: int, failures: int, has_next: bool, left_s: float, rng: random.Random) -> Step:
    """Decide after a failure.

    Args:
        error: what happened.
        route: its reactions, where it has any.
        retries: how often this model was tried again in this request.
        failures: how often in a row the model failed, this time included.
        has_next: whether another candidate is left.
        left_s: seconds until the request's deadline; 0 when no attempt is left.
        rng: for jitter.
    """
    is_failing = failures >= COOL_FAILURES
    match error:
        case RateLimited():
            step = _rate_limited(error, route=route, retries=retries, has_next=has_next, rng=rng)
        case TimedOut():
            step = _timed_out(route, retries)
        case StreamBroken():
            step = _broken(route, retries, rng, is_hopeless=is_failing and has_next)
        case Unavailable():
            again = error.status is not None and retries < 1  # a server that answered may do better; one that did not will not
            again = again and not (is_failing and has_next)
            step = Retry(after_s=_jitter(BACKOFF_S, rng)) if again else Next()
        case AuthFailed():
            step = Next(cool_s=COOL_AUTH_S)
        case Refused():
            step = Stop()
        case BadRequest():
            step = Next()
        case _:
            step = Next()
    return _held_to(error, step, failures=failures, has_next=has_next, left_s=left_s, rng=rng)


def _held_to(error: ProviderError, step: Step, *, failures: int, has_next: bool, left_s: float, rng: random.Random) -> Step:
    """The step, bent to what the provider stated and to the time left: nobody is asked before its time, by this request or another."""
    stated_s = error.retry_after_s or 0.0
    if isinstance(step, Retry) and step.after_s < stated_s:
        is_long = stated_s > SHORT_S and has_next
        step = Next() if is_long else Retry(after_s=stated_s + _jitter(0.1, rng))
    if isinstance(step, Retry):
        if step.after_s < left_s:
            return step
        step = Next()
    is_failing = failures >= COOL_FAILURES and isinstance(error, Unavailable | StreamBroken)
    cool_s = max(step.cool_s, stated_s, COOL_FAILING_S if is_failing else 0.0)
    return Stop(cool_s=cool_s) if isinstance(step, Stop) else Next(cool_s=cool_s)


def _rate_limited(error: RateLimited, *, route: Route, retries: int, has_next: bool, rng: random.Random) -> Step:
    stated, asked = error.retry_after_s, route.on_rate_limit
    if error.is_daily or error.is_final:
        return Next(cool_s=stated or COOL_DAILY_S)
    if asked is not None and asked.waits_s:
        if retries < len(asked.waits_s):
            return Retry(after_s=max(asked.waits_s[retries], stated or 0.0))
        return Stop() if asked.then == "raise" else Next(cool_s=stated or COOL_RATE_LIMIT_S)
    if stated is not None and stated <= SHORT_S and retries < 1:
        return Retry(after_s=stated + _jitter(0.1, rng))
    if has_next:
        return Next(cool_s=stated if stated is not None else COOL_RATE_LIMIT_S)
    return Retry(after_s=(stated or 0.0) + _jitter(BACKOFF_S * 2**retries, rng))


def _timed_out(route: Route, retries: int) -> Step:
    asked = route.on_timeout
    if asked is not None and retries < asked.retries:
        return Retry(after_s=0.0)
    return Stop() if asked is not None and asked.then == "raise" else Next()


def _broken(route: Route, retries: int, rng: random.Random, *, is_hopeless: bool) -> Step:
    if route.on_stream_break == "raise":
        return Stop()
    return Retry(after_s=_jitter(BACKOFF_S, rng)) if retries < 1 and not is_hopeless else Next()


def _jitter(about_s: float, rng: random.Random) -> float:
    """Between the time and twice it: never sooner, and not all at once."""
    return about_s * (1 + rng.random())
