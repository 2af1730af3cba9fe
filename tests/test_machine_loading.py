"""Models of a local Ollama are loaded on demand, within limits that hold over all kernels; planning knows what is loaded."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from box import GB, box, disk, memory_of, stored
from served import brief, heard, outcome, rows, until

from routebook.config.read import parse
from routebook.engine.health.warming import warm, warm_asked
from routebook.engine.loop import engine_loop
from routebook.engine.router import Router
from routebook.engine.runtime import Runtime
from routebook.errors import AllAttemptsFailed, ConfigError, DeadlineExceeded, LimitReached
from routebook.events import Waiting
from routebook.messages import Answer
from routebook.testing import Chaos, Memory, ScriptedServer

SLOW = Chaos(reply="word " * 30, tokens_per_s=8)
"""Longer than whatever another request does meanwhile, on a busy machine too."""


def ollama(memory: Memory, script: Chaos | None = None, models: dict[str, Chaos] | None = None) -> ScriptedServer:
    """A machine with this memory."""
    return ScriptedServer(wire="ollama", script=script or Chaos(reply="Four."), memory=memory, models=models)


def reasons(of: Router, prompt: str = "hello", **overrides: Any) -> dict[str, str]:  # noqa: ANN401  of a request
    """Why each candidate is where it is."""
    return {one.model: one.reason for one in of.plan(prompt, **overrides).candidates}


async def settled(of: Router, *loaded: str) -> None:
    """What is loaded has come through to the planning."""
    machine = of.runtime().machine
    await engine_loop().run(machine.look("mac"))
    for name in loaded:
        assert of.runtime().known.residences[name].until > 0


def test_5_06_models_are_loaded_on_demand_within_memory_and_the_least_used_goes_first() -> None:
    """Two at once and 36 GB, as in its document: at no moment there is more, and what was used last stays."""
    models = {"a:1": stored(18), "b:1": stored(5), "c:1": stored(8), "d:1": stored(27), "e:1": stored(40)}
    with ollama(Memory(models)) as server:
        of = box(server, "a", "b", "c", "d", "e", provider={"max_loaded": 2, "memory_gb": 36})
        memory = memory_of(server)

        def ask(name: str) -> list[str]:
            assert of.ask_sync("hello", model=name).text == "Four."
            return sorted(memory.loaded)

        try:
            assert ask("a") == ["a:1"]
            assert ask("b") == ["a:1", "b:1"]
            assert ask("a") == ["a:1", "b:1"]
            assert ask("c") == ["a:1", "c:1"], "b was used before a"
            assert ask("b") == ["b:1", "c:1"]
            assert ask("d") == ["b:1", "d:1"], "27 GB on the disk are about 30 in memory, which fit beside 5"
            assert ask("a") == ["a:1", "b:1"]
            assert memory.peak_loaded == 2
            assert memory.peak_bytes <= 36 * GB
            assert memory.cut == 0
            (never,) = of.plan("hello", model="e").left_out
            assert never.reason == "it takes about 44.0 GB, and memory_gb of mac is 36"
        finally:
            of.close()


def test_many_requests_of_two_kernels_for_four_models_never_race_past_the_limit(tmp_path: Path) -> None:
    """All of them are answered, no busy model is told to leave, and never are there three."""
    memory = Memory(disk("a", "b", "c", "d", load_s=0.02))
    with ollama(memory, Chaos(tokens=4, tokens_per_s=100)) as server, ExitStack() as stack:
        routers = [box(server, "a", "b", "c", "d", books=tmp_path / "books.db") for _ in range(2)]
        for of in routers:
            stack.callback(of.close)

        async def main() -> list[Answer]:
            asks = [routers[n % 2].ask(f"hello {n}", model="abcd"[n % 4], deadline_s=120) for n in range(24)]
            return await asyncio.gather(*asks)

        answers = asyncio.run(main())
        assert [answer.model for answer in answers] == ["abcd"[n % 4] for n in range(24)]
        assert (memory.peak_loaded, memory.cut) == (2, 0)


def test_a_second_call_to_a_model_waits_too_while_room_is_made_for_it() -> None:
    """It would be loaded beside what has not left yet."""
    memory = Memory(disk("a", "b", "c"), unload_s=0.5)
    with ollama(memory, Chaos(tokens=40, tokens_per_s=20)) as server:
        of = box(server, "a", "b", "c")

        async def main() -> list[Answer]:
            await asyncio.gather(of.ask("hello", model="a"), of.ask("hello", model="b"))
            busy = asyncio.ensure_future(of.ask("again", model="b"))
            await until(lambda: server.seen.concurrent, within_s=30)
            return await asyncio.gather(*(of.ask(f"hello {n}", model="c", deadline_s=60) for n in range(3)), busy)

        try:
            assert [answer.finish_reason for answer in asyncio.run(main())] == ["stop"] * 4
            assert (memory.peak_loaded, memory.cut) == (2, 0)
        finally:
            of.close()


def test_when_all_that_is_loaded_is_busy_a_request_waits_its_turn_and_says_so() -> None:
    """One model at a time: the second request waits for the first answer, not for an error."""
    with ollama(Memory(disk("a", "b")), models={"a:1": SLOW}) as server:
        of = box(server, "a", "b", provider={"max_loaded": 1})

        async def main() -> None:
            first = asyncio.ensure_future(of.ask("hello", model="a"))
            await until(lambda: server.seen.concurrent, within_s=30)
            events, error = await heard(of, "hello", model="b")
            assert error is None
            said = [event.reason for event in events if isinstance(event, Waiting)]
            assert any("a:1 is in use, and mac has max_loaded = 1" in reason for reason in said)
            assert any("a:1 leaves the memory" in reason for reason in said)
            assert any(reason.startswith("it is being loaded, about") for reason in said)
            assert (await first).finish_reason == "stop"

        try:
            asyncio.run(main())
            assert (memory_of(server).peak_loaded, memory_of(server).cut) == (1, 0)
        finally:
            of.close()


def test_who_has_waited_as_long_as_it_may_asks_the_next_candidate() -> None:
    """`queue_s` bounds the wait for memory as for any place; without another candidate it is the deadline."""
    with ollama(Memory(disk("a", "b")), SLOW) as server, ScriptedServer(reply="from elsewhere") as other:
        afar = {"kind": "openai", "base_url": other.url, "tier": "free"}
        tables: dict[str, Any] = {
            "providers": {"mac": {"kind": "ollama", "base_url": server.url, "max_loaded": 1}, "afar": afar},
            "models": {
                "a": {"provider": "mac", "id": "a:1"},
                "b": {"provider": "mac", "id": "b:1", "timeout": {"queue_s": 0.2}},
                "far": {"provider": "afar", "id": "far"},
            },
            "routes": [{"name": "chat", "try": ["b", "far"]}, {"name": "alone", "try": ["b"]}],
            "defaults": {"route": "chat"},
        }
        of = box(server, **tables)

        async def main() -> None:
            first = asyncio.ensure_future(of.ask("hello", model="a"))
            await until(lambda: server.seen.concurrent, within_s=30)
            answer = await of.ask("hello", route="chat")
            assert brief(answer.attempts) == [("far", "fallback", "ok")]
            error = await outcome(of, "hello", route="alone")
            assert isinstance(error, LimitReached | DeadlineExceeded)
            assert "in use" in str(error)
            await first

        try:
            asyncio.run(main())
        finally:
            of.close()


def test_2_01_memory_and_what_is_loaded_are_shown_and_weigh_in_the_choice() -> None:
    """Among equals of a pool what is loaded goes first, the swap's time is counted, and the reasons say both."""
    models = {"big:1": stored(18, load_s=0.3), "mid:1": stored(9), "small:1": stored(1)}
    pools = {
        "free": {"models": ["big", "mid", "small"], "pick": "cheapest"},
        "quick": {"models": ["big", "mid", "small"], "pick": "fastest"},
        "listed": {"models": ["big", "mid", "small"]},
    }
    tables: dict[str, Any] = {"pools": pools, "routes": [{"name": "chat", "try": ["free"]}]}
    with ollama(Memory(models)) as server:
        of = box(server, models={"big": {"memory_gb": 18}, "mid": {}, "small": {}}, **tables)
        try:
            before = reasons(of)
            assert before["big"].endswith("; needs loading, about 13 s"), "18 GB from a fast disk"
            assert list(before) == ["small", "mid", "big"], "they cost the same, and the smallest is there first"
            of.ask_sync("hello", model="big")
            asyncio.run(settled(of, "big"))
            assert list(reasons(of)) == ["big", "small", "mid"]
            assert reasons(of)["big"].endswith("; loaded already")
            assert next(iter(reasons(of, model="quick"))) == "big"
            assert list(reasons(of, model="listed")) == ["big", "mid", "small"]
            for name in ("mid", "small"):
                of.ask_sync("hello", model=name)
            asyncio.run(settled(of, "mid", "small"))
            assert list(reasons(of, model="listed")) == ["big", "mid", "small"], "an order that the user wrote stays"
            assert list(reasons(of))[-1] == "big"
            assert reasons(of)["big"].endswith("; needs loading, about 1 s"), "what it took was 0.3 s, and that is believed now"
        finally:
            of.close()


def test_what_loading_took_is_known_to_the_next_session_and_is_not_counted_as_slowness(tmp_path: Path) -> None:
    """The books keep it; the time to the first token of a warm model is learned, and limited, without it."""
    with ollama(Memory({"a:1": stored(30, load_s=1.5)})) as server:
        with ExitStack() as stack:
            of = box(server, models={"a": {"timeout": {"first_token_s": 1}}}, books=tmp_path / "books.db")
            stack.callback(of.close)
            assert reasons(of)["a"].endswith("about 23 s")
            of.ask_sync("hello")
            (row,) = rows(of)
            assert row.ttft_s is not None
            assert row.ttft_s >= 1.5
            warm_s = of.runtime().known.state("a").ttft_s
            assert warm_s is not None
            assert warm_s < row.ttft_s - 1.4
        memory_of(server)._leave("a:1")
        again = box(server, "a", books=tmp_path / "books.db")
        try:
            assert reasons(again)["a"].endswith("needs loading, about 2 s")
        finally:
            again.close()


def test_what_other_programs_loaded_counts_and_goes_first() -> None:
    """The limit is the machine's: somebody has loaded two by hand."""
    with ollama(Memory(disk("x", "y", "a"))) as server:
        of = box(server, "a")

        async def by_hand() -> None:
            for name in ("x:1", "y:1"):
                async with memory_of(server).running(name, keep_alive=None):
                    pass

        try:
            asyncio.run_coroutine_threadsafe(by_hand(), server._loop).result(10)
            of.ask_sync("hello")
            assert sorted(memory_of(server).loaded) == ["a:1", "y:1"]
            assert memory_of(server).peak_loaded == 2
        finally:
            of.close()


def test_a_model_that_does_not_leave_is_not_crowded_by_another() -> None:
    """It is called by somebody we know nothing of, so Ollama lets it stay until that ends; the next candidate answers meanwhile."""
    with ollama(Memory(disk("x", "a")), Chaos(reply="Four.")) as server, ScriptedServer(reply="from elsewhere") as other:
        of = box(
            server,
            providers={
                "mac": {"kind": "ollama", "base_url": server.url, "max_loaded": 1},
                "afar": {"kind": "openai", "base_url": other.url, "tier": "free"},
            },
            models={"a": {}},
        )
        held = asyncio.run_coroutine_threadsafe(_hold(memory_of(server), "x:1"), server._loop)
        try:
            asyncio.run(until(lambda: memory_of(server).loaded, within_s=30))
            error = asyncio.run(outcome(of, "hello", deadline_s=2))
            assert isinstance(error, AllAttemptsFailed | DeadlineExceeded)
            assert memory_of(server).peak_loaded == 1
            assert "a:1" not in memory_of(server).loads
            (row,) = rows(of)
            assert row.status == "error"
            assert "x:1 was told to leave the memory for a, and is still there" in (row.error or "")
        finally:
            held.cancel()
            of.close()


async def _hold(memory: Memory, model: str) -> None:
    """Call a model for ever."""
    async with memory.running(model, keep_alive=None):
        await asyncio.sleep(600)


def test_warming_up_takes_no_memory_from_what_is_to_stay_warm() -> None:
    """Three want to be warm and two fit: two are, and none is swapped in and out; by hand the third may."""
    with ollama(Memory(disk("a", "b", "c"))) as server:
        of = box(server, models={name: {"warm": True} for name in "abc"})
        try:
            runtime = of.runtime()

            async def main() -> None:
                await until(lambda: len(memory_of(server).loaded) == 2 and not runtime.tasks, within_s=30)

            asyncio.run(main())
            assert (memory_of(server).peak_loaded, sum(memory_of(server).unloads.values())) == (2, 0)
            engine_loop().run_sync(_warm_again(runtime))
            asyncio.run(until(lambda: not runtime.tasks, within_s=30))
            assert sum(memory_of(server).unloads.values()) == 0, "they are idle by now, and stay"
            (cold,) = {"a", "b", "c"} - {name[0] for name in memory_of(server).loaded}
            (found,) = engine_loop().run_sync(warm(runtime, cold))
            assert found.trouble == ""
            assert f"{cold}:1" in memory_of(server).loaded
            assert memory_of(server).peak_loaded == 2
        finally:
            of.close()


async def _warm_again(runtime: Runtime) -> None:
    """As when another kernel opens."""
    warm_asked(runtime)


def test_without_a_limit_nothing_is_asked_of_the_server_but_the_answer() -> None:
    """Who does not use it pays nothing for it."""
    with ollama(Memory(disk("a"))) as server:
        of = box(server, "a", provider={})
        try:
            before = server.seen.connections
            assert "load" not in reasons(of)["a"]
            of.ask_sync("hello")
            assert server.seen.connections == before + 1
            assert of.runtime().known.residences == {}
            assert of.runtime().limits.memory is None
        finally:
            of.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmax_loaded = 2', "max_loaded: is for models that are loaded on demand"),
        ('kind = "ollama"\nmax_loaded = 0', "max_loaded: expected"),
        ('kind = "ollama"\nmemory_gb = -1', "memory_gb: expected"),
        ('kind = "anthropic"\npull = true', "pull: belongs to kind"),
        ('kind = "ollama"\nmemory_gb = 4', "models.m.memory_gb: is 5, more than all models of 'p' may take"),
    ],
)
def test_limits_that_make_no_sense_are_refused(text: str, said: str) -> None:
    """With the line and what is wrong."""
    toml = f'[providers.p]\n{text}\n[models.m]\nprovider = "p"\nid = "m"\nmemory_gb = 5\n[[routes]]\nname = "r"\ntry = ["m"]\n'
    with pytest.raises(ConfigError) as caught:
        parse(toml, file="routing.toml")
    assert said in str(caught.value)
