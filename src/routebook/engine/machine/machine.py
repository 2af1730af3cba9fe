"""The machine's memory as the engine uses it: what is loaded goes into planning, and before a call to another model room is made.

Of providers without `max_loaded`, `memory_gb` and `pull` nothing is asked and nothing is done.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from routebook.backends.residents import Residents
from routebook.books import loads
from routebook.books import residents as memory_books
from routebook.books.claims import Memory
from routebook.config.values import Provider, Timeouts, is_cloud_model, provider_tier
from routebook.engine.machine.pulls import Pulls
from routebook.engine.machine.sight import SIZES_S, Sight
from routebook.errors import RoutebookError, Unavailable
from routebook.events import Waiting
from routebook.plan.residence import UNKNOWN_S, Residence, by_size
from routebook.plan.room import tagged

if TYPE_CHECKING:  # the runtime holds the machine
    from routebook.engine.admission.limits import Entry
    from routebook.engine.runtime import Runtime
    from routebook.engine.turn import Outcome, Turn

FRESH_S: Final = 0.2
"""Before a call: what is loaded is asked again when it was asked so long ago."""
STALE_S: Final = 2.0
"""In planning: then it is asked again beside the request, which does not wait for it."""
UNLOAD_S: Final = 25.0
"""A model that has not left the memory by then will not; the books keep its place a little longer."""
_LOOK_S: Final = 0.02
GB: Final = 1e9


def is_limited(provider: Provider) -> bool:
    """Whether its models are loaded within a limit."""
    return provider.max_loaded is not None or provider.memory_gb is not None


class Machine:
    """Knows what is in memory, and makes room."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is asked before `open`."""
        self._runtime = runtime
        self._sights: dict[str, Sight] = {}
        self._loads: dict[tuple[str, str], float] = {}
        self._learned_at = -math.inf
        self.limited = frozenset(name for name, provider in runtime.config.providers.items() if is_limited(provider))
        """The providers whose models are loaded within a limit."""
        self.pulls = Pulls(runtime)

    async def open(self) -> None:
        """Look once, so that the first plan knows what is loaded; a server that does not answer is left for later."""
        if self.limited and self._runtime.books.is_here:
            self._runtime.limits.memory = self.claim
            await asyncio.gather(*(self.look(name) for name in self.limited if name not in self._runtime.known.unusable))

    def sight(self, provider: str) -> Sight | None:
        """What is known of a provider's memory; `None` of one that has none to speak of."""
        found = self._sights.get(provider)
        if found is None:
            backend = self._runtime.backend(provider)
            if not isinstance(backend, Residents):
                return None
            is_local = provider_tier(self._runtime.config.providers[provider]) == "local"
            found = self._sights[provider] = Sight(backend=backend, local=is_local, steady=self._runtime.books.steady)
        return found

    async def look(self, provider: str, *, max_age_s: float = 0.0, sizes_age_s: float = SIZES_S) -> Sight | None:
        """Ask what is loaded, unless that is known well enough, and let the plans know."""
        sight = self.sight(provider)
        if sight is not None:
            before = sight.at
            await sight.look(max_age_s=max_age_s, sizes_age_s=sizes_age_s)
            if sight.at != before and provider in self.limited:
                await self._tell(provider, sight)
        return sight

    def refresh(self) -> None:
        """Look beside what goes on, where what is known is old. On the engine's loop."""
        now = asyncio.get_running_loop().time()
        for provider in self.limited:
            sight = self._sights.get(provider)
            if sight is None or now - sight.at > STALE_S:
                self._runtime.beside(self.look(provider, max_age_s=STALE_S))

    async def claim(self, turn: Turn) -> Memory | None:
        """What a call asks of the memory; `None` where there is no limit."""
        provider, entry = turn.candidate.provider, self._runtime.config.models[turn.candidate.model]
        if provider not in self.limited or is_cloud_model(self._runtime.config.providers[provider], entry.id):
            return None
        sight = await self.look(provider, max_age_s=FRESH_S)
        if sight is None:
            return None
        limits, model = self._runtime.config.providers[provider], tagged(entry.id)
        models = [one for one in self._runtime.config.models.values() if one.provider == provider]
        sizes = self.sizes(provider, sight)
        return Memory(
            place=provider,
            model=model,
            label=provider,
            loaded={name: sizes.get(name, 0) for name in sight.loaded if name != model or sight.has_now(name)},
            looked=sight.looked,
            sizes=sizes,
            max_loaded=limits.max_loaded,
            max_bytes=None if limits.memory_gb is None else round(limits.memory_gb * GB),
            spared=tuple(tagged(one.id) for one in models if one.warm) if turn.is_modest else (),
            is_patient=not turn.is_modest,
        )

    async def make_room(self, turn: Turn, entry: Entry) -> None:
        """Unload what must leave for a call that was let in, and wait until it has left.

        Raises:
            ProviderError: it did not leave; the call must not be sent.
        """
        if not entry.unload or entry.claim.memory is None:
            return
        model, place = turn.candidate.model, entry.claim.memory.place
        turn.emit(Waiting(model=model, place=0, reason=f"{', '.join(entry.unload)} leaves the memory for it"))
        sight = self._sights[turn.candidate.provider]
        for one in entry.unload:
            await sight.backend.unload(one, local=sight.local)
        await self._empty(sight, turn, entry.unload)
        steady = self._runtime.books.steady
        await self._runtime.books.write(lambda connection: memory_books.left(connection, place, entry.unload, now=steady()))

    async def _empty(self, sight: Sight, turn: Turn, leaving: tuple[str, ...]) -> None:
        """Wait until what was told to leave has left."""
        loop, pause_s = asyncio.get_running_loop(), _LOOK_S
        until = min(turn.until, loop.time() + UNLOAD_S)
        while True:
            await self.look(turn.candidate.provider)
            staying = [name for name in leaving if name in sight.loaded]
            if sight.trouble or not staying:
                return
            if loop.time() > until:
                said = f"{', '.join(staying)} was told to leave the memory for {turn.candidate.model}, and is still there."
                raise Unavailable(said, provider=turn.candidate.provider)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.5)

    def say_loading(self, turn: Turn, entry: Entry) -> None:
        """Let the cell know that a model is being loaded, which takes longer than a call."""
        memory = entry.claim.memory
        if memory is not None and memory.model not in memory.loaded:
            load_s = self.load_s(memory.place, memory.model, memory.sizes.get(memory.model, 0))
            about = "" if load_s is None else f", about {max(1, round(load_s))} s"
            turn.emit(Waiting(model=turn.candidate.model, place=0, reason=f"it is being loaded{about}"))

    def patient(self, timeout: Timeouts, entry: Entry) -> Timeouts:
        """The times of a call, with twice what loading takes on top where the model must be loaded: the plan knew of it."""
        memory = entry.claim.memory
        if memory is None or memory.model in memory.loaded:
            return timeout
        load_s = 2 * (self.load_s(memory.place, memory.model, memory.sizes.get(memory.model, 0)) or UNKNOWN_S)
        return msgspec.structs.replace(timeout, first_token_s=timeout.first_token_s + load_s, total_s=timeout.total_s + load_s)

    def saw(self, outcome: Outcome, entry: Entry) -> None:
        """Learn from a call that has ended: what loading took, and that the memory is not what it was."""
        memory = entry.claim.memory
        if memory is None or self._runtime.is_closing:
            return
        load_s = outcome.finish.timings.get("load_s") if outcome.finish is not None else None
        if load_s is not None and memory.model not in memory.loaded:
            steady = self._runtime.books.steady
            self._runtime.beside(self._note(partial(loads.note, place=memory.place, model=memory.model, load_s=load_s, now=steady())))
        self._runtime.beside(self.look(memory.place))

    async def _note(self, write: partial[None]) -> None:
        try:
            await self._runtime.books.write(write)
        except RoutebookError:  # it is only a figure; the next row says what is wrong with the books
            return
        await self._learn()

    async def _learn(self) -> None:
        """What loading took of late, in this and other kernels."""
        self._learned_at = asyncio.get_running_loop().time()
        self._loads = await asyncio.to_thread(self._runtime.books.read, loads.usual)

    def load_s(self, provider: str, model: str, size: int) -> float | None:
        """What loading takes, by what was seen, else by its size; `None` for unknown. The id is with its tag."""
        return self._loads.get((provider, model)) or by_size(size)

    def sizes(self, provider: str, sight: Sight | None) -> dict[str, int]:
        """What each model takes: as it was seen in memory, else as configured, else by its file."""
        config = self._runtime.config
        told = {
            tagged(entry.id): round(entry.memory_gb * GB)
            for entry in config.models.values()
            if entry.provider == provider and entry.memory_gb
        }
        return {**sight.sizes, **told, **sight.taken} if sight is not None else told

    async def _tell(self, provider: str, sight: Sight) -> None:
        """Let the plans know what is loaded, for how long, and what does not fit at all."""
        if asyncio.get_running_loop().time() - self._learned_at > SIZES_S:
            await self._learn()
        known, config, sizes = self._runtime.known, self._runtime.config, self.sizes(provider, sight)
        most_gb = config.providers[provider].memory_gb or math.inf
        for name, entry in config.models.items():
            if entry.provider != provider or is_cloud_model(config.providers[provider], entry.id):
                continue
            model = tagged(entry.id)
            size = sizes.get(model, 0)
            known.outsized.pop(name, None)
            if size > most_gb * GB:
                known.outsized[name] = f"it takes about {size / GB:.1f} GB, and memory_gb of {provider} is {most_gb:g}"
            until_s = self._left_s(sight, model)
            known.residences[name] = Residence(known.clock() + until_s if until_s else 0.0, self.load_s(provider, model, size))

    def _left_s(self, sight: Sight, model: str) -> float:
        """Seconds that a model stays loaded if nobody calls it; 0 when it is not."""
        found = sight.loaded.get(model)
        if found is None or not sight.has_now(model):
            return 0.0
        return math.inf if found.until is None else (found.until - dt.datetime.now(dt.UTC)).total_seconds()
