"""A/B tests: parted by the request's id, judged without being fooled by looking often, ended by themselves."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from served import PRICE, outcome, router, until

from routebook.config.experiments import Experiment
from routebook.config.read import parse
from routebook.engine.learning.experiments import _standing, standings
from routebook.engine.router import Router
from routebook.errors import ConfigError
from routebook.learn.sequential import compare
from routebook.messages import Answer
from routebook.plan.experiment import Verdict, arm_of, first_choice, name_in
from routebook.testing import Chaos, ScriptedServer

SPLIT = Experiment(route="chat", models={"a": 1, "b": 3})


def test_the_split_is_by_weight_and_the_same_whoever_asks() -> None:
    """Another kernel, or the same one after a restart, must draw the same."""
    drawn = Counter(arm_of("x", SPLIT, f"request-{number}") for number in range(4000))
    assert 0.22 < drawn["a"] / 4000 < 0.28
    assert arm_of("x", SPLIT, "request-7") == arm_of("x", SPLIT, "request-7")
    others = [arm_of("x", SPLIT, str(number)) == arm_of("y", SPLIT, str(number)) for number in range(200)]
    assert not all(others)


def test_a_winner_goes_first_and_an_undecided_end_gives_the_route_back() -> None:
    """What was learned is used; what was not changes nothing."""
    assert first_choice({"x": SPLIT}, {}, route="other", request_id="r") is None
    won = first_choice({"x": SPLIT}, {"x": Verdict(winner="b", sure=0.97)}, route="chat", request_id="r")
    assert won == ("b", "won the experiment x, 97% sure")
    assert first_choice({"x": SPLIT}, {"x": Verdict(winner=None, sure=0.5)}, route="chat", request_id="r") is None
    drawn = first_choice({"x": SPLIT}, {}, route="chat", request_id="r")
    assert drawn is not None
    assert name_in(drawn[1]) == "x"
    assert name_in("first choice") is None


def test_looking_after_every_observation_fools_nobody() -> None:
    """Two equal arms, looked at two hundred times each: at most one in twenty is called different (a usual test would call a third)."""
    wrong = 0
    for seed in range(60):
        rng = random.Random(seed)
        first, second = [], []
        for number in range(120):
            first.append(float(rng.random() < 0.5))
            second.append(float(rng.random() < 0.5))
            found = compare(first, second) if number >= 10 and number % 3 == 0 else None
            if found is not None and (found.low > 0 or found.high < 0):
                wrong += 1
                break
    assert wrong <= 6


def test_a_true_difference_is_found_and_its_sureness_grows() -> None:
    """Eight of ten against five of ten needs some dozens."""
    rng = random.Random(3)
    first = [float(rng.random() < 0.8) for _ in range(300)]
    second = [float(rng.random() < 0.5) for _ in range(300)]
    early, late = compare(first[:40], second[:40]), compare(first, second)
    assert late.low > 0
    assert early.sure < late.sure
    assert late.sure > 0.99
    assert late.low < late.difference < late.high
    assert compare(first[:3], second).sure == 0


def test_sureness_and_interval_agree() -> None:
    """The interval at just under the sureness leaves 0 out, the one above does not."""
    rng = random.Random(5)
    first = [rng.gauss(1.0, 1.0) for _ in range(40)]
    second = [rng.gauss(0.3, 1.0) for _ in range(50)]
    sure = compare(first, second).sure
    assert compare(first, second, sure=sure - 0.003).low > 0
    assert compare(first, second, sure=min(0.9999, sure + 0.003)).low < 0


def test_of_several_models_every_two_share_the_doubt() -> None:
    """The best of four is chosen by looking: six differences could have fooled us, not the three that are shown."""
    rng = random.Random(7)
    values = {model: [rng.gauss(mean, 1.0) for _ in range(60)] for model, mean in {"a": 1.0, "b": 0.0, "c": 0.1, "d": 0.2}.items()}
    experiment = Experiment(route="chat", models=dict.fromkeys(values, 1.0), outcome="votes")
    standing = _standing("x", experiment, {}, values, verdict=None)
    assert standing.arms[0].model == "a"
    least_sure = min(compare(values["a"], values[model]).sure for model in "bcd")
    assert standing.sure == pytest.approx(max(0.0, 1 - 6 * (1 - least_sure)))
    assert 0 < standing.sure < least_sure


def two(server: ScriptedServer, books: Path, **more: object) -> Router:
    """A route whose prompts are parted between a quick model and a slow one."""
    experiment = {"route": "chat", "models": {"quick": 1, "slow": 1}, **more}
    return router(server, models=("slow", "quick", "spare"), books=books, experiments={"speed": experiment})


def test_an_experiment_ends_itself_over_two_kernels_and_the_winner_goes_first(tmp_path: Path) -> None:
    """Draws of both count; the one that sees it clearly says so; both use it, and so does the next."""
    books = tmp_path / "books.db"

    async def forty(of: Router) -> list[Answer]:
        of.runtime()
        answers = await asyncio.gather(*(outcome(of, f"hello {number}") for number in range(40)))
        return [answer for answer in answers if isinstance(answer, Answer)]

    async def play(server: ScriptedServer) -> tuple[list[str], list[str]]:
        notes: list[str] = []
        async with two(server, books, outcome="latency") as one, two(server, books, outcome="latency") as other:
            for answers in await asyncio.gather(*(forty(of) for of in (one, other))):  # at once: before anything could be clear
                notes += [note for answer in answers for note in answer.notes]
                assert {answer.plan.candidates[0].model for answer in answers} == {"quick", "slow"}
            await until(lambda: not one.runtime().tasks and not other.runtime().tasks)  # the draws are written
            of_one = [standing for standing in await asyncio.to_thread(standings, one.runtime()) if standing.name == "speed"]
            assert sum(arm.requests for arm in of_one[0].arms) == 80
            await one.runtime().experiments.look()
            for of in (one, other):
                last = await outcome(of)
                assert isinstance(last, Answer)
                notes += last.notes
        async with two(server, books, outcome="latency") as later:
            asked = [await outcome(later) for _ in range(6)]
            return notes, [answer.plan.candidates[0].reason for answer in asked if isinstance(answer, Answer)]

    scripts = {"quick": Chaos(reply="hi"), "slow": Chaos(reply="hi", latency_s=1.5), "spare": Chaos(reply="hi")}
    with ScriptedServer(models=scripts) as server:
        notes, reasons = asyncio.run(play(server))
    assert len(set(reasons)) == 1
    assert reasons[0].startswith("won the experiment speed")
    assert any("quick is better" in note for note in notes)


def test_votes_and_checks_and_cost_decide_what_they_are_asked_to(tmp_path: Path) -> None:
    """Each outcome is read from the books as it is."""

    async def play(server: ScriptedServer, kind: str) -> dict[str, float]:
        models = {"quick": {"price": PRICE}, "slow": {"price": {"input": 10, "output": 20}}}
        table = {"x": {"route": "chat", "models": {"quick": 1, "slow": 1}, "outcome": kind}}
        async with router(server, models=models, books=tmp_path / f"{kind}.db", experiments=table) as of:
            for number in range(40):
                answer = await outcome(of, f"hello {number}")
                assert isinstance(answer, Answer)
                if kind == "votes":
                    await asyncio.to_thread(of.vote, answer.request_id, answer.attempts[-1].model == "quick")
            await until(lambda: not of.runtime().tasks)
            (standing,) = await asyncio.to_thread(standings, of.runtime())
            return {arm.model: arm.mean for arm in standing.arms}

    with ScriptedServer(script=Chaos(reply="one two three")) as server:
        assert asyncio.run(play(server, "votes")) == {"quick": 1.0, "slow": 0.0}
        assert asyncio.run(play(server, "checks")) == {"quick": 1.0, "slow": 1.0}
        cost = asyncio.run(play(server, "cost"))
    assert cost["slow"] == pytest.approx(10 * cost["quick"], rel=0.1)
    assert list(cost) == ["quick", "slow"]


def test_names_that_lead_nowhere_are_refused() -> None:
    """With the nearest right one."""
    text = """
[providers.p]
kind = "embedded"
[models.one]
provider = "p"
id = "x"
[models.two]
provider = "p"
id = "y"
[[routes]]
name = "chat"
try = ["one"]
[experiments.x]
route = "chatt"
models = { one = 1, twoo = 1 }
"""
    with pytest.raises(ConfigError) as caught:
        parse(text, file="x")
    assert "Did you mean 'chat'" in str(caught.value)
    assert "Did you mean 'two'" in str(caught.value)
