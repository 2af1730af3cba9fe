"""`memory = true`: on a route of any strategy a model that is sure to do well, by similar prompts, is taken first."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from lessons_made import Learner, lesson
from making import config, request, seen
from served import outcome, router

from routebook.config.read import parse
from routebook.errors import ConfigError
from routebook.messages import Answer, Plan
from routebook.plan.known import Known
from routebook.plan.planner import make_plan
from routebook.testing import ScriptedServer

PROMPT = "Explain how a hash table resolves collisions"
AGAIN = "explain how hash tables resolve their collisions"
STRATEGIES = ("in-order", "round-robin", "random", "weighted", "least-busy", "cheapest", "fastest", "best")


def plan(tables: dict[str, Any], known: Known, *, text: str = AGAIN, **asked: Any) -> Plan:  # noqa: ANN401  fields of Request
    """A plan for a prompt like the one that is remembered."""
    return make_plan(config(**tables), request(text, **asked), seen(), known=known, rng=random.Random(1))


def pooled(pick: str = "in-order", **route: Any) -> dict[str, Any]:  # noqa: ANN401  keys of a route
    """A route to one pool of three models."""
    pools = {"all": {"models": ["small", "fast", "dear"], "pick": pick}}
    return {"pools": pools, "routes": [{"name": "chat", "try": ["all"], "memory": True} | route]}


def sure(model: str = "dear") -> Known:
    """A model did well on four prompts like this one."""
    return Learner().hear(*(lesson(model, 1, prompt=PROMPT, days=n / 10) for n in range(4)))


@pytest.mark.parametrize("pick", STRATEGIES)
def test_a_sure_winner_goes_first_whatever_the_strategy_and_the_reason_says_so(pick: str) -> None:
    """Whoever wrote an order, and asks for memory, gets both: the winner first, the order behind it."""
    made = plan(pooled(pick), sure())
    assert made.candidates[0].model == "dear"
    assert "remembered: it did well on 4 similar prompts (sure 0.8" in made.candidates[0].reason
    assert made.candidates[0].pool == "all", "its tokens and its turn count as the pool's"
    assert sorted(candidate.model for candidate in made.candidates) == ["dear", "fast", "small"]


def test_without_the_setting_nothing_is_looked_up() -> None:
    """Off, it costs nothing and changes nothing, however sure the memory is."""
    asked: list[str] = []
    known = sure()
    known.recall = lambda text: asked.append(text) or ()  # type: ignore[func-returns-value]  # it only takes note
    assert plan(pooled(memory=None), known).candidates[0].model == "small"
    assert plan(pooled(), known, model="fast").candidates[0].model == "fast", "a named model is not chosen again"
    assert not asked
    assert plan(pooled(), known).candidates[0].model == "small"
    assert asked == [AGAIN]


def test_a_route_has_the_last_word_over_the_defaults() -> None:
    """One line turns it on for all, one more off for one."""
    everywhere = {"defaults": {"memory": True}}
    assert plan(pooled(memory=None) | everywhere, sure()).candidates[0].model == "dear"
    assert plan(pooled(memory=False) | everywhere, sure()).candidates[0].model == "small"
    with pytest.raises(ConfigError, match="memory"):
        parse('[defaults]\nmemory = "yes"\n', file="routing.toml")


def test_a_winner_must_be_among_the_route_s_own_and_may_be_asked() -> None:
    """Memory chooses among what the route lets it choose from; the wall and `avoid` hold."""
    assert plan(pooled(avoid=["dear"]), sure()).candidates[0].model == "small"
    both = Learner().hear(*(lesson(name, 1, prompt=PROMPT, days=n / 10) for name in ("fast", "dear") for n in range(4)))
    assert plan(pooled(avoid=["fast"]), both).candidates[0].model == "dear", "of two winners the one that may be asked"
    assert plan(pooled(), sure(), tier="free").candidates[0].model == "small"
    assert plan({"routes": [{"name": "chat", "try": ["small"], "memory": True}]}, sure()).candidates[0].model == "small"
    assert plan(pooled(quality=0), sure()).candidates[0].model == "small", "who weighs cost only wants the cheapest"


def test_not_sure_enough_or_another_subject_changes_nothing() -> None:
    """One good vote gives 0.75, and another subject is no memory at all."""
    once = Learner().hear(lesson("dear", 1, prompt=PROMPT))
    assert plan(pooled(), once, text=PROMPT).candidates[0].model == "small"
    assert plan(pooled(), sure(), text="Write a limerick about a cat in Rome").candidates[0].model == "small"


def test_an_agent_s_models_are_remembered_too_and_an_experiment_is_left_alone() -> None:
    """An agent's rotation is an order like any other; an experiment that memory swayed would tell nothing."""
    agents = {"tester": {"primary": ["small", "fast", "dear"], "pick": "round-robin"}}
    assert plan(pooled() | {"agents": agents}, sure(), agent="tester").candidates[0].model == "dear"
    trial = {"experiments": {"ab": {"route": "chat", "models": {"small": 1, "fast": 1}}}}
    assert plan(pooled() | trial, sure()).candidates[0].model in ("small", "fast")


def test_2_02_a_sure_winner_of_similar_prompts_is_taken_first_on_a_plain_route() -> None:
    """Votes on answers, then a prompt like theirs: from real answers of a server to the next plan."""

    async def play(server: ScriptedServer, *, memory: bool) -> tuple[str, str]:
        async with router(server, models=("a", "b", "c"), route={"memory": memory}) as of:
            for _ in range(2):
                answer = await outcome(of, PROMPT, model="c")
                assert isinstance(answer, Answer)
                await asyncio.to_thread(of.vote, answer.request_id, True)  # noqa: FBT003  as one says it
            next_one = await outcome(of, PROMPT)
            assert isinstance(next_one, Answer)
            return next_one.model, next_one.attempts[0].reason

    with ScriptedServer() as server:
        assert asyncio.run(play(server, memory=False)) == ("a", "first choice")
        model, reason = asyncio.run(play(server, memory=True))
    assert model == "c"
    assert reason == "fallback 2: remembered: it did well on 2 similar prompts (sure 0.83, likeness 1.00)"
