"""What will be tried, in order, and what was left out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from making import config, request, seen

from routebook.config.values import Config, Price
from routebook.errors import UsageError
from routebook.messages import Plan, Request
from routebook.plan.known import Known
from routebook.plan.planner import instead, make_plan


def known(now: Callable[[], float] = lambda: 100.0, **more: Any) -> Known:  # noqa: ANN401
    """Nothing known, at a fixed time."""
    return Known(clock=now, **more)


def plan(of: Config, asked: Request | None = None, *, of_known: Known | None = None, **classified: Any) -> Plan:  # noqa: ANN401
    """A plan for a plain request."""
    return make_plan(of, asked or request(), seen(**classified), known=of_known or known(), rng=random.Random(1))


def models(made: Plan) -> list[str]:
    """The models to try, in order."""
    return [candidate.model for candidate in made.candidates]


def reasons(made: Plan) -> dict[str, str]:
    """Why each model was left out."""
    return {out.model: out.reason for out in made.left_out}


def test_the_first_route_whose_conditions_hold_wins() -> None:
    """Order in the file is the user's only way to say what matters more."""
    routes = [
        {"name": "hard-code", "tasks": ["bug_fix"], "complexity": [7, 10], "try": ["dear"]},
        {"name": "code", "tasks": ["bug_fix"], "try": ["fast"]},
        {"name": "chat", "try": ["small"]},
    ]
    of = config(routes=routes)
    assert plan(of, task="bug_fix", complexity=8).route == "hard-code"
    made = plan(of, task="bug_fix", complexity=3)
    assert (made.route, made.route_reason, models(made)) == ("code", "task is bug_fix", ["fast"])
    assert plan(of, task="writing").route == "chat"


def test_a_prompt_without_a_clear_signal_gets_the_default_route() -> None:
    """The cheapest model must never get a hard prompt by accident."""
    of = config(routes=[{"name": "easy", "complexity": [0, 3], "try": ["small"]}, {"name": "chat", "try": ["dear"]}])
    made = plan(of, confidence=0.1, complexity=1)
    assert made.route == "chat"
    assert "no clear signal" in made.route_reason


def test_a_task_the_user_named_counts_as_a_clear_signal() -> None:
    """An override says more than any classifier."""
    of = config(routes=[{"name": "docs", "tasks": ["documentation"], "try": ["fast"]}, {"name": "chat", "try": ["dear"]}])
    assert plan(of, request(task="documentation"), task="documentation", confidence=0.0).route == "docs"


def test_a_complexity_that_the_user_said_is_one_too_and_says_nothing_of_the_task() -> None:
    """Short prompts, of which the classifier is unsure, are those one says it of."""
    hard = {"name": "hard", "complexity": [7, 10], "try": ["dear"]}
    fixes = {"name": "fixes", "tasks": ["bug_fix"], "complexity": [7, 10], "try": ["fast"]}
    of = config(routes=[fixes, hard, {"name": "chat", "try": ["small"]}])
    assert plan(of, request(complexity=9), task="bug_fix", complexity=9, confidence=0.1).route == "hard"
    assert plan(of, request(), task="bug_fix", complexity=9, confidence=0.1).route == "chat"


@pytest.mark.parametrize(
    ("route", "changes", "text", "matches"),
    [
        ({"needs_tools": True}, {"needs_tools": True}, "x", True),
        ({"needs_tools": True}, {"needs_tools": False}, "x", False),
        ({"min_tokens": 100}, {}, "word " * 500, True),
        ({"min_tokens": 100}, {}, "short", False),
        ({"max_tokens": 100}, {}, "word " * 500, False),
        ({"min_files": 2}, {}, "compare src/a.py with b/c.ts please", True),
        ({"min_files": 2}, {}, "look at a.py", False),
        ({"strength": [0.5, 1.0]}, {"strength": 0.7}, "x", True),
        ({"agent": "reviewer"}, {}, "x", False),
    ],
)
def test_each_condition_of_a_route_counts(route: dict[str, Any], changes: dict[str, Any], text: str, *, matches: bool) -> None:
    """A condition that is not looked at sends prompts where nobody wanted them."""
    of = config(routes=[{"name": "special", "try": ["fast"], **route}, {"name": "chat", "try": ["small"]}])
    assert (plan(of, request(text), **changes).route == "special") is matches


def test_the_wall_leaves_out_everything_that_is_not_local() -> None:
    """Local is a wall: no fallback crosses it."""
    made = plan(config(), request(local=True))
    assert models(made) == ["small"]
    assert made.local
    assert "nothing may leave the machine" in reasons(made)["dear"]


@pytest.mark.parametrize("route", [{"local": True}, {"private": True}])
def test_a_private_route_is_the_wall_too(route: dict[str, Any]) -> None:
    """The file can demand privacy as well as the cell."""
    made = plan(config(routes=[{"name": "chat", "try": ["small", "dear"], **route}]))
    assert made.local
    assert models(made) == ["small"]


def test_a_tier_is_the_dearest_allowed() -> None:
    """`--tier free` is a promise not to pay."""
    made = plan(config(), request(tier="free"))
    assert models(made) == ["small", "fast"]
    assert "paid" in reasons(made)["dear"]


def test_a_missing_key_is_a_reason_not_an_error() -> None:
    """The example config must work before the first key is set."""
    made = plan(config(), of_known=known(unusable={"claude": "ANTHROPIC_API_KEY is not set"}))
    assert reasons(made)["dear"] == "ANTHROPIC_API_KEY is not set"


def test_a_prompt_that_does_not_fit_the_window_leaves_the_model_out() -> None:
    """A 400 from the provider would be a wasted attempt."""
    of = config(
        models={"a": {"provider": "mac", "id": "a", "context": 300}, "b": {"provider": "mac", "id": "b", "context": 9000}},
        routes=[{"name": "chat", "try": ["a", "b"]}],
    )
    made = plan(of, request("word " * 400))
    assert models(made) == ["b"]
    assert "window of 300" in reasons(made)["a"]


def test_a_prompt_over_the_practical_context_goes_elsewhere_first() -> None:
    """A model that could but should not read so much is the last resort."""
    of = config(
        models={"a": {"provider": "mac", "id": "a", "practical_context": 100}, "b": {"provider": "mac", "id": "b"}},
        routes=[{"name": "chat", "try": ["a", "b"]}],
    )
    assert models(plan(of, request("word " * 400))) == ["b", "a"]
    assert models(plan(of)) == ["a", "b"]


def test_avoid_leaves_a_model_out_but_not_one_the_user_named() -> None:
    """The route's taste does not overrule the person."""
    of = config(routes=[{"name": "chat", "try": ["small", "fast"], "avoid": ["small"]}])
    assert models(plan(of)) == ["fast"]
    assert models(plan(of, request(model="small"))) == ["small"]


def test_a_cooling_model_goes_behind_the_ready_ones() -> None:
    """A model that just said 429 is asked again only when nothing better is left."""
    of_known = known()
    of_known.state("small").cool(112.0, reason="RateLimited")
    made = plan(config(), of_known=of_known)
    assert models(made) == ["fast", "dear", "small"]
    assert "cools down for 12 s" in made.candidates[-1].reason


def test_pools_and_providers_stand_for_their_models() -> None:
    """`try` takes any name the user has."""
    of = config(pools={"both": {"models": ["fast", "small"]}}, routes=[{"name": "chat", "try": ["both", "claude"]}])
    made = plan(of)
    assert models(made) == ["fast", "small", "dear"]
    assert [candidate.pool for candidate in made.candidates] == ["both", "both", None]


def test_an_agent_has_its_own_pools_in_rank_order() -> None:
    """Primary, then backup, then tertiary, whatever the route says."""
    agents = {"reviewer": {"primary": ["dear"], "backup": ["fast"], "tertiary": ["small"]}}
    made = plan(config(agents=agents), request(agent="reviewer"))
    assert models(made) == ["dear", "fast", "small"]
    assert made.candidates[1].reason == "backup of agent reviewer"


def test_a_model_may_be_named_by_its_provider_s_id() -> None:
    """People know `small:1b` from `ollama list`."""
    assert models(plan(config(), request(model="small:1b"))) == ["small"]


@pytest.mark.parametrize(("what", "name"), [("model", "smal"), ("route", "chatt"), ("agent", "x")])
def test_an_unknown_name_is_an_error_with_the_nearest_right_one(what: str, name: str) -> None:
    """A typo must not be sent to another model."""
    with pytest.raises(UsageError, match=f"There is no {what} '{name}'"):
        plan(config(), request(**{what: name}))


def test_the_expected_cost_is_unknown_without_a_price() -> None:
    """Unknown is not zero."""
    made = plan(config(), of_known=known(prices={"dear": Price(input=15, output=75), "small": Price(input=0, output=0)}))
    costs = {candidate.model: candidate.expected_cost_usd for candidate in made.candidates}
    assert costs["fast"] is None
    assert costs["small"] == 0
    assert costs["dear"] is not None
    assert costs["dear"] > 0


def test_a_reaction_s_own_models_stay_behind_the_wall() -> None:
    """Rerouting a refusal must not leak a private prompt."""
    of = config()
    made = plan(of, request(local=True))
    assert [c.model for c in instead(of, made, ["dear", "small"], known=known(), rng=random.Random(1))] == ["small"]


def test_a_model_that_ollama_does_not_have_is_left_out_with_what_to_type() -> None:
    """A pull is one line, if somebody says so."""
    of_known = known()
    of_known.missing["small"] = "it is not pulled yet: ollama pull small:1b"
    made = plan(config(), of_known=of_known)
    assert reasons(made)["small"] == "it is not pulled yet: ollama pull small:1b"


def test_a_discovered_model_that_is_not_there_is_left_out_not_lost() -> None:
    """A name in `try` must show up in the plan, one way or the other."""
    of = config(routes=[{"name": "chat", "try": ["mac/llama3", "fast"]}])
    made = plan(of)
    assert models(made) == ["fast"]
    assert reasons(made) == {"mac/llama3": "mac does not have it"}


def test_a_cloud_model_behind_a_local_ollama_is_not_local() -> None:
    """Its prompts leave the machine through a loopback address."""
    of = config(models={"big": {"provider": "mac", "id": "qwen3:480b-cloud"}}, routes=[{"name": "chat", "try": ["big"]}])
    made = plan(of, request(local=True))
    assert models(made) == []
    assert "nothing may leave the machine" in reasons(made)["big"]


def test_avoid_takes_models_providers_and_pools() -> None:
    """Whatever `try` takes, `avoid` takes."""
    for name in ("fast", "groq", "quick"):
        of = config(pools={"quick": {"models": ["fast"]}}, routes=[{"name": "chat", "try": ["small", "fast"], "avoid": [name]}])
        assert models(plan(of)) == ["small"]
