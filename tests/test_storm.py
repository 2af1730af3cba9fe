"""Many requests at once through servers that misbehave in every way: nothing hangs, nothing is lost, nothing is asked too early.

The seed is new each time and printed; `python tests/storm.py --seed N --requests 2000` plays a storm again, `benchmarks/chaos.py` is the long version.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import caps
import pytest
import storm
from served import router, until
from weather import CHARACTERS, FORMS

from routebook.backends.chaos.wire import WaitForm
from routebook.testing import Chaos, Fault, ScriptedServer

REQUESTS = int(os.environ.get("ROUTEBOOK_STORM", "2000"))
GRACE_S = 3.0
"""Half a second is promised; here four servers, the engine, the books and other tests share two cores. The long version counts from half a second on."""


@pytest.mark.slow
def test_in_a_storm_every_request_ends_in_time_and_the_books_agree_with_the_servers(tmp_path: Path) -> None:
    """The promise of the whole program, under everything that goes wrong at once: see `docs/reliability.md` for its parts."""
    seed = random.SystemRandom().randrange(1 << 20)
    begun = time.monotonic()
    ended, reckoning = asyncio.run(storm.storm(seed=seed, requests=REQUESTS, folder=tmp_path))
    said = f"seed {seed}, {time.monotonic() - begun:.0f} s\n{storm.told(ended, reckoning)}"
    print(said)  # noqa: T201  the seed of a failure is what it can be repeated by
    assert not storm.wrongs_of(ended, reckoning, grace_s=GRACE_S), said
    assert len(ended) == REQUESTS
    assert len(reckoning.by_fault) > 12, "the weather was too good to prove anything"
    is_busy = reckoning.seen < REQUESTS / 2  # so few calls come through where the machine has no time for them
    assert is_busy or caps.reached(reckoning.caps), "the caps were too wide to prove anything"


def test_the_weather_knows_every_fault_that_is_promised() -> None:
    """What is not in the mix is not tested, however long the storm."""
    faults = [fault for faults in CHARACTERS.values() for fault in faults]
    kinds = get_args(inspect.get_annotations(Fault, eval_str=True)["kind"])
    assert {fault.kind for fault in faults} == set(kinds)
    assert {fault.status for fault in faults if fault.kind == "server_error"} == {500, 502, 503, 529}
    assert set(FORMS) == set(get_args(WaitForm))
    assert {fault.after_tokens for fault in faults if fault.kind == "error_inside"} >= {0, 3}, (
        "an error instead of the first word, and inside"
    )


def test_behind_the_wall_a_storm_opens_no_socket_to_the_outside() -> None:
    """Seen at the sockets of a whole process, names included, with models in reach that only call themselves local."""
    seed = random.SystemRandom().randrange(1 << 20)
    command = [sys.executable, storm.__file__, "--local", "--requests", "300", "--seed", str(seed), "--grace", str(GRACE_S)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}{done.stderr}"
    assert ", 0 of them outside of this machine" in done.stdout, done.stdout
    assert "\n0 times" not in done.stdout, "the sockets were not seen"


def test_a_long_queue_at_a_model_under_caution_leads_to_the_next_and_stops_nobody() -> None:
    """A storm found it: sent away by the queue, a request asked the same model again at once, for ever, and the engine's loop stood still."""
    slow = Chaos(reply="one two three four", tokens_per_s=8)

    async def main() -> None:
        with ScriptedServer(models={"a": slow, "b": Chaos(reply="from b")}) as server:
            async with router(server, models={"a": {"max_concurrent": 1}, "b": {}}) as of:
                await of.ask("how long does it take", model="a")
                waiting = [asyncio.create_task(of.ask(f"wait {number}", model="a")) for number in range(6)]
                await until(lambda: server.seen.attempts >= 2)
                await asyncio.sleep(0.1)
                known = of.runtime().known
                known.state("a").cool(known.clock() + 20, reason="Unavailable", is_told=False)
                known.state("b").cool(known.clock() + 40, reason="Unavailable", is_told=False)
                answer = await of.ask("hello", deadline_s=1.5)
                assert [attempt.model for attempt in answer.attempts] == ["b"]
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())
