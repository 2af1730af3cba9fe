"""The way in and out of a model: its place in this process, and its limits over all kernels that share the books.

An attempt first waits for a place here, then asks the books: places, requests and tokens are counted in the transaction that reserves its
money and writes its row. Where there is no room it waits its turn, or goes on to the next candidate when that would take too long.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from routebook.books import leases
from routebook.books.books import Books
from routebook.books.claims import Admitted, Claim, Memory, Scope, Wait
from routebook.config.values import Config, Model, Provider
from routebook.engine.admission.hearing import told_of
from routebook.engine.admission.queue import HANDICAP_S, Gate, Gates
from routebook.engine.turn import Emit, Turn
from routebook.errors import DeadlineExceeded, LimitReached
from routebook.events import Event, Waiting
from routebook.messages import PRIORITIES, Attempt, Delta, Priority
from routebook.plan.known import Known

PATIENCE_S: Final = 75.0
"""A limit that has room again so soon is waited for; a later one leaves the model alone until then."""
SHORT_S: Final = 2.0
"""A cooldown this short is waited for in the queue."""
_LOOK_S: Final = {
    "places": (0.02, 0.3), "turn": (0.02, 0.3), "probe": (0.05, 0.5), "window": (0.001, 1.0), "quota": (0.001, 1.0), "cooldown": (0.001, 60.0),
}  # fmt: skip
"""How soon to look again at first and at the latest: other kernels do not tell when they give something back."""
_QUIET_S: Final = 0.2
_STATED_S: Final = 60.0
_MINUTE_S: Final = 63.0
FREE: Final = ":free"
"""So end the names of OpenRouter's free models, which share their limits."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """An attempt that may be sent."""

    row: int
    """Of the books."""
    claim: Claim
    gate: Gate
    model: str
    since: float
    is_probe: bool
    unload: tuple[str, ...] = ()
    """What must leave the machine's memory before the call is sent."""


class Limits:
    """Lets attempts in."""

    def __init__(self, *, books: Books, known: Known, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only go up."""
        self.books, self.known, self.clock = books, known, clock
        self._gates = Gates(clock=clock)
        self._served: dict[Gate, float] = {}
        """When somebody of this process was let in last."""
        self._scopes: dict[str, tuple[Scope, ...]] = {}
        self.rng = random.Random()
        self.memory: Callable[[Turn], Awaitable[Memory | None]] | None = None
        """What a call asks of this machine's memory; set where a provider has a limit of it."""
        self._inside = 0
        self._renewal: asyncio.TimerHandle | None = None

    @property
    def inside(self) -> int:
        """Places that are held in this process: of attempts under way, and of those that ask the books."""
        return self._gates.inside

    def way_in(self, turn: Turn, *, config: Config, output_tokens: int) -> WayIn:
        """The way in for one attempt; `output_tokens` is the longest answer there may be."""
        name, tokens = turn.candidate.model, turn.plan.input_tokens
        claim = Claim(
            scopes=self.scopes(name, config), input_tokens=tokens, tokens=tokens + output_tokens, cell_usd=turn.plan.request.budget_usd
        )
        return WayIn(self, turn, claim, gate=self._gates.of(name, config=config), queue_s=config.models[name].timeout.queue_s)

    def entered(self, turn: Turn, claim: Claim, gate: Gate, admitted: Admitted) -> Entry:
        """Count an attempt that is inside."""
        name = turn.candidate.model
        self._served[gate] = self.clock()
        self.known.state(name).in_flight += 1
        self._inside += 1
        self._keep_alive()
        entry = Entry(
            row=admitted.row, claim=claim, gate=gate, model=name, since=self.clock(), is_probe=admitted.is_probe, unload=admitted.unload
        )
        if entry.is_probe:
            turn.emit = self._listening(turn.emit, entry)
        return entry

    def rank_s(self, gate: Gate, priority: Priority, *, came: float) -> float:
        """Where one stands among those of other kernels: since when it waits and its kernel had no turn, and a handicap for its priority.

        Which of a kernel's requests takes the kernel's turn is the kernel's own business: the most urgent one lends its priority to the first.
        """
        since = max(came, self._served.get(gate, -math.inf))
        return since - self.clock() + HANDICAP_S * min(PRIORITIES.index(priority), gate.most_urgent)

    def leave(self, entry: Entry) -> None:
        """Give the place to the next. Call it when the end of the attempt is in the books, where its place is given back too."""
        self.known.state(entry.model).in_flight -= 1
        self._inside -= 1
        entry.gate.leave(entry.model, stayed_s=self.clock() - entry.since)

    def scopes(self, model: str, config: Config) -> tuple[Scope, ...]:
        """What the limits of a model are counted by: the model, what it shares with others, its provider."""
        found = self._scopes.get(model)
        if found is None:
            found = self._scopes[model] = _scopes(model, config)
        return found

    async def refresh(self, config: Config) -> None:
        """Learn which models cool down or have spent their day, as other kernels and earlier sessions saw it."""
        models = {name: self.scopes(name, config) for name in config.models}
        for name, wait in (await asyncio.to_thread(self.books.parked, models)).items():
            self.park(name, wait)

    def park(self, model: str, wait: Wait) -> None:
        """Leave a model alone for all requests of this process, as long as its limits or its provider ask for."""
        if wait.until_s:
            back = dt.datetime.now().astimezone() + dt.timedelta(seconds=wait.until_s)
            when = f", back at {back:%a %H:%M}" if wait.until_s > PATIENCE_S else ""
            self.known.state(model).cool(self.known.clock() + wait.until_s, reason=f"{wait.reason}{when}")

    def tell(self, model: str, seconds: float, *, config: Config, reason: str) -> None:
        """Let all kernels leave a model alone: it asked for a rest, and it is ours to choose how long."""
        self.books.cool(told_of(self.scopes(model, config)).name, seconds, reason=reason)

    def close(self) -> None:
        """Nothing is renewed any more."""
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    def _listening(self, emit: Emit, entry: Entry) -> Emit:
        """Let the others go as soon as the one that tries is answered, not only when its answer ends."""

        def hear(event: Event) -> None:
            if entry.is_probe and isinstance(event, Delta):
                entry.is_probe = False
                self.books.passed(entry.row)
            emit(event)

        return hear

    def _keep_alive(self) -> None:
        """Renew the places while there are any, so that long answers keep theirs."""
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().call_later(leases.RENEW_S, self._renew)

    def _renew(self) -> None:
        self._renewal = None
        if self._inside:
            self.books.renew()
            self._keep_alive()


class WayIn:
    """One attempt on its way in."""

    def __init__(self, limits: Limits, turn: Turn, claim: Claim, *, gate: Gate, queue_s: float | None) -> None:
        """Made by `Limits`."""
        self._queue_s = queue_s if queue_s is not None else math.inf
        self._until = min(turn.until, asyncio.get_running_loop().time() + self._queue_s)
        self._limits, self._turn, self._claim, self._gate = limits, turn, claim, gate
        self._name = turn.candidate.model
        self._wait: Wait | None = None
        self._looks = 0
        self._told: tuple[int, str] | None = None
        self.is_queued = False
        """It stands in the queue of this process, or stood there when it was sent away; else it asks the books."""

    async def enter(self, attempt: Attempt, *, need_usd: Decimal | None) -> Entry:
        """Wait for room, reserve, and write the row; whoever enters must `leave`.

        Raises:
            LimitReached: there will be no room in time; nothing was written.
            DeadlineExceeded: there was none until the request's deadline, or the books are locked; nothing was written.
            BudgetExceeded: a cap could be exceeded; nothing was written.
        """
        state = self._limits.known.state(self._name)
        state.queued += 1
        try:
            async with asyncio.timeout_at(self._until):
                admitted = await self._room(attempt, need_usd=need_usd)
        except BaseException as error:
            if self._wait is not None:
                self._limits.books.give_up(self._claim)
            if isinstance(error, TimeoutError):
                raise self._too_late() from error
            raise
        finally:
            state.queued -= 1
        return self._limits.entered(self._turn, self._claim, self._gate, admitted)

    async def _room(self, attempt: Attempt, *, need_usd: Decimal | None) -> Admitted:
        came = self._limits.clock()
        self._look_ahead()
        await self._place(since=None)
        while True:
            try:
                if self._limits.memory is not None:
                    self._claim = msgspec.structs.replace(self._claim, memory=await self._limits.memory(self._turn))
                found = await self._limits.books.admit(attempt, need_usd=need_usd, claim=self._ranked(came))
            except BaseException:
                self._gate.withdraw(self._name)
                self._gate.leave(self._name)
                raise
            if isinstance(found, Admitted):
                self._gate.opened(self._name)
                return found
            self._turn_back(found)
            await self._place(since=came)

    def _ranked(self, came: float) -> Claim:
        rank_s = self._limits.rank_s(self._gate, self._turn.plan.priority, came=came)
        return msgspec.structs.replace(self._claim, rank_s=rank_s)

    async def _place(self, *, since: float | None) -> None:
        request, plan = self._turn.plan.request, self._turn.plan
        self.is_queued = True
        is_in = await self._gate.enter(
            self._name, priority=plan.priority, on_place=self._tell, requester=f"{request.notebook} {request.agent}", since=since
        )
        if not is_in:
            raise LimitReached(f"{self._name}: {self._limits.known.state(self._name).cooling_reason}")
        self.is_queued = False

    def _look_ahead(self) -> None:
        """Go on to the next candidate at once when the queue is too long for the deadline."""
        if not self._turn.has_next:
            return
        place = self._gate.queue + 1
        expected_s = self._expected_s(place) if place > 1 else None
        if expected_s is not None and expected_s > self._left_s():
            raise LimitReached(
                f"{self._name} has {place - 1} requests waiting, which takes about {expected_s:.0f} s: too long for this one"
            )

    def _turn_back(self, wait: Wait) -> None:
        """There is no room now: wait for the turn, or leave."""
        self._wait, self.is_queued = wait, True
        self._gate.hold(self._name, self._look_again_s(wait))
        self._gate.leave(self._name)
        if wait.kind == "probe" and self._turn.has_free:
            raise LimitReached(f"{self._name}: {wait.reason}", is_passing=True)
        if not self._is_too_long(wait):
            return
        if wait.is_stated or wait.is_day:
            self._limits.park(self._name, wait)
            self._gate.close(self._name)
        back = f"; there is room again in {wait.until_s:.0f} s" if wait.until_s != math.inf else ""
        raise LimitReached(f"{self._name}: {wait.reason}{back}")

    def _is_too_long(self, wait: Wait) -> bool:
        if wait.until_s is None:
            return False
        patience_s = SHORT_S if wait.is_stated else PATIENCE_S  # as a cooldown told to this process is handled: others first
        return wait.until_s >= self._left_s() or wait.until_s > patience_s

    def _look_again_s(self, wait: Wait) -> float:
        soonest, latest = _LOOK_S[wait.kind]
        self._looks += 1
        if wait.until_s is None:
            return min(latest, soonest * 1.5**self._looks) * (0.7 + 0.6 * self._limits.rng.random())
        return max(soonest, min(wait.until_s, _STATED_S if wait.is_stated else latest))

    def _tell(self, place: int) -> None:
        reason = self._wait.reason if self._wait is not None else "all its places are taken"
        is_worth_a_word = self._wait is None or self._wait.until_s is None or self._wait.until_s > _QUIET_S
        if is_worth_a_word and (place, reason) != self._told:
            self._told = place, reason
            self._turn.emit(Waiting(model=self._name, place=place, reason=reason, expected_s=self._expected_s(place)))

    def _expected_s(self, place: int) -> float | None:
        expected_s = self._gate.expected_s(self._name, place)
        if self._wait is not None and self._wait.until_s is not None:
            expected_s = max(expected_s or 0.0, self._wait.until_s)
        rpm = min((scope.rpm for scope in self._claim.scopes if scope.rpm), default=None)
        return expected_s if rpm is None or place <= rpm else max(expected_s or 0.0, (place - 1) // rpm * _MINUTE_S)

    def _left_s(self) -> float:
        """Seconds that it may still wait."""
        return self._until - asyncio.get_running_loop().time()

    def _too_late(self) -> DeadlineExceeded:
        patience = f"the request's {self._turn.plan.deadline_s:g} s"
        why = f" ({self._wait.reason})" if self._wait is not None else ""
        if self._until < self._turn.until:
            return LimitReached(f"No place at {self._name} came free within its queue_s of {self._queue_s:g} s{why}")
        if not self.is_queued:
            return DeadlineExceeded(f"The books could not be written within {patience}: another program holds them. Close it.")
        return DeadlineExceeded(f"No place at {self._name} came free within {patience}{why}. Raise its max_concurrent or the deadline.")


def _scopes(model: str, config: Config) -> tuple[Scope, ...]:
    entry = config.models[model]
    name, provider = entry.provider, config.providers[entry.provider]
    own = _scope(f"{name}/{entry.id}", model, entry)
    free = (Scope(name=f"{name}/*{FREE}", label=f"the free models of {name}"),) if entry.id.endswith(FREE) else ()
    return (own, *free, _scope(name, name, provider))


def _scope(name: str, label: str, entry: Model | Provider) -> Scope:
    return Scope(
        name=name, label=label, max_concurrent=entry.max_concurrent, rpm=entry.rpm, rpd=entry.rpd, tpm=entry.tpm, tpd=entry.tpd
    )  # fmt: skip
