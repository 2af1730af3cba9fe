"""Hedging: a slow start is not waited for, and what it costs is booked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from served import Running, brief, heard, left_reserved, outcome, router, rows, until

from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, RoutebookError
from routebook.events import Done, Event, Started, Switched, Waiting
from routebook.messages import Answer, Attempt, Delta
from routebook.plan.known import STARTS_NEEDED, ModelState
from routebook.testing import Chaos, Fault, ScriptedServer

SLOW = Chaos(reply="slow but sure", latency_s=1.2)
FAST = Chaos(reply="here I am")


def practised(of: Router, *, start_s: float = 0.05, model: str = "a") -> None:
    """Let it be known that the model usually begins after so many seconds."""
    of.runtime().known.state(model).starts_s.extend([start_s] * STARTS_NEEDED)


class Asked:
    """One hedged request over models `a`, `b`, …: its events, its end, and what the books hold."""

    def __init__(
        self,
        scripts: Mapping[str, Chaos],
        *,
        is_practised: bool = True,
        tables: Mapping[str, Any] | None = None,
        **overrides: Any,  # noqa: ANN401
    ) -> None:
        """`tables` as `served.router` takes them."""
        self._is_practised, self._overrides = is_practised, overrides
        given: dict[str, Any] = {"models": tuple(scripts), "route": {"hedge": True}, **(tables or {})}
        with ScriptedServer(models=scripts) as server:
            self.events, self.error, self.rows = asyncio.run(self._ask(router(server, **given)))
        self.seen = server.seen

    async def _ask(self, of: Router) -> tuple[list[Event], Exception | None, list[Attempt]]:
        async with of:
            if self._is_practised:
                practised(of)
            events, error = await heard(of, **self._overrides)
            assert left_reserved(of) == (0, 0)
            assert all(state.in_flight == state.queued == 0 for state in of.runtime().known.states.values())
            return events, error, rows(of)

    @property
    def answer(self) -> Answer:
        """The answer; fails when there is none."""
        done = self.events[-1]
        assert isinstance(done, Done), self.error
        return done.answer


def test_the_second_is_asked_when_the_first_is_slow_and_the_first_to_speak_answers() -> None:
    """The loser is cancelled at its server, and is a row with what it cost so far."""
    asked = Asked({"a": SLOW, "b": FAST})
    assert asked.answer.text == "here I am"
    assert brief(asked.rows) == [("a", "answer", "cancelled"), ("b", "hedge", "ok")]
    assert asked.answer.model == "b"
    lost, won = asked.rows
    assert lost.tokens_estimated
    assert (lost.cost_usd or 0) > 0
    assert won.reason == "hedge: no word of a yet"
    assert len(asked.seen.disconnects) == 1
    assert asked.answer.attempts == tuple(asked.rows)


def test_the_stream_tells_of_a_hedge_in_order() -> None:
    """One text, one voice: nothing of the loser's."""
    events = Asked({"a": SLOW, "b": FAST}).events
    kinds = [type(event) for event in events if not isinstance(event, Delta)]
    assert kinds[1:] == [Started, Waiting, Switched, Started, Done]
    [waiting] = [event for event in events if isinstance(event, Waiting)]
    assert "b is asked too" in waiting.reason
    [switched] = [event for event in events if isinstance(event, Switched)]
    assert (switched.from_model, switched.to_model, switched.reason) == ("a", "b", "hedged: b spoke first")
    assert "".join(event.text for event in events if isinstance(event, Delta)) == "here I am"


def test_when_the_first_speaks_first_the_hedge_is_cancelled_and_counted() -> None:
    """It was sent, so it may cost."""
    asked = Asked({"a": Chaos(reply="slow but sure", latency_s=1.5), "b": Chaos(latency_s=30)})
    assert (asked.answer.text, asked.answer.model, asked.answer.attempt.attempt) == ("slow but sure", "a", 1)
    assert brief(asked.rows) == [("a", "answer", "ok"), ("b", "hedge", "cancelled")]
    assert not any(isinstance(event, Switched) for event in asked.events)
    assert (asked.answer.cost_usd or 0) > (asked.rows[0].cost_usd or 0)


@pytest.mark.parametrize(
    ("is_practised", "tables"),
    [(False, {}), (True, {"route": {"hedge": False}}), (True, {"route": {}}), (True, {"route": {"hedge": True, "try": ["a"]}})],
    ids=["nothing known", "off", "off by default", "nobody else"],
)
def test_nobody_else_is_asked_unless_the_route_says_so_and_enough_is_known(*, is_practised: bool, tables: dict[str, Any]) -> None:
    """It costs twice: never by default, never on a guess of what slow is."""
    asked = Asked({"a": Chaos(latency_s=0.5), "b": FAST}, is_practised=is_practised, tables=tables)
    assert brief(asked.rows) == [("a", "answer", "ok")]
    assert asked.seen.attempts == 1


def test_a_model_that_begins_in_its_time_is_not_hedged() -> None:
    """Nineteen requests of twenty cost what they did before."""
    asked = Asked({"a": Chaos(tokens=30, tokens_per_s=40), "b": FAST}, tables={"route": {"hedge": True}}, is_practised=False)
    assert asked.seen.attempts == 1


def test_the_soft_limit_hedges_too_and_is_said() -> None:
    """It needs no experience: the user said what slow is."""
    asked = Asked({"a": SLOW, "b": FAST}, is_practised=False, tables={"models": {"a": {"timeout": {"soft_s": 0.1}}, "b": {}}})
    assert brief(asked.rows) == [("a", "answer", "cancelled"), ("b", "hedge", "ok")]
    assert any("a took longer than the 0.1 s it should" in note for note in asked.answer.notes)


def test_the_soft_limit_alone_only_says_so() -> None:
    """The cell shows it while it lasts, the answer notes it."""
    asked = Asked(
        {"a": Chaos(reply="x", latency_s=1.5), "b": FAST}, tables={"models": {"a": {"timeout": {"soft_s": 0.1}}, "b": {}}, "route": {}}
    )
    assert brief(asked.rows) == [("a", "answer", "ok")]
    assert [event.reason for event in asked.events if isinstance(event, Waiting)] == ["it takes longer than the 0.1 s it should"]
    assert asked.answer.notes == ("a took longer than the 0.1 s it should (soft_s).",)


def test_a_hedge_that_fails_leaves_the_first_alone() -> None:
    """It was an extra; its failure counts for its model, not for the request."""
    asked = Asked({"a": Chaos(reply="slow but sure", latency_s=2.0), "b": Chaos(faults=(Fault(kind="server_error"),))})
    assert asked.answer.text == "slow but sure"
    assert brief(asked.rows) == [("a", "answer", "ok"), ("b", "hedge", "error")]


def test_a_first_that_fails_while_the_hedge_runs_is_not_asked_again() -> None:
    """The second is already on its way."""
    failing = Chaos(faults=(Fault(kind="server_error", delay_s=1.5),))
    asked = Asked({"a": failing, "b": Chaos(reply="here I am", latency_s=3.0)})
    assert asked.answer.text == "here I am"
    assert brief(asked.rows) == [("a", "answer", "error"), ("b", "hedge", "ok")]


def test_when_both_fail_it_goes_on_as_after_any_failure() -> None:
    """With the third, and not with the second once more."""
    failing = Chaos(faults=(Fault(kind="auth", delay_s=1.5),))
    asked = Asked({"a": failing, "b": failing, "c": FAST})
    assert asked.answer.text == "here I am"
    assert brief(asked.rows) == [("a", "answer", "error"), ("b", "hedge", "error"), ("c", "fallback", "ok")]


def test_a_winner_whose_stream_breaks_is_begun_anew_itself() -> None:
    """The race is over; from then on it is an attempt like any other."""
    cut = Chaos(reply="here I am", faults=(Fault(kind="cut", first=1, after_tokens=2),))
    asked = Asked({"a": SLOW, "b": cut})
    assert asked.answer.text == "here I am"
    assert brief(asked.rows) == [("a", "answer", "cancelled"), ("b", "hedge", "error"), ("b", "retry", "ok")]


def test_a_hedge_counts_as_an_attempt() -> None:
    """The cap is on all calls of a request."""
    asked = Asked({"a": Chaos(latency_s=0.5), "b": FAST}, tables={"defaults": {"max_attempts": 1}})
    assert brief(asked.rows) == [("a", "answer", "ok")]


def test_a_hedge_beyond_the_budget_is_not_sent() -> None:
    """What the first may still cost is counted: both together must fit."""
    prices = {
        "a": {"price": {"input": 0, "output": 10}, "max_output": 1000},
        "b": {"price": {"input": 0, "output": 10}, "max_output": 1000},
    }
    asked = Asked({"a": Chaos(latency_s=0.5), "b": FAST}, tables={"models": prices}, budget_usd=0.015)
    assert brief(asked.rows) == [("a", "answer", "ok")]
    assert asked.seen.attempts == 1


def test_stopping_a_hedged_request_ends_both() -> None:
    """Neither may run on, and both have a row."""
    with ScriptedServer(models={"a": Chaos(latency_s=30), "b": Chaos(latency_s=30)}) as server:

        async def main() -> None:
            async with router(server, models=("a", "b"), route={"hedge": True}) as of:
                practised(of)
                running = Running(of)
                await until(lambda: server.seen.attempts == 2)
                running.stop()
                await running.over(within_s=20)
                assert brief(rows(of)) == [("a", "answer", "cancelled"), ("b", "hedge", "cancelled")]
                assert left_reserved(of) == (0, 0)

        asyncio.run(main())


def test_stopping_after_the_first_spoke_keeps_its_text() -> None:
    """The hedge that lost has no text, and must not take its place."""
    with ScriptedServer(models={"a": Chaos(tokens=500, tokens_per_s=50, latency_s=0.4), "b": Chaos(latency_s=30)}) as server:

        async def main() -> None:
            async with router(server, models=("a", "b"), route={"hedge": True}) as of:
                practised(of)
                running = Running(of)
                await until(lambda: running.count(Delta) > 5, within_s=20)
                running.stop()
                await running.over(within_s=20)
                done = running.seen[-1]
                assert isinstance(done, Done)
                assert done.answer.text
                assert done.answer.model == "a"

        asyncio.run(main())


def test_behind_the_wall_nobody_outside_is_asked() -> None:
    """A hedge is no way out."""
    with ScriptedServer(models={"a": Chaos(latency_s=0.5)}) as near, ScriptedServer(models={"b": FAST}) as far:
        tables: dict[str, Any] = {
            "providers": {
                "here": {"kind": "openai", "base_url": near.url_for("openai"), "tier": "local"},
                "p": {"kind": "openai", "base_url": far.url_for("openai"), "tier": "paid"},
            },
            "models": {"a": {"provider": "here", "id": "a"}, "b": {"provider": "p", "id": "b"}},
            "routes": [{"name": "chat", "try": ["a", "b"], "hedge": True}],
        }

        async def main() -> Answer | RoutebookError:
            async with router(near, **tables) as of:
                practised(of)
                return await outcome(of, local=True)

        answer = asyncio.run(main())
        assert far.seen.connections == 0
    assert isinstance(answer, Answer)
    assert answer.model == "a"


def test_when_nothing_is_left_all_attempts_are_listed() -> None:
    """The hedge among them."""
    failing = Chaos(faults=(Fault(kind="auth", delay_s=1.5),))
    asked = Asked({"a": failing, "b": failing})
    assert isinstance(asked.error, AllAttemptsFailed)
    assert brief(asked.error.attempts) == [("a", "answer", "error"), ("b", "hedge", "error")]


def test_a_model_that_has_become_slow_is_known_to_be_so() -> None:
    """Else each request would be hedged for ever, and cost twice."""
    with ScriptedServer(models={"a": Chaos(latency_s=0.8), "b": FAST}) as server:

        async def main() -> list[int]:
            async with router(server, models=("a", "b"), route={"hedge": True}) as of:
                practised(of)
                return [len((await of.ask(f"hello {number}")).attempts) for number in range(16)]

        counts = asyncio.run(main())
    assert counts[0] == 2
    assert counts[-1] == 1


def test_the_slow_start_is_known_from_enough_of_the_newest() -> None:
    """95 of 100: one outlier of twenty is no measure."""
    state = ModelState()
    for number in range(STARTS_NEEDED - 1):
        state.saw_answer(ttft_s=0.1 + number / 1000, latency_s=1, output_tokens=1)
    assert state.slow_start_s is None
    state.saw_answer(ttft_s=9.0, latency_s=10, output_tokens=1)
    assert state.slow_start_s == pytest.approx(0.118)
    for _ in range(60):
        state.saw_answer(ttft_s=0.5, latency_s=1, output_tokens=1)
    assert state.slow_start_s == 0.5
