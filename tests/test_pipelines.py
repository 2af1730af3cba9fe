"""Several requests that lead to one answer: what each step is asked, which comes next, and what all of them share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest
from served import PRICE, Running, brief, entry, heard, left_reserved, loaded, outcome, rows, until

from routebook.config.scripted import Fault
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, BudgetExceeded, DeadlineExceeded, NoCandidate, UsageError
from routebook.events import Done, StepBegan, StepDelta, StepEnded
from routebook.messages import Answer, Delta, Message
from routebook.testing import Chaos, ScriptedCall, ScriptedServer, SeenCall

NO, YES = "FAIL: the loop never ends.", "PASS"
REVIEWED: dict[str, Any] = {
    "answer": "draft",
    "steps": [
        {
            "name": "draft", "model": "small", "role": "You write code.", "input": "{{prompt}}",
            "again": "{{prompt}}\nBefore: {{draft}}\nWrong: {{verdict}}\nDo: {{direct}}",
        },
        {"name": "validate", "model": "validators", "role": "You validate.", "input": "{{prompt}} | {{draft}}", "max_tokens": 100, "yes": ["PASS"]},
        {"name": "direct", "model": "dear", "when": ["low_quality", "checkpoint"], "input": "{{draft}} | {{validate}}", "max_tokens": 50, "then": "draft"},
    ],
}  # fmt: skip
DIGEST: dict[str, Any] = {
    "steps": [
        {
            "name": "parts",
            "model": "small",
            "over": "chunks",
            "chunk_tokens": 60,
            "input": "{{number}}/{{count}}\n{{chunk}}",
            "max_tokens": 30,
        },
        {"name": "reduce", "model": "dear", "input": "{{question}}\n---\n{{parts}}"},
    ],
}
LONG = "\n\n".join(f"Paragraph {number} says that the value of item {number} is {number * 7}." for number in range(24))


def script(**replies: str | Chaos) -> dict[str, Chaos]:
    """What each model answers."""
    said: dict[str, str | Chaos] = {"small": "draft", "no": NO, "yes": YES, "dear": "use a for loop", **replies}
    return {name: reply if isinstance(reply, Chaos) else Chaos(reply=reply) for name, reply in said.items()}


@contextmanager
def router(
    server: ScriptedServer,
    pipeline: Mapping[str, Any],
    *,
    order: Sequence[str] = ("no", "yes"),
    route: Mapping[str, Any] | None = None,
    **tables: Any,  # noqa: ANN401  as in routing.toml
) -> Iterator[Router]:
    """A router with one pipeline `p`, whose validators answer in turn."""
    names = dict.fromkeys(("small", "dear", *order))
    given: dict[str, Any] = {
        "providers": {"p": entry(server, tier="local")},
        "models": {name: {"provider": "p", "id": name, "price": PRICE} for name in names},
        "pools": {"validators": {"models": list(order), "pick": "round-robin"}},
        "routes": [{"name": "chat", "try": ["small"], "pipeline": "p", **(route or {})}],
        "pipelines": {"p": pipeline},
    }
    with closing(Router(loaded(**(given | tables)))) as made:
        yield made


def asked(server: ScriptedServer, model: str) -> list[str]:
    """What was sent to a model, the prompts only."""
    return [str(call.json()["messages"][-1]["content"]) for call in server.seen.calls if call.model == model]


def sent(server: ScriptedServer) -> list[SeenCall]:
    """All calls, in order."""
    return list(server.seen.calls)


# ---- draft, validate, direct


def test_a_draft_that_is_not_accepted_is_made_again_with_what_was_wrong() -> None:
    """The dear model says fifty tokens, the small one does the work: that is the whole point of roles."""
    with ScriptedServer(models=script()) as server:
        with router(server, REVIEWED) as of:
            answer = of.ask_sync("count to ten")
        assert [call.model for call in sent(server)] == ["small", "no", "dear", "small", "yes"]
        assert asked(server, "small") == ["count to ten", f"count to ten\nBefore: draft\nWrong: {NO}\nDo: use a for loop"]
        assert asked(server, "no") == ["count to ten | draft"]
        assert asked(server, "dear") == [f"draft | {NO}"]
        limits = {call.model: call.json().get("max_tokens") for call in sent(server)}
        assert limits == {"small": None, "no": 100, "yes": 100, "dear": 50}
        roles = [call.json()["messages"][0] for call in sent(server)]
        assert roles[0] == {"role": "system", "content": "You write code."}
        assert roles[1] == {"role": "system", "content": "You validate."}
    assert (answer.text, answer.model, answer.notes) == ("draft", "small", ())
    assert [one.plan.request.step for one in answer.steps] == ["draft", "validate", "direct", "draft", "validate"]


def test_an_accepted_draft_costs_the_director_nothing() -> None:
    """Most drafts are good, and the dearest model must not be asked about them."""
    with ScriptedServer(models=script()) as server:
        with router(server, REVIEWED, order=("yes",)) as of:
            assert of.ask_sync("hello").text == "draft"
        assert [call.model for call in sent(server)] == ["small", "yes"]


def test_rounds_end_and_the_answer_says_that_it_was_never_accepted() -> None:
    """A validator that is never content must not spend the day's budget; and nothing is directed that nobody will draft."""
    with ScriptedServer(models=script()) as server:
        with router(server, {**REVIEWED, "rounds": 2}, order=("no",)) as of:
            answer = of.ask_sync("hello")
        assert [call.model for call in sent(server)] == ["small", "no", "dear", "small", "no"]
    assert answer.text == "draft"
    assert answer.notes == (f"validate said no in round 2 of 2: {NO}",)


def test_a_checkpoint_comes_every_so_many_rounds() -> None:
    """Between two checkpoints the cheap ones go on among themselves."""
    steps = [*REVIEWED["steps"], {"name": "again", "model": "small", "when": "low_quality", "input": "once more", "then": "draft"}]
    with ScriptedServer(models=script()) as server:
        with router(server, {**REVIEWED, "steps": steps, "rounds": 4, "checkpoint": 3}, order=("no",)) as of:
            of.ask_sync("hello")
        assert [call.model for call in sent(server)].count("dear") == 1
        assert [call.model for call in sent(server)].index("dear") == 8  # three rounds of draft and validate, and two of again


@pytest.mark.parametrize(("reply", "models"), [('{"a": 1}', ["small"]), ("no json", ["small", "dear"])], ids=["passes", "fails"])
def test_a_check_of_a_step_s_own_answer_is_a_verdict_too(reply: str, models: list[str]) -> None:
    """A repair is asked for only where something is broken, and is told what."""
    steps = [
        {"name": "draft", "model": "small", "check": "json"},
        {"name": "repair", "model": "dear", "when": "low_quality", "input": "{{draft}}: {{verdict}}"},
    ]
    with ScriptedServer(models=script(small=reply)) as server:
        with router(server, {"steps": steps}) as of:
            answer = of.ask_sync("hello")
        assert [call.model for call in sent(server)] == models
        if len(models) > 1:
            assert asked(server, "dear")[0].startswith("no json: The answer fails the check 'json': it is not JSON")
    assert answer.text == (reply if len(models) == 1 else "use a for loop")


def test_a_step_without_a_model_is_routed_by_its_input() -> None:
    """A general mechanism: whatever routes a prompt routes a step."""
    routes = [{"name": "code", "tasks": ["code_generation"], "try": ["dear"]}, {"name": "chat", "try": ["small"], "pipeline": "p"}]
    steps = [{"name": "plan", "model": "small"}, {"name": "code", "input": "Write a Python function that computes {{prompt}} ({{plan}})."}]
    with ScriptedServer(models=script(small="step by step")) as server:
        with router(server, {"steps": steps}, routes=routes) as of:
            of.ask_sync("hello there")
            assert {row.step: (row.route, row.task) for row in rows(of)}["code"] == ("code", "code_generation")
        assert [call.model for call in sent(server)] == ["small", "dear"]


# ---- what a step's answer is: data


def test_what_a_model_says_is_never_filled_in_again() -> None:
    """A model that writes {{direct}} must not get at what another one said, nor the prompt of a user who writes it."""
    steps = [
        {"name": "first", "model": "small"},
        {"name": "second", "model": "dear", "input": "{{prompt}} / {{first}} / {{ first }} / {x} / {{"},
    ]
    with ScriptedServer(models=script(small="{{prompt}} {{second}}")) as server:
        with router(server, {"steps": steps}) as of:
            of.ask_sync("tell me of {{first}}")
        said = "{{prompt}} {{second}}"
        assert asked(server, "dear") == [f"tell me of {{{{first}}}} / {said} / {said} / {{x}} / {{{{"]


def test_the_conversation_goes_to_the_steps_that_see_the_prompt() -> None:
    """`--history` is for who answers, not for who weighs an answer."""
    past = (Message(role="user", content="my name is Ada"), Message(role="assistant", content="Hello Ada"))
    steps = [{"name": "first", "model": "small"}, {"name": "second", "model": "dear", "input": "shorter: {{first}}"}]
    with ScriptedServer(models=script()) as server:
        with router(server, {"steps": steps}) as of:
            of.ask_sync("who am I?", history=past)
        assert [len(call.json()["messages"]) for call in sent(server)] == [3, 1]


# ---- long inputs


def test_a_long_prompt_is_read_in_chunks_at_once_and_the_parts_are_put_together() -> None:
    """A document that no model of the route handles well still gets an answer, and every word of it is read once."""
    with ScriptedServer(models=script(small=Chaos(reply="noted", latency_s=0.3), dear="the sum")) as server:
        with router(server, DIGEST) as of:
            began = time.monotonic()
            answer = of.ask_sync(LONG)
            took_s = time.monotonic() - began
        parts = sorted(asked(server, "small"), key=lambda text: int(text.split("/")[0]))
        assert len(parts) > 5
        assert "".join(part.partition("\n")[2] for part in parts) == LONG
        assert server.seen.peak_by_model["small"] > 1
        assert took_s < 0.3 * len(parts)
        [reduced] = asked(server, "dear")
        assert reduced.count("noted") == len(parts)
        assert f"[{len(parts)} of {len(parts)}]" in reduced
        assert all(call.json()["max_tokens"] == 30 for call in sent(server) if call.model == "small")
    assert answer.text == "the sum"
    assert len(answer.steps) == len(parts) + 1


def test_chunks_keep_to_the_limits_of_their_model() -> None:
    """All at once means: as far as the limits let them."""
    models = {name: {"provider": "p", "id": name, "price": PRICE, "max_concurrent": 2} for name in ("small", "dear")}
    with ScriptedServer(models=script(small=Chaos(reply="noted", latency_s=0.05))) as server:
        with router(server, DIGEST, models=models, pools={}) as of:
            of.ask_sync(LONG)
        assert server.seen.peak_by_model["small"] == 2


def test_only_a_prompt_that_is_too_long_for_every_candidate_is_digested_first() -> None:
    """`long` on a route costs a short prompt nothing."""
    models: dict[str, Any] = {name: {"provider": "p", "id": name, "price": PRICE, "practical_context": 400} for name in ("small", "dear")}
    with ScriptedServer(models=script()) as server:
        with router(server, DIGEST, models=models, pools={}, route={"pipeline": None, "long": "p"}) as of:
            assert of.ask_sync("hello").steps == ()
            assert of.ask_sync(LONG, model="small").steps == ()  # one who names a model wants its answer
            assert len(of.ask_sync(LONG).steps) > 2
        models["dear"]["practical_context"] = 100_000
        with router(server, DIGEST, models=models, pools={}, route={"pipeline": None, "long": "p", "try": ["small", "dear"]}) as of:
            answer = of.ask_sync(LONG)
    assert (answer.steps, answer.model) == ((), "dear")


def test_a_prompt_that_fits_no_window_is_digested_too() -> None:
    """Without `long` it has no candidate at all."""
    models = {"small": {"provider": "p", "id": "small", "price": PRICE, "context": 600}}
    steps = [{"name": "parts", "over": "chunks"}, {"name": "reduce", "input": "{{parts}}", "max_tokens": 40}]
    with ScriptedServer(models=script(small="n")) as server:
        with router(server, {"steps": steps}, models=models, pools={}, route={"pipeline": None}) as of:
            assert isinstance(asyncio.run(outcome(of, LONG)), NoCandidate)
        with router(server, {"steps": steps}, models=models, pools={}, route={"pipeline": None, "long": "p"}) as of:
            assert of.ask_sync(LONG).text == "n"


def test_too_many_chunks_are_refused_before_anything_is_sent() -> None:
    """A slip of `chunk_tokens` must not send ten thousand requests."""
    steps = [{**DIGEST["steps"][0], "chunk_tokens": 5}]
    with ScriptedServer(models=script()) as server:
        with router(server, {"steps": steps}) as of, pytest.raises(UsageError, match=r"raise chunk_tokens of step 'parts'"):
            of.ask_sync("word " * 5000)
        assert server.seen.attempts == 0


# ---- what all steps share


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


def test_the_attempts_of_chunks_have_numbers_of_their_own() -> None:
    """`request_id` and `attempt` together name one row, also of what ran at once and fell back."""
    models = script(small=Chaos(reply="x", faults=(Fault(kind="server_error", first=3),)))
    with ScriptedServer(models=models) as server, router(server, DIGEST) as of:
        of.ask_sync(LONG)
        numbers = [row.attempt for row in rows(of)]
    assert len(numbers) == len(set(numbers))


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
    tools = {"look_up": {"python": "test_pipelines:look_up", "network": False}}
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


# ---- failing


def test_a_step_that_fails_fails_the_whole_and_is_named() -> None:
    """An answer that nobody validated must not look like one that was."""
    with (
        ScriptedServer(models=script(yes=Chaos(faults=(Fault(kind="not_found"),)))) as server,
        router(server, REVIEWED, order=("yes",)) as of,
    ):
        error = asyncio.run(outcome(of, "hello"))
        assert isinstance(error, AllAttemptsFailed)
        assert error.__notes__ == ["This was step 'validate' of pipeline 'p'."]
        assert [(row.step, row.status) for row in rows(of)] == [("draft", "ok"), ("validate", "error")]


def test_a_step_that_may_be_left_out_is_and_the_answer_says_so() -> None:
    """A search that is down leaves an answer without it, and a reader who knows."""
    steps = [{"name": "search", "model": "no", "optional": True}, {"name": "reply", "model": "dear", "input": "{{prompt}} [{{search}}]"}]
    with ScriptedServer(models=script(no=Chaos(faults=(Fault(kind="not_found"),)))) as server:
        with router(server, {"steps": steps}) as of:
            answer = of.ask_sync("hello")
        assert asked(server, "dear") == ["hello []"]
    assert answer.text == "use a for loop"
    assert "Step 'search' got no answer, and was left out" in answer.notes[0]
    assert [row.step for row in answer.attempts] == ["search", "reply"]


def test_one_chunk_that_fails_ends_the_others() -> None:
    """A digest with a hole in it is wrong without saying so."""
    script_ = script(small=Chaos(latency_s=0.2, reply="x", faults=(Fault(kind="not_found", first=1),)))
    with ScriptedServer(models=script_) as server, router(server, DIGEST) as of:
        assert isinstance(asyncio.run(outcome(of, LONG)), AllAttemptsFailed)
        assert "dear" not in {call.model for call in sent(server)}
        assert left_reserved(of) == (0, 0)


def test_an_unknown_pipeline_names_the_nearest() -> None:
    """As with routes and models."""
    with ScriptedServer(models=script()) as server, router(server, REVIEWED) as of:
        with pytest.raises(UsageError, match=r"There is no pipeline 'q'\. There is 'p'\."):
            of.ask_sync("hello", pipeline="q")
        assert server.seen.attempts == 0


def test_the_caller_may_name_the_pipeline_or_a_model_instead() -> None:
    """What the caller says goes before what the route says."""
    with ScriptedServer(models=script()) as server:
        with router(server, REVIEWED, route={"pipeline": None}, order=("yes",)) as of:
            assert of.ask_sync("hello").steps == ()
            assert len(of.ask_sync("hello", pipeline="p").steps) == 2
        with router(server, REVIEWED, order=("yes",)) as of:
            assert of.ask_sync("hello", model="dear").steps == ()


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


# ---- what is told meanwhile


def told(events: Sequence[object]) -> list[object]:
    """The steps and texts, in order."""
    return [
        (event.step, "began")
        if isinstance(event, StepBegan)
        else (event.step, event.verdict)
        if isinstance(event, StepEnded)
        else event.text
        for event in events
        if isinstance(event, (StepBegan, StepEnded)) or (isinstance(event, Delta) and event.kind == "text")
    ]


def test_deltas_are_the_answer_s_and_steps_are_told_as_steps() -> None:
    """Whoever joins the deltas of a stream has the answer, whether or not it knows of steps."""
    with ScriptedServer(models=script(small="one two")) as server, router(server, REVIEWED, order=("yes",)) as of:
        events, _ = asyncio.run(heard(of))
    assert told(events) == [("draft", "began"), ("draft", None), ("validate", "began"), ("validate", True), "one two"]
    assert "".join(event.text for event in events if isinstance(event, StepDelta) and event.step == "draft") == "one two"
    assert sum(isinstance(event, Done) for event in events) == 1
    assert isinstance(events[-1], Done)


def test_the_last_step_s_text_is_told_as_it_comes() -> None:
    """The answer of a search and its analysis streams like any other."""
    steps = [{"name": "search", "model": "small"}, {"name": "reply", "model": "dear"}]
    with ScriptedServer(models=script(dear="one two three")) as server, router(server, {"steps": steps}) as of:
        events, _ = asyncio.run(heard(of))
    assert told(events) == [("search", "began"), ("search", None), ("reply", "began"), "one", " two", " three", ("reply", None)]


def test_stopping_ends_all_steps_and_keeps_what_there_is() -> None:
    """The stop button is for the cell, however many requests it makes."""

    async def run() -> Answer:
        slow = Chaos(reply="a b c d e f g h", tokens_per_s=2)
        with ScriptedServer(models=script(small="the draft", yes=slow)) as server, router(server, REVIEWED, order=("yes",)) as of:
            running = Running(of)
            await until(lambda: any(isinstance(event, StepDelta) and event.step == "validate" for event in running.seen), within_s=20)
            running.stop()
            await running.over(within_s=10)
            await until(lambda: server.seen.concurrent == 0, within_s=10)
            done = [event for event in running.seen if isinstance(event, Done)]
            assert [row.status for row in rows(of)] == ["ok", "cancelled"]
            assert left_reserved(of) == (0, 0)
            return done[0].answer

    answer = asyncio.run(run())
    assert (answer.text, answer.finish_reason) == ("the draft", "cancelled")


def test_stopping_ends_all_chunks() -> None:
    """What runs at once is stopped at once."""

    async def run() -> None:
        slow = Chaos(reply="a b c d e f g h", latency_s=30)
        with ScriptedServer(models=script(small=slow)) as server, router(server, DIGEST) as of:
            running = Running(of, LONG)
            await until(lambda: server.seen.concurrent > 2, within_s=20)
            running.stop()
            await running.over(within_s=10)
            await until(lambda: server.seen.concurrent == 0, within_s=10)
            assert {row.status for row in rows(of)} == {"cancelled"}
            assert left_reserved(of) == (0, 0)

    asyncio.run(run())
