"""Equal requests are asked once: what counts as equal, what is not kept, and who is given a kept answer."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cached import HOUR, answering, entries
from served import TwoServers, heard, outcome, router

from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed
from routebook.events import Decision, Done
from routebook.messages import Delta, Message
from routebook.testing import Chaos, Fault, ScriptedServer

server = pytest.fixture(answering)


# ---- the same again


def test_the_same_again_is_answered_from_the_books_at_no_cost(server: ScriptedServer) -> None:
    """What was paid for once is not paid for again."""
    with closing(router(server, route=HOUR)) as of:
        first, again = of.ask_sync("hello"), of.ask_sync("hello")
        assert server.seen.attempts == 1
        assert (again.text, again.cost_usd, again.finish_reason) == (first.text, Decimal(0), "stop")
        assert first.replay is None
        assert again.replay is not None
        assert again.replay.request_id == first.request_id
        assert again.replay.cost_usd == first.cost_usd
        assert not again.replay.is_shared
        row = of.attempts(again.request_id)[0]
        assert row == again.attempt
        assert (row.kind, row.status, row.model, row.cost_usd, row.baseline_usd) == ("cache", "cached", "a", Decimal(0), first.cost_usd)
        assert (row.input_tokens, row.output_tokens) == (0, 0)


def test_without_cache_in_the_file_nothing_is_kept(server: ScriptedServer) -> None:
    """The cache is off until it is asked for."""
    with closing(router(server)) as of:
        of.ask_sync("hello")
        of.ask_sync("hello")
        assert server.seen.attempts == 2
        assert entries(of) == 0


def test_a_replay_streams_like_an_answer(server: ScriptedServer) -> None:
    """Views know only events."""

    async def main() -> None:
        async with router(server, route=HOUR) as of:
            await of.ask("hello")
            seen, error = await heard(of)
            assert error is None
            assert [type(event) for event in seen] == [Decision, Delta, Done]
            assert isinstance(seen[-1], Done)
            assert seen[-1].answer.text == "one two three"

    asyncio.run(main())


def asked_again(server: ScriptedServer, of: Router, first: dict[str, Any], then: dict[str, Any], *, prompt: str = "hello") -> bool:
    """Whether a second request reached the server."""
    of.ask_sync("hello", **first)
    before = server.seen.attempts
    with contextlib.suppress(AllAttemptsFailed):  # the answer fits no schema
        of.ask_sync(prompt, **then)
    return server.seen.attempts > before


HISTORY = (Message(role="user", content="hi"), Message(role="assistant", content="ho"))


@pytest.mark.parametrize(
    "then",
    [
        {"model": "a"},
        {"system": "Be brief."},
        {"history": HISTORY},
        {"history": HISTORY[:1]},
        {"max_tokens": 10},
        {"temperature": 0.5},
        {"think": "off"},
        {"schema": {"type": "object"}},
        {"prompt": "hello "},
        {"prompt": "hello, 42 rows"},
        {"local": True},
        {"tier": "local"},
        {"agent": "dev"},
    ],
    ids=str,
)
def test_another_request_is_asked(server: ScriptedServer, then: dict[str, Any]) -> None:
    """An answer to something else is a wrong answer."""
    tables: dict[str, Any] = {"agents": {"dev": {"primary": ["b", "a"]}}}
    with closing(router(server, models=("a", "b"), provider={"tier": "local"}, route=HOUR, **tables)) as of:
        prompt = then.pop("prompt", "hello")
        assert asked_again(server, of, {}, then, prompt=prompt)


@pytest.mark.parametrize(
    "then",
    [
        {"notebook": "b.ipynb"},
        {"cell_id": "c2"},
        {"priority": "P0"},
        {"deadline_s": 20},
        {"stream": False},
        {"budget_usd": 1},
        {"complexity": 9},
    ],
    ids=str,
)
def test_where_and_how_urgently_it_is_asked_makes_no_difference(server: ScriptedServer, then: dict[str, Any]) -> None:
    """The model would be sent the same."""
    with closing(router(server, models=("a", "b"), route=HOUR)) as of:
        assert not asked_again(server, of, {}, then)


def test_another_order_of_models_or_another_model_behind_the_name_is_asked(server: ScriptedServer, tmp_path: Path) -> None:
    """One who edits routing.toml wants to see what it does."""
    books = tmp_path / "books.db"

    def ask(**tables: Any) -> int:  # noqa: ANN401
        with closing(router(server, books=books, **({"route": HOUR} | tables))) as of:
            of.ask_sync("hello")
        return server.seen.attempts

    assert ask(models=("a", "b")) == 1
    assert ask(models=("b", "a")) == 2
    assert ask(models={"a": {"id": "a-2"}, "b": {}}) == 3
    assert ask(models={"a": {"params": {"temperature": 0.1}}, "b": {}}) == 4
    assert ask(models=("a", "b"), route=HOUR | {"on_low_quality": {"check": "non_empty"}}) == 5
    assert ask(models=("a", "b"), route=HOUR | {"on_timeout": {"retries": 2}}) == 5


def test_whose_turn_it_is_in_a_pool_makes_no_difference(server: ScriptedServer) -> None:
    """Else a round-robin of five would ask five times."""
    tables: dict[str, Any] = {"pools": {"both": {"models": ["a", "b"], "pick": "round-robin"}}}
    with closing(router(server, models=("a", "b"), route=HOUR | {"try": ["both"]}, **tables)) as of:
        assert [of.ask_sync("hello").model for _ in range(3)] == ["a", "a", "a"]
        assert server.seen.attempts == 1


# ---- what is not kept


@pytest.mark.parametrize(
    ("script", "given"),
    [
        (Chaos(reply="I will not.", faults=(Fault(kind="refusal"),)), {}),
        (Chaos(tokens=40), {"max_tokens": 5}),
        (Chaos(tokens=40, faults=(Fault(kind="cut", after_tokens=5),)), {}),
    ],
    ids=["refused", "cut by the request", "broken"],
)
def test_an_answer_that_is_none_is_not_kept(script: Chaos, given: dict[str, Any]) -> None:
    """A mistake that is remembered is made for ever."""
    with ScriptedServer(script=script) as server, closing(router(server, route=HOUR | {"on_stream_break": "keep"})) as of:
        of.ask_sync("hello", **given)
        assert of.ask_sync("hello", **given).replay is None
        assert server.seen.attempts == 2
        assert entries(of) == 0


def test_an_answer_that_fails_its_check_is_not_kept() -> None:
    """It may come right the next time."""
    with ScriptedServer(reply="no json") as server, closing(router(server, route=HOUR | {"on_low_quality": {"check": "json"}})) as of:
        asyncio.run(outcome(of))
        asyncio.run(outcome(of))
        assert server.seen.attempts >= 2
        assert entries(of) == 0


def test_a_failure_is_not_kept() -> None:
    """The provider may be back."""
    script = Chaos(faults=(Fault(kind="auth"),))
    with ScriptedServer(script=script) as server, closing(router(server, route=HOUR)) as of:
        for _ in range(2):
            assert isinstance(asyncio.run(outcome(of)), Exception)
        assert server.seen.attempts == 2


# ---- the wall


def test_behind_the_wall_no_answer_from_afar_is_given() -> None:
    """`local` means that what one reads was made here."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        servers = TwoServers(stack, local=Chaos(reply="from here"))
        with closing(servers.router(routes=[{"name": "chat", "try": ["dear", "near"], **HOUR}])) as of:
            assert of.ask_sync("hello").text == "from afar"
            assert of.ask_sync("hello", local=True).text == "from here"
            again = of.ask_sync("hello", local=True)
            assert (again.text, again.attempt.tier, again.replay is not None) == ("from here", "local", True)
            replay = of.ask_sync("hello")
            assert (replay.text, replay.model, replay.attempt.tier) == ("from afar", "dear", "paid")


# ---- what was called bad


@pytest.mark.parametrize("about", ["the answer", "its replay"])
def test_an_answer_that_was_called_bad_is_given_to_nobody_again(server: ScriptedServer, tmp_path: Path, about: str) -> None:
    """In no kernel and after no restart: whoever read it and said so would get it again for a day."""
    books = tmp_path / "books.db"
    with closing(router(server, route=HOUR, books=books)) as of, closing(router(server, route=HOUR, books=books)) as other:
        first, replay = of.ask_sync("hello"), other.ask_sync("hello")
        assert replay.replay is not None
        of.vote((first if about == "the answer" else replay).request_id, good=False)
        assert other.ask_sync("hello").replay is None
        assert of.ask_sync("hello").replay is not None, "the new answer was not kept"
    assert server.seen.attempts == 2
    with closing(router(server, route=HOUR, books=books)) as of:
        of.vote(of.ask_sync("hello").request_id, 0.2)
        assert of.ask_sync("hello").replay is None


def test_only_the_answer_that_is_bad_is_dropped(server: ScriptedServer, tmp_path: Path) -> None:
    """A good word drops nothing, and a bad one about an answer of old says nothing about the one that took its place."""
    with closing(router(server, route=HOUR, books=tmp_path / "books.db")) as of:
        old, good = of.ask_sync("hello"), of.ask_sync("good day")
        of.ask_sync("hello", fresh=True)
        of.vote(good.request_id, good=True)
        of.vote(old.request_id, good=False)
        assert [of.ask_sync(prompt).replay is not None for prompt in ("hello", "good day")] == [True, True]


# ---- what it would cost


def test_what_a_run_would_cost_is_known_before_it(server: ScriptedServer) -> None:
    """A guard before Run All asks with these figures."""
    with closing(router(server, models={"a": {}, "riddle": {"price": None}}, route=HOUR)) as of:
        first = of.ask_sync("one")
        found = of.replay_cost(["one", "two", "three", "two", ("one", {"fresh": True}), ("four", {"model": "riddle"})])
        assert (found.replayed, found.asked, found.unpriced) == (2, 4, 1)
        assert found.replayed_usd == first.cost_usd
        two, three, one = (of.plan(prompt).candidates[0].expected_cost_usd or Decimal(0) for prompt in ("two", "three", "one"))
        assert found.cost_usd == one + two + three
        assert server.seen.attempts == 1
        nothing = of.replay_cost([])
        assert (nothing.replayed, nothing.asked, nothing.cost_usd) == (0, 0, Decimal(0))
