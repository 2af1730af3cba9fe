"""Which tools a prompt has, which models get it then, and whose answers are kept."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from making import config
from ready_tools import PARIS, serving, told, weather
from served import router

import routebook as rb
from routebook.engine.toolbox.chest import notes_of
from routebook.errors import NoCandidate, UsageError
from routebook.testing import ScriptedCall

# ---- which model


def models(**tools: bool | None) -> dict[str, Any]:
    """Models of one provider that call tools well, not at all, or nobody knows."""
    return {name: {} if able is None else {"tools": able} for name, able in tools.items()}


def test_a_prompt_with_tools_goes_to_the_models_that_call_them_well() -> None:
    """First those that are known to, then those that may; who cannot is left out with a reason."""
    with serving([PARIS]) as server:
        of = router(server, models=models(no=False, maybe=None, yes=True))
        plan = of.plan("What is the weather in Paris?", tools=[weather])
        assert [candidate.model for candidate in plan.candidates] == ["yes", "maybe"]
        assert [(out.model, "does not call tools" in out.reason) for out in plan.left_out] == [("no", True)]
        assert [candidate.model for candidate in of.plan("Hello").candidates] == ["no", "maybe", "yes"]
        of.close()


def test_tools_that_were_asked_for_are_not_dropped_in_silence() -> None:
    """Who names tools wants them: without a model that calls any there is no answer, and the reason is said."""
    with serving([PARIS]) as server:
        of = router(server, models=models(no=False))
        with pytest.raises(NoCandidate, match="does not call tools"):
            of.ask_sync("What is the weather in Paris?", tools=[weather])
        of.close()


def test_tools_of_the_route_give_way_where_no_model_calls_any() -> None:
    """A notebook with nothing but a small model still answers."""
    with serving(reply="I do not know.") as server:
        of = router(server, models=models(no=False), route={"tools": ["w"]}, tools={"w": {"python": "ready_tools:weather"}})
        plan = of.plan("What is the weather in Paris?")
        assert (plan.tools, [out.name for out in plan.tools_left_out]) == ((), ["w"])
        assert of.ask_sync("What is the weather in Paris?").text == "I do not know."
        of.close()


# ---- the wall


def test_behind_the_wall_tools_of_the_network_are_left_out() -> None:
    """Nothing leaves the machine, and the plan says what was left out."""

    @rb.tool(network=True)
    def far(city: str) -> str:
        """From the net."""
        return city

    with serving() as server:
        of = router(server, provider={"tier": "local"})
        plan = of.plan("What is the weather in Paris?", local=True, tools=[weather, far])
        assert [note.name for note in plan.tools] == ["weather"]
        assert [(out.name, "uses the network" in out.reason) for out in plan.tools_left_out] == [("far", True)]
        of.close()


def test_a_tool_that_did_not_say_so_opens_no_connection_behind_the_wall() -> None:
    """The wall stands where connections are made, not where they are promised."""

    @rb.tool
    def sneaks(host: str) -> str:
        """Connect somewhere."""
        with socket.create_connection((host, 9), timeout=1):
            return "out"

    calls = [ScriptedCall(name="sneaks", arguments={"host": host}) for host in ("192.0.2.1", "example.invalid")]
    with serving(calls) as server:
        of = router(server, provider={"tier": "local"})
        of.ask_sync("Hello there", local=True, tools=[sneaks])
        assert all("must not leave the machine" in one for one in told(server))
        of.close()


# ---- how tools are named


def test_tools_are_named_all_none_or_one_by_one() -> None:
    """`all` is those of the file and those made in this notebook."""
    tables = config(tools={"w": {"python": "ready_tools:weather"}})
    assert notes_of(None, tables) is None
    assert notes_of("none", tables) == ()
    assert [note.name for note in notes_of("w, weather", tables) or ()] == ["w", "weather"]
    assert {"w", "weather", "delete"} <= {note.name for note in notes_of("all", tables) or ()}
    with pytest.raises(UsageError, match="There is no tool 'nope'"):
        notes_of("nope", tables)


def test_defaults_offer_tools_to_prompts_that_need_them_only() -> None:
    """Every tool costs tokens with every call."""
    with serving([PARIS]) as server:
        of = router(server, defaults={"tools": ["w"]}, tools={"w": {"python": "ready_tools:weather"}})
        needs = of.plan("What's the weather like in Paris right now? Search the web for the latest forecast.")
        assert [note.name for note in needs.tools] == (["w"] if needs.classification.needs_tools else [])
        assert needs.classification.needs_tools
        assert of.plan("Write a haiku about autumn.").tools == ()
        of.close()


def test_an_entry_names_a_function_and_overrides_its_options() -> None:
    """`[tools.w]` is called `w`, whatever the function is called."""
    with serving([ScriptedCall(name="w", arguments={"city": "Paris"})]) as server:
        of = router(server, tools={"w": {"python": "ready_tools:weather", "max_bytes": 5}})
        answer = of.ask_sync("What is the weather?", tools="w")
        assert answer.tools[0].name == "w"
        assert told(server)[0].startswith('{"cit')
        of.close()


def test_a_tool_that_cannot_be_loaded_is_left_out_with_a_note() -> None:
    """A missing module, a missing key: the rest goes on."""
    with serving(reply="No idea.") as server:
        tables = {"gone": {"python": "no_such_module:f"}, "keyless": {"python": "ready_tools:weather", "key_env": "NO_SUCH_KEY_AT_ALL"}}
        of = router(server, tools=tables)
        answer = of.ask_sync("What is the weather?", tools="gone,keyless")
        assert any("gone is left out" in note and "no_such_module" in note for note in answer.notes)
        assert any("keyless is left out: no key: NO_SUCH_KEY_AT_ALL" in note for note in answer.notes)
        assert "tools" not in server.seen.calls[-1].json()
        of.close()


# ---- the cache


def test_answers_made_with_tools_are_kept_only_where_the_tools_say_so() -> None:
    """What a tool says today may be wrong tomorrow."""

    @rb.tool(cache=True)
    def steady(city: str) -> str:
        """Always the same."""
        return city

    with serving([ScriptedCall(name="steady", arguments={"city": "Paris"})]) as server:
        of = router(server, route={"cache": {"ttl_s": 3600}})
        assert [of.ask_sync("Where?", tools=[steady]).replay is not None for _ in range(2)] == [False, True]
        assert [of.ask_sync("Where?", tools=[steady, weather]).replay is not None for _ in range(2)] == [False, False]
        assert of.ask_sync("Where?").replay is None, "without tools it is another question"
        of.close()
