"""The form of a file: every key known, every value of its kind, each mistake in plain words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from routebook.config.read import parse
from routebook.config.values import Config
from routebook.errors import ConfigError

BASE = """
[providers.here]
kind = "embedded"
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


def good(extra: str) -> Config:
    """The config of a right file with these lines below it."""
    return parse(BASE + extra, file="routing.toml")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('[defaults]\nmax_attempts = "ten"', "2: defaults.max_attempts: expected a whole number of at least 1, got 'ten'."),
        ('[defaults]\nmax_attempts = "8"', "2: defaults.max_attempts: expected a whole number of at least 1, got '8'. Write it without the quotes."),
        ("[defaults]\nmax_attempts = true", "2: defaults.max_attempts: expected a whole number of at least 1, got true."),
        ("[defaults]\nmax_attempts = 8.0", "2: defaults.max_attempts: expected a whole number of at least 1, got 8.0."),
        ("[defaults]\ndeadline_s = true", "2: defaults.deadline_s: expected a number above 0, got true."),
        ("[defaults]\ndeadline_s = 0", "2: defaults.deadline_s: expected a number above 0, got 0."),
        ("[defaults]\ndeadline_s = nan", "2: defaults.deadline_s: expected a number above 0, got nan."),
        ("[defaults]\ndeadline_s = inf", "2: defaults.deadline_s: expected a number above 0, got inf."),
        ("[defaults]\ndeadline_s = 1e300", "2: defaults.deadline_s: expected a number above 0, got a very large number."),
        ("[defaults]\ndeadline_s = 12:00:00", "2: defaults.deadline_s: expected a number above 0, got the date or time 12:00:00."),
        ("[defaults]\nsystem = 3", "2: defaults.system: expected text in quotes, got 3."),
        ("[defaults]\nsystem = ['x']", "2: defaults.system: expected text in quotes, got a list."),
        ("[providers.x]\nkind = 'opnai'", "expected one of 'anthropic', 'chaos', 'embedded', 'gemini', 'llamacpp', 'ollama' or 'openai', got 'opnai'. Did you mean 'openai'?"),
        ("[providers.x]\nkind = 'Ollama'", "Did you mean 'ollama'?"),
        ("[providers.x]\nkind = 'ollama'\ndiscover = 'yes'", "3: providers.x.discover: expected true or false, got 'yes'. Write it without the quotes."),
        ("[providers.x]\nkind = 'ollama'\nrpm = 0", "3: providers.x.rpm: expected a whole number of at least 1, got 0."),
        ("[providers.x]\nkind = 'ollama'\nRPM = 1", "3: providers.x.RPM: unknown key. Did you mean 'rpm'"),
        ("[providers.x]\nbase_url = 'http://h'", "1: providers.x.kind: is missing: it needs one of"),
        ("[providers.x]\nkind = 'openai'\napi_key = 'hunter2'", "3: providers.x.api_key: unknown key. Keys stay in the environment"),
        ("[providers.c]\nkind = 'chaos'\nchaos.faults = [{kind = 'cutt'}]", "3: providers.c.chaos.faults[0].kind: expected one of"),
        ("[models.a]\nprovider = 'here'", "1: models.a.id: is missing: it needs text in quotes."),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nprice = { input = -1, output = 1 }", "4: models.a.price.input: expected a number from 0 to 1000000, got -1."),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nprice = { input = 1 }", "4: models.a.price.output: is missing"),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nprice = 3", "4: models.a.price: expected a table, got 3."),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nrubric = { writing = 11 }", "4: models.a.rubric.writing: expected a number from 0 to 10, got 11."),
        ("[models.a]\nprovider = 'here'\nid = 'x'\ntimeout = { first_token = 3 }", "4: models.a.timeout.first_token: unknown key. Did you mean 'first_token_s'"),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nparams = { temperature = 3 }", "4: models.a.params.temperature: expected a number from 0 to 2, got 3."),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nparams = { top_p = 0 }", "expected a number above 0 and at most 1, got 0."),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nparams = { extra = { a = [1979-05-27] } }", "params.extra.a[0]: the date or time 1979-05-27 cannot be sent"),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nparams = { extra = { a = inf } }", "params.extra.a: inf cannot be sent"),
        ("[models.a]\nprovider = 'here'\nid = 'x'\ntemperature = 0.2", "4: models.a.temperature: unknown key. It stands in params"),
        ("[models.a]\nprovider = 'here'\nid = 'x'\ntier = 'free'", "4: models.a.tier: unknown key. It stands on the provider"),
        ("[models]\nprovider = 'here'", "expected a table, got 'here'. Write [models.NAME] above its keys."),
        ("[pools.p]\nmodels = 'tiny'", "2: pools.p.models: expected a list, each item text in quotes, got 'tiny'. Write ['tiny']."),
        ("[pools.p]\nmodels = []", "2: pools.p.models: expected a list, each item text in quotes, got an empty one."),
        ("[pools.p]\nmodels = ['tiny']\npick = 'round_robin'", "Did you mean 'round-robin'"),
        ("[[routes]]\nname = 'b'\ntry = ['tiny', 3]", "3: routes[1].try[1]: expected text in quotes, got 3."),
        ("[[routes]]\nname = 'b'\nmodels = ['tiny']", "3: routes[1].models: unknown key. Did you mean 'try'?"),
        ("[[routes]]\ntry = ['tiny']", "1: routes[1].name: is missing: it needs text in quotes."),
        ("[[routes]]\nname = 'b'\ntry = ['tiny']\ncomplexity = 7", "4: routes[1].complexity: expected a list of 2 items, each a number from 0 to 10, got 7."),
        ("[[routes]]\nname = 'b'\ntry = ['tiny']\ncomplexity = [1, 2, 3]", "4: routes[1].complexity: expected a list of 2 items, each a number from 0 to 10, got a list of 3."),
        ("[[routes]]\nname = 'b'\ntry = ['tiny']\ncomplexity = [1,\n 12]", "5: routes[1].complexity[1]: expected a number from 0 to 10, got 12."),
        ("[[routes]]\nname = 'b'\ntry = ['tiny']\ncache = {}", "4: routes[1].cache.ttl_s: is missing: it needs a number of at least 0."),
        ("[budgets]\ntotal = { daly = 3 }", "2: budgets.total.daly: unknown key. Did you mean 'daily'?"),
        ("[agents.a]\nbackup = ['tiny']", "1: agents.a.primary: is missing: it needs a list, each item text in quotes."),
        ("[book]\npath = 'x'", "1: book: unknown key. Did you mean 'books'?"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_in_plain_words_with_its_line(extra: str, message: str) -> None:
    """The message alone must be enough to mend the file."""
    messages = told(extra)
    assert len(messages) == 1, messages
    assert message in messages[0]


def test_file_without_routes_says_what_to_add() -> None:
    """An empty file is the first one many people try."""
    with pytest.raises(ConfigError) as caught:
        parse("", file="x")
    assert [str(problem) for problem in caught.value.problems] == [
        "routes: is missing: it needs an array of tables. Add at least one [[routes]] with a name and try = [...]."
    ]


def test_single_brackets_for_routes_are_explained() -> None:
    """TOML's two kinds of brackets are easily mixed up."""
    with pytest.raises(ConfigError, match=r"routes: expected an array of tables, got a table. Write \[\[routes\]\] above each."):
        parse("[routes]\nname = 'x'\n", file="x")


def test_key_written_into_the_file_is_refused_and_never_shown() -> None:
    """A file with a key in it ends up in a repository, and an error with a key in it in a saved notebook."""
    key = "sk-ant-api03-Ab1Cd2Ef3Gh4Ij5Kl6"
    for extra in (
        f"[providers.x]\nkind = 'openai'\napi_key_env = '{key}'",
        f"[providers.x]\nkind = 'openai'\napi_key = '{key}'",
        f"[providers.x]\nkind = 'openai'\nheaders = {{ Own = 'Bearer {key}' }}",
        f"[providers.x]\nkind = '{key}'",
        f"[providers.x]\nkind = 'openai'\nbase_url = 'https://h/v1?key={key}'",
        f"[providers.'{key}']\nkind = 'openai'",
        f"[models.a]\nprovider = '{key}'\nid = 'x'",
        f"[models.a]\nprovider = 'here'\nid = 'x'\nparams = {{ extra = {{ deep = [{{ er = '{key}' }}] }} }}",
        f"[pools.p]\nmodels = ['tiny', '{key}']",
        f"[budgets]\n'{key}' = {{ daily = 1 }}",
        f"{key} = 1",
        f"[tasks.t]\nexamples = ['my key is {key}']",
    ):
        messages = told(extra)
        assert any("looks like an API key" in message for message in messages), extra
        assert not any("Kl6" in message or "Ab1Cd2" in message for message in messages), messages


def test_key_used_as_a_name_is_not_shown_as_the_nearest_one() -> None:
    """A hint lists what there is, and that may be a key in the wrong place."""
    key = "gsk_Ab1Cd2Ef3Gh4Ij5Kl6Mn7"
    messages = told(f"[models.{key}]\nprovider = 'here'\nid = 'x'\n[[routes]]\nname = 'b'\ncomplexity = [0, 1]\ntry = ['gsk_Ab']")
    assert len(messages) == 2
    assert "there is no model, pool or discovering provider 'gsk_Ab'." in messages[1]
    assert not any("Cd2" in message for message in messages)


def test_what_follows_from_a_mistake_is_not_told_beside_it() -> None:
    """Ten messages for one slip hide the slip."""
    messages = told(
        "[providers.x]\nkind = 'cloud'\n[models.a]\nprovider = 'x'\nid = 'y'\n[[routes]]\nname = 'b'\nprivate = true\ncomplexity = [0, 'x']\ntry = ['a']"
    )
    assert [message.split(":")[1].strip() for message in messages] == ["providers.x.kind", "routes[1].complexity[1]"]


def test_money_is_exact_and_whole_numbers_are_numbers() -> None:
    """A price of 0.1 is a tenth, and nobody writes 180.0."""
    config = good("[models.a]\nprovider = 'here'\nid = 'x'\nprice = { input = 0.1, output = 3 }\n[defaults]\ndeadline_s = 90")
    price = config.models["a"].price
    assert price is not None
    assert (price.input, price.output) == (Decimal("0.1"), Decimal(3))
    assert isinstance(config.defaults.deadline_s, float)


def test_extra_parameters_pass_untouched() -> None:
    """What only one provider knows is not ours to judge."""
    config = good("[models.a]\nprovider = 'here'\nid = 'x'\nparams = { extra = { top_k = 5, nested = { a = [1, 'b', true] } } }")
    assert config.models["a"].params.extra == {"top_k": 5, "nested": {"a": [1, "b", True]}}
