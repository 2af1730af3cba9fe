"""What is reserved for a prompt is never less than what a tokenizer makes of it, and not absurdly more."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any, Final

import pytest
from calls import call, collect
from hypothesis import given, settings
from hypothesis import strategies as st
from weights_here import real_weights

from routebook.backends.registry import open_backend
from routebook.config.values import Model, Provider
from routebook.engine.admission.reserve import most_input
from routebook.messages import Params
from routebook.text import estimate_tokens
from routebook.tokens import most_tokens

COUNTED: Final[list[dict[str, Any]]] = json.loads((Path(__file__).parent / "token_counts.json").read_text(encoding="utf-8"))
"""Texts of all kinds as ten tokenizers count them (GPT-3 to GPT-4o, Claude 2, Mistral's three, Qwen, DeepSeek, SmolLM2): the most and the median."""
NAMED: Final = [one for one in COUNTED if not one["name"].startswith("mixed")]


def test_no_tokenizer_makes_more_of_a_text_than_is_reserved_for_it() -> None:
    """Digits, tables, code, other scripts, signs that fall apart into many: an input that costs more than was reserved overspends."""
    assert [one["name"] for one in COUNTED if most_tokens(one["text"]) < one["most"]] == []


@pytest.mark.parametrize("name", ["english", "markdown", "python", "json", "sql", "log"])
def test_usual_text_reserves_at_most_some_two_times_what_it_takes(name: str) -> None:
    """A bound that is far too high refuses calls that a budget has room for."""
    one = next(one for one in NAMED if one["name"] == name)
    assert most_tokens(one["text"]) <= 2.3 * one["most"]


@pytest.mark.parametrize(
    "name", ["english", "markdown", "python", "json", "sql", "log", "csv", "digits", "german", "chinese", "arabic", "korean"]
)
def test_the_estimate_is_near_what_most_tokenizers_count(name: str) -> None:
    """A plan that is wrong about a table of numbers by a factor of three leaves out the wrong models."""
    one = next(one for one in NAMED if one["name"] == name)
    assert 0.85 < estimate_tokens(one["text"]) / one["typical"] < 1.45


@given(text=st.text(max_size=200) | st.text(st.characters(codec="ascii"), max_size=200))
def test_any_text_has_a_bound_and_none_is_below_its_parts(text: str) -> None:
    """Half characters and control signs too; a longer text never takes less than was reserved for its beginning, but for a word cut in two."""
    assert 8 <= most_tokens(text) <= 18 * len(text.encode("utf-8", "replace")) + 8
    assert most_tokens(f"{text}\n1234") >= most_tokens(f"{text}\n") + 4
    assert estimate_tokens(text) >= 4
    assert most_tokens("\ud800" + text) >= 8


def test_a_book_is_counted_in_no_time() -> None:
    """It is done before each call."""
    begun = time.process_time()
    most_tokens("The committee had expected good reasons, and found 12,345 of them.\n" * 15_000)
    assert time.process_time() - begun < 5  # 0.1 s where nothing else runs


def test_the_real_model_counts_no_more_than_is_reserved_with_all_that_is_put_around_a_prompt() -> None:
    """Roles, marks and the system message that some models bring along are paid for too."""
    gguf = real_weights()
    texts = ["".join(one["text"][:12] for one in NAMED), "h", "1234567890" * 5]

    async def run() -> None:
        models = {"tiny": Model(provider="embedded", id="smollm2-135m", context=2048)}
        backend = open_backend("embedded", Provider(kind="embedded", gguf=str(gguf)), key=None, models=models)
        try:
            for text in texts:
                asked = call(text, local=True, stream=False, params=Params(max_tokens=1))
                used = (await collect(backend, asked)).finish.usage.input_tokens
                assert used is not None
                assert used <= most_input(asked), text
        finally:
            await backend.aclose()

    asyncio.run(run())


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_a_schema_is_reserved_for_too(properties: dict[str, str]) -> None:
    """It is sent with the prompt, and a provider adds its own words to it."""
    schema = {"type": "object", "properties": {name: {"description": text} for name, text in properties.items()}}
    assert most_input(call("hi", params=Params(json_schema=schema))) > most_input(call("hi")) + 500
