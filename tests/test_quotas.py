"""Requests and tokens a minute and a day, places, and what providers tell: counted in the books, by a clock that nobody sets."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from counted import Kernel, Machine, kernel
from hypothesis import given, settings
from hypothesis import strategies as st
from making import attempt

from routebook.books import leases
from routebook.books.claims import Admitted, Heard, Wait
from routebook.config.values import Budget
from routebook.errors import BudgetExceeded
from routebook.messages import Quota

FREE_DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the books are."""
    return tmp_path / "books.db"


def told(**more: Any) -> Heard:  # noqa: ANN401  fields of Heard
    """What was heard of the model."""
    return Heard(scope="p/m", **more)


def test_no_window_of_a_minute_sees_more_than_the_limit_wherever_it_begins(path: Path) -> None:
    """A provider's minute may begin at any moment, and requests may take a second to get there."""
    machine = Machine()

    async def main() -> list[float]:
        sent: list[float] = []
        with kernel(path, machine, rpm=5) as one:
            for step in range(400):
                machine.sleep(0.5 if step % 7 else 3.1)
                sent += [machine.up] * await one.burst(2)
        return sent

    sent = asyncio.run(main())
    assert len(sent) > 25
    assert all(later - sooner > 61 for sooner, later in zip(sent, sent[5:], strict=False))


def test_a_wait_says_when_there_is_room_and_then_there_is(path: Path) -> None:
    """To come back sooner is of no use, and to come back later is time lost."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, rpm=2, rpd=3) as one:
            assert await one.burst() == 2
            wait = await one.begin()
            assert isinstance(wait, Wait)
            assert (wait.kind, wait.reason, wait.is_day) == ("window", "the 2 requests a minute of m are spent", False)
            assert wait.until_s is not None
            assert 60 < wait.until_s < 65
            machine.sleep(wait.until_s)
            assert await one.burst() == 1
            wait = await one.begin()
            assert isinstance(wait, Wait)
            assert (wait.reason, wait.is_day) == ("the 3 requests a day of m are spent", True)
            assert wait.until_s is not None
            assert FREE_DAY - 70 < wait.until_s < FREE_DAY + 700
            machine.sleep(wait.until_s + 1)
            assert await one.burst() == 2

    asyncio.run(main())


def test_what_was_reserved_and_not_used_comes_back_and_what_was_used_stays(path: Path) -> None:
    """The longest answer is reserved; most are short."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, tpm=1000) as one:
            first, second = await one.begin(400), await one.begin(400)
            third = await one.begin(400)
            assert isinstance(third, Wait)
            assert (third.kind, third.until_s) == ("places", None)  # an answer under way may give it back at any moment
            await one.end(first, tokens=400, used=50)
            await one.end(second, tokens=400, used=500)  # more than was thought
            assert await one.burst(tokens=200, used=200) == 2
            wait = await one.begin(200)
            assert isinstance(wait, Wait)
            assert (wait.kind, wait.reason) == ("window", "the 1000 tokens a minute of m are spent, for so long a prompt")

    asyncio.run(main())


def test_a_prompt_larger_than_the_whole_limit_goes_when_nothing_else_is_under_way(path: Path) -> None:
    """Else it would wait for ever; the provider decides."""

    async def main() -> None:
        with kernel(path, Machine(), tpm=1000) as one:
            assert isinstance(await one.begin(5000), Admitted)
            assert isinstance(await one.begin(10), Wait)

    asyncio.run(main())


@pytest.mark.parametrize("jump_s", [-7200.0, -60.0, 60.0, 7200.0, 400 * FREE_DAY])
def test_setting_the_wall_clock_neither_frees_a_quota_nor_holds_it(path: Path, jump_s: float) -> None:
    """A laptop that finds its time server, a user who changes the date, another kernel that starts just then."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, rpm=3, max_concurrent=2) as one:
            assert await one.burst() == 3
            held = Kernel(path, machine, rpm=100, max_concurrent=2)
            await held.begin()
            await held.begin()
            machine.wall += jump_s
            with kernel(path, machine, rpm=3, max_concurrent=2) as another:
                assert await one.burst() == await another.burst() == 0
                machine.sleep(30)
                assert await another.burst() == 0
                machine.sleep(34)
                wait = await another.begin()
                assert isinstance(wait, Admitted)  # their session did not show itself for longer than a lease lasts
            held.books.close()

    asyncio.run(main())


@pytest.mark.parametrize(("off_s", "has_room"), [(600.0, False), (2 * FREE_DAY, True), (-600.0, False)])
def test_a_day_s_quota_outlives_a_restart_of_the_machine(path: Path, off_s: float, *, has_room: bool) -> None:
    """Shutting the laptop down over lunch does not bring the morning's requests back; neither does a clock that lost its battery."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, rpd=2) as one:
            assert await one.burst() == 2
        machine.wall, machine.up, machine.boot = machine.wall + off_s, 20.0, "second"
        with kernel(path, machine, rpd=2) as one:
            assert (await one.burst() == 2) == has_room
            machine.sleep(FREE_DAY + 700)
            assert await one.burst() == 2

    asyncio.run(main())


def test_places_are_counted_over_all_kernels_and_given_back(path: Path) -> None:
    """One row for each place."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, max_concurrent=2) as one, kernel(path, machine, max_concurrent=2) as two:
            first, second = await one.begin(), await two.begin()
            for other in (one, two):
                wait = await other.begin()
                assert isinstance(wait, Wait)
                assert (wait.kind, wait.until_s, wait.reason) == ("places", None, "all 2 places of m are taken")
            await two.end(second)
            assert isinstance(await one.begin(), Admitted)
            await one.end(first)
            assert isinstance(await two.begin(), Admitted)

    asyncio.run(main())


def test_a_place_that_is_not_renewed_goes_free_and_one_that_is_stays(path: Path) -> None:
    """A process that stands still for ever must not hold the others up; one with a long answer keeps its place."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, max_concurrent=1) as one, kernel(path, machine, max_concurrent=1) as two:
            await one.begin()
            for _ in range(12):
                machine.sleep(leases.LEASE_S / 4)
                one.books.renew()
                await one.books.write(lambda _: None)  # it is written by now
                assert isinstance(await two.begin(), Wait)
            machine.sleep(leases.LEASE_S + 1)
            assert isinstance(await two.begin(), Admitted)

    asyncio.run(main())


def test_a_call_taken_back_before_it_was_sent_is_not_counted(path: Path) -> None:
    """The stop button between two steps must not cost one of twenty requests a day."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine, rpd=1, max_concurrent=1) as one:
            task = asyncio.ensure_future(one.begin())
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert await one.burst() == 1

    asyncio.run(main())


def test_nobody_sends_before_the_time_that_a_provider_told_to_one_of_them(path: Path) -> None:
    """The longer of two statements counts, and afterwards one tries while the others wait for its outcome."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine) as one, kernel(path, machine) as two:
            first, second = await one.begin(), await one.begin()
            await one.end(first, heard=told(cool_s=30, reason="RateLimited"))
            await one.end(second, heard=told(cool_s=10, reason="Unavailable"))
            wait = await two.begin()
            assert isinstance(wait, Wait)
            assert (wait.kind, wait.reason, wait.is_stated) == ("cooldown", "RateLimited", True)
            assert wait.until_s == pytest.approx(30.05)
            machine.sleep(30.06)
            probe, other = await two.begin(), await one.begin()
            assert isinstance(probe, Admitted)
            assert probe.is_probe
            assert isinstance(other, Wait)
            assert other.kind == "probe"
            await two.end(probe, heard=told(cool_s=20, reason="RateLimited"))
            assert isinstance(await one.begin(), Wait)
            machine.sleep(21)
            probe = await one.begin()
            await one.end(probe, heard=told(is_answer=True))
            for free in (await one.begin(), await two.begin(), await two.begin()):
                assert isinstance(free, Admitted)
                assert not free.is_probe

    asyncio.run(main())


def test_the_others_go_as_soon_as_the_one_that_tries_is_answered(path: Path) -> None:
    """Its answer may take minutes to its end; its first word is enough."""
    machine = Machine()

    async def main() -> None:
        with kernel(path, machine) as one:
            await one.end(await one.begin(), heard=told(cool_s=1, reason="RateLimited"))
            machine.sleep(2)
            probe = await one.begin()
            assert isinstance(probe, Admitted)
            assert isinstance(await one.begin(), Wait)
            one.books.passed(probe.row)
            assert isinstance(await one.begin(), Admitted)

    asyncio.run(main())


def test_what_a_provider_says_is_left_holds_until_its_reset(path: Path) -> None:
    """Remaining 0 until T: nobody sends before T, whoever was told."""
    machine = Machine()
    spent = Quota(kind="requests", period="day", most=50, left=0, resets_s=7200)
    low = Quota(kind="tokens", period="minute", most=6000, left=5, resets_s=20)

    async def main() -> None:
        with kernel(path, machine) as one, kernel(path, machine) as two:
            await one.end(await one.begin(), heard=told(quotas=(low,), is_answer=True))
            wait = await two.begin()
            assert isinstance(wait, Wait)
            assert (wait.kind, wait.is_stated, wait.is_day) == ("quota", False, False)
            assert "5 tokens" in wait.reason
            machine.sleep(21)
            await two.end(await two.begin(), heard=told(quotas=(spent,), is_answer=True))
            wait = await one.begin()
            assert isinstance(wait, Wait)
            assert (wait.kind, wait.is_stated, wait.is_day) == ("quota", True, True)
            assert two.books.parked({"m": (two.scope, two.provider)}).keys() == {"m"}
            machine.sleep(7201)
            assert isinstance(await one.begin(), Admitted)
            assert two.books.parked({"m": (two.scope, two.provider)}) == {}

    asyncio.run(main())


def test_the_last_requests_a_provider_grants_are_not_sent_twice(path: Path) -> None:
    """Two are left and two are under way: the third waits for what they hear."""
    machine = Machine()
    two_left = Quota(kind="requests", period="minute", most=30, left=2, resets_s=40)

    async def main() -> None:
        with kernel(path, machine) as one:
            await one.end(await one.begin(), heard=told(quotas=(two_left,)))
            first = await one.begin()
            await one.begin()
            wait = await one.begin()
            assert isinstance(wait, Wait)
            assert (wait.kind, wait.until_s) == ("places", None)
            await one.end(first, heard=told(quotas=(Quota(kind="requests", period="minute", most=30, left=5, resets_s=40),)))
            assert isinstance(await one.begin(), Admitted)

    asyncio.run(main())


def test_a_budget_that_is_spent_counts_nothing(path: Path) -> None:
    """The money is looked at first, in the same transaction: what is not sent is not counted."""

    async def main() -> None:
        with kernel(path, Machine(), rpd=1) as one:
            one.books.budgets["total"] = Budget(daily=Decimal("0.5"))
            with pytest.raises(BudgetExceeded):
                await one.books.admit(attempt(status="running", cost_usd=None), need_usd=Decimal(1), claim=one.claim())
            one.books.budgets.clear()
            assert await one.burst() == 1

    asyncio.run(main())


steps = st.lists(
    st.tuples(st.sampled_from(["begin", "begin", "begin", "end", "sleep", "jump"]), st.integers(0, 90)), min_size=10, max_size=40
)


@given(steps=steps)
@settings(max_examples=40)
def test_limits_hold_whatever_happens_in_whatever_order(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    """Two kernels, answers of any length, a clock that is set: never one too many, and in the end there is room again."""
    machine = Machine()
    path = tmp_path_factory.mktemp("any") / "books.db"

    async def main() -> None:
        sent: list[float] = []
        under_way: list[tuple[Kernel, Admitted]] = []
        with kernel(path, machine, rpm=4, max_concurrent=3) as one, kernel(path, machine, rpm=4, max_concurrent=3) as two:
            for what, number in steps:
                actor = (one, two)[number % 2]
                if what == "begin" and isinstance(found := await actor.begin(), Admitted):
                    under_way.append((actor, found))
                    sent.append(machine.up)
                elif what == "end" and under_way:
                    who, admitted = under_way.pop(number % len(under_way))
                    await who.end(admitted, used=number * 3)
                elif what == "sleep":
                    machine.sleep(number / 3)
                    for awake in (one, two):
                        awake.books.renew()
                        await awake.books.write(lambda _: None)  # it is written, however busy the machine is
                elif what == "jump":
                    machine.wall += (number - 45) * 1000
                assert len(under_way) <= 3
                assert sum(machine.up - time <= 61 for time in sent) <= 4
            for who, admitted in under_way:
                await who.end(admitted)
            machine.sleep(64)
            assert await one.burst() == 4

    asyncio.run(main())
