"""What the end of an attempt says of its model's limits, for all kernels: what is left, and until when nobody may ask again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from routebook.backends.quotas import quotas_in
from routebook.books.claims import Heard, Scope
from routebook.engine.turn import Outcome
from routebook.errors import BadRequest, LowQuality, ProviderError, RateLimited, Refused

DAY_UNSTATED_S: Final = 3600.0
"""A day's quota is spent, and nobody says until when: look again in an hour."""
_SHARED: Final = 1
"""Place of the scope that OpenRouter's free models share, in those of a model."""


def heard(outcome: Outcome, scopes: tuple[Scope, ...]) -> Heard | None:
    """What was heard; `None` when nothing was.

    Args:
        outcome: of an attempt that was sent.
        scopes: of its model, the model itself first.
    """
    error, headers = outcome.error, _headers(outcome)
    cool_s = _cool_s(error)
    is_answer = error is None or isinstance(error, Refused | BadRequest | LowQuality)
    if not headers and cool_s is None and not is_answer:
        return None
    return Heard(
        scope=told_of(scopes).name,
        quotas=quotas_in(headers, clock=time.time) if headers else (),
        cool_s=cool_s,
        is_day=isinstance(error, RateLimited) and error.is_daily,
        day_whole_s=error.retry_after_s if isinstance(error, RateLimited) and error.is_daily else None,
        reason=type(error).__name__ if error is not None else "",
        is_answer=is_answer and not outcome.is_cancelled and outcome.unforeseen is None,
    )


def told_of(scopes: tuple[Scope, ...]) -> Scope:
    """What a provider's word about the limits of a model is about: the model, or all that share its limits."""
    return scopes[_SHARED] if len(scopes) > _SHARED + 1 else scopes[0]


def _headers(outcome: Outcome) -> Mapping[str, str]:
    if outcome.finish is not None:
        return outcome.finish.headers
    return outcome.error.headers if isinstance(outcome.error, ProviderError) else {}


def _cool_s(error: Exception | None) -> float | None:
    """Seconds that the provider asked for. Where it asked for a rest without saying how long, who walks the plan chooses, and tells."""
    if not isinstance(error, ProviderError):
        return None
    if error.retry_after_s:
        return error.retry_after_s
    return DAY_UNSTATED_S if isinstance(error, RateLimited) and error.is_daily and not error.is_final else None
