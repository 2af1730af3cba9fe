"""Times to wait, in every form in which providers state them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.backends.waits import duration_s, reset_s, stated_s

NOW = 1_795_255_200.0  # 2026-11-21 10:00:00 UTC


def clock() -> float:
    """A clock that stands."""
    return NOW


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("25.46s", 25.46), ("1m30s", 90), ("6m0s", 360), ("850ms", 0.85), ("2h15m30.5s", 8130.5), ("1h0m0s", 3600), ("20 seconds", 20),
        ("1 minute 5 seconds", 65), ("3 hours", 10800), ("1d", 86400), ("0s", 0), ("12ms.", 0.012), ("7.66s. Need more?", 7.66),
        ("", None), ("soon", None), ("5", None), ("5 requests", None), ("10 million", None), ("-5s", None),
    ],
)  # fmt: skip
def test_durations_are_read_in_the_forms_of_go_and_of_sentences(text: str, seconds: float | None) -> None:
    """Groq writes the first form, OpenAI's headers the third, gateways sentences."""
    found = duration_s(text)
    assert found == pytest.approx(seconds) if seconds is not None else found is None


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "30"}, "", 30),
        ({"retry-after": "1.5"}, "", 1.5),
        ({"retry-after": "0"}, "", 0),
        ({"retry-after-ms": "1250"}, "", 1.25),
        ({"retry-after": "1", "retry-after-ms": "1250"}, "", 1.25),
        ({"retry-after": "Sat, 21 Nov 2026 10:01:00 GMT"}, "", 60),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT"}, "", 0),
        ({"retry-after": "1m30s"}, "", 90),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "-4"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "later"}, "", None),
        ({}, "Rate limit reached for model. Please try again in 25.46s. Visit x.", 25.46),
        ({}, "Please retry in 55.5s.", 55.5),
        ({}, "Try again in 1m30s", 90),
        ({}, "retry after 12 seconds", 12),
        ({}, "Please wait for 3 minutes", 180),
        ({}, "Please try again in 7h12m0s", 25920),
        ({"retry-after": "10"}, "Please try again in 25s.", 25),
        ({}, "Limit 30, Used 30, Requested 1. Upgrade in 5 days!", None),
        ({}, "You exceeded your current quota", None),
    ],
)  # fmt: skip
def test_the_longest_stated_time_counts(headers: dict[str, str], text: str, seconds: float | None) -> None:
    """Coming back too early costs another failure, so of two statements the longer is obeyed."""
    assert stated_s(headers, text=text, clock=clock) == (pytest.approx(seconds) if seconds is not None else None)


def test_a_date_counts_from_the_response_s_own_date() -> None:
    """A wrong clock here would turn a minute into an hour, or into nothing."""
    headers = {"retry-after": "Sat, 21 Nov 2026 10:01:00 GMT", "date": "Sat, 21 Nov 2026 10:00:45 GMT"}
    assert stated_s(headers, clock=lambda: NOW + 86_400) == 15


def test_gemini_s_delay_is_read_from_its_field() -> None:
    """Gemini sends no header."""
    assert stated_s({}, delay="55s", clock=clock) == 55
    assert stated_s({}, delay="0.5s", clock=clock) == 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "1h"}, 360),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2026-11-21T10:00:30Z"}, 30),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795255260000"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795255260"}, 60),
        ({"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "33011.382867"}, 33011.382867),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "60"}, None),
        ({"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "60"}, None),
    ],
)  # fmt: skip
def test_without_a_statement_the_reset_of_what_is_spent_counts(headers: dict[str, str], seconds: float | None) -> None:
    """OpenAI states no retry-after with its limits; of several limits only the spent ones matter, and Azure's -1 is none."""
    assert stated_s(headers, clock=clock) == (pytest.approx(seconds) if seconds is not None else None)


@given(text=st.text(max_size=80), header=st.text(max_size=40))
def test_no_text_raises(text: str, header: str) -> None:
    """Strangers write these texts; a time is a finite number of seconds or none at all."""
    names = ("retry-after", "retry-after-ms", "x-ratelimit-reset", "date")
    for found in (
        duration_s(text),
        reset_s(text, clock=clock),
        stated_s({**dict.fromkeys(names, header), "x-ratelimit-remaining": "0"}, text=text, delay=text, clock=clock),
    ):
        assert found is None or (math.isfinite(found) and found >= 0)


@given(
    st.from_regex(
        r"(try again in |retry after |)[0-9]{1,12}(\.[0-9]{1,12})?\s?(ms|s|m|h|d|seconds|minutes)?[0-9a-z. ]{0,30}", fullmatch=True
    )
)
def test_nearly_right_texts_do_not_raise_or_hang(text: str) -> None:
    """Patterns over foreign text must end, in linear time."""
    found = stated_s({"retry-after": text}, text=text, delay=text, clock=clock)
    assert found is None or found >= 0


@pytest.mark.parametrize("header", ["99999999999999999999", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_of_years_is_taken_for_a_month(header: str) -> None:
    """It is a mistake of whoever stated it, and the books have no room for it."""
    assert stated_s({"retry-after": header}, clock=clock) == 32 * 86_400
