"""What leaves the memory so that another model finds room: the rule, and the rule over several kernels."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from making import attempt

from routebook.books.books import Books
from routebook.books.claims import Admitted, Claim, Memory, Scope, Wait
from routebook.books.residents import left
from routebook.engine.machine.memory import machine_bytes
from routebook.plan.room import Held, room_for

GB = 1_000_000_000


def held(**models: tuple[float, int, bool]) -> dict[str, Held]:
    """Models by name: gigabytes, when used, busy."""
    return {name: Held(round(size * GB), used, is_busy) for name, (size, used, is_busy) in models.items()}


@pytest.mark.parametrize(
    ("there", "limits", "goes"),
    [
        ({}, {"max_loaded": 2}, ()),
        ({"a": (5, 1, False)}, {"max_loaded": 2}, ()),
        ({"a": (5, 2, False), "b": (5, 1, False)}, {"max_loaded": 2}, ("b",)),
        ({"a": (5, 2, False), "b": (5, 1, True)}, {"max_loaded": 2}, ("a",)),
        ({"a": (5, 2, True), "b": (5, 1, True)}, {"max_loaded": 2}, None),
        ({"a": (18, 1, False), "b": (8, 2, False)}, {"memory_gb": 36}, ()),
        ({"a": (18, 1, False), "b": (8, 2, False)}, {"memory_gb": 30}, ("a",)),
        ({"a": (2, 1, False), "b": (20, 2, False)}, {"memory_gb": 29}, ("b",)),
        ({"a": (18, 1, False), "b": (18, 2, False)}, {"memory_gb": 20}, ("a", "b")),
        ({"new": (10, 1, True), "a": (18, 2, True)}, {"max_loaded": 2, "memory_gb": 30}, ()),
        ({"a": (0, 1, False)}, {"memory_gb": 10}, ()),
    ],
)
def test_the_least_used_goes_and_never_a_busy_one(there: Any, limits: dict[str, Any], goes: tuple[str, ...] | None) -> None:  # noqa: ANN401
    """Nor one that need not: a small one that was used least stays when the large one behind it makes the room."""
    most = round(limits["memory_gb"] * GB) if "memory_gb" in limits else None
    assert room_for("new", 10 * GB, held=held(**there), max_loaded=limits.get("max_loaded"), max_bytes=most) == goes


def test_whatever_is_held_the_rule_keeps_the_limits() -> None:
    """Two thousand random memories: what stays fits, what goes was not busy, and nothing that stays idle was needed less."""
    chance = random.Random(6)
    for _ in range(2000):
        there = {f"m{n}": Held(chance.randint(0, 20), chance.randint(0, 9), chance.random() < 0.4) for n in range(chance.randint(0, 6))}
        size, max_loaded, max_bytes = chance.randint(0, 20), chance.randint(1, 5), chance.randint(20, 60)
        goes = room_for("new", size, held=there, max_loaded=max_loaded, max_bytes=max_bytes)
        kept = [one for name, one in there.items() if name not in (goes or ())]
        if goes is None:
            busy = [one for one in there.values() if one.is_busy]
            assert len(busy) + 1 > max_loaded or size + sum(one.size for one in busy) > max_bytes
        else:
            assert len(kept) + 1 <= max_loaded
            assert size + sum(one.size for one in kept) <= max_bytes
            assert not any(there[name].is_busy for name in goes)


class Kernel:
    """One process's books, and what it asks of the memory."""

    def __init__(self, path: Path | str) -> None:
        self.books = Books(str(path), budgets={})

    async def ask(
        self,
        model: str,
        *,
        loaded: tuple[str, ...] = (),
        looked: int | None = None,
        **limits: Any,  # noqa: ANN401  of Memory
    ) -> tuple[Admitted | Wait, Claim]:
        """Ask for a place in memory, having seen what is loaded."""
        values: dict[str, Any] = {"max_loaded": 2, **limits}
        memory = Memory(
            place="mac", model=f"{model}:1", label="mac", loaded=dict.fromkeys([f"{one}:1" for one in loaded], 5 * GB),
            looked=self.books.steady() if looked is None else looked, sizes={}, **values,
        )  # fmt: skip
        scopes = (Scope(name=f"mac/{model}:1", label=model), Scope(name="mac", label="mac"))
        claim = Claim(scopes=scopes, input_tokens=1, tokens=1, memory=memory)
        return await self.books.admit(attempt(model=model, provider="mac", status="running"), need_usd=None, claim=claim), claim

    async def end(self, found: Admitted | Wait, claim: Claim) -> None:
        """The call has ended."""
        assert isinstance(found, Admitted)
        await self.books.finish(found.row, attempt(), claim=claim)


def test_two_kernels_that_ask_at_once_do_not_both_find_the_last_place(tmp_path: Path) -> None:
    """Each saw one model loaded; only one of them may bring the second."""

    async def main() -> None:
        one, two = Kernel(tmp_path / "books.db"), Kernel(tmp_path / "books.db")
        (a, _), (b, _), (c, _) = await asyncio.gather(one.ask("a"), two.ask("b"), one.ask("c"))
        waiting = [found for found in (a, b, c) if isinstance(found, Wait)]
        assert len(waiting) == 1
        assert "in use" in waiting[0].reason
        assert "max_loaded = 2" in waiting[0].reason
        one.books.close()
        two.books.close()

    asyncio.run(main())


def test_what_is_idle_is_unloaded_by_one_kernel_only_and_nobody_calls_it_meanwhile(tmp_path: Path) -> None:
    """A call to a model that is on its way out would bring it back at once."""

    async def main() -> None:
        one, two = Kernel(tmp_path / "books.db"), Kernel(tmp_path / "books.db")
        seen = ("a", "b")
        await one.end(*await one.ask("a", loaded=seen))
        await one.end(*await one.ask("b", loaded=seen))
        new, new_claim = await one.ask("c", loaded=seen)
        assert isinstance(new, Admitted)
        assert new.unload == ("a:1",)
        gone, _ = await two.ask("a", loaded=seen)
        assert isinstance(gone, Wait)
        assert "being unloaded" in gone.reason
        before = two.books.steady()
        await one.books.write(lambda connection: left(connection, "mac", new.unload, now=one.books.steady()))
        busy, busy_claim = await one.ask("b", loaded=("b", "c"))
        late, _ = await two.ask("a", loaded=seen, looked=before)  # it looked before, and still believes a to be there
        assert isinstance(late, Wait)
        assert "b:1, c:1 are in use" in late.reason
        await one.end(busy, busy_claim)
        back, back_claim = await two.ask("a", loaded=seen, looked=before)
        assert isinstance(back, Admitted)
        assert back.unload == ("b:1",)
        await two.end(back, back_claim)
        await one.end(new, new_claim)
        one.books.close()
        two.books.close()

    asyncio.run(main())


def test_a_call_that_ends_without_unloading_gives_the_model_back() -> None:
    """It was stopped before: the model is there, and may be called."""

    async def main() -> None:
        kernel = Kernel(":memory:")
        new, claim = await kernel.ask("c", loaded=("a", "b"))
        await kernel.end(new, claim)
        assert isinstance((await kernel.ask("a", loaded=("a", "b"), max_loaded=3))[0], Admitted)
        kernel.books.close()

    asyncio.run(main())


def test_who_waits_long_for_memory_goes_before_those_whose_model_is_loaded() -> None:
    """A model that is called all the time would never leave, and another never come."""

    async def main() -> None:
        kernel = Kernel(":memory:")
        first = await kernel.ask("a", loaded=("a",), max_loaded=1)
        assert isinstance((await kernel.ask("b", loaded=("a",), max_loaded=1))[0], Wait)
        second = await kernel.ask("a", loaded=("a",), max_loaded=1)
        assert isinstance(second[0], Admitted), "it has not waited long"
        await kernel.books.write(
            lambda connection: connection.execute("UPDATE residents SET wanted = wanted - 4000000 WHERE model = 'b:1'")
        )
        third, _ = await kernel.ask("a", loaded=("a",), max_loaded=1)
        assert isinstance(third, Wait)
        assert "b:1 has waited longer" in third.reason
        await kernel.end(*first)
        await kernel.end(*second)
        now, _ = await kernel.ask("b", loaded=("a",), max_loaded=1)
        assert isinstance(now, Admitted)
        assert now.unload == ("a:1",)
        kernel.books.close()

    asyncio.run(main())


def test_a_model_that_is_larger_than_the_memory_does_not_wait_for_ever() -> None:
    """It is told at once that it never fits."""

    async def main() -> None:
        kernel = Kernel(":memory:")
        found, _ = await kernel.ask("a", loaded=("a",), max_loaded=None, max_bytes=4 * GB)
        assert isinstance(found, Wait)
        assert found.until_s == float("inf")
        assert found.reason == "it takes about 5.0 GB, and memory_gb of mac is 4"
        kernel.books.close()

    asyncio.run(main())


def test_the_machine_says_how_much_memory_it_has() -> None:
    """Of a machine that runs tests it is more than a megabyte, and less than a petabyte."""
    found = machine_bytes()
    assert found is not None
    assert 1e6 < found < 1e15
