"""The times of one attempt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from routebook.config.values import Timeouts
from routebook.engine.watch import Watch
from routebook.errors import TimedOut

LONG_S = 30.0
SOON_S = 10.0
"""What comes after a fraction of a second may take so long on a busy machine."""


def watched(tokens_s: Sequence[float], *, end_s: float = 0.0, deadline_s: float = LONG_S, **times: float) -> float:
    """Watch a stream whose tokens come after these waits and whose end comes `end_s` later; return the seconds it took."""
    given = {"first_token_s": LONG_S, "idle_s": LONG_S, "total_s": LONG_S} | times

    async def main() -> float:
        begun = asyncio.get_running_loop().time()
        with Watch(Timeouts(**given), until=begun + deadline_s, provider="p") as watch:
            for wait_s in tokens_s:
                await asyncio.sleep(wait_s)
                watch.token()
            await asyncio.sleep(end_s)
        return asyncio.get_running_loop().time() - begun

    return asyncio.run(main())


def cut(tokens_s: Sequence[float], *, end_s: float = 0.0, deadline_s: float = LONG_S, **times: float) -> tuple[str, float]:
    """The phase in which a watched stream was cut, and after how many seconds."""
    begun = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        watched(tokens_s, end_s=end_s, deadline_s=deadline_s, **times)
    return caught.value.phase, time.monotonic() - begun


def test_a_first_token_that_does_not_come_in_time_ends_the_attempt() -> None:
    """A model that is loading for minutes must not hold the cell when another could answer."""
    phase, took_s = cut([LONG_S], first_token_s=0.05)
    assert phase == "first_token"
    assert 0.05 <= took_s < SOON_S


def test_a_stream_that_stands_still_ends_the_attempt() -> None:
    """A stalled stream never ends by itself."""
    phase, took_s = cut([0.01, 0.01, LONG_S], idle_s=0.05)
    assert phase == "idle"
    assert 0.07 <= took_s < SOON_S


def test_a_loop_that_stood_still_is_not_the_provider_s_silence() -> None:
    """A laptop that slept, or a second of importing in another cell: the answer is in the socket, and only has to be read."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for tokens_before in (0, 1):
            with Watch(Timeouts(first_token_s=0.2, idle_s=0.2), until=loop.time() + LONG_S, provider="p") as watch:
                for _ in range(tokens_before):
                    watch.token()
                time.sleep(0.6)  # noqa: ASYNC251  the loop stands still
                await asyncio.sleep(0.05)
                watch.token()

    asyncio.run(main())


def test_a_stream_that_stands_still_is_noticed_however_long_the_first_token_may_take() -> None:
    """The usual case: a minute for a model to load, half of one between tokens; the stall must not last until that minute is over."""
    phase, took_s = cut([0.01], end_s=LONG_S, first_token_s=LONG_S / 2, idle_s=0.05)
    assert phase == "idle"
    assert took_s < SOON_S


def test_the_total_time_cuts_a_stream_that_is_still_talking() -> None:
    """A model that repeats itself for ever sends tokens for ever."""
    phase, took_s = cut([0.01] * 3000, total_s=0.1)
    assert phase == "total"
    assert 0.1 <= took_s < SOON_S


def test_the_request_s_deadline_cuts_the_attempt_too() -> None:
    """A deadline beats every other time: what is promised to the user is the total."""
    phase, took_s = cut([0.01] * 3000, deadline_s=0.1)
    assert phase == "deadline"
    assert 0.1 <= took_s < SOON_S
    assert cut([LONG_S], deadline_s=-1.0)[1] < SOON_S


def test_a_long_steady_stream_is_not_cut() -> None:
    """Each token starts the idle time anew, however long the answer is."""
    assert watched([0.05] * 40, first_token_s=1.0, idle_s=1.0) >= 2.0


def test_the_message_says_which_time_ran_out_and_which_key_raises_it() -> None:
    """Who reads it must know what to change."""
    with pytest.raises(TimedOut, match=r"p: no first token within 0\.02 s\. Raise timeout\.first_token_s of the model") as caught:
        watched([LONG_S], first_token_s=0.02)
    assert caught.value.limit_s == 0.02


def test_the_time_to_the_first_token_is_kept() -> None:
    """The books and the choice of the fastest model live by it."""

    async def main() -> None:
        with Watch(Timeouts(), until=LONG_S * 1e6, provider="p") as watch:
            await asyncio.sleep(0.03)
            watch.token()
            came = asyncio.get_running_loop().time()
            await asyncio.sleep(0.03)
            watch.token()
        assert watch.first is not None
        assert watch.sent + 0.03 <= watch.first <= came

    asyncio.run(main())


def test_a_cancellation_from_outside_is_not_taken_for_a_timeout() -> None:
    """The stop button is no failure of the model, and must not start a fallback."""

    async def attempt() -> None:
        with Watch(Timeouts(), until=asyncio.get_running_loop().time() + LONG_S, provider="p"):
            await asyncio.sleep(LONG_S)

    async def main() -> None:
        task = asyncio.create_task(attempt())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_cancellation_wins_over_a_timeout_of_the_same_moment() -> None:
    """Who pressed stop is not shown the next model's answer."""

    async def attempt() -> None:
        with Watch(Timeouts(first_token_s=0.02), until=asyncio.get_running_loop().time() + LONG_S, provider="p"):
            await asyncio.sleep(LONG_S)

    async def main() -> None:
        task = asyncio.create_task(attempt())
        await asyncio.sleep(0)  # it is at its sleep
        asyncio.get_running_loop().call_later(0.03, task.cancel)
        time.sleep(0.06)  # noqa: ASYNC251  both come due while the loop is busy
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_an_error_that_comes_while_time_runs_out_leaves_no_cancellation_behind() -> None:
    """Else the next attempt of the request, or a timeout around it, would be cancelled by the last one's watch."""

    async def attempt() -> None:
        try:
            with Watch(Timeouts(first_token_s=0.01), until=asyncio.get_running_loop().time() + LONG_S, provider="p"):
                try:
                    await asyncio.sleep(LONG_S)
                finally:
                    raise ConnectionResetError("as closing it showed")
        except ConnectionResetError:
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            async with asyncio.timeout(LONG_S):
                await asyncio.sleep(0.01)

    asyncio.run(attempt())


def test_a_timer_that_is_no_longer_needed_is_taken_back() -> None:
    """A timer left behind would cancel whatever the task does next."""

    async def main() -> None:
        with Watch(Timeouts(first_token_s=0.1), until=asyncio.get_running_loop().time() + LONG_S, provider="p"):
            await asyncio.sleep(0)
        await asyncio.sleep(0.15)

    asyncio.run(main())
