"""A long input is read in chunks at once, and the parts are put together."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from pipelines_made import DIGEST, LONG, asked, router, script, sent
from served import PRICE, Running, left_reserved, outcome, rows, until

from routebook.config.scripted import Fault
from routebook.errors import AllAttemptsFailed, NoCandidate, UsageError
from routebook.testing import Chaos, ScriptedServer


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
    with ScriptedServer(models=script(small=Chaos(reply="noted", latency_s=0.3))) as server:
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


def test_the_attempts_of_chunks_have_numbers_of_their_own() -> None:
    """`request_id` and `attempt` together name one row, also of what ran at once and fell back."""
    models = script(small=Chaos(reply="x", faults=(Fault(kind="server_error", first=3),)))
    with ScriptedServer(models=models) as server, router(server, DIGEST) as of:
        of.ask_sync(LONG)
        numbers = [row.attempt for row in rows(of)]
    assert len(numbers) == len(set(numbers))


def test_one_chunk_that_fails_ends_the_others() -> None:
    """A digest with a hole in it is wrong without saying so."""
    script_ = script(small=Chaos(latency_s=0.2, reply="x", faults=(Fault(kind="not_found", first=1),)))
    with ScriptedServer(models=script_) as server, router(server, DIGEST) as of:
        assert isinstance(asyncio.run(outcome(of, LONG)), AllAttemptsFailed)
        assert "dear" not in {call.model for call in sent(server)}
        assert left_reserved(of) == (0, 0)


def test_an_optional_step_whose_chunks_are_not_all_answered_says_nothing_and_counts_them() -> None:
    """A part of a document is not taken for the whole; what the part cost is in the answer all the same."""
    models: dict[str, Any] = {name: {"provider": "p", "id": name, "price": PRICE, "max_concurrent": 1} for name in ("small", "dear")}
    models["small"]["rpd"] = 3
    steps = [DIGEST["steps"][0] | {"optional": True}, DIGEST["steps"][1]]
    with ScriptedServer(models=script(small="noted")) as server, router(server, {"steps": steps}, models=models, pools={}) as of:
        answer = of.ask_sync(LONG, deadline_s=20)
        [reduced] = asked(server, "dear")
        assert reduced.partition("---")[2].strip() == ""
        assert sum(attempt.model == "small" for attempt in answer.attempts) == len(asked(server, "small")) == 3
        assert len(answer.attempts) == len(rows(of))
    assert any("was left out" in note for note in answer.notes)


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
