"""Models that are named and not there are pulled where that is allowed, with progress, and without holding up who cannot wait."""

from __future__ import annotations

import asyncio
from typing import Any

from box import box, disk, memory_of, stored
from served import brief, heard, outcome, rows, until

from routebook.errors import AllAttemptsFailed, LimitReached, PullFailed
from routebook.events import Waiting
from routebook.testing import Chaos, Memory, ScriptedServer

PULL = {"pull": True}


def ollama(memory: Memory) -> ScriptedServer:
    """A machine that can pull `new:1`, and nothing else."""
    return ScriptedServer(wire="ollama", script=Chaos(reply="Four."), memory=memory)


def pulling(*, pull_s: float = 0.5, **more: Any) -> Memory:  # noqa: ANN401  of Memory
    """Its disk has `old:1`; `new:1` can be pulled."""
    return Memory(disk("old"), pullable={"new:1": stored(4.7)}, pull_s=pull_s, **more)


def test_a_model_that_is_not_there_is_pulled_with_progress_and_answers() -> None:
    """The cell says how far it is, in per cent and gigabytes; two requests share one pull."""
    with ollama(pulling(pull_s=2)) as server:
        of = box(server, "new", provider=PULL)

        async def main() -> None:
            (events, error), other = await asyncio.gather(heard(of, "hello", deadline_s=60), of.ask("hello again", deadline_s=60))
            assert error is None
            said = [event.reason for event in events if isinstance(event, Waiting) and event.reason.startswith("pulling new:1: ")]
            assert len(said) >= 3
            assert any("of 4.7 GB" in reason and "%" in reason for reason in said)
            assert any("s more" in reason for reason in said)
            assert other.text == "Four."

        try:
            asyncio.run(main())
            assert memory_of(server).pulls == {"new:1": 1}
        finally:
            of.close()


def test_a_pull_that_outlives_the_request_goes_on_and_the_next_prompt_finds_the_model() -> None:
    """The next candidate answers, with enough of its time left."""
    with ollama(pulling(pull_s=4)) as server:
        of = box(server, "new", "old", provider=PULL)

        async def main() -> None:
            _, error = await heard(of, "hello", deadline_s=6)
            assert error is None
            assert brief(rows(of)) == [("old", "fallback", "ok")]
            assert "new is being pulled" in rows(of)[0].reason
            (line,) = of.runtime().machine.pulls.lines
            assert (line.provider, line.model) == ("mac", "new:1")
            assert "of 4.7 GB" in line.progress
            await until(lambda: not of.runtime().machine.pulls.lines, within_s=30)
            answer = await of.ask("hello")
            assert answer.model == "new"

        try:
            asyncio.run(main())
            assert memory_of(server).pulls == {"new:1": 1}
        finally:
            of.close()


def test_with_nobody_else_to_ask_the_error_says_how_far_the_pull_is() -> None:
    """And that it goes on."""
    with ollama(pulling(pull_s=20)) as server:
        of = box(server, "new", provider=PULL)
        try:
            error = asyncio.run(outcome(of, "hello", deadline_s=2))
            assert isinstance(error, LimitReached)
            assert "new is being pulled (" in str(error)
            assert "which goes on: ask again later" in str(error)
        finally:
            of.close()


def test_no_space_and_an_unknown_name_are_errors_that_say_what_to_do() -> None:
    """The next candidate answers all the same, the row says what was wrong, and it is not pulled again with each prompt."""
    with ollama(pulling(free_bytes=2_000_000_000, pull_s=0.1)) as server:
        models: dict[str, Any] = {"new": {}, "nobody-knows": {}, "old": {}}
        of = box(server, models=models, provider=PULL)
        try:
            answer = of.ask_sync("hello")
            assert answer.model == "old"
            space, unknown, _ = answer.attempts
            assert (space.status, space.error_type) == ("error", "PullFailed")
            assert "there is no space for new:1" in (space.error or "")
            assert "Free some space" in (space.error or "")
            assert "there is no model 'nobody-knows:1' to pull" in (unknown.error or "")
            of.ask_sync("hello again")
            assert memory_of(server).pulls == {"new:1": 1, "nobody-knows:1": 1}
            alone = asyncio.run(outcome(of, "hello", model="new"))
            assert isinstance(alone, AllAttemptsFailed)
            assert isinstance(alone.__cause__, PullFailed)
        finally:
            of.close()


def test_without_leave_nothing_is_pulled_and_the_error_says_what_to_type() -> None:
    """`pull` is off unless the user turns it on: gigabytes come only when asked for."""
    with ollama(pulling()) as server:
        of = box(server, "new", provider={})
        try:
            error = asyncio.run(outcome(of, "hello"))
            assert "ollama pull new:1" in str(error)
            assert not memory_of(server).pulls
        finally:
            of.close()


def test_behind_the_wall_nothing_is_pulled() -> None:
    """A pull asks a registry out there; who says that nothing may leave means that too."""
    with ollama(pulling()) as server:
        of = box(server, "new", "old", provider=PULL)
        try:
            answer = of.ask_sync("hello", local=True)
            assert answer.model == "old"
            assert "a pull would leave the machine" in (answer.attempts[0].error or "")
            assert not memory_of(server).pulls
        finally:
            of.close()


def test_a_discovering_provider_plans_a_model_that_it_may_pull() -> None:
    """Without leave to pull it is left out, with what to type."""
    with ollama(pulling(pull_s=0.1)) as server:
        for may in (False, True):
            of = box(server, "new", provider={"discover": True, "pull": may})
            try:
                plan = of.plan("hello")
                assert [one.model for one in plan.candidates] == (["new"] if may else [])
            finally:
                of.close()
