"""A plan over a large pool says what a plan over a small one says; what nobody looks at is not made."""

from __future__ import annotations

import copy
import pickle
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from making import config, request, seen

from routebook.config.prices import FREE, baseline, highest
from routebook.config.values import Config, Price
from routebook.engine.left import Left
from routebook.messages import Candidate, Plan, Usage
from routebook.plan.best import by_cost
from routebook.plan.candidates import FEW, Candidates, models_of, pools_of
from routebook.plan.known import Known
from routebook.plan.pick import expected_cost, expected_costs
from routebook.plan.planner import make_plan

MANY = 3 * FEW
AMOUNT = st.integers(0, 4).map(Decimal) | st.decimals(min_value=0, max_value=100, places=6, allow_nan=False)
PRICE = st.builds(Price, input=AMOUNT, output=AMOUNT, cached_input=st.none() | AMOUNT) | st.none() | st.just(FREE)
TOKENS = st.sampled_from([0, 1, 1000]) | st.integers(0, 10**6)


def large(pick: str = "in-order", **changes: Any) -> Config:  # noqa: ANN401  tables as in routing.toml
    """A pool of many models of three providers; some have a small window, some are slow with long prompts."""
    models = {
        f"m{number}": {
            "provider": ("mac", "groq", "claude")[number % 3], "id": f"id-{number}",
            "context": 1_000 if number % 7 == 3 else 100_000, **({"practical_context": 500} if number % 5 == 0 else {}),
        }
        for number in range(MANY)
    }  # fmt: skip
    tables = {
        "models": models,
        "pools": {"all": {"models": list(models), "pick": pick}},
        "routes": [{"name": "chat", "try": ["all"], "avoid": ["m4", "m40"]}],
    }
    return config(**(tables | changes))


def informed(of: Config) -> Known:
    """Some have no price, some cool down, some were seen, one is gone, and one provider has no key."""
    found = Known(clock=lambda: 100.0, unusable={"claude": "it has no key"})
    for number, name in enumerate(of.models):
        found.prices[name] = None if number % 6 == 0 else Price(input=Decimal(number % 11), output=Decimal(number % 13))
        if number % 4 == 0:
            found.state(name).saw_answer(ttft_s=0.1 * (number % 9), latency_s=1.0, output_tokens=100 + number)
        if number % 9 == 1:
            found.state(name).cool(100.0 + number, reason="429")
    found.missing["m31"] = "it is gone"
    return found


def plan(of: Config, of_known: Known, *, text: str = "hello", **asked: Any) -> Plan:  # noqa: ANN401
    """A plan of a plain request."""
    return make_plan(of, request(text, **asked), seen(), known=of_known, rng=random.Random(7))


@pytest.mark.parametrize("words", [1, 900, 2_000])
@pytest.mark.parametrize("pick", ["in-order", "round-robin", "random", "weighted", "least-busy", "cheapest", "fastest", "best"])
def test_a_model_in_a_large_pool_is_planned_as_it_is_alone(pick: str, words: int) -> None:
    """Its cost, its tier, why it cools down, why it is left out: nothing of it depends on how many others there are."""
    of = large(pick, routes=[{"name": "chat", "try": ["all"]}])
    of_known = informed(of)
    made = plan(of, of_known, text="word " * words)
    left_out = {out.model: out.reason for out in made.left_out}
    assert sorted([*models_of(made.candidates), *left_out]) == sorted(of.models)
    by_name = {candidate.model: candidate for candidate in made.candidates}
    for name in of.models:
        alone = plan(of, of_known, text="word " * words, model=name)
        if name in left_out:
            assert [out.reason for out in alone.left_out] == [left_out[name]]
        else:
            own, found = alone.candidates[0], by_name[name]
            assert (found.provider, found.tier, found.expected_cost_usd) == (own.provider, own.tier, own.expected_cost_usd)
            assert found.reason == own.reason.replace("you named it", f"first choice, {pick} of all")
            assert (found.pool, own.pool) == ("all", None)


def test_the_cooling_and_the_crowded_of_a_large_pool_come_last() -> None:
    """In the order in which they are back, behind all that are well."""
    of = large(routes=[{"name": "chat", "try": ["all"]}])
    of_known = informed(of)
    made = plan(of, of_known, text="word " * 600)
    late = [(of_known.cooling_s(name), of.models[name].practical_context is not None) for name in models_of(made.candidates)]
    assert late == sorted(late)
    assert late[0] == (0.0, False)
    assert late[-1][0] > 0


def test_what_a_route_avoids_is_left_out_of_a_large_pool() -> None:
    """And said, as ever."""
    of = large()
    found = {out.model: out.reason for out in plan(of, Known(clock=lambda: 0.0)).left_out}
    assert found == {"m4": "route 'chat' avoids it", "m40": "route 'chat' avoids it"}


def test_a_large_pool_behind_another_name_is_planned_in_order() -> None:
    """The route's own first choice stays the first, and is not tried twice."""
    of = large(routes=[{"name": "chat", "try": ["m9", "all"]}])
    made = plan(of, Known(clock=lambda: 0.0))
    assert models_of(made.candidates)[:3] == ("m9", "m0", "m1")
    assert len(set(models_of(made.candidates))) == len(made.candidates) == MANY
    assert (made.candidates[0].pool, made.candidates[0].reason) == (None, "first choice")
    assert pools_of(made.candidates) == {"all"}


def counted(models: int) -> tuple[Candidates, list[str]]:
    """Candidates, and which of them were made."""
    made: list[str] = []

    def make(name: str) -> Candidate:
        made.append(name)
        return Candidate(model=name, provider="mac", tier="local", pool="all", reason="first choice")

    names = [f"m{number}" for number in range(models)]
    return Candidates(names, make, pools=lambda: {"all"}), made


def test_only_what_is_looked_at_is_made_and_only_once() -> None:
    """Five hundred models in a pool cost a request no more than five do."""
    found, made = counted(500)
    left = Left(found)
    assert (len(left), left.first.model, pools_of(found), models_of(found)[499]) == (500, "m0", {"all"}, "m499")
    left.drop_first()
    left.turn_round()
    assert (left.first.model, found[0].model, found[-1].model) == ("m2", "m0", "m499")
    assert made == ["m0", "m2", "m499"]


def test_many_candidates_are_like_their_tuple() -> None:
    """Whoever has a plan need not know how many there were."""
    found, _ = counted(20)
    whole = tuple(found)
    assert found == whole
    assert whole == found
    assert found != whole[1:]
    assert (hash(found), repr(found), found[1:3], found[-1]) == (hash(whole), repr(whole), whole[1:3], whole[-1])
    with pytest.raises(IndexError):
        found[20]
    for kept in (pickle.loads(pickle.dumps(found)), copy.copy(found), copy.deepcopy(found)):  # noqa: S301  our own
        assert type(kept) is tuple
        assert kept == whole


def test_a_queue_of_candidates_is_walked_in_any_way() -> None:
    """A hedge that wins goes first, a loser leaves, one that cools down comes last."""
    found, _ = counted(5)
    left = Left(found)
    left.put_first(found[3])
    left.remove(found[1])
    assert [candidate.model for candidate in left] == ["m3", "m0", "m2", "m4"]
    left.turn_round()
    assert left.drop_first().model == "m0"
    assert [candidate.model for candidate in left] == ["m2", "m4", "m3"]


@given(st.lists(PRICE, max_size=30), TOKENS, TOKENS, TOKENS | st.none())
@example([Price(input=Decimal(2), output=Decimal(2), cached_input=Decimal(0)), Price(input=Decimal(1), output=Decimal(1))], 100, 100, 1)
def test_the_dearest_of_a_few_prices_is_the_dearest_of_all(
    prices: list[Price | None], tokens: int, cached: int, output: int | None
) -> None:
    """What was saved is told against the dearest model of the plan; looking at few of them must not make it less."""
    usage = Usage(input_tokens=tokens, cached_tokens=cached, output_tokens=output)
    assert baseline(highest(prices), usage=usage) == baseline(prices, usage=usage)


@given(st.lists(PRICE, min_size=1, max_size=20), TOKENS)
def test_costs_compared_as_whole_numbers_are_in_the_order_of_dollars(prices: list[Price | None], tokens: int) -> None:
    """Of equals the first stays the first, and an unknown price comes last."""
    names = [f"m{number}" for number in range(len(prices))]
    known = Known(clock=lambda: 0.0, prices=dict(zip(names, prices, strict=True)))
    usd = {name: expected_cost(price, input_tokens=tokens) for name, price in known.prices.items()}
    expected = sorted(names, key=lambda name: (usd[name] is None, usd[name] or 0))
    assert by_cost(names, expected_costs(names, known, input_tokens=tokens)) == expected


def test_a_price_that_changes_is_seen() -> None:
    """What was made of the old ones is forgotten."""
    known = Known(
        clock=lambda: 0.0, prices={"a": Price(input=Decimal(1), output=Decimal(1)), "b": Price(input=Decimal(2), output=Decimal(2))}
    )
    assert by_cost(["b", "a"], expected_costs(["b", "a"], known, input_tokens=1)) == ["a", "b"]
    assert known.highest(frozenset("ab")) == (known.prices["b"],)
    known.prices["a"] = Price(input=Decimal(3), output=Decimal(3))
    assert by_cost(["b", "a"], expected_costs(["b", "a"], known, input_tokens=1)) == ["b", "a"]
    assert known.highest(frozenset("ab")) == (known.prices["a"],)
