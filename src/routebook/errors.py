"""The error tree, on one page.

Every message says what happened, which value, and what to do next. Errors are raised, never printed and never returned as text.
Only `ProviderError` and its kind come from outside; `backends/` translates them, at one seam.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from routebook.messages import Attempt, LeftOut, Plan, Usage


class RoutebookError(Exception):
    """Base of all errors that Routebook raises."""

    request_id: str | None = None
    """Of the request that failed, where the prompt had become one: what was tried, and what that cost, stands in the books under it."""


class UsageError(RoutebookError):
    """A cell, an option or a call is not right: an empty prompt, an unknown name, a value out of range."""


class FileChanged(UsageError):
    """A file is not what it was when it was read, so it was not overwritten."""


class Problem:
    """One mistake in `routing.toml`."""

    __slots__ = ("hint", "line", "path", "what")

    def __init__(self, path: str, what: str, *, hint: str = "", line: int | None = None) -> None:
        """`path` is dotted (`models.llama.tier`), `line` counts from 1."""
        self.path, self.what, self.hint, self.line = path, what, hint, line

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.path}: {self.what}" + (f" {self.hint}" if self.hint else "")


class ConfigError(RoutebookError):
    """`routing.toml` is wrong; carries every problem at once."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        """`problems` in the order of the file."""
        self.file, self.problems = file, tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{file}: {count}\n" + "\n".join(f"  {problem}" for problem in problems))


class SuiteError(ConfigError):
    """A suite of prompts to evaluate models by is wrong; carries every problem at once."""


class BooksError(RoutebookError):
    """The books cannot be read or written: not a database, locked, no space, a newer version's."""


class SetupNeeded(RoutebookError):
    """Something must be installed or fetched first; the message says what to type."""


class NoCandidate(RoutebookError):
    """No model is left to try; carries the plan with every model left out and its reason."""

    def __init__(self, plan: Plan) -> None:
        """The message lists each model left out."""
        self.plan = plan
        self.left_out: tuple[LeftOut, ...] = plan.left_out
        lines = "".join(f"\n  {out.model}: {out.reason}" for out in plan.left_out) or "\n  (the route names no model)"
        super().__init__(f"No model can take this prompt (route {plan.route!r}).{lines}\nMend one of these, or name a model with -m.")


class BudgetExceeded(RoutebookError):
    """The next call could exceed a cap, so it was not sent."""

    def __init__(
        self,
        scope: str,
        *,
        period: str,
        cap_usd: Decimal,
        spent_usd: Decimal,
        needed_usd: Decimal | None,
        resets_at: dt.datetime | None,
        model: str = "",
    ) -> None:
        """`scope` as in `[budgets]` (`total`, `claude`, …) or `this cell`; `spent_usd` includes what is reserved.

        `needed_usd` is `None` when the price of `model` is unknown: nothing can be reserved for it then.
        """
        self.scope, self.period, self.cap_usd, self.spent_usd = scope, period, cap_usd, spent_usd
        self.needed_usd, self.resets_at = needed_usd, resets_at
        until = f" It resets at {resets_at:%Y-%m-%d %H:%M}." if resets_at else ""
        cap = f"The {period} budget of {scope!r} is ${cap_usd.normalize():f}"
        super().__init__(
            f"{cap}; ${spent_usd:f} is spent or reserved and this call may need ${needed_usd:f}.{until}\n"
            f"Raise {'--budget' if period == 'cell' else 'it in [budgets]'}, use --tier free or --local, or lower --max-tokens."
            if needed_usd is not None
            else f"{cap}, and the price of {model} is unknown, so that nothing can hold the call to it.\n"
            f"Say price = {{ input = …, output = … }} in [models.{model}], or unpriced = true in the budget to let such calls through."
        )


class PoolSpent(BudgetExceeded):
    """The next call could use more tokens than its pool has left, so it was not sent."""

    def __init__(
        self, pool: str, *, period: str, cap_tokens: int, used_tokens: int, needed_tokens: int, resets_at: dt.datetime
    ) -> None:  # fmt: skip
        """`used_tokens` includes what is reserved; money plays no part: `cap_usd` and the like are 0."""
        zero = Decimal(0)
        super().__init__(pool, period=period, cap_usd=zero, spent_usd=zero, needed_usd=zero, resets_at=resets_at)
        self.cap_tokens, self.used_tokens, self.needed_tokens = cap_tokens, used_tokens, needed_tokens
        allowance, reset = f"{cap_tokens:,} tokens a {period}", f" It resets at {resets_at:%Y-%m-%d %H:%M}."
        if period == "ever":
            allowance, reset = f"{cap_tokens:,} tokens in all", " They do not come back."
        said = (
            f"The pool {pool!r} has {allowance}; {used_tokens:,} are used or reserved and this call may need {needed_tokens:,}.{reset}\n"
            f"Name models outside of it as fallbacks, raise tokens in [pools.{pool}], or lower --max-tokens."
        )
        self.args = (said,)


class DeadlineExceeded(RoutebookError):
    """The request's total time is over."""


class LimitReached(DeadlineExceeded):
    """A model has no room within its limits before it would be too late; nothing was sent, and the next candidate is asked."""

    def __init__(self, what: str, *, is_passing: bool = False) -> None:
        """`what` has no full stop; `is_passing` when it will be over in a moment, and another model can be asked meanwhile."""
        self.is_passing = is_passing
        super().__init__(
            f"{what}. Raise the deadline, add a fallback to the route, or raise the limit in routing.toml if the provider allows more."
        )


class LocalOnlyViolation(RoutebookError):
    """Something tried to leave the machine behind the wall; nothing was sent."""


class ProviderError(RoutebookError):
    """A call failed at a provider. `status` is the HTTP status where there was one; `headers` holds the rate-limit headers."""

    outcome: Literal["rate_limited", "timeout", "refused", "error"] = "error"
    retry_after_s: float | None = None
    """The time to wait as the provider stated it, in any of its errors (a 503 may state one too)."""
    usage: Usage | None = None
    """What it reported all the same: an answer that came to its end without content, or was refused, is billed."""

    def __init__(
        self, message: str, *, provider: str = "", status: int | None = None, headers: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        """`message` says what the provider said; `hint` what to do."""
        self.provider, self.status, self.headers, self.hint = provider, status, dict(headers or {}), hint
        said = f"{provider}: {message}" if provider else message
        super().__init__(f"{said} {hint}".rstrip())


class RateLimited(ProviderError):
    """429 in any form. `retry_after_s` as the provider stated it; `is_daily` when a day's quota is spent; `is_final` when waiting cannot help."""

    outcome = "rate_limited"

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        hint: str = "",
        retry_after_s: float | None = None,
        is_daily: bool = False,
        is_final: bool = False,
    ) -> None:
        super().__init__(message, provider=provider, status=status, headers=headers, hint=hint)
        self.retry_after_s, self.is_daily, self.is_final = retry_after_s, is_daily, is_final

    @property
    def states_no_end(self) -> bool:
        """Whether it asks for a rest, and does not say how long."""
        return self.retry_after_s is None and not self.is_daily and not self.is_final


class Unavailable(ProviderError):
    """Not reachable, overloaded, or a 5xx: the next try, or the next model, may do."""


class TimedOut(Unavailable):
    """One of the four times of an attempt ran out, or the request's own deadline; `phase` says which."""

    outcome = "timeout"

    def __init__(
        self, phase: Literal["connect", "first_token", "idle", "total", "deadline"], *, limit_s: float, provider: str = ""
    ) -> None:
        """`limit_s` is the time that ran out."""
        self.phase, self.limit_s = phase, limit_s
        said = {
            "connect": "no connection",
            "first_token": "no first token",
            "idle": "the stream stood still",
            "total": "the answer was not complete",
            "deadline": "the request's deadline came before the answer was complete,",
        }
        key = "--deadline, or defaults.deadline_s in routing.toml," if phase == "deadline" else f"timeout.{phase}_s of the model"
        super().__init__(f"{said[phase]} within {limit_s:g} s.", provider=provider, hint=f"Raise {key} if it needs longer.")


class Refused(ProviderError):
    """The model or the provider declined. `is_guess` when only the words of the answer say so."""

    outcome = "refused"

    def __init__(self, message: str, *, provider: str = "", category: str | None = None, is_guess: bool = False) -> None:
        """`category` as the provider names it."""
        super().__init__(message, provider=provider)
        self.category, self.is_guess = category, is_guess


class BadRequest(ProviderError):
    """The provider does not accept the request; the same request would fail again."""


class AuthFailed(ProviderError):
    """The key is missing, wrong, or not allowed to use the model."""


class ContextOverflow(BadRequest):
    """The prompt does not fit the model's window."""


class PullFailed(BadRequest):
    """A model could not be fetched: it does not exist, there is no space for it, or its registry is not reachable."""


class StreamBroken(ProviderError):
    """The stream ended before its end: a cut connection, a malformed line, an error inside, an answer without content."""


class LowQuality(RoutebookError):
    """An answer came whole and failed a check: `--schema`, or the route's `on_low_quality`."""

    def __init__(self, flaw: str, *, check: str, text: str) -> None:
        """`flaw` says what is wrong with it, `check` which check says so; `text` is the answer."""
        self.flaw, self.check, self.text = flaw, check, text
        super().__init__(f"The answer fails the check {check!r}: {flaw}")


class AllAttemptsFailed(RoutebookError):
    """Every candidate was tried; carries the attempts and the last error as its cause."""

    def __init__(self, attempts: Sequence[Attempt], *, not_sent: Sequence[tuple[str, RoutebookError]] = ()) -> None:
        """The message lists each attempt, and why others were not asked: pairs of a model and the cap or limit."""
        self.attempts = tuple(attempts)
        lines = "".join(f"\n  {a.attempt}. {a.model}: {a.error or a.status}" for a in attempts)
        lines += "".join(f"\n  {model}, not asked: {' '.join(str(error).split())}" for model, error in not_sent)
        count = "The only attempt failed" if len(attempts) == 1 else f"All {len(attempts)} attempts failed"
        super().__init__(f"{count}:{lines}\nSee %route why, or add a fallback to the route in routing.toml.")
