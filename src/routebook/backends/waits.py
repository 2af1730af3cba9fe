"""How long to wait, in every form in which providers say it."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import re
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

LONGEST_S: Final = 32 * 86_400.0
"""A longer wait is a mistake of whoever stated it, and would not fit into the books."""
Clock = Callable[[], float]
"""Seconds since the epoch, as `time.time` gives them."""

_UNIT_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"\d{1,9}(?:\.\d{1,9})?\s?(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)(?![a-z])"
_DURATION = re.compile(rf"(?:{_PART}\s?)+", re.IGNORECASE)
_ONE_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s?([a-z]+)", re.IGNORECASE)
_RUN_ON = re.compile(r"(?<=\d)(ms|[smhd])(?=\d)", re.IGNORECASE)
_STATED_IN_TEXT = re.compile(r"(?:(?:try|retry|available|reset\w*)[^.\d]{0,30}?\bin|retry after|wait(?: for)?)\s+(?=\d)", re.IGNORECASE)
_EXHAUSTED = re.compile(r"(.*)remaining(.*)")
_MILLISECONDS_SINCE_EPOCH = 1e11


def duration_s(text: str) -> float | None:
    """Read a duration that opens a text: `25.46s`, `1m30s`, `6m0s`, `850ms`, `20 seconds`, `2 hours 5 minutes`; `None` when it is none."""
    found = _DURATION.match(_RUN_ON.sub(r"\1 ", text.strip()))
    if not found:
        return None
    return sum(
        float(number) * _UNIT_S["ms" if unit.lower().startswith(("ms", "milli")) else unit[0].lower()]
        for number, unit in _ONE_PART.findall(found[0])
    )


def stated_s(headers: Mapping[str, str], *, text: str = "", delay: str | None = None, clock: Clock) -> float | None:
    """Return the time to wait as a failed response states it; the longest when it says so twice, `None` when it does not say.

    Args:
        headers: of the response, names in lower case: `retry-after-ms`, `retry-after` (seconds or an HTTP date).
        text: the error message: `Please try again in 1m30s.`
        delay: Gemini's `RetryInfo.retryDelay`.
        clock: for a date without a `date` header beside it.
    """
    stated = [
        number(headers.get("retry-after-ms"), scale=1e-3),
        _retry_after_s(headers, clock=clock),
        duration_s(delay) if delay else None,
        _in_text_s(text),
    ]
    times = [time for time in stated if time is not None] or [time for time in _resets_s(headers, clock=clock) if time is not None]
    return min(max(times), LONGEST_S) if times else None


def _in_text_s(text: str) -> float | None:
    found = _STATED_IN_TEXT.search(text)
    return duration_s(text[found.end() :]) if found else None


def number(text: str | None, *, scale: float = 1.0) -> float | None:
    """Read a finite number that is not negative, times `scale`; `None` when the text is none."""
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found * scale if math.isfinite(found) and found >= 0 else None


def _retry_after_s(headers: Mapping[str, str], *, clock: Clock) -> float | None:
    """Read `retry-after`; a date counts from the response's own `date`, so that a wrong clock here does no harm."""
    text = headers.get("retry-after", "")
    seconds = number(text)
    if seconds is not None:
        return seconds
    until = _http_date(text)
    if until is None:
        return duration_s(text)
    sent = _http_date(headers.get("date", ""))
    return max(0.0, until - (clock() if sent is None else sent))


def _http_date(text: str) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _resets_s(headers: Mapping[str, str], *, clock: Clock) -> list[float | None]:
    """Return when each limit with nothing remaining is reset: `x-ratelimit-remaining-requests: 0` beside `x-ratelimit-reset-requests: 6m0s`."""
    spent = [(name, value) for name, value in headers.items() if "remaining" in name and number(value) == 0]
    return [reset_s(headers.get(_EXHAUSTED.sub(r"\1reset\2", name), ""), clock=clock) for name, _ in spent]


def reset_s(text: str, *, clock: Clock) -> float | None:
    """Read when a limit is reset, in seconds from now: a duration, an RFC 3339 date, seconds, or seconds or milliseconds since the epoch."""
    found = number(text)
    if found is None:
        moment = _rfc3339(text)
        return duration_s(text) if moment is None else max(0.0, moment - clock())
    if found >= _MILLISECONDS_SINCE_EPOCH:
        return max(0.0, found / 1000 - clock())
    return found if found < 1e9 else max(0.0, found - clock())  # noqa: PLR2004 - no wait lasts thirty years


def _rfc3339(text: str) -> float | None:
    try:
        moment = msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def google_day_s(clock: Clock) -> float:
    """Seconds until Google's days begin anew: at midnight in California. Its own `RetryInfo` states some seconds all the same."""
    now = dt.datetime.fromtimestamp(clock(), zoneinfo.ZoneInfo("America/Los_Angeles"))
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), tzinfo=now.tzinfo)
    return midnight.timestamp() - now.timestamp()
