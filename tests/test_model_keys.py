"""A gateway that gives one key for each model: each call carries the key of its model, and no other."""

from __future__ import annotations

import asyncio

import pytest
from served import outcome, router

from routebook.config.read import parse
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, ConfigError
from routebook.messages import Answer
from routebook.testing import Chaos, ScriptedServer

OWN = {"one": {"api_key_env": "GATE_KEY_1"}, "two": {"api_key_env": "GATE_KEY_2"}, "three": {"api_key_env": "GATE_KEY_3"}}


async def asked(of: Router, model: str) -> object:
    """What comes of a prompt to one model."""
    async with of:
        return await outcome(of, model=model)


def test_each_model_is_called_with_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server lets in the second key only."""
    monkeypatch.setenv("GATE_KEY_1", "key-of-one")
    monkeypatch.setenv("GATE_KEY_2", "key-of-two")
    monkeypatch.delenv("GATE_KEY_3", raising=False)
    with ScriptedServer(script=Chaos(reply="come in"), key="key-of-two") as server:
        answer = asyncio.run(asked(router(server, models=OWN), "two"))
        assert isinstance(answer, Answer)
        assert answer.text == "come in"
        refused = asyncio.run(asked(router(server, models=OWN), "one"))
        assert isinstance(refused, AllAttemptsFailed)
        assert "Incorrect API key" in str(refused)


def test_a_model_without_its_key_is_left_out_and_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its neighbours with keys go on."""
    for number in (1, 3):
        monkeypatch.delenv(f"GATE_KEY_{number}", raising=False)
    monkeypatch.setenv("GATE_KEY_2", "key-of-two")

    async def plan() -> tuple[list[str], dict[str, str]]:
        async with router(server, models=OWN) as of:
            made = of.plan("hello")
            return [candidate.model for candidate in made.candidates], {left.model: left.reason for left in made.left_out}

    with ScriptedServer(key="key-of-two") as server:
        taken, left_out = asyncio.run(plan())
    assert taken == ["two"]
    assert "GATE_KEY_1 is not set" in left_out["one"]


def test_a_key_itself_is_refused() -> None:
    """As on a provider."""
    text = """
[providers.gate]
kind = "openai"
base_url = "https://gate.example/v1"
[models.one]
provider = "gate"
id = "ep-1"
api_key_env = "sk-1234567890abcdef"
[[routes]]
name = "chat"
try = ["one"]
"""
    with pytest.raises(ConfigError, match="looks like an API key itself") as caught:
        parse(text, file="x")
    assert "1234567890" not in str(caught.value)


def test_reactions_in_defaults_hold_for_every_route_that_does_not_say_otherwise() -> None:
    """One place for what holds everywhere."""
    config = parse(
        """
[defaults]
on_timeout = { retries = 2 }
on_refusal = { try = ["one"], phrases = ["no way"] }
[providers.here]
kind = "embedded"
[models.one]
provider = "here"
id = "smollm2-135m"
[[routes]]
name = "own"
try = ["one"]
min_tokens = 5
on_timeout = { retries = 0 }
on_refusal = { try = ["one"] }
[[routes]]
name = "chat"
try = ["one"]
""",
        file="x",
    )
    own, chat = config.routes
    assert own.on_timeout is not None
    assert own.on_timeout.retries == 0
    assert own.on_refusal is not None
    assert own.on_refusal.phrases == ("no way",)
    assert (chat.on_timeout, chat.on_refusal) == (config.defaults.on_timeout, config.defaults.on_refusal)
    with pytest.raises(ConfigError, match=r"defaults\.on_refusal\.try"):
        parse(
            '[defaults]\non_refusal = { try = ["onne"] }\n[providers.here]\nkind = "embedded"\n'
            '[models.one]\nprovider = "here"\nid = "x"\n[[routes]]\nname = "chat"\ntry = ["one"]\n',
            file="x",
        )
