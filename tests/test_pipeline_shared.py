"""What all steps of a pipeline share: rows of one request, deadline, budget, wall, cache, fallbacks, tools."""

from __future__ import annotations

import asyncio
import time

from pipelines_made import DIGEST, LONG, REVIEWED, YES, asked, router, script, sent
from served import PRICE, brief, entry, left_reserved, outcome, rows

from routebook.config.scripted import Fault
from routebook.errors import BudgetExceeded, DeadlineExceeded, NoCandidate
from routebook.testing import Chaos, ScriptedCall, ScriptedServer


def test_the_books_have_a_row_for_each_step_under_one_request() -> None:
    """A frame that is grouped by request has the pipeline's cost, by step that of each."""
    with ScriptedServer(models=script()) as server, router(server, REVIEWED) as of:
        answer = of.ask_sync("count to ten", notebook="n.ipynb", cell_id="c")
        kept = rows(of)
        assert {row.request_id for row in kept} == {answer.request_id}
        assert [(row.step, row.attempt) for row in kept] == [("draft", 1), ("validate", 2), ("direct", 3), ("draft", 4), ("validate", 5)]
        assert {(row.notebook, row.cell_id) for row in kept} == {("n.ipynb", "c")}
        assert [row.kind for row in kept] == ["answer", "judge", "answer", "answer", "judge"]
        costs = [row.cost_usd for row in kept]
        assert None not in costs
        assert answer.cost_usd == sum(cost for cost in costs if cost is not None)
        assert answer.attempts == tuple(kept)
        assert answer.attempt.step == "draft"
        frame = of.frame()
        assert frame.groupby("step", observed=True).size().to_dict() == {"draft": 2, "validate": 2, "direct": 1}
        assert of.vote(answer.request_id, good=True).step == "draft"
        assert left_reserved(of) == (0, 0)


def test_one_deadline_is_for_all_steps() -> None:
    """Three steps of 60 s each are no answer to one who said 60 s."""
    models = script(small=Chaos(reply="draft", latency_s=0.5), yes=Chaos(reply=YES, latency_s=30))
    with ScriptedServer(models=models) as server, router(server, REVIEWED, order=("yes",)) as of:
        began = time.monotonic()
        error = asyncio.run(outcome(of, "hello", deadline_s=1.5))
        assert time.monotonic() - began < 10
        assert isinstance(error, DeadlineExceeded)
        assert [row.status for row in rows(of)] == ["ok", "timeout"]


def test_one_budget_is_for_all_steps() -> None:
    """`--budget` is what the cell may cost, and a step that could pass it is not sent."""
    with ScriptedServer(models=script(small=Chaos(tokens=100))) as server, router(server, REVIEWED) as of:
        error = asyncio.run(outcome(of, "hello", budget_usd=0.0004, max_tokens=100))
        assert isinstance(error, BudgetExceeded)
        spent = [row.cost_usd for row in rows(of)]
        assert 1 <= len(spent) < 5
        assert sum(cost for cost in spent if cost is not None) <= 0.0004


def test_the_wall_stands_around_every_step() -> None:
    """A validator that is far away would read the draft, and the draft the prompt."""
    with ScriptedServer(models=script()) as server, ScriptedServer(models=script()) as far:
        providers = {"p": entry(server, tier="local"), "far": entry(far)}
        models = {"small": {"provider": "p", "id": "small"}, "dear": {"provider": "far", "id": "dear", "price": PRICE}}
        pipeline = {"steps": [{"name": "draft", "model": "small"}, {"name": "polish", "model": "dear"}]}
        with router(server, pipeline, providers=providers, models=models, pools={}) as of:
            assert isinstance(asyncio.run(outcome(of, "hello", local=True)), NoCandidate)
            assert far.seen.attempts == 0
            assert of.ask_sync("hello").model == "dear"


def test_each_step_is_cached_by_itself() -> None:
    """Run again, nothing is asked; with another question only what depends on it."""
    steps = [
        {"name": "rules", "model": "small", "input": "say the rules"},
        {"name": "reply", "model": "dear", "input": "{{rules}} {{prompt}}"},
    ]
    with ScriptedServer(models=script()) as server:
        with router(server, {"steps": steps}, route={"cache": {"ttl_s": 600}}) as of:
            first = of.ask_sync("one")
            again = of.ask_sync("one")
            of.ask_sync("two")
            assert [(row.step, row.attempt, row.status) for row in of.attempts(again.request_id)] == [
                ("rules", 1, "cached"),
                ("reply", 2, "cached"),
            ]
        assert [call.model for call in sent(server)] == ["small", "dear", "dear"]
    assert again.text == first.text
    assert again.cost_usd == 0


def test_a_step_falls_back_as_its_route_says() -> None:
    """A step is a request: what holds for requests holds for it."""
    pools = {"both": {"models": ["small", "dear"]}, "validators": {"models": ["yes"]}}
    steps = [{"name": "draft", "model": "both"}, {"name": "check", "model": "validators", "yes": ["PASS"]}]
    with (
        ScriptedServer(models=script(small=Chaos(faults=(Fault(kind="not_found"),)))) as server,
        router(server, {"steps": steps}, order=("yes",), pools=pools) as of,
    ):
        answer = of.ask_sync("hello")
        assert brief(answer.attempts) == [("small", "answer", "error"), ("dear", "fallback", "ok"), ("yes", "judge", "ok")]
        assert [row.attempt for row in answer.attempts] == [1, 2, 3]
        assert answer.attempt.model == answer.model == "dear"


def look_up(query: str) -> str:
    """Look something up."""
    return f"what is known of {query}"


def test_a_step_may_have_tools_and_who_judges_has_none() -> None:
    """A research chain: one model searches, another one reads what was found."""
    asks = Chaos(reply="found it", calls=((ScriptedCall(name="look_up", arguments={"query": "rain"}),),))
    steps = [
        {"name": "search", "model": "small", "tools": ["look_up"], "role": "Search."},
        {"name": "analyze", "model": "dear", "tools": [], "input": "{{prompt}} | {{search}}"},
        {"name": "validate", "model": "yes", "yes": ["PASS"]},
    ]
    tools = {"look_up": {"python": "test_pipeline_shared:look_up", "network": False}}
    with ScriptedServer(models=script(small=asks)) as server:
        with router(server, {"answer": "analyze", "steps": steps}, tools=tools) as of:
            answer = of.ask_sync("Does it rain?", tools="all")
            numbers = [(row.step, row.attempt, row.kind) for row in rows(of)]
        assert [call.model for call in sent(server)] == ["small", "small", "dear", "yes"]
        assert [bool(call.json().get("tools")) for call in sent(server)] == [True, True, False, False]
        assert sent(server)[1].json()["messages"][-1]["content"] == "what is known of rain"
        assert asked(server, "dear") == ["Does it rain? | found it"]
    assert answer.text == "use a for loop"
    assert [(run.name, run.status) for run in answer.tools] == [("look_up", "ok")]
    assert numbers == [("search", 1, "answer"), ("search", 2, "tool"), ("analyze", 3, "answer"), ("validate", 4, "judge")]


def test_what_a_run_would_cost_counts_every_step() -> None:
    """A draft that is free hides a validator that is not, and a Run All must ask before it."""
    steps = [{"name": "draft", "model": "free"}, {"name": "check", "model": "dear", "yes": ["PASS"]}]
    with ScriptedServer(models=script()) as server:
        models = {
            "free": {"provider": "p", "id": "small", "price": {"input": 0, "output": 0}},
            "dear": {"provider": "p", "id": "dear", "price": PRICE},
        }
        route = {"try": ["free"]}
        with router(server, {"steps": steps}, models=models, pools={}, route=route) as of:
            found = of.replay_cost(["hello"])
            assert (found.asked, found.unpriced) == (2, 0)
            assert found.cost_usd > 0
            assert of.replay_cost(["hello"], model="free").cost_usd == 0
        with router(server, DIGEST) as of:
            assert of.replay_cost([LONG]).asked > 5
        assert server.seen.attempts == 0
