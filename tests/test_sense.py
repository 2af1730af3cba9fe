"""Tables that contradict themselves are refused before a prompt runs into them."""

from __future__ import annotations

import pytest

from routebook.config.read import parse
from routebook.errors import ConfigError

BASE = """
[providers.here]
kind = "embedded"
[providers.there]
kind = "openai"
[providers.wild]
kind = "chaos"
[providers.ollama]
kind = "ollama"
discover = true
[models.tiny]
provider = "here"
id = "smollm2-135m"
[[routes]]
name = "chat"
try = ["tiny"]
"""
N_BASE = len(BASE.splitlines())


def told(extra: str) -> list[str]:
    """The messages for a right file with these lines below it; their numbers count from these lines."""
    with pytest.raises(ConfigError) as caught:
        parse(BASE + extra, file="routing.toml")
    return [str(problem).replace(f"line {problem.line}:", f"{(problem.line or 0) - N_BASE}:", 1) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("[providers.a]\nkind = 'openai'\nbase_url = 'api.groq.com/v1'", "3: providers.a.base_url: expected an address such as https://"),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'ftp://h/v1'", "got 'ftp://h/v1'."),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'https://'", "expected an address"),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'http://[::1'", "expected an address"),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'http://h:port/'", "expected an address"),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'http://h/ v1'", "expected an address"),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'https://h/v1?key=x'", "has something after ? or #"),
        ("[providers.a]\nkind = 'openai'\nbase_url = 'https://me:pw@h/v1'", "holds a name or password before the @ (not shown here)."),
        ("[providers.a]\nkind = 'embedded'\nbase_url = 'http://h'", "3: providers.a.base_url: means nothing for kind = 'embedded'"),
        ("[providers.a]\nkind = 'chaos'\napi_key_env = 'X'", "3: providers.a.api_key_env: means nothing for kind = 'chaos'"),
        ("[providers.a]\nkind = 'ollama'\nchaos = { seed = 1 }", "3: providers.a.chaos: belongs to kind = \"chaos\"; this one is 'ollama'."),
        ("[providers.a]\nkind = 'ollama'\ngguf = 'x.gguf'", '3: providers.a.gguf: belongs to kind = "embedded"'),
        ("[providers.a]\nkind = 'openai'\napi_key_env = 'my key'", "is not the name of a variable"),
        ("[providers.a]\nkind = 'openai'\napi_key_env = 'sk-x'", "looks like an API key itself"),
        ("[providers.a]\nkind = 'openai'\napi_key_env = 'gsk_x'", "looks like an API key itself"),
        ("[providers.a]\nkind = 'openai'\napi_key_env = 'AIzaX'", "looks like an API key itself"),
        ("[providers.a]\nkind = 'openai'\nheaders = { authorization = 'x' }", "3: providers.a.headers.authorization: would hold a key"),
        ("[providers.a]\nkind = 'openai'\nheaders = { 'X Y' = 'x' }", "is no name of a header"),
        ("[providers.a]\nkind = 'openai'\nheaders = { X = \"a\\nb\" }", "a header holds plain ASCII on one line"),
        ("[providers.a]\nkind = 'embedded'\ngguf = ''", "3: providers.a.gguf: expected the path of a file, got ''."),
        ('[books]\npath = "a\\u0000b"', "2: books.path: expected the path of a file"),
        ("[models.a]\nprovider = 'there'\nid = 'x'\nchaos = { seed = 1 }", "4: models.a.chaos: belongs to models of a kind = \"chaos\" provider; 'there' is 'openai'."),
        ("[models.a]\nprovider = 'there'\nid = 'x'\ncontext = 1000\npractical_context = 2000", "5: models.a.practical_context: is 2000, more than the whole window"),
        ("[models.a]\nprovider = 'there'\nid = 'x'\ntimeout = { soft_s = 60, total_s = 30 }", "4: models.a.timeout.soft_s: is 60, later than"),
        ("[models.'a,b']\nprovider = 'there'\nid = 'x'", "is no name"),
        ("[models.-a]\nprovider = 'there'\nid = 'x'", "is no name"),
        ("[models.'']\nprovider = 'there'\nid = 'x'", "is no name"),
        ("[models.\"a\\nb\"]\nprovider = 'there'\nid = 'x'", "is no name"),
        ("[pools.total]\nmodels = ['tiny']", "1: pools.total: names a budget"),
        ("[pools.tiny]\nmodels = ['tiny']", "1: pools.tiny: is a model's name too."),
        ("[models.ollama]\nprovider = 'here'\nid = 'x'", "1: models.ollama: is the name of a provider that discovers its models too."),
        ("[pools.'ollama/x']\nmodels = ['tiny']", "is the name of one of that provider's models too."),
        ("[pools.p]\nmodels = ['tiny']\nweights = { tiny = 2 }", "3: pools.p.weights: counts for nothing with pick = 'in-order'."),
        ("[pools.p]\nmodels = ['tiny']\npick = 'weighted'\nweights = { tiny = 0 }", "4: pools.p.weights: gives no model of the pool more than 0."),
        ("[budgets]\ntotal = {}", "2: budgets.total: caps nothing."),
        ("[budgets]\ntotal = { alert = 1 }", "2: budgets.total: caps nothing."),
        ("[budgets]\ntotal = { hourly = 1, daily = 5, alert = 4 }", "2: budgets.total.alert: is $4, which the hourly cap of $1 never lets through."),
        ("[agents.a]\nprimary = ['tiny']\nbudget = { alert = 3 }", "3: agents.a.budget: caps nothing."),
        ("[[routes]]\nname = 'b'\ncomplexity = [0, 1]\ntry = ['tiny']\non_low_quality = { check = 'jsn' }", "5: routes[1].on_low_quality.check: expected non_empty, complete, json, schema or module:function, got 'jsn'."),
    ],
)  # fmt: skip
def test_contradiction_is_told(extra: str, message: str) -> None:
    """What cannot work is said while the file is open, not when it is needed."""
    messages = told(extra)
    assert len(messages) == 1, messages
    assert message in messages[0]


@pytest.mark.parametrize(
    "extra",
    [
        "[providers.a]\nkind = 'openai'\nbase_url = 'http://127.0.0.1:8080/v1'\napi_key_env = 'MY_KEY_2'",
        "[providers.a]\nkind = 'openai'\nbase_url = 'http://[::1]:8080'",
        "[providers.a]\nkind = 'openai'\nheaders = { HTTP-Referer = 'https://example.org', X-Title = 'Routebook' }",
        "[providers.a]\nkind = 'chaos'\nchaos = { latency_s = 0.5, faults = [{ kind = 'cut', p = 0.1 }] }",
        "[models.a]\nprovider = 'wild'\nid = 'x'\nchaos = { tokens = 5 }",
        "[models.'qwen3:8b']\nprovider = 'there'\nid = 'qwen3:8b'",
        "[models.'hf.co/unsloth/x']\nprovider = 'there'\nid = 'x'",
        "[models.there]\nprovider = 'there'\nid = 'x'",
        "[budgets]\ntotal = { daily = 5, alert = 5 }",
        "[pools.p]\nmodels = ['tiny', 'ollama']\npick = 'weighted'\nweights = { ollama = 0 }",
        "[[routes]]\nname = 'b'\ncomplexity = [0, 1]\ntry = ['tiny']\non_low_quality = { check = 'mychecks.sql:parses' }",
    ],
)
def test_what_makes_sense_is_taken(extra: str) -> None:
    """A check that refuses what works is worse than none."""
    parse(BASE + extra, file="x")
