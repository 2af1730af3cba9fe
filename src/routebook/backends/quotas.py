"""What providers tell of their limits in the headers of any answer: what is left, of how much, and when it is whole again.

| provider | headers |
|---|---|
| OpenAI, Groq | `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; resets are durations (`2m59.56s`); Groq counts requests by the day |
| Anthropic | `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`; resets are dates |
| Cerebras | `x-ratelimit-{limit,remaining,reset}-{requests-day,tokens-minute}`; resets are seconds |
| Mistral | `x-ratelimit-{limit,remaining}-{req-minute,tokens-minute,tokens-month}`, without a reset |
| OpenRouter, gateways | `x-ratelimit-{limit,remaining,reset}`; resets are milliseconds since the epoch, or seconds |
| the IETF's draft | `ratelimit-{limit,remaining,reset}` |

Gemini and NVIDIA tell nothing before a limit is reached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from routebook.backends.waits import Clock, number, reset_s
from routebook.messages import Quota

_DAY_S: Final = 86_400.0
_LEFT: Final = re.compile(r"(?<![a-z])remaining(?![a-z])")
_NAMED: Final = re.compile(r"^(?:x-|anthropic-)?ratelimit(?![a-z])")
_OTHER: Final = re.compile(r"month|week|hour|year|second(?!s)")
"""Windows that are neither a minute nor a day are not kept: a 429 tells of them in time."""
_REFILLS_BY_DAY: Final = (0.8 * _DAY_S, 1.2 * _DAY_S)
_LONG_S: Final = 600.0
_LONGEST_S: Final = 32 * _DAY_S
_MOST: Final = 10**15
"""What is more than this, or longer than a month, is a mistake of whoever wrote it."""


def quotas_in(headers: Mapping[str, str], *, clock: Clock) -> tuple[Quota, ...]:
    """Read the headers of a response, names in lower case; what makes no sense is left out."""
    found = (
        _quota(name, headers, clock=clock) for name in headers if _LEFT.search(name) and _NAMED.match(name) and not _OTHER.search(name)
    )
    return tuple(quota for quota in found if quota is not None)


def _quota(name: str, headers: Mapping[str, str], *, clock: Clock) -> Quota | None:
    left, most = number(headers[name]), number(headers.get(_LEFT.sub("limit", name)))
    if left is None or most == 0:  # Azure says 0 of 0 for limits it does not have; Mistral for keys that are allowed nothing
        return None
    stated_s = reset_s(headers.get(_LEFT.sub("reset", name), ""), clock=clock)
    period = _period(name, most=most, left=left, resets_s=stated_s)
    if stated_s is None and period == "day":
        return None
    return Quota(
        kind=_kind(name), period=period, most=None if most is None else int(min(most, _MOST)), left=int(min(left, _MOST)),
        resets_s=60.0 if stated_s is None else min(stated_s, _LONGEST_S),
    )  # fmt: skip


def _kind(name: str) -> Literal["requests", "tokens", "input tokens", "output tokens"]:
    if "token" not in name:
        return "requests"
    return "input tokens" if "input" in name else "output tokens" if "output" in name else "tokens"


def _period(name: str, *, most: float | None, left: float, resets_s: float | None) -> Literal["minute", "day"]:
    """As the name says, else as the pace tells at which it fills up again: Groq's 14,400 requests, one each six seconds."""
    if "day" in name:
        return "day"
    if "minute" in name or resets_s is None:
        return "minute"
    if most is not None and 0 <= left < most:
        fills_in_s = resets_s * most / (most - left)
        if _REFILLS_BY_DAY[0] < fills_in_s < _REFILLS_BY_DAY[1]:
            return "day"
    return "day" if resets_s > _LONG_S else "minute"
