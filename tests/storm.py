"""A storm: many requests at once through bad weather, and what came of each.

python tests/storm.py --seed 1 --requests 500      prints what one storm came to
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures as cf
import contextlib
import dataclasses
import gc
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from calls import WIRES
from caps import CELL_USD
from reckoning import Reckoning, reckon
from served import loaded
from steps import Steps
from weather import Weather

from routebook.backends.network import is_local_name
from routebook.engine.loop import Job, engine_loop
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, RoutebookError
from routebook.messages import PRIORITIES, Answer, Overrides

AT_ONCE: Final = 120
_NAPS_S: Final = 0.25
_SWITCH_S: Final = 0.0005
"""Four servers share this process, which real ones do not: nobody may keep the others waiting for Python's lock."""
_BEAT_S: Final = 0.02
_DEADLINES_S: Final = (0.3, 1.5, 4.0, 8.0, 8.0)


@dataclasses.dataclass(slots=True)
class Ended:
    """What came of one request."""

    number: int
    outcome: str
    """`answer`, the name of an error, or `stopped`."""
    is_typed: bool
    took_s: float
    deadline_s: float
    is_local: bool
    budget_usd: Decimal | None
    begun_s: float
    """On the monotonic clock."""
    steps: Steps
    lag_s: float = 0.0
    """So long the engine's loop stood still before the plan was made and after the deadline. Known when the storm is over."""

    @property
    def late_s(self) -> float:
        """So long after its deadline."""
        return self.took_s - self.deadline_s - self.lag_s


class Lags:
    """Measures how long a loop stands still, because the machine or a nap keeps it."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._seen: list[tuple[float, float]] = []
        self.unheard: list[str] = []
        """What went wrong on the engine's loop and reached nobody."""

    async def watch(self) -> None:
        """Beat for ever."""
        while True:
            begun = time.monotonic()
            await asyncio.sleep(_BEAT_S)
            self._seen.append((begun, time.monotonic() - begun - _BEAT_S))

    def between_s(self, since: float, until: float) -> float:
        """All that was lost between two moments, by beats that came late by more than one."""
        lost = 0.0
        for begun, lag in reversed(self._seen):
            due = begun + _BEAT_S
            if due + lag <= since:
                break
            lost += max(0.0, min(due + lag, until) - max(due, since)) if lag > _BEAT_S else 0.0
        return lost


async def storm(*, seed: int, requests: int, folder: Path, local: bool = False) -> tuple[list[Ended], Reckoning]:
    """Ask so many, and compare what the books say with what the servers saw.

    `local` puts all of it behind the wall, and models within reach of every route that would leave the machine, some of which say they do not.
    """
    with ExitStack() as stack:
        weather = Weather(seed, stack, has_far=local)
        of = Router(loaded(books=folder / f"storm-{seed}.db", **weather.tables()))
        async with of:
            for at, wire in enumerate(WIRES):
                await _warm_up(of, wire, number=requests + at)
            rng, numbers = random.Random(seed), iter(range(requests))
            ended: list[Ended] = []

            async def worker() -> None:
                ended.extend([await _one(of, number, rng=random.Random(rng.random()), local=local) for number in numbers])

            async with _unrest(weather) as lags:
                await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
            for one in ended:
                one.lag_s = lags.between_s(one.begun_s, one.steps.decided_s or one.steps.ended_s)
                one.lag_s += lags.between_s(one.begun_s + one.deadline_s, one.steps.ended_s)
            local_ones = {one.number for one in ended if one.is_local}
            cells = {str(one.number): one.budget_usd for one in ended if one.budget_usd is not None}
            found = await reckon(of, weather, local=local_ones, steps={one.number: one.steps for one in ended}, cells=cells)
            found.wrongs += lags.unheard
            return ended, found


async def _warm_up(of: Router, wire: str, *, number: int) -> None:
    """Let the first request of each kind load what is loaded when first used: a second of importing is no storm."""
    with contextlib.suppress(AllAttemptsFailed):
        await of.ask(_prompt(number, "the weather"), model=f"{wire}-calm", cell_id=str(number))


def _prompt(number: int, thing: str) -> str:
    return f"Storm of requests, number {number}: say something about {thing}."


async def _one(of: Router, number: int, *, rng: random.Random, local: bool) -> Ended:
    """Ask one thing, and now and then press the stop button."""
    asked = _asked(rng, number=number, local=local)
    begun, deadline_s = time.monotonic(), asked["deadline_s"] or 0.0
    steps = Steps()
    job = steps.start(of, _prompt(number, rng.choice(_THINGS)), asked)
    if rng.random() < 0.05:
        await asyncio.wait({asyncio.ensure_future(steps.over.wait())}, timeout=rng.random() * 0.5)
        job.cancel()
    await steps.over.wait()
    outcome, is_typed = _outcome(job)
    return Ended(
        number,
        outcome,
        is_typed,
        steps.ended_s - begun,
        deadline_s,
        bool(asked["local"]),
        CELL_USD if asked["budget_usd"] else None,
        begun,
        steps,
    )


def _outcome(job: Job[Answer]) -> tuple[str, bool]:
    try:
        job.result(0)
    except cf.CancelledError:
        return "stopped", True
    except RoutebookError as error:
        return type(error).__name__, True
    except Exception as error:  # noqa: BLE001  what nobody foresaw is what a storm is for
        return f"{type(error).__name__}: {error}", False
    return "answer", True


_THINGS: Final = ("monads", "rain", "a KeyError in line 3", "SQL joins", "the sea", "tests")
_ROUTES: Final = (
    "limited", "failing", "breaking", "slow", "odd", "doomed", "mixed", "alone", "waits", "retries", "rerouted", "kept", "raised", "absent",
    "at-all-costs", "spread", "hedged", "capped", "capped", "capped",
)  # fmt: skip


def _asked(rng: random.Random, *, number: int, local: bool) -> Overrides:
    return {
        "route": rng.choice(_ROUTES),
        "deadline_s": rng.choice(_DEADLINES_S),
        "priority": rng.choice(PRIORITIES),
        "stream": rng.random() < 0.7,
        "local": local or rng.random() < 0.15,
        "max_tokens": 60,
        "budget_usd": CELL_USD if rng.random() < 0.1 else None,
        "cell_id": str(number),
    }


@asynccontextmanager
async def _unrest(weather: Weather) -> AsyncIterator[Lags]:
    """Clocks that jump by hours, and an engine that naps as a laptop does."""
    lags, engine = Lags(), engine_loop()

    async def jump() -> None:
        while True:
            await asyncio.sleep(0.2)
            weather.skew_s = weather.rng.choice((0.0, -7200.0, 3600.0, 86_400.0))
            if weather.rng.random() < 0.05:
                engine.loop.call_soon_threadsafe(time.sleep, _NAPS_S)

    engine.loop.set_exception_handler(
        lambda _, context: lags.unheard.append(f"nobody heard of {context.get('exception') or context['message']}")
    )
    watch = engine.start(lags.watch(), on_end=lambda: None)
    jumping = asyncio.create_task(jump())
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield lags
    finally:
        sys.setswitchinterval(before)
        gc.collect()
        engine.loop.set_exception_handler(None)
        jumping.cancel()
        watch.end()


def wrongs_of(ended: list[Ended], reckoning: Reckoning, *, grace_s: float = 0.5) -> list[str]:
    """Everything that may not be, each in a sentence; none when all promises were kept."""
    untyped = [f"request {one.number} ended in {one.outcome}" for one in ended if not one.is_typed]
    late = [
        f"request {one.number} ({one.outcome}) ended {one.late_s:.2f} s after its deadline of {one.deadline_s} s" for one in ended if one.late_s > grace_s
    ]  # fmt: skip
    return [*untyped, *late, *reckoning.wrongs]


def told(ended: list[Ended], reckoning: Reckoning) -> str:
    """What came of it, in a few lines."""
    outcomes = Counter(one.outcome if one.is_typed else "UNTYPED" for one in ended)
    return f"{dict(outcomes.most_common())}\nlatest {max(one.late_s for one in ended):.2f} s after a deadline\n{reckoning}"


def main() -> None:
    """Play one storm and print what it came to, as JSON on one line if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--grace", type=float, default=0.5, help="seconds that a request may end after its deadline")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    opened, begun = _sockets(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ended, reckoning = asyncio.run(storm(seed=given.seed, requests=given.requests, folder=Path(folder), local=given.local))
    outside = [f"{what} left the machine: {where!r}" for what, where in opened if not is_local_name(where)]
    wrongs = wrongs_of(ended, reckoning, grace_s=given.grace) + outside
    figures = {
        **dataclasses.asdict(reckoning), "seed": given.seed, "requests": len(ended), "outcomes": Counter(one.outcome for one in ended),
        "latest_s": max(one.late_s for one in ended), "seconds": time.monotonic() - begun, "outside": len(outside), "wrongs": wrongs,
        "caps": {cap.what: (float(cap.used), float(cap.most)) for cap in reckoning.caps},
    }  # fmt: skip
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write(f"{told(ended, reckoning)}\n{figures['seconds']:.1f} s, {time.process_time():.1f} s of CPU\n")
        sys.stdout.write(
            f"{len(opened)} times a socket was connected or a name looked up, {len(outside)} of them outside of this machine\n"
        )
        sys.stdout.write("".join(f"WRONG: {wrong}\n" for wrong in wrongs[:40]))
    sys.exit(bool(wrongs))


def _sockets() -> list[tuple[str, str]]:
    """A list that fills with every address that a socket of this process connects or sends to, and every name that is looked up."""
    found: list[tuple[str, str]] = []

    def look(event: str, given: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(given[1], tuple):
            found.append((event, str(given[1][0])))
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            found.append((event, str(given[0])))

    sys.addaudithook(look)
    return found


if __name__ == "__main__":
    main()
