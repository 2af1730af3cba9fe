"""Thinking: on, off, and kept across turns, in every wire format, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kernels import running_kernel, said
from rawserver import events, raw
from served import PRICE, loaded, rows

from routebook.backends.dialects import dialect_of
from routebook.backends.openai_turns import turns
from routebook.backends.registry import open_backend
from routebook.config.values import Provider
from routebook.engine.admission.reserve import most_input
from routebook.engine.router import Router
from routebook.messages import Answer, Call, Finish, Message, Overrides, Params
from routebook.testing import Chaos, ScriptedServer

WIRES = ("openai", "anthropic", "gemini", "ollama")
THOUGHT = "Two and two."
SCRIPT = Chaos(reply="Four.", thoughts=THOUGHT)
MODELS = {"thinker": SCRIPT, "other": SCRIPT}
ASKED = Message(role="user", content="What is two and two?")


@contextmanager
def served(wire: Any, **model: Any) -> Iterator[tuple[ScriptedServer, Router]]:  # noqa: ANN401  keys of a model
    """A server that thinks, and a router in front of it with two models of one provider, and one of another."""
    with ScriptedServer(wire=wire, models=MODELS) as server:
        entry = {"kind": wire, "base_url": server.url, "tier": "paid"}
        names = {"thinker": ("p", "thinker"), "other": ("p", "other"), "far": ("q", "thinker")}
        made = Router(
            loaded(
                providers={"p": entry, "q": entry},
                models={
                    name: {"provider": provider, "id": id_, "price": PRICE, "max_output": 4096, **model}
                    for name, (provider, id_) in names.items()
                },
                routes=[{"name": "chat", "try": ["thinker"]}],
            )
        )
        with closing(made) as router:
            yield server, router


def ask(router: Router, prompt: str = "What is two and two?", **overrides: Any) -> Answer:  # noqa: ANN401
    """Ask; the limit leaves room to think."""
    return router.ask_sync(prompt, **Overrides(max_tokens=4000, **overrides))  # type: ignore[typeddict-item]  # whatever a test gives


def said_before(server: ScriptedServer) -> Any:  # noqa: ANN401  JSON
    """The model's earlier turn, as the last call has it."""
    body = server.seen.calls[-1].json()
    return next(turn for turn in body.get("messages", body.get("contents")) if turn["role"] in ("assistant", "model"))


def in_form(wire: str, *, stream: bool = True) -> Any:  # noqa: ANN401  JSON
    """The turn as each provider wants it back; Gemini signs a stream in a part of its own, which must not be merged with another."""
    thinking = {"type": "thinking", "thinking": THOUGHT, "signature": "thought-0"}
    signed = (
        [{"text": "Four."}, {"text": "", "thoughtSignature": "thought-0"}]
        if stream
        else [{"text": "Four.", "thoughtSignature": "thought-0"}]
    )
    return {
        "openai": {"role": "assistant", "content": "Four.", "reasoning_content": THOUGHT},
        "anthropic": {"role": "assistant", "content": [thinking, {"type": "text", "text": "Four."}]},
        "gemini": {"role": "model", "parts": signed},
        "ollama": {"role": "assistant", "content": "Four.", "thinking": THOUGHT},
    }[wire]


def plainly(wire: str) -> Any:  # noqa: ANN401  JSON
    """The turn without what was thought in it."""
    if wire == "gemini":
        return {"role": "model", "parts": [{"text": "Four."}]}
    return {"role": "assistant", "content": "Four."}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("wire", WIRES)
def test_thoughts_are_apart_from_the_answer_and_are_counted_and_paid_for(wire: str, stream: bool) -> None:  # noqa: FBT001
    """They are output to whoever bills it, and nobody's text."""
    with served(wire) as (_, router):
        answer = ask(router, think="on", stream=stream)
        [row] = rows(router)
    assert (answer.text, answer.thinking) == ("Four.", THOUGHT)
    assert row.output_tokens is not None
    assert row.output_tokens >= 4
    assert row.thinking_tokens is not None
    assert 1 <= row.thinking_tokens <= row.output_tokens
    assert row.cost_usd is not None
    assert float(row.cost_usd) == pytest.approx(((row.input_tokens or 0) * 1 + row.output_tokens * 2) / 1e6)


@pytest.mark.parametrize("wire", WIRES)
def test_a_model_that_may_not_think_does_not(wire: str) -> None:
    """It is switched off in the way each provider knows."""
    with served(wire) as (_, router):
        answer = ask(router, think="off")
        [row] = rows(router)
    assert (answer.text, answer.thinking, row.thinking_tokens) == ("Four.", "", None)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("wire", WIRES)
def test_kept_thoughts_go_back_in_the_form_that_their_provider_wants(wire: str, stream: bool) -> None:  # noqa: FBT001
    """Signatures and all: what is not as it came is refused, or does harm."""
    with served(wire) as (server, router):
        first = ask(router, think="keep", stream=stream)
        ask(router, "And three?", think="keep", history=(ASKED, first.turn), stream=stream)
        assert said_before(server) == in_form(wire, stream=stream)


@pytest.mark.parametrize(
    ("think", "model"), [("on", "thinker"), ("off", "thinker"), (None, "thinker"), ("keep", "other"), ("keep", "far")],
    ids=["on", "off", "unsaid", "another model", "another provider"],
)  # fmt: skip
@pytest.mark.parametrize("wire", WIRES)
def test_thoughts_that_are_not_kept_go_to_nobody_and_kept_ones_only_to_who_thought_them(wire: str, think: Any, model: str) -> None:  # noqa: ANN401
    """A signature of one model is an error to another, and a thought may say more than its answer."""
    with served(wire) as (server, router):
        first = ask(router, think="keep")
        ask(router, "And three?", think=think, model=model, history=(ASKED, first.turn))
        assert said_before(server) == plainly(wire)
        assert THOUGHT not in server.seen.calls[-1].body.decode()
        assert "thought-0" not in server.seen.calls[-1].body.decode()


@pytest.mark.parametrize("wire", WIRES)
def test_a_model_may_say_itself_that_its_thinking_is_kept(wire: str) -> None:
    """`thinking = "keep"` in routing.toml is enough."""
    with served(wire, thinking="keep") as (server, router):
        first = ask(router)
        ask(router, "And three?", history=(ASKED, first.turn))
        assert said_before(server) == in_form(wire)
        ask(router, "And four?", history=(ASKED, first.turn), think="on")
        assert said_before(server) == plainly(wire)


@pytest.mark.parametrize("wire", WIRES)
def test_no_name_of_ours_reaches_a_provider(wire: str) -> None:
    """Who said a turn, and what is to be echoed, is our own business; strict servers refuse unknown keys."""
    with served(wire) as (server, router):
        first = ask(router, think="keep")
        for think in ("keep", "off"):
            ask(router, "And three?", think=think, history=(ASKED, first.turn))
            assert not {"by", "echo", "calls", "is_error"} & set(said_before(server))


def test_thoughts_that_go_back_are_reserved_for_like_any_input() -> None:
    """They are billed, so a cap must know of them."""
    turn = Message(role="assistant", content="Four.", echo={"ollama": "hm " * 1000})
    call = Call(model_id="m", messages=(ASKED, turn), params=Params())
    assert most_input(call) > 1000


def test_the_cache_tells_a_conversation_with_thoughts_from_one_without() -> None:
    """The answer depends on them."""
    with served("ollama", thinking="keep") as (server, router):
        first = ask(router)
        plain = Message(role="assistant", content=first.text)
        for turn in (first.turn, plain, first.turn, plain):
            ask(router, "And three?", history=(ASKED, turn), cache=600)
        assert server.seen.attempts == 3


def test_a_cell_folds_thoughts_away_and_keeps_them_for_the_next(tmp_path: Path) -> None:
    """`--think keep --history 1` is all that one types."""
    with ScriptedServer(wire="anthropic", models=MODELS) as server:
        model = 'provider = "p"\nid = "thinker"\nprice = { input = 1, output = 2 }\nmax_output = 4096\n'
        text = f'[providers.p]\nkind = "anthropic"\nbase_url = "{server.url}"\n[models.thinker]\n{model}[[routes]]\nname = "chat"\ntry = ["thinker"]\n'
        (tmp_path / "routing.toml").write_text(text)
        with running_kernel(tmp_path) as kernel:
            assert kernel.run("%load_ext routebook").status == "ok"
            run = kernel.run("%%route --think keep -o a\nWhat is two and two?")
            assert "<details" in run.html
            assert THOUGHT in run.html
            assert THOUGHT not in run.text
            assert said(kernel, "print(a.text, a.thinking, a.attempt.thinking_tokens > 0, a.cost_usd > 0)") == f"Four. {THOUGHT} True True"
            for line, turn in (("--think keep --history 1", in_form("anthropic")), ("--think on --history 1", plainly("anthropic"))):
                assert kernel.run(f"%%route {line}\nAnd three?").status == "ok"
                assert said_before(server) == turn


# ---- how servers of Chat Completions differ


def chunk(**delta: Any) -> str:  # noqa: ANN401  JSON
    """One event."""
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


END = (json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}), "[DONE]")


def echoed(*chunks: str) -> Any:  # noqa: ANN401  JSON
    """The turn that goes back after an answer of such events, over a real socket."""

    async def run() -> Finish:
        async with raw(events(*chunks, *END)) as server:
            backend = open_backend("acme", Provider(kind="openai", base_url=server.url), key=None, models={})
            try:
                got = [event async for event in backend.stream(Call(model_id="m", messages=(ASKED,), params=Params()))]
            finally:
                await backend.aclose()
        last = got[-1]
        assert isinstance(last, Finish)
        return last

    finish = asyncio.run(run())
    [turn] = turns([Message(role="assistant", content="Four.", echo=finish.echo)], dialect=dialect_of("127.0.0.1"))
    return turn


TEXT = chunk(content="Four.")


@pytest.mark.parametrize(
    ("chunks", "turn"),
    [
        ((chunk(reasoning="hm "), chunk(reasoning="so"), TEXT), {"content": "Four.", "reasoning": "hm so"}),
        ((chunk(reasoning_content="hm"), TEXT), {"content": "Four.", "reasoning_content": "hm"}),
        ((chunk(reasoning="hm", reasoning_content="hm"), TEXT), {"content": "Four.", "reasoning_content": "hm"}),
        (
            (
                chunk(reasoning="a", reasoning_details=[{"type": "reasoning.text", "text": "a", "index": 0, "format": "x"}]),
                chunk(reasoning="b", reasoning_details=[{"type": "reasoning.text", "text": "b", "index": 0, "signature": None}]),
                chunk(content="", reasoning_details=[{"type": "reasoning.text", "signature": "s1", "index": 0}]),
                chunk(content="Four.", reasoning_details=[{"type": "reasoning.encrypted", "data": "zz", "index": 1}]),
            ),
            {
                "content": "Four.",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "ab", "index": 0, "format": "x", "signature": "s1"},
                    {"type": "reasoning.encrypted", "data": "zz", "index": 1},
                ],
            },
        ),
        (
            (chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]), TEXT),
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Four."}]},
        ),
        ((TEXT,), {"content": "Four."}),
    ],
    ids=["reasoning", "reasoning_content", "both", "reasoning_details", "parts", "none"],
)  # fmt: skip
def test_thoughts_go_back_under_the_name_they_came_under(chunks: tuple[str, ...], turn: dict[str, Any]) -> None:
    """Groq, DeepSeek, OpenRouter and Mistral each have their own, and refuse or drop the others'."""
    sent = echoed(*chunks)
    if isinstance(sent, Message):
        assert (sent.role, sent.content, sent.echo) == ("assistant", turn["content"], {})
    else:
        assert sent == {"role": "assistant", **turn}


def test_a_redacted_thought_of_anthropic_goes_back_as_it_came() -> None:
    """Nobody can read it but the model, and it must not be changed."""
    redacted = {"type": "redacted_thinking", "data": "EmwKAhgB"}
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 1, "output_tokens": 1}}}
    stream = [
        start,
        {"type": "content_block_start", "index": 0, "content_block": redacted},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Four."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]

    async def run() -> Finish:
        async with raw(events(*map(json.dumps, stream))) as server:
            backend = open_backend("acme", Provider(kind="anthropic", base_url=server.url), key="k", models={})
            try:
                got = [event async for event in backend.stream(Call(model_id="m", messages=(ASKED,), params=Params()))]
            finally:
                await backend.aclose()
        last = got[-1]
        assert isinstance(last, Finish)
        return last

    assert asyncio.run(run()).echo == {"anthropic": [redacted, {"type": "text", "text": "Four."}]}


@pytest.mark.parametrize(
    ("host", "keep", "off"),
    [
        ("api.z.ai", {"thinking": {"type": "enabled", "clear_thinking": False}}, {"thinking": {"type": "disabled"}}),
        ("api.deepseek.com", {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),
        ("openrouter.ai", {"reasoning": {"enabled": True}}, {"reasoning": {"enabled": False}}),
        ("api.groq.com", {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
    ],
)
def test_each_host_has_its_own_switch(host: str, keep: dict[str, Any], off: dict[str, Any]) -> None:
    """As their documentation has it; `params.extra` overrides them all."""
    dialect = dialect_of(host)
    assert (dialect.think("keep"), dialect.think("off")) == (keep, off)
