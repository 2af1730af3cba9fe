"""What is billed is in the books, and no more can be billed than was reserved: answers that are none, and answers whose length nobody said."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from rawserver import events, raw
from served import PRICE, loaded, outcome, router, rows

from routebook.engine.router import Router
from routebook.messages import Answer, Attempt
from routebook.testing import Chaos, ScriptedServer

MILLION = Decimal(1_000_000)


def chunk(**choice: Any) -> str:  # noqa: ANN401  of a choice
    """One event of a stream."""
    return json.dumps({"choices": [{"index": 0, **choice}]})


def openai(reason: str, **usage: Any) -> bytes:  # noqa: ANN401  counts
    """A stream of no words in OpenAI's format, with its end and what it used."""
    return events(
        chunk(delta={"content": ""}), chunk(delta={}, finish_reason=reason), json.dumps({"choices": [], "usage": usage}), "[DONE]"
    )


def anthropic(reason: str) -> bytes:
    """The same in Anthropic's."""
    return events(
        json.dumps({"type": "message_start", "message": {"usage": {"input_tokens": 5000, "output_tokens": 1}}}),
        json.dumps({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 4096}}),
        json.dumps({"type": "message_stop"}),
    )


def gemini(reason: str) -> bytes:
    """The same in Gemini's."""
    usage = {"promptTokenCount": 5000, "candidatesTokenCount": 96, "thoughtsTokenCount": 4000}
    return events(json.dumps({"candidates": [{"finishReason": reason}], "usageMetadata": usage}))


USED = {"prompt_tokens": 5000, "completion_tokens": 4096}


async def asked(kind: str, stream: bytes) -> tuple[Any, list[Attempt]]:
    """What one attempt at a provider of that kind led to, and its rows."""
    async with raw(stream) as server:
        of = Router(
            loaded(
                providers={"p": {"kind": kind, "base_url": server.url, "tier": "paid"}},
                models={"a": {"provider": "p", "id": "a", "price": PRICE}},
                routes=[{"name": "chat", "try": ["a"]}],
                defaults={"max_attempts": 1},
            )
        )
        async with of:
            found = await outcome(of, max_tokens=4096)
            return found, rows(of)


@pytest.mark.parametrize(
    ("kind", "stream", "status"),
    [
        ("openai", openai("stop", **USED), "error"),
        ("openai", openai("content_filter", **USED), "refused"),
        ("anthropic", anthropic("end_turn"), "error"),
        ("anthropic", anthropic("refusal"), "refused"),
        ("gemini", gemini("STOP"), "error"),
        ("gemini", gemini("SAFETY"), "refused"),
    ],
)
def test_an_answer_without_a_word_is_counted_with_the_tokens_that_were_reported(kind: str, stream: bytes, status: str) -> None:
    """They are billed; booked as nothing they would pass every cap."""
    _, (row,) = asyncio.run(asked(kind, stream))
    assert (row.status, row.input_tokens, row.output_tokens, row.tokens_estimated) == (status, 5000, 4096, False)
    assert row.cost_usd == (5000 * 1 + 4096 * 2) / MILLION


def test_an_answer_all_of_which_went_into_hidden_thinking_is_one_that_was_cut() -> None:
    """To ask it again would cost the same for the same."""
    stream = openai("length", **USED, completion_tokens_details={"reasoning_tokens": 4096})
    found, (row,) = asyncio.run(asked("openai", stream))
    assert isinstance(found, Answer)
    assert (found.text, found.finish_reason) == ("", "length")
    assert (row.status, row.output_tokens, row.thinking_tokens) == ("ok", 4096, 4096)


def test_of_several_choices_the_first_is_read() -> None:
    """Their pieces come in turn."""
    pieces = [(0, "Hel"), (1, "Bye"), (0, "lo"), (1, " now")]
    said = [json.dumps({"choices": [{"index": index, "delta": {"content": text}}]}) for index, text in pieces]
    ends = [json.dumps({"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}) for index in (1, 0)]
    found, _ = asyncio.run(asked("openai", events(*said, *ends, "[DONE]")))
    assert found.text == "Hello"


@pytest.mark.parametrize(
    ("model", "tables", "told"),
    [
        ({}, {"budgets": {"total": {"daily": 10}}}, 4096),
        ({"max_output": 2000}, {"budgets": {"total": {"daily": 10}}}, 2000),
        ({"price": {"input": 0, "output": 0}}, {"budgets": {"total": {"daily": 10}}}, None),
        ({"price": {"input": 0, "output": 0}}, {"pools": {"grant": {"models": ["a"], "tokens": 10_000}}}, 4096),
        ({"max_output": 2000}, {"pools": {"grant": {"models": ["a"], "tokens": 10_000}}}, 2000),
        ({}, {}, None),
        ({"max_output": 2000}, {}, None),
    ],
    ids=[
        "a cap",
        "a cap and the model's own most",
        "a cap and no price",
        "a pool of tokens",
        "a pool and the model's most",
        "nothing",
        "no cap",
    ],
)
def test_a_model_is_told_how_long_an_answer_was_reserved_for(model: dict[str, Any], tables: dict[str, Any], told: int | None) -> None:
    """Else it may say more, and a cap or a pool is passed."""
    with ScriptedServer(script=Chaos(tokens=3)) as server:
        of = router(server, models={"a": model}, **tables)
        of.ask_sync("hello")
        of.close()
        sent = server.seen.calls[0].json()
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == told
