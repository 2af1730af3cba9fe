"""A route that can never be taken, or never do what it says, is a mistake of the file."""

from __future__ import annotations

import pytest

from routebook.config.read import parse
from routebook.errors import ConfigError

BASE = """
[providers.here]
kind = "embedded"
[providers.there]
kind = "openai"
[models.tiny]
provider = "here"
id = "smollm2-135m"
[models.big]
provider = "there"
id = "gpt-5"
[pools.bigs]
models = ["big"]
[pools.both]
models = ["big", "tiny"]
[agents.dev]
primary = ["big"]
[[routes]]
name = "first"
tasks = ["bug_fix", "testing"]
complexity = [5, 10]
try = ["tiny"]
"""
N_BASE = len(BASE.splitlines())
LAST = "[[routes]]\nname = 'chat'\ntry = ['tiny']\n"


def told(extra: str) -> list[str]:
    """The messages for a right file with these lines below it; their numbers count from these lines."""
    with pytest.raises(ConfigError) as caught:
        parse(BASE + extra + LAST, file="routing.toml")
    return [str(problem).replace(f"line {problem.line}:", f"{(problem.line or 0) - N_BASE}:", 1) for problem in caught.value.problems]


def route(keys: str) -> str:
    """One more route, three lines and these."""
    return f"[[routes]]\nname = 'b'\n{keys}\n"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (route("try = ['tiny']\ncomplexity = [7, 3]"), "4: routes[1].complexity: runs from 7 down to 3. Write [3, 7]."),
        (route("try = ['tiny']\nstrength = [0.9, 0.1]"), "4: routes[1].strength: runs from 0.9 down to 0.1."),
        (route("try = ['tiny']\nmin_tokens = 100\nmax_tokens = 10"), "5: routes[1].max_tokens: is 10, below min_tokens = 100"),
        (route("min_tokens = 5"), "1: routes[1].try: names no model."),
        (route("min_tokens = 5\ntry = []"), "4: routes[1].try: names no model."),
        (route("min_tokens = 5\ntry = ['tiny', 'big']\navoid = ['big']"), "5: routes[1].avoid[0]: 'big' stands in try too."),
        (route("min_tokens = 5\ntry = ['tiny']").replace("'b'", "'first'"), "2: routes[1].name: another route is called 'first' (line 19)."),
        (route("min_tokens = 5\ntry = ['tiny']").replace("'b'", "'b,c'"), "is no name"),
        (route("min_tokens = 5\ntry = ['big', 'bigs']\nlocal = true"), "4: routes[1].try: the route is local, so nothing of its prompts may leave"),
        (route("min_tokens = 5\ntry = ['big']\nprivate = true"), "4: routes[1].try: the route is private"),
        (route("min_tokens = 5\ntry = ['tiny']\nlocal = true\non_refusal = { try = ['big'] }"), "6: routes[1].on_refusal.try: the route is local"),
        (route("try = ['tiny']\ntasks = ['testing']\ncomplexity = [6, 8]"), "1: routes[1]: can never be taken: route 'first' (line 18) takes all its prompts."),
        (route("try = ['tiny']") + route("try = ['tiny']\nneeds_tools = true").replace("'b'", "'c'"), "4: routes[2]: can never be taken: route 'b'"),
        (route("try = ['tiny']\nmin_tokens = 10") + route("try = ['tiny']\nmin_tokens = 20\nmax_tokens = 30").replace("'b'", "'c'"), "routes[2]: can never be taken"),
    ],
)  # fmt: skip
def test_route_that_cannot_work_is_told(extra: str, message: str) -> None:
    """Such a route looks as if it did something."""
    messages = told(extra)
    assert len(messages) == 1, messages
    assert message in messages[0]


@pytest.mark.parametrize(
    "extra",
    [
        route("try = ['tiny']\ntasks = ['testing']\ncomplexity = [4, 8]"),
        route("try = ['tiny']\ntasks = ['testing', 'writing']\ncomplexity = [5, 10]"),
        route("try = ['tiny']\ncomplexity = [5, 10]"),
        route("try = ['tiny']\nagent = 'dev'") + route("try = ['tiny']\nmin_files = 2").replace("'b'", "'c'"),
        route("agent = 'dev'"),
        route("try = ['both']\nlocal = true\nmin_tokens = 5"),
        route("try = ['big', 'tiny']\nlocal = true\nmin_tokens = 5"),
        route("try = ['tiny']\nneeds_tools = true") + route("try = ['tiny']\nneeds_tools = false").replace("'b'", "'c'"),
        route("try = ['tiny']\nmin_tokens = 10") + route("try = ['tiny']\nmax_tokens = 30").replace("'b'", "'c'"),
    ],
)
def test_route_that_can_be_taken_is_no_mistake(extra: str) -> None:
    """A check that refuses what works is worse than none."""
    parse(BASE + extra + LAST, file="x")


def test_default_in_the_middle_hides_nothing() -> None:
    """It is tried last wherever it stands, so the routes below it are taken."""
    text = (
        BASE + "[[routes]]\nname = 'chat'\ntry = ['tiny']\n" + route("try = ['tiny']\nneeds_tools = true") + "[defaults]\nroute = 'chat'\n"
    )
    assert [each.name for each in parse(text, file="x").routes] == ["first", "b", "chat"]


def test_default_route_may_have_conditions() -> None:
    """It closes the list whatever they are, so nothing is unreachable behind it."""
    text = BASE + route("try = ['tiny']\ntasks = ['testing']\ncomplexity = [6, 8]") + "[defaults]\nroute = 'b'\n"
    assert parse(text, file="x").routes[-1].name == "b"
