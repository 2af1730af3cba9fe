"""Walks a plan until there is an answer: the one retry loop of the whole program."""

from __future__ import annotations

import asyncio

import msgspec

from routebook.engine.attempt import attempt
from routebook.engine.hedge import race
from routebook.engine.left import Left
from routebook.engine.quality import quality_of
from routebook.engine.runtime import Runtime
from routebook.engine.toolbox.use import Use
from routebook.engine.turn import Emit, Ended, Outcome, Turn
from routebook.engine.walk import Walk
from routebook.errors import (
    BudgetExceeded,
    DeadlineExceeded,
    LimitReached,
    LocalOnlyViolation,
    LowQuality,
    NoCandidate,
    ProviderError,
    RateLimited,
    Refused,
    RoutebookError,
    SetupNeeded,
    TimedOut,
    UsageError,
)  # fmt: skip
from routebook.events import Decision, Done, Waiting
from routebook.messages import Answer, Candidate, Plan
from routebook.plan.react import Next, Retry, Step, Stop, react


async def dispatch(runtime: Runtime, plan: Plan, *, emit: Emit, until: float | None = None) -> Answer:
    """Try the plan's candidates until one answers; emit what happens, `Done` last (also after a cancellation).

    `until` is the deadline in the loop's time, where the request did not begin just now.

    Raises:
        NoCandidate: the plan has none.
        BudgetExceeded: no candidate could be sent within the caps.
        AllAttemptsFailed: with the attempts.
        DeadlineExceeded: the request's time is over.
        UsageError: what the answer is to be checked by cannot be used; nothing was sent.
    """
    emit(Decision(plan=plan))
    if not plan.candidates:
        raise NoCandidate(plan)
    route = next(route for route in runtime.config.routes if route.name == plan.route)
    if plan.request.kind == "evaluation":  # what this model answers is wanted, whatever the route would make of it
        route = msgspec.structs.replace(route, on_refusal=None, on_low_quality=None)
    if until is None:
        until = asyncio.get_running_loop().time() + plan.deadline_s
    use = Use(runtime, plan, emit=emit, until=until)
    walk = _Walker(
        runtime=runtime, plan=plan, emit=emit, route=route, until=until, left=Left(plan.candidates), kind=plan.request.kind, use=use
    )  # fmt: skip
    answer: Answer | None = None
    failed: RoutebookError | None = None
    try:
        walk.check = await quality_of(route, plan.request, until=until)
        await use.open()
        async with runtime.lanes.of(route, plan, emit=emit, until=until):
            answer = await walk.run()
    except asyncio.CancelledError:
        answer = walk.whole()
        if walk.outcomes:
            emit(Done(answer=answer or walk.answer("cancelled")))
        raise
    except RoutebookError as error:
        failed = error
        raise
    finally:
        ended = Ended(plan=plan, outcomes=tuple(walk.outcomes), answer=answer, error=failed)
        for tell in runtime.when_ended:
            tell(ended)
        if failed is not None:
            await runtime.alarms.look()
    try:
        await runtime.alarms.look()
    finally:
        if said := runtime.alarms.take():
            answer = msgspec.structs.replace(answer, notes=(*answer.notes, *said))
        emit(Done(answer=answer))
    return answer


class _Walker(Walk):
    """Walks to the end."""

    async def run(self) -> Answer:
        """Walk to an answer; one that failed a check of the route is better than none."""
        try:
            return await self.walk()
        except UsageError:
            raise
        except RoutebookError:
            if self.flawed is None:
                raise
            return self.flawed_answer(self.flawed)

    async def walk(self) -> Answer:  # noqa: RET503  it ends by an answer or by giving up
        while self.left and not self.is_spent:
            candidate = self.left.first
            if self.left_s() <= 0:
                raise self.too_late() from self.last_error
            if not await self.is_ready(candidate):
                continue
            try:
                outcome = await self.ask(candidate)
            except BudgetExceeded as error:
                self.last_error = error
                self.not_sent.append((candidate.model, error))
                self.move_on("its budget is spent")
                continue
            except LimitReached as error:
                self.last_error = error
                if error.is_passing:
                    self.stepped_aside.add(candidate.model)
                    self.turn_round(candidate.model, "another notebook's request tries whether it is back")
                elif not self.is_parked(candidate):  # else it comes after those that are back sooner
                    self.not_sent.append((candidate.model, error))
                    self.move_on(str(error))
                continue
            self.last_error = outcome.error
            answer = await (self.after_word(outcome) if outcome.error is None else self.after(outcome, outcome.error))
            if answer is not None:
                return answer
        self.give_up()

    async def ask(self, candidate: Candidate) -> Outcome:
        """Make an attempt, hedged where the route says so; in the end the candidate whose outcome counts is the one at hand."""
        outcome: Outcome | None = None
        self.is_void = False
        try:
            after_s = self.hedge_after_s(candidate)
            if after_s is None:
                outcome = await attempt(self.runtime, self.turn(candidate), outcomes=self.outcomes)
                return outcome
            raced = await race(self.runtime, self.turn(candidate), second=self.hedge, after_s=after_s, outcomes=self.outcomes)
            outcome = raced.outcome
            if raced.turn.candidate is not candidate:
                self.left.put_first(raced.turn.candidate)
                self.retries = 0
            if raced.lost is not None and raced.lost[1].error is not None:
                self.left.remove(raced.lost[0].candidate)
                self.count(raced.lost[0].candidate, raced.lost[1].error)
            return outcome
        finally:
            if self.trial is not None:
                self.runtime.trials.end(self.trial, outcome)

    def hedge_after_s(self, candidate: Candidate) -> float | None:
        """How long to wait for the first token before the next candidate is asked too; `None`: for ever."""
        if not self.route.hedge or len(self.left) == 1:
            return None
        times = (self.runtime.known.state(candidate.model).slow_start_s, self.runtime.config.models[candidate.model].timeout.soft_s)
        return min((time for time in times if time is not None), default=None)

    def hedge(self) -> Turn | None:
        """The attempt beside the one at hand: by the next candidate that is well."""
        known, first = self.runtime.known, self.left.first
        others = (other for other in self.left if other.model != first.model and not known.state(other.model).cooling_until)
        second = next(others, None)
        if second is None or self.is_spent:
            return None
        return self.turn(second, kind="hedge", reason=f"hedge: no word of {first.model} yet")

    async def is_ready(self, candidate: Candidate) -> bool:
        """Whether to call a model now. One that cools down comes after those that are back sooner, and the last is waited for."""
        known, name = self.runtime.known, candidate.model
        state = known.state(name)
        self.trial = None
        if not state.cooling_until:
            return True
        cooling_s = known.cooling_s(name)
        if cooling_s == 0:
            return await self.is_tried(candidate)
        back_at = state.cooling_until
        if any(known.state(other.model).cooling_until < back_at for other in self.left if other.model != name):
            self.turn_round(name, "it cools down")
            return False
        if not state.is_told_to_wait:
            return await self.is_tried(candidate)
        if cooling_s < self.left_s():
            self.emit(Waiting(model=name, place=0, reason=f"it cools down for {cooling_s:.0f} s ({state.cooling_reason})"))
            await asyncio.sleep(cooling_s + 0.1 * self.runtime.rng.random())  # not all at once
            return False  # another request may have been told to wait longer meanwhile
        self.last_error = self.last_error or DeadlineExceeded(
            f"{name} cools down for {cooling_s:.0f} s more ({state.cooling_reason}), "
            f"and the request's deadline is {self.plan.deadline_s:g} s. "
            f"Raise the deadline, or add a fallback to route {self.plan.route!r} in routing.toml."
        )
        self.left.drop_first()
        return False

    def is_parked(self, candidate: Candidate) -> bool:
        """Whether `is_ready` will put a model behind the others or wait for it; one that cools down by our own caution it would ask again."""
        known, name = self.runtime.known, candidate.model
        return known.cooling_s(name) > 0 and known.state(name).is_told_to_wait

    async def is_tried(self, candidate: Candidate) -> bool:
        """Whether to call a model that was out: one request tries it; the others go elsewhere, or wait for how that goes."""
        name = candidate.model
        if await self.runtime.trials.begin(name):
            self.trial = name
            return True
        if self.has_free(candidate):
            self.turn_round(name, "another request tries whether it is back")
            return False
        if name in self.waited_for:
            return True
        self.waited_for.add(name)
        self.emit(Waiting(model=name, place=0, reason="another request tries whether it is back"))
        await self.runtime.trials.wait(name, until=self.until)
        return False

    async def after_word(self, outcome: Outcome) -> Answer | None:
        """The answer, or the tools that it asks for are run and the model goes on."""
        if not (outcome.calls and self.use.may_call):
            return self.answer_of(outcome)
        await self.run_tools(outcome)
        return None

    async def after(self, outcome: Outcome, error: RoutebookError) -> Answer | None:
        """React to a failure: an answer all the same, another try to come, or an error."""
        candidate = self.left.first
        if isinstance(error, Refused):
            return self.after_refusal(outcome, error)
        if isinstance(error, LowQuality):
            self.after_flaw(outcome, error)
            return None
        is_break = isinstance(error, ProviderError) and bool(outcome.text)
        step = self.count(candidate, error)
        if is_break and self.route.on_stream_break == "keep":
            outcome.notes += (f"The stream broke off, and what came is kept: {error}",)
            return self.answer("error", of=outcome)
        if is_break and self.route.on_stream_break == "raise" and not isinstance(error, TimedOut):
            step = Stop()
        if isinstance(step, Retry):
            self.kind, self.reason, self.retries = "retry", f"again after: {error}", self.retries + 1
            self.tell_switched(candidate.model, candidate.model, str(error))
            if step.after_s:
                self.emit(Waiting(model=candidate.model, place=0, reason=f"it is asked again in {step.after_s:.0f} s"))
            await asyncio.sleep(step.after_s + 0.001)  # past the cooldown that goes with it
            return None
        if isinstance(step, Stop) or self.is_spent:
            if isinstance(error, ProviderError) or (isinstance(error, SetupNeeded) and (self.not_sent or len(self.outcomes) > 1)):
                self.give_up()
            raise error
        self.move_on(str(error))
        return None

    def count(self, candidate: Candidate, error: RoutebookError) -> Step:
        """Decide after a failure, and let all requests know of it."""
        step = self.step(candidate, error)
        self.cool(candidate, step, error)
        return step

    def step(self, candidate: Candidate, error: RoutebookError) -> Step:
        if not isinstance(error, ProviderError):
            is_over = isinstance(error, DeadlineExceeded | LocalOnlyViolation | UsageError)
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
        is_limited = isinstance(error, RateLimited)
        cool_s = step.cool_s if not isinstance(step, Retry) else step.after_s if is_limited else stated_s or 0.0
        if cool_s:
            cooled_s = self.runtime.trials.cool(
                candidate.model, cool_s, error=error, is_relapse=self.trial == candidate.model,
                is_stated=stated_s is not None or isinstance(step, Retry), is_told=is_limited or stated_s is not None,
            )  # fmt: skip
            if isinstance(error, RateLimited) and error.states_no_end:
                self.runtime.limits.tell(candidate.model, cooled_s, config=self.runtime.config, reason=type(error).__name__)

    def after_refusal(self, outcome: Outcome, error: Refused) -> Answer | None:
        """Show the refusal, unless the route names who to ask instead; that is the user's choice, and is seen."""
        asked = self.route.on_refusal
        if asked is None or self.is_rerouted or not self.reroute(asked.try_):
            return self.answer("refusal", of=outcome)
        self.is_rerouted = True
        self.move_on(f"refused: {error}")
        return None

    def after_flaw(self, outcome: Outcome, error: LowQuality) -> None:
        """Go to the models that the route names for it, else to the next candidate; only `--schema` makes a flawed answer none at all."""
        if error.check != "schema":
            self.flawed = outcome
        asked = self.route.on_low_quality
        if asked is not None and asked.try_ and not self.is_escalated:
            self.is_escalated = self.reroute(asked.try_)
        self.move_on(str(error))
