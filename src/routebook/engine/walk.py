"""How far a request has come on its plan, and what can be said of it at each step. What to do next is decided in `dispatch.py`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NoReturn

from routebook.config.values import Route
from routebook.engine.last_resort import last_resort
from routebook.engine.left import Left
from routebook.engine.runtime import Runtime
from routebook.engine.toolbox.use import Use
from routebook.engine.turn import Check, Emit, Outcome, Turn
from routebook.errors import AllAttemptsFailed, DeadlineExceeded, NoCandidate, RoutebookError
from routebook.events import Event, Switched
from routebook.messages import Answer, Candidate, Delta, FinishReason, Kind, Plan
from routebook.plan.planner import instead


@dataclass(slots=True, kw_only=True)
class Walk:
    """How far a request has come."""

    runtime: Runtime
    plan: Plan
    emit: Emit
    route: Route
    until: float
    """The deadline, in the loop's time."""
    left: Left
    use: Use
    """Its tools, and what they said."""
    outcomes: list[Outcome] = field(default_factory=list)
    retries: int = 0
    """Of the candidate at hand."""
    kind: Kind = "answer"
    reason: str = ""
    last_error: RoutebookError | None = None
    not_sent: list[tuple[str, RoutebookError]] = field(default_factory=list)
    """The models that were passed over without a call, each with the cap or limit that was in the way."""
    check: Check | None = None
    flawed: Outcome | None = None
    """The last answer that failed a check of the route: given all the same when there is no better one."""
    is_rerouted: bool = False
    """A refusal already led to the models that the route names for it."""
    is_escalated: bool = False
    """A failed check did."""
    trial: str | None = None
    """The model that this request tries, after its cooldown."""
    waited_for: set[str] = field(default_factory=set)
    """The models for whose trial it waited: once is enough, for who waits in line for a dead model gets no answer at all."""
    stepped_aside: set[str] = field(default_factory=set)
    """The models that another kernel's request tried, so that others were asked first: once is enough."""
    is_void: bool = False
    """The text streamed last no longer counts."""

    def turn(self, candidate: Candidate, *, kind: Kind | None = None, reason: str = "") -> Turn:
        """The next attempt, by this candidate."""
        if self.plan.request.kind == "evaluation":  # every attempt is marked, a second one too
            kind = "evaluation"
        return Turn(
            plan=self.use.plan(self.plan, model=candidate.model), tools=self.use.specs, may_call=self.use.may_call, candidate=candidate, kind=kind or self.kind,
            number=self.runtime.numbers.next(self.plan.request.id, alone=len(self.outcomes) + 1),
            reason=reason or self.reason or candidate.reason, until=self.until, check=self.check, has_next=len(self.left) > 1,
            has_free=candidate.model not in self.stepped_aside and self.has_free(candidate),
            emit=self.emit if self.trial is None else self.hear_trial,
        )  # fmt: skip

    def has_free(self, candidate: Candidate) -> bool:
        """Whether one of the others can be called at once."""
        return any(self.runtime.known.is_free(other.model) for other in self.left if other.model != candidate.model)

    def hear_trial(self, event: Event) -> None:
        """Pass on what is said of a model on trial, and let the others know when it says its first word."""
        if isinstance(event, Delta) and self.trial is not None and self.runtime.trials.heard(self.trial):
            self.trial = None
        self.emit(event)

    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.until - asyncio.get_running_loop().time()

    @property
    def is_spent(self) -> bool:
        """No attempt is left."""
        return len(self.outcomes) - self.use.steps >= self.plan.max_attempts

    def turn_round(self, model: str, reason: str) -> None:
        """Put the candidate at hand behind the others."""
        self.left.turn_round()
        if self.outcomes:
            self.kind, self.reason, self.retries = "fallback", f"{model}: {reason}", 0

    async def run_tools(self, outcome: Outcome) -> None:
        """Run the tools that an answer asks for; the same model goes on with what they say."""
        await self.use.step(outcome)
        names = ", ".join(dict.fromkeys(call.name for call in outcome.calls))
        self.kind, self.reason, self.retries = "tool", f"goes on with what {names} said", 0

    def move_on(self, reason: str) -> None:
        """Leave the candidate at hand for the next."""
        gone = self.left.drop_first()
        self.kind, self.reason, self.retries = "fallback", f"{gone.model}: {reason}", 0
        if self.left:
            self.tell_switched(gone.model, self.left.first.model, reason)

    def tell_switched(self, gone: str, to: str, reason: str) -> None:
        """Say that the text so far is void, and who is asked now."""
        self.is_void = True
        self.emit(Switched(from_model=gone, to_model=to, reason=reason))

    def reroute(self, names: tuple[str, ...]) -> bool:
        """Put others behind the candidate at hand, instead of those there; false when none of them can take the prompt."""
        candidate = self.left.first
        others = instead(self.runtime.config, self.plan, names, known=self.runtime.known, rng=self.runtime.rng) if names else ()
        others = tuple(other for other in others if other.model != candidate.model)
        if others:
            self.left = Left((candidate, *others))
        return bool(others)

    def flawed_answer(self, outcome: Outcome) -> Answer:
        """The answer that failed a check, marked as such; said again where its text was called void."""
        model = outcome.attempt.model
        if self.is_void or outcome is not self.outcomes[-1]:
            gone = self.outcomes[-1].attempt.model
            self.emit(Switched(from_model=gone, to_model=model, reason=f"there is no better answer than the one of {model}"))
            self.emit(Delta(text=outcome.text))
        outcome.notes += (f"{outcome.error} There was no better one.",)
        return self.answer_of(outcome)

    def whole(self) -> Answer | None:
        """The answer that is there already when the request is cancelled: its row says `ok`, and it is paid for."""
        ended = (outcome for outcome in reversed(self.outcomes) if outcome.attempt.status == "ok")
        last = next((outcome for outcome in ended if not (outcome.calls and self.use.may_call)), None)
        return None if last is None else self.answer_of(last)

    def answer_of(self, outcome: Outcome) -> Answer:
        """The answer by an attempt that ended as its model wanted."""
        return self.answer(outcome.finish.reason if outcome.finish else "stop", of=outcome)

    def answer(self, reason: FinishReason, *, of: Outcome | None = None) -> Answer:
        """What the attempts led to: the text of the one that counts, else of the last."""
        counts = of or self.outcomes[-1]
        if of is None and counts.attempt.kind == "hedge" and not counts.text:
            counts = self.outcomes[-2]  # both were cancelled: the text is that of the one who spoke
        attempts = tuple(outcome.attempt for outcome in self.outcomes)
        small = last_resort(self.runtime, self.plan, attempts, model=counts.attempt.model) if reason in ("stop", "length") else ()
        return Answer(
            text=counts.text,
            thinking="".join(counts.thoughts),
            request_id=self.plan.request.id,
            plan=self.plan,
            attempts=attempts,
            finish_reason=reason,
            echo=counts.finish.echo if counts.finish is not None else {},
            notes=(*self.use.notes, *(note for outcome in self.outcomes for note in outcome.notes), *small),
            tools=tuple(self.use.runs),
            answered_by=None if counts is self.outcomes[-1] else counts.attempt.attempt,
        )

    def too_late(self) -> DeadlineExceeded:
        """The error for a deadline that has passed."""
        tried = ", ".join(f"{outcome.attempt.model} ({outcome.attempt.status})" for outcome in self.outcomes) or "none"
        return DeadlineExceeded(
            f"The request's {self.plan.deadline_s:g} s are over; tried: {tried}. Raise --deadline, or defaults.deadline_s in routing.toml."
        )

    def give_up(self) -> NoReturn:
        """Raise what fits best: that time is over, the one error there was, or all of them."""
        if self.left_s() <= 0:
            raise self.too_late() from self.last_error
        if any(outcome.error is not None for outcome in self.outcomes):  # else all went well, up to what stopped the next step
            raise AllAttemptsFailed([outcome.attempt for outcome in self.outcomes], not_sent=self.not_sent) from self.last_error
        raise self.last_error or NoCandidate(self.plan)
