"""What providers tell of their limits with every answer: headers as they were recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.backends.quotas import quotas_in

NOW = 1_795_255_200.0  # 2026-11-21 10:00:00 UTC


def read(**headers: str) -> dict[str, tuple[int | None, int, float]]:
    """Kind and period with limit, remaining and reset."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = quotas_in(named, clock=lambda: NOW)
    return {f"{quota.kind} a {quota.period}": (quota.most, quota.left, round(quota.resets_s, 2)) for quota in found}


def test_groq_counts_requests_by_the_day_and_tokens_by_the_minute() -> None:
    """Their names do not say so; the pace at which they come back does: 14,400 a day is one each six seconds."""
    assert read(
        x_ratelimit_limit_requests="14400", x_ratelimit_remaining_requests="14370", x_ratelimit_reset_requests="2m59.56s",
        x_ratelimit_limit_tokens="18000", x_ratelimit_remaining_tokens="17997", x_ratelimit_reset_tokens="7.66ms",
    ) == {"requests a day": (14400, 14370, 179.56), "tokens a minute": (18000, 17997, 0.01)}  # fmt: skip


def test_openai_counts_both_by_the_minute_unless_the_reset_is_far() -> None:
    """A small account has so many requests a day: 200 of them come back one in seven minutes."""
    minute = {"x_ratelimit_limit_requests": "60", "x_ratelimit_remaining_requests": "59", "x_ratelimit_reset_requests": "1s"}
    tokens = {"x_ratelimit_limit_tokens": "150000", "x_ratelimit_remaining_tokens": "149984", "x_ratelimit_reset_tokens": "6ms"}
    assert read(**minute, **tokens) == {"requests a minute": (60, 59, 1), "tokens a minute": (150000, 149984, 0.01)}
    day = {"x_ratelimit_limit_requests": "200", "x_ratelimit_remaining_requests": "199", "x_ratelimit_reset_requests": "7m12s"}
    assert read(**day) == {"requests a day": (200, 199, 432)}


def test_anthropic_states_dates_and_input_and_output_apart() -> None:
    """The header beside them, `anthropic-ratelimit-tokens-*`, is the tighter of the two."""
    assert read(
        anthropic_ratelimit_requests_limit="50", anthropic_ratelimit_requests_remaining="0",
        anthropic_ratelimit_requests_reset="2026-11-21T10:00:30Z",
        anthropic_ratelimit_input_tokens_limit="40000", anthropic_ratelimit_input_tokens_remaining="39000",
        anthropic_ratelimit_input_tokens_reset="2026-11-21T10:00:02Z",
        anthropic_ratelimit_output_tokens_limit="8000", anthropic_ratelimit_output_tokens_remaining="8000",
        anthropic_ratelimit_output_tokens_reset="2026-11-21T10:00:00Z",
    ) == {"requests a minute": (50, 0, 30), "input tokens a minute": (40000, 39000, 2), "output tokens a minute": (8000, 8000, 0)}  # fmt: skip


def test_cerebras_names_its_windows() -> None:
    """Seconds to the reset, with six digits."""
    assert read(
        x_ratelimit_limit_requests_day="14400", x_ratelimit_remaining_requests_day="0", x_ratelimit_reset_requests_day="33011.382867",
        x_ratelimit_limit_tokens_minute="30000", x_ratelimit_remaining_tokens_minute="29000", x_ratelimit_reset_tokens_minute="11.382867",
    ) == {"requests a day": (14400, 0, 33011.38), "tokens a minute": (30000, 29000, 11.38)}  # fmt: skip


def test_mistral_names_its_windows_and_states_no_reset() -> None:
    """A minute is over in a minute; what is left of the month is not for us to pace."""
    assert read(
        x_ratelimit_limit_req_minute="60", x_ratelimit_remaining_req_minute="59",
        x_ratelimit_limit_tokens_minute="50000", x_ratelimit_remaining_tokens_minute="47196",
        x_ratelimit_limit_tokens_month="4000000", x_ratelimit_remaining_tokens_month="3950246", x_ratelimit_tokens_query_cost="2804",
    ) == {"requests a minute": (60, 59, 60), "tokens a minute": (50000, 47196, 60)}  # fmt: skip


def test_openrouter_states_milliseconds_since_the_epoch() -> None:
    """Its free models have so many a minute and so many a day; how far the reset is tells which."""
    assert read(x_ratelimit_limit="50", x_ratelimit_remaining="0", x_ratelimit_reset="1795305600000") == {"requests a day": (50, 0, 50400)}
    assert read(x_ratelimit_limit="20", x_ratelimit_remaining="0", x_ratelimit_reset="1795255240000") == {"requests a minute": (20, 0, 40)}


def test_the_draft_of_the_ietf_is_read_too() -> None:
    """Gateways and NVIDIA-like hosts write it."""
    assert read(ratelimit_limit="40", ratelimit_remaining="3", ratelimit_reset="12") == {"requests a minute": (40, 3, 12)}


@pytest.mark.parametrize(
    "headers",
    [
        {"x_ratelimit_remaining_requests": "-1", "x_ratelimit_limit_requests": "-1"},
        {"x_ratelimit_remaining_requests": "0", "x_ratelimit_limit_requests": "0"},
        {"x_ratelimit_remaining_requests": "many"},
        {"x_ratelimit_remaining_requests_day": "5"},
        {"x_ratelimit_remaining_requests_hour": "0", "x_ratelimit_reset_requests_hour": "1800"},
        {"x_remaining_seats": "0"},
        {},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_left_out(headers: dict[str, str]) -> None:
    """Azure sends -1 and 0 of 0 for limits that it does not have; a guess would park a model that is well."""
    assert read(**headers) == {}


names = st.sampled_from(
    ["x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset", "x-ratelimit-remaining-tokens-day", "x-ratelimit-reset-tokens-day"]
)
figures = st.one_of(st.text(max_size=12), st.floats().map(str), st.integers().map(str))


@given(st.dictionaries(names, figures))
def test_no_header_raises(headers: dict[str, str]) -> None:
    """Strangers write them."""
    for quota in quotas_in(headers, clock=lambda: NOW):
        assert 0 <= quota.left < 2**60
        assert 0 <= quota.resets_s < 1e7
