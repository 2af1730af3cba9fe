"""`pick = "best"`: beliefs against cost, a sure memory first, and a little exploring that no careful user regrets."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from lessons_made import FREE, Learner, lesson, price
from making import config, request, seen

from routebook.config.values import Config
from routebook.messages import Plan
from routebook.plan.belief import Belief
from routebook.plan.known import Known
from routebook.plan.planner import make_plan

PRICES = {"small": FREE, "fast": price(1, 1), "dear": price(15, 75)}
PROMPT = "Explain how a hash table resolves collisions"
AGAIN = "explain how hash tables resolve their collisions"


def pool(*, quality: float = 0.5, explore: float = 0.0, models: Any = None, **tables: Any) -> Config:  # noqa: ANN401  tables as in routing.toml
    """A config whose default route has one pool with `pick = "best"`."""
    given: dict[str, Any] = {
        "defaults": {"explore": explore},
        "pools": {"all": {"models": ["small", "fast", "dear"], "pick": "best", "quality": quality}},
        "routes": [{"name": "chat", "try": ["all"]}],
    }
    if models:
        given["models"] = models
    return config(**(given | tables))


def twins(n: int = 2) -> dict[str, Any]:
    """Local models of which nothing tells one from the other."""
    return {name: {"provider": "mac", "id": name} for name in "abcdefgh"[:n]}


def twin_pool(n: int = 2, *, quality: float = 0.8, explore: float = 0.0) -> Config:
    """A pool of local twins."""
    pools = {"all": {"models": list(twins(n)), "pick": "best", "quality": quality}}
    return pool(models=twins(n), pools=pools, explore=explore)


def plan(of: Config, known: Known, *, text: str = PROMPT, rng: random.Random | None = None, **classified: Any) -> Plan:  # noqa: ANN401
    """A plan for a prompt."""
    return make_plan(of, request(text), seen(**classified), known=known, rng=rng or random.Random(1))


def first(made: Plan) -> str:
    """Who is asked first."""
    return made.candidates[0].model


def shares(of: Config, known: Known, *, n: int = 2000, **classified: Any) -> float:  # noqa: ANN401
    """The share of prompts on which somebody is explored."""
    rng, known.weighed, known.explored = random.Random(7), 0, 0
    for _ in range(n):
        known.count_choice(plan(of, known, rng=rng, **classified).candidates[0].reason)
    return known.explored / n


# ---- the knob


def test_without_outcomes_nothing_is_new_and_chance_is_not_touched() -> None:
    """Who never votes must see what he has always seen."""
    rng = random.Random(5)
    made = plan(pool(explore=0.5), Known(clock=lambda: 0.0, prices=PRICES), rng=rng)
    assert [candidate.reason for candidate in made.candidates] == ["first choice, best of all"] * 3
    assert rng.random() == random.Random(5).random()


def test_quality_0_takes_the_cheapest_whatever_is_believed() -> None:
    """The end of the knob is what it says, for a hard prompt too."""
    known = Learner(prices=PRICES).hear(*(lesson("dear", 1, prompt=PROMPT, days=n / 10) for n in range(9)), lesson("small", 0))
    made = plan(pool(quality=0.0, explore=0.5), known, strength=1.0)
    assert [candidate.model for candidate in made.candidates] == ["small", "fast", "dear"]
    known.prices["fast"] = None
    made = plan(pool(quality=0.0), known)
    assert [candidate.model for candidate in made.candidates] == ["small", "dear", "fast"], "an unknown price is not a low one"


def test_quality_1_takes_the_best_whatever_it_costs() -> None:
    """The other end."""
    known = Learner(prices=PRICES).hear(*(lesson("dear", 1, days=n / 10) for n in range(3)))
    assert first(plan(pool(quality=1.0), known)) == "dear"


def test_votes_move_the_choice_at_one_task_and_not_at_another() -> None:
    """A model that writes badly may still count well."""
    known = Learner(prices=PRICES).hear(*(lesson("small", 0, task="writing", days=n / 10) for n in range(4)))
    of = pool(quality=0.9)
    assert first(plan(of, known, task="writing")) != "small"
    assert first(plan(of, known, task="math_reasoning")) == "small"


def test_a_rubric_is_worth_a_few_votes() -> None:
    """What the user wrote counts for more than the first vote, and for less than the tenth."""
    models = {"a": {"provider": "mac", "id": "a", "rubric": {"chat_qa": 8}}, "b": {"provider": "mac", "id": "b", "rubric": {"chat_qa": 5}}}
    of = pool(models=models, pools={"all": {"models": ["a", "b"], "pick": "best"}})
    learner = Learner()
    assert first(plan(of, learner.hear(lesson("a", 0)))) == "a"
    assert first(plan(of, learner.hear(*(lesson("a", 0, days=n / 10) for n in range(9))))) == "b"


def test_what_was_fitted_stands_before_the_rubric_and_votes_still_move_it() -> None:
    """A fit is more than a guess, and less than the user's own word."""
    known = Known(clock=lambda: 0.0)
    known.fitted = lambda text: {"a": Belief(0.3, 0.1), "b": Belief(0.7, 0.1)} if text == PROMPT else {}
    of = twin_pool()
    assert first(plan(of, known)) == "b"
    assert "fitted" in plan(of, known).candidates[0].reason
    assert first(plan(of, known, text="another")) == "a"
    learner = Learner()
    learner.hear(*(lesson("b", 0, days=n / 100) for n in range(60)))
    learner.known.fitted = known.fitted
    assert first(plan(of, learner.known)) == "a"


def test_a_route_with_quality_makes_one_choice_of_all_it_names() -> None:
    """The knob may stand on a route; pools keep their names, because budgets are theirs."""
    routes = [{"name": "chat", "try": ["dear", "cheap"], "quality": 0.0}]
    of = pool(pools={"cheap": {"models": ["fast", "small"]}}, routes=routes)
    made = plan(of, Known(clock=lambda: 0.0, prices=PRICES))
    assert [(candidate.model, candidate.pool) for candidate in made.candidates] == [("small", "cheap"), ("fast", "cheap"), ("dear", None)]


def test_a_route_s_quality_goes_before_its_pools() -> None:
    """A route knows what its prompts are worth."""
    models = {
        "small": {"provider": "mac", "id": "s", "rubric": {"chat_qa": 3}},
        "dear": {"provider": "claude", "id": "d", "rubric": {"chat_qa": 9}},
    }
    pools = {"all": {"models": ["small", "dear"], "pick": "best", "quality": 0.0}}
    known = Known(clock=lambda: 0.0, prices=PRICES)
    of = pool(
        models=models,
        pools=pools,
        routes=[{"name": "careful", "try": ["all"], "tasks": ["chat_qa"], "quality": 1.0}, {"name": "chat", "try": ["all"]}],
    )
    assert first(plan(of, known)) == "dear"
    assert first(plan(of, known, task="writing")) == "small"


def test_an_order_that_the_user_wrote_is_not_touched() -> None:
    """Learning chooses only where it was asked to."""
    of = config(routes=[{"name": "chat", "try": ["small", "fast", "dear"]}])
    known = Learner(prices=PRICES).hear(
        *(lesson("dear", 1, prompt=PROMPT, days=n) for n in range(9)), *(lesson("small", 0, days=n) for n in range(9))
    )
    assert first(plan(of, known)) == "small"


# ---- memory


def test_a_sure_winner_on_similar_prompts_is_taken_and_said() -> None:
    """Who praised an answer twice wants the same model for the same again."""
    known = Learner().hear(
        *(lesson("b", 1, prompt=PROMPT, days=n / 10, request_id=f"r{n}") for n in range(4)), *(lesson("a", 1, days=n) for n in range(9))
    )
    made = plan(twin_pool(), known, text=AGAIN)
    assert first(made) == "b"
    assert "remembered: it did well on 4 similar prompts (sure 0.8" in made.candidates[0].reason
    assert first(plan(twin_pool(), known, text="What is the capital of Peru?")) == "a"


def test_one_vote_is_no_sure_winner() -> None:
    """It may have been luck."""
    known = Learner().hear(lesson("b", 1, prompt=PROMPT, task="writing"), lesson("a", 1))
    assert "remembered" not in plan(twin_pool(), known).candidates[0].reason


def test_of_several_sure_winners_the_cheaper_is_taken() -> None:
    """Good enough twice over."""
    lessons = [lesson(model, 1, prompt=PROMPT, days=n / 10, request_id=f"{model}{n}") for model in ("dear", "fast") for n in range(4)]
    assert first(plan(pool(quality=0.5), Learner(prices=PRICES).hear(*lessons))) == "fast"


def test_memory_does_not_climb_the_wall() -> None:
    """A winner that may not be asked is left out as ever."""
    known = Learner(prices=PRICES).hear(*(lesson("dear", 1, prompt=PROMPT, days=n / 10, request_id=f"r{n}") for n in range(4)))
    made = make_plan(pool(), request(PROMPT, local=True), seen(), known=known, rng=random.Random(1))
    assert [candidate.model for candidate in made.candidates] == ["small"]


# ---- exploring


def unsure() -> Learner:
    """A learner that has heard a little of one of two twins, and has not explored for a long time."""
    learner = Learner()
    learner.known.weighed = 1000
    learner.hear(lesson("a", 1), lesson("a", 0, days=0.1), lesson("a", 1, days=0.2))
    return learner


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_exploring_stays_under_its_share_and_does_happen(share: float) -> None:
    """The cap is a promise; a share of nothing would learn nothing."""
    found = shares(twin_pool(8, explore=share), unsure().known)
    assert share / 2 < found <= share


def test_the_share_is_kept_at_every_moment_not_only_in_the_long_run() -> None:
    """Nobody waits for the thousandth prompt to see a promise kept."""
    of, rng, known = twin_pool(8, explore=0.2), random.Random(3), unsure().known
    known.weighed = 0
    for asked in range(1, 300):
        known.count_choice(plan(of, known, rng=rng).candidates[0].reason)
        assert known.weighed == asked
        assert known.explored <= 0.2 * asked
    assert known.explored > 20


def test_what_was_not_explored_for_long_is_not_made_up_for_at_once() -> None:
    """A morning of nothing but trials is no good morning."""
    of, rng, known = twin_pool(8, explore=0.05), random.Random(3), unsure().known
    for _ in range(200):
        known.count_choice(plan(of, known, rng=rng).candidates[0].reason)
    assert 0 < known.explored <= 20


def test_only_prompts_for_which_something_was_weighed_count_for_the_share() -> None:
    """Else a thousand prompts of other routes would allow fifty trials in this one."""
    known = Learner().known
    known.count_choice(plan(twin_pool(), known).candidates[0].reason)
    assert (known.weighed, known.may_explore(0.5), known.may_explore(1.0)) == (0, False, True)


def test_exploring_is_said_and_the_usual_choice_stands_behind_it() -> None:
    """A surprising choice explains itself, and a failure of it costs little."""
    rng, of = random.Random(7), twin_pool(explore=0.5)
    made = next(made for _ in range(100) if first(made := plan(of, unsure().known, rng=rng)) == "b")
    assert "exploring, instead of a: drew 0." in made.candidates[0].reason
    assert made.candidates[1].model == "a"
    assert plan(twin_pool(), unsure().known).candidates[0].reason.endswith("by 3 outcomes, not exploring")


def test_the_same_chance_makes_the_same_plan() -> None:
    """A plan that cannot be repeated cannot be tested."""
    of, known = twin_pool(explore=0.5), unsure().known
    runs = [[first(plan(of, known, rng=rng)) for _ in range(50)] for rng in (random.Random(3), random.Random(3))]
    assert runs[0] == runs[1]
    assert set(runs[0]) == {"a", "b"}


def test_nobody_explores_without_outcomes_at_the_task_or_a_clear_task_or_a_share() -> None:
    """Exploring pays only where its outcome will be told, and only if one knows what was asked."""
    known = unsure().known
    assert shares(twin_pool(explore=0.5), known, n=200, task="writing") == 0
    assert shares(twin_pool(explore=0.5), known, n=200, confidence=0.2) == 0
    assert shares(twin_pool(explore=0.0), known, n=200) == 0
    assert shares(twin_pool(explore=0.5), known, n=200) > 0
    fitted = Learner().known
    fitted.fitted = lambda _: {"a": Belief(0.5, 0.3), "b": Belief(0.5, 0.3)}
    assert shares(twin_pool(explore=0.5), fitted, n=200) == 0


def test_exploring_never_takes_a_dearer_model_nor_one_further_away() -> None:
    """Nobody wants a bill, or a prompt sent away, for the sake of statistics."""
    learner = Learner(prices=PRICES | {"fast": FREE})
    known = learner.hear(lesson("small", 1), lesson("small", 1, days=0.1), lesson("small", 0, days=0.2))
    assert shares(pool(quality=1.0, explore=0.5), known, n=300) == 0
    models = {name: {"provider": "claude", "id": name} for name in ("small", "fast", "dear")}
    dear_first = Learner(prices=PRICES | {"fast": None}).hear(*(lesson("dear", score, days=n / 10) for n, score in enumerate((1, 1, 0))))
    dear_first.weighed = 1000
    rng, of = random.Random(7), pool(models=models, quality=1.0, explore=0.5)
    firsts = {first(plan(of, dear_first, rng=rng)) for _ in range(300)}
    assert firsts == {"dear", "small"}, "the one of unknown price is not explored"
    fast_first = Learner(prices=PRICES).hear(*(lesson("fast", score, days=n / 10) for n, score in enumerate((1, 1, 0))))
    fast_first.weighed = 1000
    assert {first(plan(of, fast_first, rng=rng)) for _ in range(300)} == {"fast", "small"}, "the dearer one is not explored"


def test_a_model_that_cools_down_is_not_explored() -> None:
    """It would only be waited for."""
    known = unsure().known
    known.state("b").cool(60.0, reason="RateLimited")
    rng, of = random.Random(7), twin_pool(explore=0.5)
    assert not [one for _ in range(200) for one in plan(of, known, rng=rng).candidates if "exploring, instead" in one.reason]


# ---- a user who votes


def regret_of(votes: int, *, explore: float = 0.05, seed: int = 1) -> tuple[list[float], dict[str, Counter[str]]]:
    """What a user loses who votes on each answer, prompt by prompt, and who was asked at each task."""
    truth = {"writing": {"a": 0.45, "b": 0.85}, "math_reasoning": {"a": 0.9, "b": 0.5}}
    rng, user, learner, of = random.Random(seed), random.Random(seed + 1000), Learner(), twin_pool(explore=explore)
    lost: list[float] = []
    asked: dict[str, Counter[str]] = {task: Counter() for task in truth}
    for n in range(votes):
        task = user.choice(list(truth))
        made = plan(of, learner.known, rng=rng, task=task)
        learner.known.count_choice(made.candidates[0].reason)
        model = first(made)
        lost.append(max(truth[task].values()) - truth[task][model])
        if n >= votes - 50:
            asked[task][model] += 1
        learner.hear(lesson(model, float(user.random() < truth[task][model]), task=task, days=n / 100))
    return lost, asked


def test_with_votes_the_better_model_of_each_task_is_found_and_regret_shrinks() -> None:
    """What all of it is for: of ten users nearly all end up with the better model at both tasks, and lose less and less."""
    runs = [regret_of(240, seed=seed) for seed in range(10)]
    early, late = (sum(sum(lost[part]) for lost, _ in runs) for part in (slice(0, 60), slice(180, 240)))
    assert late < early / 3
    right = sum(asked["writing"].most_common(1)[0][0] == "b" and asked["math_reasoning"].most_common(1)[0][0] == "a" for _, asked in runs)
    assert right >= 9
