"""Walks a plan until there is an answer: the one retry loop of the whole program."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import NoReturn

from routebook.config.values import Route
from routebook.engine.attempt import attempt
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Emit, Outcome, Turn
from routebook.errors import (
    AllAttemptsFailed,
    BudgetExceeded,
    DeadlineExceeded,
    LocalOnlyViolation,
    NoCandidate,
    ProviderError,
    RateLimited,
    Refused,
    RoutebookError,
    SetupNeeded,
    StreamBroken,
)  # fmt: skip
from routebook.events import Decision, Done, Switched, Waiting
from routebook.messages import Answer, Candidate, FinishReason, Kind, Plan
from routebook.plan.planner import instead
from routebook.plan.react import Next, Retry, Step, Stop, react


async def dispatch(runtime: Runtime, plan: Plan, *, emit: Emit) -> Answer:
    """Try the plan's candidates until one answers; emit what happens, `Done` last (also after a cancellation).

    Raises:
        NoCandidate: the plan has none.
        BudgetExceeded: no candidate could be sent within the caps.
        AllAttemptsFailed: with the attempts.
        DeadlineExceeded: the request's time is over.
    """
    emit(Decision(plan=plan))
    if not plan.candidates:
        raise NoCandidate(plan)
    runtime.known.count_turns({candidate.pool for candidate in plan.candidates if candidate.pool})
    route = next(route for route in runtime.config.routes if route.name == plan.route)
    until = asyncio.get_running_loop().time() + plan.deadline_s
    walk = _Walk(runtime=runtime, plan=plan, emit=emit, route=route, until=until, left=deque(plan.candidates))
    try:
        answer = await walk.run()
    except asyncio.CancelledError:
        if walk.outcomes:
            emit(Done(answer=walk.answer("cancelled")))
        raise
    emit(Done(answer=answer))
    return answer


@dataclass(slots=True, kw_only=True)
class _Walk:
    """How far a request has come."""

    runtime: Runtime
    plan: Plan
    emit: Emit
    route: Route
    until: float
    """The deadline, in the loop's time."""
    left: deque[Candidate]
    """The candidate at hand, then those behind it."""
    outcomes: list[Outcome] = field(default_factory=list)
    retries: int = 0
    """Of the candidate at hand."""
    kind: Kind = "answer"
    reason: str = ""
    last_error: RoutebookError | None = None
    is_rerouted: bool = False
    """A refusal already led to the models that the route names for it."""

    async def run(self) -> Answer:  # noqa: RET503  it ends by an answer or by giving up
        while self.left and not self.is_spent:
            candidate = self.left[0]
            if self.left_s() <= 0:
                raise self.too_late() from self.last_error
            if not await self.is_ready(candidate):
                continue
            try:
                outcome = await attempt(self.runtime, self.turn(candidate), outcomes=self.outcomes)
            except BudgetExceeded as error:
                self.last_error = error
                self.move_on("its budget is spent")
                continue
            if outcome.error is None:
                return self.answer(outcome.finish.reason if outcome.finish else "stop")
            self.last_error = outcome.error
            if (answer := await self.after(candidate, outcome.error)) is not None:
                return answer
        self.give_up()

    def turn(self, candidate: Candidate) -> Turn:
        return Turn(
            plan=self.plan, candidate=candidate, number=len(self.outcomes) + 1, kind=self.kind,
            reason=self.reason or candidate.reason, until=self.until, emit=self.emit,
        )  # fmt: skip

    def left_s(self) -> float:
        return self.until - asyncio.get_running_loop().time()

    @property
    def is_spent(self) -> bool:
        """No attempt is left."""
        return len(self.outcomes) >= self.plan.max_attempts

    async def is_ready(self, candidate: Candidate) -> bool:
        """Whether to call a model now. One that cools down comes after those that are back sooner, and the last is waited for."""
        known = self.runtime.known
        cooling_s = known.cooling_s(candidate.model)
        if cooling_s == 0:
            return True
        others = [other for other in self.left if other.model != candidate.model]
        back_at = known.state(candidate.model).cooling_until
        if any(known.state(other.model).cooling_until < back_at for other in others):
            self.left.rotate(-1)
            if self.outcomes:
                self.kind, self.reason, self.retries = "fallback", f"{candidate.model}: it cools down", 0
            return False
        state = known.state(candidate.model)
        if not state.is_told_to_wait:
            return True
        if cooling_s < self.left_s():
            self.emit(Waiting(model=candidate.model, place=0, reason=f"it cools down for {cooling_s:.0f} s ({state.cooling_reason})"))
            await asyncio.sleep(cooling_s + 0.1 * self.runtime.rng.random())  # not all at once
            return False  # another request may have been told to wait longer meanwhile
        self.last_error = self.last_error or DeadlineExceeded(
            f"{candidate.model} cools down for {cooling_s:.0f} s more ({state.cooling_reason}), "
            f"and the request's deadline is {self.plan.deadline_s:g} s. "
            f"Raise the deadline, or add a fallback to route {self.plan.route!r} in routing.toml."
        )
        self.left.popleft()
        return False

    async def after(self, candidate: Candidate, error: RoutebookError) -> Answer | None:
        """React to a failure: an answer all the same, another try to come, or an error."""
        if isinstance(error, Refused):
            return self.after_refusal(candidate, error)
        if isinstance(error, StreamBroken) and self.route.on_stream_break == "keep" and self.outcomes[-1].text:
            return self.answer("error")
        step = self.step(candidate, error)
        self.cool(candidate, step, error)
        if isinstance(step, Retry):
            self.kind, self.reason, self.retries = "retry", f"again after: {error}", self.retries + 1
            self.emit(Switched(from_model=candidate.model, to_model=candidate.model, reason=str(error)))
            if step.after_s:
                self.emit(Waiting(model=candidate.model, place=0, reason=f"it is asked again in {step.after_s:.0f} s"))
            await asyncio.sleep(step.after_s)
            return None
        if isinstance(step, Stop) or self.is_spent:
            if isinstance(error, ProviderError):
                self.give_up()
            raise error
        self.move_on(str(error))
        return None

    def step(self, candidate: Candidate, error: RoutebookError) -> Step:
        if not isinstance(error, ProviderError):
            is_over = isinstance(error, DeadlineExceeded | LocalOnlyViolation)
            return Stop() if is_over or (isinstance(error, SetupNeeded) and len(self.left) == 1) else Next()
        left_s = self.left_s()
        state = self.runtime.known.state(candidate.model)
        state.failures += left_s > 0  # a deadline that passed is not the model's failure
        return react(
            error, route=self.route, retries=self.retries, failures=state.failures, has_next=len(self.left) > 1,
            left_s=0.0 if self.is_spent else left_s, rng=self.runtime.rng,
        )  # fmt: skip

    def cool(self, candidate: Candidate, step: Step, error: RoutebookError) -> None:
        """Leave the model alone, for other requests too, for as long as the step or the provider says."""
        stated_s = error.retry_after_s if isinstance(error, ProviderError) else None
        cool_s = (stated_s or 0.0) if isinstance(step, Retry) else step.cool_s
        if cool_s:
            known, is_told = self.runtime.known, isinstance(error, RateLimited) or stated_s is not None
            known.state(candidate.model).cool(known.clock() + cool_s, reason=type(error).__name__, is_told=is_told)

    def move_on(self, reason: str) -> None:
        """Leave the candidate at hand for the next."""
        gone = self.left.popleft()
        self.kind, self.reason, self.retries = "fallback", f"{gone.model}: {reason}", 0
        if self.left:
            self.emit(Switched(from_model=gone.model, to_model=self.left[0].model, reason=reason))

    def after_refusal(self, candidate: Candidate, error: Refused) -> Answer | None:
        """Show the refusal, unless the route names who to ask instead; that is the user's choice, and is seen."""
        asked = self.route.on_refusal
        if asked is None or not asked.try_ or self.is_rerouted:
            return self.answer("refusal")
        others = instead(self.runtime.config, self.plan, asked.try_, known=self.runtime.known, rng=self.runtime.rng)
        if not others:
            return self.answer("refusal")
        self.is_rerouted = True
        self.left = deque((candidate, *(other for other in others if other.model != candidate.model)))
        if len(self.left) == 1:
            return self.answer("refusal")
        self.move_on(f"refused: {error}")
        return None

    def answer(self, reason: FinishReason) -> Answer:
        """What the attempts led to: the text of the last one."""
        last = self.outcomes[-1]
        return Answer(
            text=last.text,
            thinking="".join(last.thoughts),
            request_id=self.plan.request.id,
            plan=self.plan,
            attempts=tuple(outcome.attempt for outcome in self.outcomes),
            finish_reason=reason,
            notes=tuple(note for outcome in self.outcomes for note in outcome.notes),
        )

    def too_late(self) -> DeadlineExceeded:
        tried = ", ".join(f"{outcome.attempt.model} ({outcome.attempt.status})" for outcome in self.outcomes) or "none"
        return DeadlineExceeded(
            f"The request's {self.plan.deadline_s:g} s are over; tried: {tried}. Raise --deadline, or defaults.deadline_s in routing.toml."
        )

    def give_up(self) -> NoReturn:
        """Raise what fits best: that time is over, the one error there was, or all of them."""
        if self.left_s() <= 0:
            raise self.too_late() from self.last_error
        if self.outcomes:
            raise AllAttemptsFailed([outcome.attempt for outcome in self.outcomes]) from self.last_error
        raise self.last_error or NoCandidate(self.plan)
