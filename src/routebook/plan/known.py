"""What is known of the models right now: health, speed, load, prices. The engine writes it, the planner only reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from routebook.config.values import Price

SMOOTHING: Final = 0.2
"""Weight of the newest observation in the moving averages (an EWMA of about the last nine)."""


class ModelState:
    """What was seen of one model in this process. Averages are `None` until something was seen."""

    __slots__ = (
        "cooling_reason", "cooling_until", "failures", "in_flight", "is_told_to_wait", "output_tokens", "queued", "token_s", "ttft_s",
    )  # fmt: skip

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.in_flight = 0
        self.queued = 0
        self.failures = 0
        self.cooling_until = 0.0
        self.cooling_reason = ""
        self.is_told_to_wait = False
        """The provider asked for the cooldown; else it is our own caution, and not worth waiting for when nothing else is left."""
        self.ttft_s: float | None = None
        self.token_s: float | None = None
        self.output_tokens: float | None = None

    def saw_answer(self, *, ttft_s: float | None, latency_s: float, output_tokens: int | None) -> None:
        """Learn from a call that went well; it also ends a cooldown of caution, but none that the provider asked for: it was sent before."""
        self.failures = 0
        if not self.is_told_to_wait:
            self.cooling_until, self.cooling_reason = 0.0, ""
        if ttft_s is not None:
            self.ttft_s = _average(self.ttft_s, ttft_s)
        if output_tokens:
            self.output_tokens = _average(self.output_tokens, output_tokens)
            self.token_s = _average(self.token_s, (latency_s - (ttft_s or 0.0)) / output_tokens)

    def cool(self, until: float, *, reason: str, is_told: bool = True) -> None:
        """Take the model out until a time of the engine's clock; a later time already set stays. `is_told`: the provider asked for it."""
        if until > self.cooling_until:
            self.cooling_until, self.cooling_reason, self.is_told_to_wait = until, reason, is_told

    def expected_s(self, output_tokens: float) -> float | None:
        """Seconds that an answer of so many tokens would take, by what was seen; `None` when nothing was."""
        if self.ttft_s is None:
            return None
        return self.ttft_s + (self.token_s or 0.0) * output_tokens


class Known:
    """What is known of all models."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        unusable: Mapping[str, str] | None = None,
        prices: Mapping[str, Price | None] | None = None,
    ) -> None:
        """`clock` gives seconds that only go up; `unusable` names providers that cannot be called, each with its reason."""
        self.clock = clock
        self.unusable: dict[str, str] = dict(unusable or {})
        self.missing: dict[str, str] = {}
        """Models that their provider does not have, each with what to do."""
        self.prices: dict[str, Price | None] = dict(prices or {})
        self.states: dict[str, ModelState] = {}
        self.turns: dict[str, int] = {}
        """How often each pool was used, for round-robin."""

    def absent(self, name: str, *, provider: str) -> str:
        """Why a model that is named but was not found cannot be tried."""
        return self.unusable.get(provider) or self.missing.get(name) or f"{provider} does not have it"

    def state(self, model: str) -> ModelState:
        """The state of a model; a fresh one when it was never used."""
        found = self.states.get(model)
        if found is None:
            found = self.states[model] = ModelState()
        return found

    def count_turns(self, pools: Iterable[str]) -> None:
        """Count one use of each pool."""
        for pool in pools:
            self.turns[pool] = self.turns.get(pool, 0) + 1

    def cooling_s(self, model: str) -> float:
        """Seconds until the model is back; 0 when it is ready."""
        state = self.states.get(model)
        return max(0.0, state.cooling_until - self.clock()) if state and state.cooling_until else 0.0


def _average(old: float | None, new: float) -> float:
    return new if old is None else old + SMOOTHING * (new - old)
