"""Every name in a file leads somewhere, or the message names the nearest right one."""

from __future__ import annotations

import pytest

from routebook.config.read import parse
from routebook.errors import ConfigError
from routebook.labels import TASKS

BASE = """
[providers.here]
kind = "embedded"
[providers.ollama]
kind = "ollama"
discover = true
[providers.groq]
kind = "openai"
base_url = "https://api.groq.com/openai/v1"
tier = "free"
[models.tiny]
provider = "here"
id = "smollm2-135m"
[models.llama-70b]
provider = "groq"
id = "llama-3.3-70b-versatile"
[models.qwen]
provider = "ollama"
id = "qwen3:8b"
[pools.coders]
models = ["tiny", "llama-70b", "ollama", "ollama/gemma3:4b"]
[tasks.web-search]
like = "tool_call"
[agents.frontend]
primary = ["coders", "ollama"]
backup = ["ollama/gemma3:4b"]
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


def route(keys: str) -> str:
    """One more route."""
    return f"[[routes]]\nname = 'b'\ncomplexity = [0, 5]\n{keys}\n"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("[models.a]\nprovider = 'groc'\nid = 'x'", "2: models.a.provider: there is no provider 'groc'. Did you mean 'groq'?"),
        ("[models.a]\nprovider = 'here'\nid = 'x'\nrubric = { writting = 5 }", "4: models.a.rubric.writting: there is no task 'writting'. Did you mean 'writing'"),
        (route("try = ['lama-70b']"), "4: routes[1].try[0]: there is no model, pool or discovering provider 'lama-70b'. Did you mean 'llama-70b'"),
        (route("try = ['groq']"), "'groq' is a provider, not a model. Name one of its models (llama-70b), or set discover = true in [providers.groq]"),
        (route("try = ['llama-3.3-70b-versatile']"), "The file calls it 'llama-70b'."),
        (route("try = ['ollama/qwen3:8b']"), "The file calls it 'qwen'."),
        (route("try = ['groq/gemma']"), "Set discover = true in [providers.groq], or add it as [models.NAME]."),
        (route("try = ['ollama/']"), "there is no model, pool or discovering provider 'ollama/'."),
        (route("try = ['tiny']\navoid = ['lama-70b']"), "5: routes[1].avoid[0]: there is no model"),
        (route("try = ['tiny']\non_refusal = { try = ['coder'] }"), "5: routes[1].on_refusal.try[0]: there is no model, pool or discovering provider 'coder'. Did you mean 'coders'?"),
        (route("try = ['tiny']\non_low_quality = { try = ['coder'] }"), "5: routes[1].on_low_quality.try[0]: there is no model"),
        (route("try = ['tiny']\nagent = 'fronted'"), "5: routes[1].agent: there is no agent 'fronted'. Did you mean 'frontend'?"),
        (route("try = ['tiny']\ntasks = ['bug_fix',\n'bugfix']"), "6: routes[1].tasks[1]: there is no task 'bugfix'. Did you mean 'bug_fix'"),
        ("[defaults]\nroute = 'chatt'", "2: defaults.route: there is no route 'chatt'. Did you mean 'chat'?"),
        ("[pools.p]\nmodels = ['tiny', 'coders']", "2: pools.p.models[1]: 'coders' is a pool, and a pool cannot hold a pool."),
        ("[pools.p]\nmodels = ['groq']", "'groq' is a provider, not a model."),
        ("[pools.p]\nmodels = ['tinny']", "there is no model or discovering provider 'tinny'. Did you mean 'tiny'?"),
        ("[pools.p]\nmodels = ['tiny']\npick = 'weighted'\nweights = { tinny = 1 }", "4: pools.p.weights.tinny: 'tinny' is not in the pool. Did you mean 'tiny'?"),
        ("[tasks.t]\nlike = 'tool'", "2: tasks.t.like: there is no built-in task 'tool'."),
        ("[tasks.t]\nlike = 'web-search'", "2: tasks.t.like: there is no built-in task 'web-search'."),
        ("[tasks.writing]\nkeywords = ['x']", "1: tasks.writing: is a built-in task."),
        ("[agents.a]\nprimary = ['tiny']\nbackup = ['x']\ntertiary = ['tiny']", "3: agents.a.backup[0]: there is no model"),
        ("[budgets]\nanthropic = { daily = 1 }", "2: budgets.anthropic: 'anthropic' is nothing that can have a budget"),
        ("[budgets]\nfronted = { daily = 1 }", "Did you mean 'frontend'"),
        ("[models.groq]\nprovider = 'groq'\nid = 'x'\n[budgets]\ngroq = { daily = 1 }", "5: budgets.groq: could mean the provider or the model of that name."),
        ("[agents.a]\nprimary = ['tiny']\nbudget = { daily = 1 }\n[budgets]\na = { daily = 1 }", "5: budgets.a: stands in [agents.a] too."),
    ],
)  # fmt: skip
def test_name_that_leads_nowhere_is_told_with_the_nearest_one(extra: str, message: str) -> None:
    """A wrong name must not wait for the prompt that needs it."""
    messages = told(extra)
    assert len(messages) == 1, messages
    assert message in messages[0]


def test_discovering_providers_and_their_models_stand_wherever_a_model_may() -> None:
    """Nobody wants to write down what `ollama list` shows."""
    extra = route("try = ['ollama', 'ollama/gemma3:4b', 'coders']\navoid = ['groq']\non_refusal = { try = ['ollama'] }")
    config = parse(
        BASE + extra + "[budgets]\n'ollama/gemma3:4b' = { daily = 1 }\nlocal = { daily = 1 }\nfrontend = { daily = 1 }\n", file="x"
    )
    assert config.pools["coders"].models[-2:] == ("ollama", "ollama/gemma3:4b")


def test_all_built_in_tasks_and_own_ones_are_known() -> None:
    """The 19 labels are the interface that routes are written against."""
    names = [*TASKS, "web-search"]
    assert len(TASKS) == 19
    parse(BASE + route(f"try = ['tiny']\ntasks = {names}"), file="x")
    parse(BASE + "[models.a]\nprovider = 'here'\nid = 'x'\nrubric = { web-search = 3 }", file="x")
