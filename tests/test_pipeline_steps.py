"""A pipeline that cannot be gone through, or never ends, is refused when the file is read; and a long prompt is parted without loss."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.config.read import parse
from routebook.config.steps import GIVEN, OF_CHUNKS
from routebook.config.template import filled, names_in
from routebook.engine.pipelines.chunks import chunks, question_of
from routebook.engine.pipelines.verdict import says_yes
from routebook.errors import ConfigError
from routebook.text import estimate_tokens

BASE = """\
[providers.p]
kind = "openai"
base_url = "http://127.0.0.1:1/v1"
[models.small]
provider = "p"
id = "a"
[[routes]]
name = "plain"
tasks = ["bug_fix"]
try = ["small"]
[[routes]]
name = "chat"
try = ["small"]
"""
RIGHT = (
    BASE
    + """\
pipeline = "reviewed"
long = "digest"
[pipelines.reviewed]
answer = "draft"
rounds = 2
checkpoint = 2
steps = [
  { name = "draft", route = "plain", input = "{{prompt}}", again = "{{prompt}} {{draft}} {{direct}} {{verdict}}" },
  { name = "validate", model = "small", role = "You validate.", input = "{{prompt}} {{draft}}", max_tokens = 100, yes = ["PASS"] },
  { name = "direct", model = "small", when = ["low_quality", "checkpoint"], max_tokens = 50, then = "draft" },
]
[pipelines.digest]
steps = [
  { name = "parts", over = "chunks", chunk_tokens = 4000, input = "{{number}} of {{count}}: {{chunk}}", optional = true },
  { name = "reduce", input = "{{question}} {{parts}} {{previous}}", thinking = "on", temperature = 0.2, check = "complete" },
]
"""
)


def refused(text: str) -> list[str]:
    """What is said of a file."""
    with pytest.raises(ConfigError) as caught:
        parse(text, file="routing.toml")
    return str(caught.value).splitlines()[1:]


def with_step(written: str, *, more: str = "") -> str:
    """A file whose second step is this one."""
    return f'{BASE}[pipelines.p]\n{more}\nsteps = [\n  {{ name = "first" }},\n  {written},\n]\n'


def test_a_right_file_is_read() -> None:
    """Everything that a step may say, together."""
    config = parse(RIGHT, file="routing.toml")
    assert [step.name for step in config.pipelines["reviewed"].steps] == ["draft", "validate", "direct"]
    assert config.pipelines["reviewed"].steps[2].conditions == ("low_quality", "checkpoint")
    assert config.pipelines["digest"].rounds == 3


def test_the_examples_of_the_documentation_are_right() -> None:
    """They are copied as they stand."""
    page = (Path(__file__).parents[1] / "docs" / "pipelines.md").read_text(encoding="utf-8")
    files = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [list(parse(file, file="docs/pipelines.md").pipelines) for file in files] == [["reviewed"], ["research"], ["digest"]]
    for name in (*GIVEN, *OF_CHUNKS):
        assert f"{{{{{name}}}}}" in page


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('{ name = "two", input = "{{promt}}" }', "steps[1].input: there is no {{promt}}. Did you mean 'prompt'?"),
        ('{ name = "two", input = "{{frist}}" }', "steps[1].input: there is no {{frist}}. Did you mean 'first'"),
        ('{ name = "two", input = "{{two}}" }', "steps[1].input: {{two}} comes behind it."),
        ('{ name = "two", again = "{{chunk}}" }', 'steps[1].again: {{chunk}} belongs to a step with over = "chunks".'),
        ('{ name = "two", over = "chunks", input = "x" }', "steps[1].input: is over chunks, and does not say where the chunk goes."),
        ('{ name = "two", chunk_tokens = 5 }', "steps[1].chunk_tokens: counts for nothing without over."),
        ('{ name = "two", over = "chunk" }', "steps[1].over: expected 'chunks', got 'chunk'. Did you mean 'chunks'?"),
        (
            '{ name = "two", model = "smal" }',
            "steps[1].model: there is no model, pool or discovering provider 'smal'. Did you mean 'small'?",
        ),
        ('{ name = "two", model = "p" }', "steps[1].model: 'p' is a provider, not a model."),
        ('{ name = "two", route = "chatt" }', "steps[1].route: there is no route 'chatt'. Did you mean 'chat'?"),
        ('{ name = "two", route = "chat", model = "small" }', "steps[1].model: stands beside route."),
        ('{ name = "two", when = "low" }', "steps[1].when: expected one of 'always', 'checkpoint' or 'low_quality', got 'low'."),
        ('{ name = "two", when = "low_quality" }', "steps[1].when: asks for a verdict, and no step up to here gives one."),
        ('{ name = "two", check = "jsn" }', "steps[1].check: expected non_empty, complete, json, schema or module:function, got 'jsn'."),
        ('{ name = "two", yes = ["OK"], when = "low_quality", then = "thrid" }', "steps[1].then: there is no step 'thrid'."),
        ('{ name = "two", then = "first" }', "steps[1].then: goes back in every case, so the steps would go round in a circle."),
        ('{ name = "two", then = "two" }', "steps[1].then: goes back in every case, so the steps would go round in a circle."),
        ('{ name = "first" }', "steps[1].name: another step is called 'first' (line 17)."),
        ('{ name = "prompt" }', "steps[1].name: 'prompt' is what every template has already."),
        ('{ name = "a-b" }', "steps[1].name: 'a-b' cannot stand in {{…}}."),
        ('{ name = "two", rol = "x" }', "steps[1].rol: unknown key. Did you mean 'role'"),
        ('{ model = "small" }', "steps[1].name: is missing"),
        ('{ name = "two", tools = ["serch"] }', "steps[1].tools[0]: there is no tool 'serch'. Add it as [tools.NAME]."),
        ('{ name = "two", max_tokens = 0 }', "steps[1].max_tokens: expected a whole number of at least 1, got 0."),
    ],
    ids=lambda value: value if value.startswith("{") else "",
)
def test_a_wrong_step_is_named_with_its_line(step: str, said: str) -> None:
    """What is wrong is found before a prompt, and money, has gone into it."""
    lines = refused(with_step(step))
    assert any(line.startswith(f"  line 18: pipelines.p.{said}") for line in lines), lines


def test_a_step_behind_another_is_no_way_back() -> None:
    """Steps come in order anyway."""
    steps = '[{ name = "one", yes = ["x"], when = "low_quality", then = "two" }, { name = "two" }]'
    assert "pipelines.p.steps[0].then: 'two' comes behind it anyway." in refused(f"{BASE}[pipelines.p]\nsteps = {steps}\n")[0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('answer = "firs"', "line 15: pipelines.p.answer: there is no step 'firs'. Did you mean 'first'"),
        ("rounds = 0", "line 15: pipelines.p.rounds: expected a whole number from 1 to 20, got 0."),
        ("rounds = 1000", "line 15: pipelines.p.rounds: expected a whole number from 1 to 20, got 1000."),
        ("step = []", "line 15: pipelines.p.step: unknown key. Did you mean 'steps'?"),
    ],
)
def test_a_wrong_pipeline_is_named_with_its_line(keys: str, said: str) -> None:
    """A thousand rounds are a slip, or a plan to spend a lot."""
    assert any(said in line for line in refused(with_step('{ name = "two" }', more=keys)))


def test_a_pipeline_without_steps_is_none() -> None:
    """It could answer nothing."""
    assert "pipelines.p.steps: " in refused(f"{BASE}[pipelines.p]\nsteps = []\n")[0]
    assert "pipelines.p.steps: is missing" in refused(f"{BASE}[pipelines.p]\n")[0]


def test_a_pipeline_that_names_itself_is_refused() -> None:
    """A step whose route runs the pipeline would never come to an end."""
    text = RIGHT.replace('route = "plain"', 'route = "chat"')
    said = "pipelines.reviewed.steps[0].route: route 'chat' runs pipeline 'reviewed', this one: a step is one call."
    assert said in refused(text)[0]


def test_a_step_may_take_the_route_whose_long_prompts_it_is_for() -> None:
    """Its chunk is short, and a step starts no pipeline in any case."""
    text = RIGHT.replace('pipeline = "reviewed"\n', "").replace('name = "parts",', 'name = "parts", route = "chat",')
    assert parse(text, file="routing.toml").pipelines["digest"].steps[0].route == "chat"


@pytest.mark.parametrize("key", ["pipeline", "long"])
def test_a_route_that_names_no_pipeline_of_the_file_is_told_the_nearest(key: str) -> None:
    """As with every other name."""
    text = RIGHT.replace(f'\n{key} = "', f'\n{key} = "x')
    assert f"routes[1].{key}: there is no pipeline 'x" in refused(text)[0]
    assert "Did you mean" in refused(text)[0]


# ---- texts


@given(st.text(alphabet=st.sampled_from("ab .\n{}é漢"), max_size=400), st.integers(min_value=8, max_value=60))
def test_chunks_are_the_text_and_none_is_too_long(text: str, tokens: int) -> None:
    """A word that is lost is a word that was never read."""
    parts = chunks(text, tokens=tokens)
    assert "".join(parts) == text
    assert all(estimate_tokens(part) <= tokens or len(part) == 1 for part in parts)


def test_a_text_parts_where_it_parts_by_itself() -> None:
    """A paragraph that is cut in two is understood by neither model."""
    paragraphs = [f"This is paragraph {number}. It has two sentences.\n\n" for number in range(20)]
    parts = chunks("".join(paragraphs), tokens=80)
    assert len(parts) > 3
    assert all(part.startswith("This is paragraph") and part.endswith("sentences.\n\n") for part in parts)


def test_the_question_of_a_long_prompt_is_its_beginning_and_its_end() -> None:
    """There one says what is wanted, and a reducing step must know it."""
    short = "What is this?\n\nA text."
    assert question_of(short) == short
    found = question_of(f"Summarize this report.\n\n{'It goes on. ' * 3000}\n\nIn three lines, please.")
    assert found.startswith("Summarize this report.")
    assert found.endswith("In three lines, please.")
    assert "[…]" in found
    assert estimate_tokens(found) < 700


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_template_is_filled_once(first: str, second: str) -> None:
    """Whatever a value holds, it stands in the result as it is."""
    assert filled("<{{a}}|{{ b }}|{c}>", {"a": first, "b": second}) == f"<{first}|{second}|{{c}}>"
    assert names_in("{{a}} {{a}} {{ b }} {{1}} {{ }} {c}") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "is_yes"),
    [
        ("PASS", True), ("pass: well done", True), ("**PASS** - fine", True), ("\n  'Pass'.", True), ("PASSED", False), ("FAIL: PASS the salt", False),
        ("", False), ("ok", True), ("not ok", False), ("# OK\nAll well", True),
    ],
)  # fmt: skip
def test_a_verdict_is_in_the_first_words(text: str, is_yes: Any) -> None:  # noqa: ANN401
    """Models set it in bold and go on talking; one that only mentions the word has not said it."""
    assert says_yes(text, ("PASS", "ok")) is is_yes
