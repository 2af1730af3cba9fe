"""Several requests that lead to one answer: what each step is asked, which comes next, and what is told meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pipelines_made import NO, REVIEWED, asked, router, script, sent
from served import Running, heard, left_reserved, outcome, rows, until

from routebook.config.scripted import Fault
from routebook.errors import AllAttemptsFailed, UsageError
from routebook.events import Done, StepBegan, StepDelta, StepEnded
from routebook.messages import Answer, Delta, Message
from routebook.testing import Chaos, ScriptedServer

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
