"""What a call costs; what is not known must stay unknown, never become 0 or another model's price."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import pytest

from routebook.config.prices import FREE, baseline, cost, price_of
from routebook.config.read import parse
from routebook.config.values import Config, Price
from routebook.messages import Usage

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.fixture
def config() -> Config:
    """Providers of every kind and tier, and models whose prices are stated, listed, free or unknown."""
    return parse(
        """
[providers]
claude = { kind = "anthropic", discover = true }
openai = { kind = "openai" }
google = { kind = "gemini" }
mistral = { kind = "openai", base_url = "https://api.mistral.ai/v1" }
router = { kind = "openai", base_url = "https://openrouter.ai/api/v1" }
groq = { kind = "openai", base_url = "https://api.groq.com/openai/v1", tier = "free" }
mini = { kind = "openai", base_url = "https://api.minimax.io/v1" }
proxy = { kind = "openai", base_url = "http://127.0.0.1:4000/v1", price_id = "anthropic" }
unlisted = { kind = "openai", base_url = "https://integrate.api.nvidia.com/v1", price_id = "nvidia" }
server = { kind = "openai", base_url = "http://127.0.0.1:8080/v1" }
ollama = { kind = "ollama", discover = true }
tryout = { kind = "chaos", tier = "paid" }
[models]
stated = { provider = "claude", id = "claude-haiku-4-5", price = { input = 7, output = 8 } }
haiku = { provider = "claude", id = "claude-haiku-4-5" }
dated = { provider = "claude", id = "claude-haiku-4-5-20251001" }
gpt = { provider = "openai", id = "gpt-5" }
gemini = { provider = "google", id = "gemini-2.5-pro" }
small = { provider = "mistral", id = "mistral-small-latest" }
moving = { provider = "mistral", id = "mistral-large-latest" }
qwen = { provider = "router", id = "qwen/qwen3.5-397b-a17b" }
free-qwen = { provider = "router", id = "nobody/knows-it:free" }
llama = { provider = "groq", id = "llama-3.3-70b-versatile" }
free-stated = { provider = "groq", id = "x", price = { input = 1, output = 2 } }
minimax = { provider = "mini", id = "minimax-m2.5" }
proxied = { provider = "proxy", id = "claude-haiku-4-5" }
nim = { provider = "unlisted", id = "qwen/qwen3.5-397b-a17b" }
served = { provider = "server", id = "whatever" }
made-up = { provider = "openai", id = "gpt-99" }
cloud = { provider = "ollama", id = "gpt-oss:120b-cloud" }
acted = { provider = "tryout", id = "x" }
[[routes]]
name = "chat"
try = ["haiku"]
""",
        file="x",
    )


def price(config: Config, model: str, **size: int) -> tuple[str, str, str | None] | None:
    """The three figures of a price."""
    found = price_of(config, model, now=NOW, **size)
    return None if found is None else (str(found.input), str(found.output), None if found.cached_input is None else str(found.cached_input))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("stated", ("7", "8", None)),
        ("haiku", ("1", "5", "0.1")),
        ("dated", ("1", "5", "0.1")),
        ("gpt", ("1.25", "10", "0.125")),
        ("gemini", ("1.25", "10", "0.125")),
        ("small", ("0.15", "0.6", "0.015")),
        ("free-stated", ("1", "2", None)),
        ("proxied", ("1", "5", "0.1")),
        ("claude/claude-haiku-4-5", ("1", "5", "0.1")),
        ("moving", None),
        ("minimax", None),
        ("nim", None),
        ("served", None),
        ("made-up", None),
        ("cloud", None),
        ("acted", None),
        ("nobody", None),
        ("nobody/x", None),
        ("claude/", None),
    ],
)
def test_price_is_stated_listed_or_unknown(config: Config, model: str, expected: tuple[str, str, str | None] | None) -> None:
    """The file's word goes first; the list answers for the very model only."""
    assert price(config, model) == expected


@pytest.mark.parametrize("model", ["llama", "free-qwen", "ollama/qwen3:8b"])
def test_local_and_free_models_cost_nothing(config: Config, model: str) -> None:
    """Otherwise a budget would hold back what is free."""
    assert price_of(config, model, now=NOW) == FREE


def test_openrouter_model_has_its_own_price(config: Config) -> None:
    """The same model costs differently at each provider."""
    found = price_of(config, "qwen", now=NOW)
    assert found is not None
    assert found.input > 0


def test_long_prompt_takes_the_higher_step(config: Config) -> None:
    """Above 200,000 tokens this model's whole prompt costs double; a budget must know before it is sent."""
    assert price(config, "gemini", input_tokens=200_000) == ("1.25", "10", "0.125")
    assert price(config, "gemini", input_tokens=300_000) == ("2.5", "15", "0.25")


def test_cost_counts_cached_tokens_once() -> None:
    """Input includes what was cached, and that part has its own price."""
    usage = Usage(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000)
    assert cost(Price(input=Decimal(1), output=Decimal(5), cached_input=Decimal("0.1")), usage) == Decimal("1.14")
    assert cost(Price(input=Decimal(1), output=Decimal(5)), usage) == Decimal("1.5")
    odd = Usage(input_tokens=100, cached_tokens=200, output_tokens=0)
    assert cost(Price(input=Decimal(1), output=Decimal(5), cached_input=Decimal("0.5")), odd) == Decimal("0.00005")


def test_reported_cost_wins() -> None:
    """The provider's bill is right where a list may be old."""
    usage = Usage(input_tokens=10, output_tokens=10, cost_usd=Decimal("0.5"))
    assert cost(None, usage) == Decimal("0.5")
    assert cost(FREE, usage) == Decimal("0.5")


def test_unknown_stays_unknown() -> None:
    """A total that hides what it could not price is wrong."""
    paid = Price(input=Decimal(1), output=Decimal(5))
    assert cost(None, Usage(input_tokens=10, output_tokens=10)) is None
    assert cost(paid, Usage(input_tokens=10)) is None
    assert cost(paid, Usage(output_tokens=10)) is None
    assert cost(FREE, Usage()) == 0


def test_baseline_is_the_dearest_known_price() -> None:
    """It says what routing saved, so a reported cost of the cheap model must not stand in for it."""
    cheap, dear = Price(input=Decimal(1), output=Decimal(1)), Price(input=Decimal(10), output=Decimal(10))
    usage = Usage(input_tokens=500_000, output_tokens=500_000, cost_usd=Decimal("0.01"))
    assert baseline([cheap, None, dear], usage=usage) == Decimal(10)
    assert baseline([None], usage=usage) is None
    assert baseline([], usage=usage) is None


def test_price_list_is_loaded_only_when_asked() -> None:
    """It costs a fifth of a second, and a local model never needs it."""
    code = (
        "import sys, routebook.config.read as r, routebook.config.prices as p, routebook.config.keys\n"
        "loaded = r.load()\n"
        "assert p.price_of(loaded.config, 'smollm2') == p.FREE\n"
        "heavy = {'genai_prices', 'pydantic', 'httpx', 'pandas', 'ollama', 'altair', 'xllamacpp', 'dotenv'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
