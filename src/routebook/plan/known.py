"""What is known of the models right now: health, speed, load, prices. The engine writes it, the planner only reads it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from routebook.config.prices import highest
from routebook.config.values import Price
from routebook.plan.belief import Belief
from routebook.plan.evidence import Evidence, Remembered
from routebook.plan.experiment import Verdict
from routebook.plan.residence import Residence

SMOOTHING: Final = 0.2
"""Weight of the newest observation in the moving averages (an EWMA of about the last nine)."""


STARTS_KEPT: Final = 50
"""The newest times to first token, from which the slow ones are known."""
STARTS_NEEDED: Final = 20
"""With fewer, 95 of 100 is no figure that can be told."""


_MOST_KEPT: Final = 256
WEIGHED: Final = "believed "
REMEMBERED: Final = "remembered: "
EXPLORING: Final = "exploring, instead of "
"""What the reason of a choice says; the books keep reasons, so this is also how past choices are counted."""


class ModelState:
    """What was seen of one model in this process. Averages are `None` until something was seen."""

    __slots__ = (
        "cooling_reason", "cooling_until", "failures", "in_flight", "is_on_trial", "is_told_to_wait", "output_tokens", "queued", "relapses",
        "starts_s", "token_s", "ttft_s", "when_tried",
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
        self.is_on_trial = False
        """Its cooldown is over, and one request tries whether it is well; the others wait for that."""
        self.relapses = 0
        """Trials in a row that failed."""
        self.when_tried: list[Callable[[], None]] = []
        """Called once each when the trial under way is over."""
        self.ttft_s: float | None = None
        self.token_s: float | None = None
        self.output_tokens: float | None = None
        self.starts_s: deque[float] = deque(maxlen=STARTS_KEPT)

    def saw_answer(self, *, ttft_s: float | None, latency_s: float, output_tokens: int | None) -> None:
        """Learn from a call that went well; it also ends a cooldown of caution, but none that the provider asked for: it was sent before."""
        self.failures = 0
        if not self.is_told_to_wait:
            self.recover()
        if ttft_s is not None:
            self.ttft_s = _average(self.ttft_s, ttft_s)
            self.starts_s.append(ttft_s)
        if output_tokens:
            self.output_tokens = _average(self.output_tokens, output_tokens)
            self.token_s = _average(self.token_s, (latency_s - (ttft_s or 0.0)) / output_tokens)

    def cool(self, until: float, *, reason: str, is_told: bool = True) -> None:
        """Take the model out until a time of the engine's clock; a later time already set stays. `is_told`: the provider asked for it."""
        if until > self.cooling_until:
            self.cooling_until, self.cooling_reason, self.is_told_to_wait = until, reason, is_told

    def recover(self) -> None:
        """It is well: end its cooldown, whoever asked for it."""
        self.cooling_until, self.cooling_reason, self.is_told_to_wait, self.relapses = 0.0, "", False, 0

    def end_trial(self) -> None:
        """The trial is over, one way or the other: let those go on who waited for it."""
        self.is_on_trial = False
        waiting, self.when_tried = self.when_tried, []
        for tell in waiting:
            tell()

    @property
    def slow_start_s(self) -> float | None:
        """Seconds within which 95 of 100 first tokens came; `None` while too few were seen."""
        if len(self.starts_s) < STARTS_NEEDED:
            return None
        return sorted(self.starts_s)[(len(self.starts_s) * 95 - 1) // 100]

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
        self.outsized: dict[str, str] = {}
        """Models that are too large for the memory that their provider may take, each with the figures."""
        self.residences: dict[str, Residence] = {}
        """Of the models whose provider loads them within a limit; empty where none does."""
        self.prices: dict[str, Price | None] = dict(prices or {})
        self._priced: dict[str, Price | None] = {}
        """The prices of which the two below were made."""
        self._highest: dict[frozenset[str], tuple[Price, ...]] = {}
        self._rates: dict[str, tuple[int, int] | None] = {}
        self.states: dict[str, ModelState] = {}
        self.turns: dict[str, int] = {}
        """How often each pool was used, for round-robin."""
        self.verdicts: dict[str, Verdict] = {}
        """How experiments ended, by name."""
        self.evidence: Callable[[str], Mapping[str, Evidence]] | None = None
        """What was learned of the models at a task; `None` while nothing was learned."""
        self.weighed = self.explored = 0
        """Prompts, lately, for which something learned was weighed; and how many of these explored."""
        self.fitted: Callable[[str], Mapping[str, Belief]] | None = None
        """What `router.fit` learned: how good each model is for a prompt; `None` while nothing was fitted."""
        self.recall: Callable[[str], Sequence[Remembered]] | None = None
        """How the models did on prompts like this one; `None` while nothing is remembered."""

    def absent(self, name: str, *, provider: str) -> str:
        """Why a model that is named but was not found cannot be tried."""
        return self.unusable.get(provider) or self.missing.get(name) or f"{provider} does not have it"

    def rates(self) -> Mapping[str, tuple[int, int] | None]:
        """The prices of a token, input and output, as whole numbers of 10**-24 US dollars: to compare many costs, which are exact so."""
        self._look_at_prices()
        return self._rates

    def highest(self, models: frozenset[str]) -> tuple[Price, ...]:
        """Of the prices of some models those that count for the dearest of them, looked for once."""
        self._look_at_prices()
        found = self._highest.get(models)
        if found is None:
            if len(self._highest) >= _MOST_KEPT:
                self._highest = {}
            found = self._highest[models] = highest(self.prices.get(model) for model in models)
        return found

    def _look_at_prices(self) -> None:
        """Forget what was made of other prices."""
        if self._priced != self.prices:  # nearly always the same objects, which is seen at once
            self._priced, self._highest = dict(self.prices), {}
            self._rates = {name: None if price is None else _rates(price) for name, price in self._priced.items()}

    def state(self, model: str) -> ModelState:
        """The state of a model; a fresh one when it was never used."""
        found = self.states.get(model)
        if found is None:
            found = self.states[model] = ModelState()
        return found

    def is_free(self, model: str) -> bool:
        """Whether a request may call the model at once: it is well, or its cooldown is over and nobody tries it yet."""
        state = self.states.get(model)
        return state is None or not state.cooling_until or (not state.is_on_trial and self.cooling_s(model) == 0)

    def count_turns(self, pools: Iterable[str]) -> None:
        """Count one use of each pool."""
        for pool in pools:
            self.turns[pool] = self.turns.get(pool, 0) + 1

    def count_choice(self, reason: str) -> None:
        """Count the choice that led to a request's first candidate, by the candidate's reason."""
        if WEIGHED in reason or REMEMBERED in reason:
            self.weighed += 1
            self.explored += EXPLORING in reason

    def may_explore(self, share: float) -> bool:
        """Whether one more prompt may explore, so that those that do stay within their share."""
        return self.explored + 1 <= share * (self.weighed + 1)

    def cooling_s(self, model: str) -> float:
        """Seconds until the model is back; 0 when it is ready."""
        state = self.states.get(model)
        return max(0.0, state.cooling_until - self.clock()) if state and state.cooling_until else 0.0


def _rates(price: Price) -> tuple[int, int]:
    return int(Decimal(price.input).scaleb(18)), int(Decimal(price.output).scaleb(18))


def _average(old: float | None, new: float) -> float:
    return new if old is None else old + SMOOTHING * (new - old)
