"""The one retry loop: what follows each kind of failure."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
from served import QUICK, TwoServers, brief, closing_stack, faulty, heard, left_reserved, outcome, router, rows

from routebook.engine.router import Router
from routebook.errors import (
    AllAttemptsFailed,
    BudgetExceeded,
    NoCandidate,
    RoutebookError,
    StreamBroken,
)  # fmt: skip
from routebook.events import Decision, Done, Event, Started, Switched
from routebook.messages import Answer, Attempt, Delta
from routebook.testing import Chaos, Fault, ScriptedServer

# What each fault is called in the books, and how many attempts the model that has it gets: a server that answered gets a second one.
FAULTS: dict[str, tuple[str, str, int]] = {
    "rate_limit": ("rate_limited", "RateLimited", 1),
    "server_error": ("error", "Unavailable", 2),
    "overloaded": ("error", "Unavailable", 2),
    "refused_connection": ("error", "Unavailable", 1),
    "slow_first_token": ("timeout", "TimedOut", 1),
    "stall": ("timeout", "TimedOut", 1),
    "cut": ("error", "StreamBroken", 2),
    "malformed": ("error", "StreamBroken", 2),
    "oversized": ("error", "StreamBroken", 2),
    "wrong_content_type": ("error", "StreamBroken", 2),
    "empty": ("error", "StreamBroken", 2),
    "error_inside": ("error", "StreamBroken", 2),
    "context_overflow": ("error", "ContextOverflow", 1),
    "auth": ("error", "AuthFailed", 1),
    "not_found": ("error", "BadRequest", 1),
}
stack = pytest.fixture(closing_stack)


class Everything:
    """What became of one request for each fault, all asked at the same time."""

    def __init__(self) -> None:
        scripts = {f"bad-{kind}": faulty(kind) for kind in FAULTS} | {"good": Chaos(reply="all is well")}
        with ScriptedServer(models=scripts) as server:
            models = {name: {"timeout": QUICK} if name != "good" else {} for name in scripts}
            routes = [{"name": kind, "try": [f"bad-{kind}", "good"]} for kind in FAULTS]
            self.answers = asyncio.run(self._ask(router(server, models=models, routes=routes, budgets={"total": {"daily": 100}})))
        self.seen = server.seen

    async def _ask(self, of: Router) -> dict[str, Answer]:
        async with of:
            answers = await asyncio.gather(*(of.ask("hello", route=kind) for kind in FAULTS))
            self.rows = rows(of)
            self.left = left_reserved(of)
            self.in_flight = {name: state.in_flight for name, state in of.runtime().known.states.items()}
        return dict(zip(FAULTS, answers, strict=True))


@pytest.fixture(scope="module")
def everything() -> Everything:
    """Asked once for all tests that look at it."""
    return Everything()


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_of_failure_leads_to_the_next_candidate(kind: str, everything: Everything) -> None:
    """The user asked for an answer, and another model has one."""
    status, error_type, tries = FAULTS[kind]
    answer = everything.answers[kind]
    assert (answer.text, answer.model) == ("all is well", "good")
    bad = (f"bad-{kind}", "answer", status), (f"bad-{kind}", "retry", status)
    assert brief(answer.attempts) == [*bad[:tries], ("good", "fallback", "ok")]
    assert [attempt.attempt for attempt in answer.attempts] == list(range(1, tries + 2))
    assert {attempt.error_type for attempt in answer.attempts[:-1]} == {error_type}
    assert everything.seen.attempts_by_model[f"bad-{kind}"] == tries
    assert answer.attempt.reason.startswith(f"bad-{kind}: ")


def test_the_books_hold_what_the_servers_saw(everything: Everything) -> None:
    """One row an attempt, no more and no less, and nothing is held when all is over."""
    assert len(everything.rows) == everything.seen.attempts
    assert sorted(everything.rows, key=lambda row: (row.request_id, row.attempt)) == sorted(
        (attempt for answer in everything.answers.values() for attempt in answer.attempts), key=lambda row: (row.request_id, row.attempt)
    )
    assert everything.left == (0, 0)
    assert set(everything.in_flight.values()) == {0}


def test_when_all_failed_the_error_lists_what_was_tried() -> None:
    """A person must see from it what to mend; a program gets the attempts."""
    with ScriptedServer(models={"a": faulty("auth"), "b": faulty("context_overflow")}) as server:

        async def main() -> tuple[RoutebookError | Answer, list[Attempt]]:
            async with router(server, models=("a", "b")) as of:
                return await outcome(of), of.attempts()

        error, kept = asyncio.run(main())
    assert isinstance(error, AllAttemptsFailed)
    assert error.attempts == tuple(kept)
    assert brief(kept) == [("a", "answer", "error"), ("b", "fallback", "error")]
    assert str(error).startswith("All 2 attempts failed:\n  1. a: p: ")
    assert "\n  2. b: p: " in str(error)
    assert str(error).endswith("See %route why, or add a fallback to the route in routing.toml.")
    assert error.__cause__ is not None


def test_without_a_candidate_the_error_lists_what_was_left_out_and_nothing_is_sent() -> None:
    """Each model with its reason: the user mends one of them."""
    with ScriptedServer() as server:

        async def main() -> RoutebookError | Answer:
            async with router(server, models={"a": {}, "b": {"context": 50}}) as of:
                return await outcome(of, tier="free")

        error = asyncio.run(main())
        assert server.seen.connections == 0
    assert isinstance(error, NoCandidate)
    assert "No model can take this prompt (route 'chat').\n  a: its tier is paid, and --tier free is the dearest allowed\n  b: " in str(
        error
    )


def test_a_spent_budget_leads_to_the_next_candidate_and_is_said(stack: ExitStack) -> None:
    """When the money is gone, the local model goes on."""
    two = TwoServers(stack, local=Chaos(reply="from here"))

    async def main() -> None:
        async with two.router(budgets={"far": {"daily": "0.5"}}) as of:
            seen, error = await heard(of)
            assert error is None
            assert isinstance(seen[-1], Done)
            assert brief(seen[-1].answer.attempts) == [("near", "fallback", "ok")]
            assert [(event.from_model, event.to_model) for event in seen if isinstance(event, Switched)] == [("dear", "near")]
            assert "budget" in seen[-1].answer.attempt.reason

    asyncio.run(main())
    assert two.paid.seen.connections == 0


def test_when_no_candidate_is_within_its_budget_the_cap_is_named_and_nothing_is_sent() -> None:
    """With the reset, so that the user knows whether to wait."""
    with ScriptedServer() as server:

        async def main() -> RoutebookError | Answer:
            async with router(server, models=("a", "b"), budgets={"total": {"daily": "0.001"}}) as of:
                error = await outcome(of, max_tokens=1000)
                assert rows(of) == []
                return error

        error = asyncio.run(main())
        assert server.seen.connections == 0
    assert isinstance(error, BudgetExceeded)
    assert (error.scope, error.period, error.cap_usd) == ("total", "daily", Decimal("0.001"))
    assert error.resets_at is not None
    assert f"It resets at {error.resets_at:%Y-%m-%d} 00:00." in str(error)


def test_a_budget_that_runs_out_on_the_way_is_named_in_the_end() -> None:
    """The first model failed, the second was too dear: the user must hear of both."""
    with ScriptedServer(models={"a": faulty("auth"), "b": Chaos()}) as server:

        async def main() -> RoutebookError | Answer:
            models = {"a": {}, "b": {"price": {"input": 1, "output": 1000}}}
            async with router(server, models=models, budgets={"b": {"daily": "0.001"}}) as of:
                return await outcome(of)

        error = asyncio.run(main())
    assert isinstance(error, AllAttemptsFailed)
    assert isinstance(error.__cause__, BudgetExceeded)


def test_a_refusal_is_shown_and_not_taken_elsewhere_behind_the_user_s_back() -> None:
    """Another model's answer to a refused prompt is the user's choice."""
    with ScriptedServer(models={"a": faulty("refusal"), "b": Chaos()}) as server:

        async def main() -> Answer:
            async with router(server, models=("a", "b")) as of:
                return await of.ask("hello")

        answer = asyncio.run(main())
        assert server.seen.attempts_by_model == {"a": 1}
    assert answer.is_refusal
    assert (answer.finish_reason, answer.text.strip()) == ("refusal", "I cannot help with that request.")
    assert brief(answer.attempts) == [("a", "answer", "refused")]
    assert answer.attempt.error_type == "Refused"


def test_a_refusal_goes_where_the_route_says_and_is_seen_to_go() -> None:
    """The user chose it, so it happens, once, with both attempts in the books."""
    with ScriptedServer(models={"a": faulty("refusal"), "b": Chaos(), "zen": Chaos(reply="gladly")}) as server:

        async def main() -> list[Event]:
            async with router(
                server, models=("a", "b", "zen"), routes=[{"name": "chat", "try": ["a", "b"], "on_refusal": {"try": ["a", "zen"]}}]
            ) as of:
                seen, error = await heard(of)
                assert error is None
                return seen

        seen = asyncio.run(main())
        assert server.seen.attempts_by_model == {"a": 1, "zen": 1}
    (switched,) = [event for event in seen if isinstance(event, Switched)]
    assert (switched.from_model, switched.to_model) == ("a", "zen")
    assert "refused" in switched.reason
    done = seen[-1]
    assert isinstance(done, Done)
    assert done.answer.text == "gladly"
    assert brief(done.answer.attempts) == [("a", "answer", "refused"), ("zen", "fallback", "ok")]


def test_when_the_second_model_refuses_too_its_refusal_is_shown() -> None:
    """Once is a choice; going on until somebody complies would be a hunt."""
    with ScriptedServer(script=faulty("refusal")) as server:

        async def main() -> Answer:
            async with router(server, models=("a", "zen", "zen2"), route={"try": ["a"], "on_refusal": {"try": ["zen", "zen2"]}}) as of:
                return await of.ask("hello")

        answer = asyncio.run(main())
        assert server.seen.attempts == 2
    assert (answer.is_refusal, answer.model) == (True, "zen")


def broken_once(**route: Any) -> tuple[list[Event], Exception | None, ScriptedServer]:  # noqa: ANN401
    """A stream that is cut after three tokens the first time: the events, the error, and the server."""
    with ScriptedServer(models={"a": faulty("cut", first=1, after_tokens=2), "b": Chaos()}) as server:

        async def main() -> tuple[list[Event], Exception | None]:
            async with router(server, models=("a", "b"), route=route) as of:
                seen, error = await heard(of)
                first = rows(of)[0]
                assert (first.status, first.tokens_estimated) == ("error", True)
                assert (first.cost_usd or 0) > 0
                return seen, error

        seen, error = asyncio.run(main())
        return seen, error, server


def test_a_stream_that_broke_is_begun_anew_and_both_attempts_are_counted() -> None:
    """The text that came is void, and was paid for."""
    seen, error, server = broken_once()
    assert error is None
    done = seen[-1]
    assert isinstance(done, Done)
    assert brief(done.answer.attempts) == [("a", "answer", "error"), ("a", "retry", "ok")]
    assert done.answer.attempts[0].error_type == "StreamBroken"
    assert done.answer.text == "all is well"
    at = next(number for number, event in enumerate(seen) if isinstance(event, Switched))
    assert "".join(event.text for event in seen[:at] if isinstance(event, Delta)) == "all is"
    assert "".join(event.text for event in seen[at:] if isinstance(event, Delta)) == "all is well"
    assert server.seen.attempts == 2


def test_a_stream_that_broke_may_be_kept_as_it_is() -> None:
    """Half a page is better than none, if the user says so; it is marked."""
    seen, error, server = broken_once(on_stream_break="keep")
    assert error is None
    done = seen[-1]
    assert isinstance(done, Done)
    assert (done.answer.text, done.answer.finish_reason) == ("all is", "error")
    (note,) = done.answer.notes
    assert note.startswith("The stream broke off, and what came is kept: p: ")
    assert server.seen.attempts == 1


def test_what_came_before_a_stream_stood_still_is_kept_too() -> None:
    """However it broke: half a page is half a page. A model that said nothing is asked again, or the next one is."""
    scripts = {"a": faulty("stall", after_tokens=2), "b": Chaos(reply="from b"), "mute": Chaos(latency_s=30)}
    with ScriptedServer(models=scripts) as server:

        async def main() -> tuple[Answer, Answer]:
            models = {"a": {"timeout": {"idle_s": 0.4}}, "mute": {"timeout": {"first_token_s": 0.4}}, "b": {}}
            routes = [{"name": name, "try": [name, "b"], "on_stream_break": "keep"} for name in ("a", "mute")]
            async with router(server, models=models, routes=routes) as of:
                return await of.ask("hello", route="a"), await of.ask("hello", route="mute")

        kept, other = asyncio.run(main())
    assert (kept.text, kept.finish_reason, brief(kept.attempts)) == ("all is", "error", [("a", "answer", "timeout")])
    assert (other.text, brief(other.attempts)) == ("from b", [("mute", "answer", "timeout"), ("b", "fallback", "ok")])


def test_a_stream_that_broke_may_be_an_error() -> None:
    """Who must know raises."""
    _, error, server = broken_once(on_stream_break="raise")
    assert isinstance(error, AllAttemptsFailed)
    assert isinstance(error.__cause__, StreamBroken)
    assert server.seen.attempts_by_model == {"a": 1}


def test_the_events_of_a_fallback_tell_its_story_in_order() -> None:
    """The cell's lines are made of them."""
    with ScriptedServer(models={"a": faulty("auth"), "b": Chaos(reply="yes")}) as server:

        async def main() -> list[Event]:
            async with router(server, models=("a", "b")) as of:
                return (await heard(of))[0]

        decision, first, switched, second, delta, done = asyncio.run(main())
    assert isinstance(decision, Decision)
    assert [candidate.model for candidate in decision.plan.candidates] == ["a", "b"]
    assert first == Started(model="a", attempt=1)
    assert isinstance(switched, Switched)
    assert (switched.from_model, switched.to_model) == ("a", "b")
    assert second == Started(model="b", attempt=2)
    assert delta == Delta(text="yes")
    assert isinstance(done, Done)


def test_many_at_once_over_a_bad_provider_all_end_and_nothing_is_left_behind() -> None:
    """Free tiers on a bad day: every request ends, every attempt is a row, every slot and reservation is given back."""
    faults = tuple(Fault(kind=kind, p=0.05) for kind in ("server_error", "cut", "malformed", "empty", "refusal", "refused_connection"))
    scripts = {name: Chaos(seed=seed, tokens=5, faults=faults) for seed, name in enumerate("abc")}
    with ScriptedServer(models=scripts) as server:

        async def main() -> None:
            models = {name: {"max_concurrent": 8} for name in "abc"}
            async with router(server, models=models, provider={"max_concurrent": 20}, budgets={"total": {"daily": 100}}) as of:
                results = await asyncio.gather(*(outcome(of, f"question {number}", deadline_s=20) for number in range(150)))
                answered = sum(isinstance(result, Answer) for result in results)
                assert answered > 130
                assert {type(result) for result in results} <= {Answer, AllAttemptsFailed}
                assert len(rows(of)) == server.seen.attempts
                assert left_reserved(of) == (0, 0)
                assert all(state.in_flight == state.queued == 0 for state in of.runtime().known.states.values())

        asyncio.run(main())
        assert server.seen.peak_concurrent <= 20
        assert max(server.seen.peak_by_model.values()) <= 8
