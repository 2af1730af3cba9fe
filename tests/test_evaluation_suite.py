"""Suites: the built-in one can be passed and failed, the user's own is read from a file or a frame, and every mistake is told at once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from making import attempt, request, seen
from right_answers import RIGHT

from routebook.errors import SuiteError
from routebook.evaluation.grade import Grade, grade
from routebook.evaluation.read import read_suite
from routebook.evaluation.suite import Item
from routebook.labels import TASKS
from routebook.messages import Answer, Plan


def answer(text: str, **changes: Any) -> Answer:  # noqa: ANN401
    """An answer of that text."""
    plan = Plan(
        request=request(), classification=seen(), route="chat", route_reason="", candidates=(), left_out=(), input_tokens=1, local=False,
        priority="P2", deadline_s=1.0, max_attempts=1,
    )  # fmt: skip
    values: dict[str, Any] = {"text": text, "request_id": "r1", "plan": plan, "attempts": (attempt(),), "finish_reason": "stop", **changes}
    return Answer(**values)


def graded(item: Item, text: str, **changes: Any) -> Grade:  # noqa: ANN401
    """What an answer of that text is worth."""
    return asyncio.run(grade(item, answer(text, **changes)))


BUILT_IN = {item.id: item for item in read_suite(None).items if item.kind != "judge"}


def item(**given: Any) -> Item:  # noqa: ANN401
    """The only item of a frame."""
    return read_suite(pd.DataFrame([{"task": "chat_qa", "prompt": "Which?", **given}])).items[0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_prompt_can_be_passed_and_failed(name: str) -> None:
    """A check that nobody passes, or that everybody does, measures nothing."""
    right = graded(BUILT_IN[name], RIGHT[name])
    assert right == Grade(score=1.0), right.said
    wrong = graded(BUILT_IN[name], "I am sorry, I do not know.")
    assert wrong.score == 0
    assert wrong.said


def test_the_built_in_suite_has_about_sixty_prompts_over_all_tasks() -> None:
    """A task without prompts would never get a rubric."""
    suite = read_suite(None)
    assert 55 <= len(suite.items) <= 70
    assert {one.task for one in suite.items} == set(TASKS)
    assert all(sum(one.task == task and one.kind != "judge" for one in suite.items) >= 3 for task in TASKS)


@pytest.mark.parametrize("name", [name for name, one in BUILT_IN.items() if one.kind == "regex"])
def test_no_pattern_of_the_suite_is_held_up_by_an_answer_that_goes_in_circles(name: str) -> None:
    """Small models repeat themselves without end, and while Python matches a pattern nothing else of the kernel runs."""
    pattern, text = BUILT_IN[name].expected, RIGHT[name]
    words = text.split()
    circles = [
        text[: len(text) // 2] * 400,
        (words[0] + "\n") * 4000,
        f"{text[:-1]}\n\n" * 200,
        "".join(f"{word}{chr(10) * 800}" for word in words),
        " \n" * 5000,
    ]
    begun = time.process_time()
    for circle in circles:
        graded(item(regex=pattern), circle)
    assert time.process_time() - begun < 15


def test_the_broken_code_of_a_prompt_is_no_right_answer() -> None:
    """Else a model would pass by repeating the question."""
    for name in (
        "bug-fix-mean",
        "bug-fix-default",
        "bug-fix-off-by-one",
        "refactoring-guard",
        "refactoring-rename",
        "refactoring-comprehension",
    ):
        code = BUILT_IN[name].prompt
        assert graded(BUILT_IN[name], f"```python\n{code[code.index('def ') :]}\n```").score == 0, name


@pytest.mark.parametrize(
    ("given", "right", "wrong"),
    [
        ({"exact": "New York"}, " **new  york**. ", "York"),
        ({"exact": ["a", "b"]}, "B", "c"),
        ({"exact": 4}, "4.", "5"),
        ({"regex": r"^\d+$"}, "12", "twelve"),
        ({"schema": {"type": "object", "required": ["x"]}}, '```json\n{"x": 1}\n```', '{"y": 1}'),
        ({"python": "words", "args": {"least": 2}}, "two words", "one"),
        ({"python": lambda text: text == "yes"}, "yes", "no"),
        ({"python": lambda text: "too short" if len(text) < 3 else None}, "long", "ab"),
    ],
)
def test_each_kind_of_check_tells_right_from_wrong(given: dict[str, Any], right: str, wrong: str) -> None:
    """These are all that a suite can ask for without a judge."""
    assert graded(item(**given), right).score == 1
    found = graded(item(**given), wrong)
    assert found.score == 0
    assert found.said


def test_a_check_may_give_a_share_and_one_that_fails_is_told() -> None:
    """The user's function may do anything; the evaluation goes on."""
    assert graded(item(python=lambda _: 0.25), "x").score == 0.25
    assert graded(item(python=lambda _: 1 / 0), "x") == Grade(score=0.0, said="the check said ZeroDivisionError: division by zero")


def test_a_refusal_and_an_empty_answer_are_worth_nothing() -> None:
    """They are answers, and no good ones; they are not failures of the network."""
    assert graded(item(regex="."), "I cannot", finish_reason="refusal") == Grade(score=0.0, said="it declined.")
    assert "thinking" in graded(item(regex="."), " ", finish_reason="length").said
    assert "cut" in graded(item(exact="b"), "a", finish_reason="length").said


# ---- the user's own

FILE = """
name = "mine"
judge = "big"
local = true
system = "Answer briefly."

[[prompts]]
task = "chat_qa"
prompt = "Capital of France?"
exact = "Paris"
max_tokens = 5

[[prompts]]
id = "sorted"
task = "billing"
prompt = "Sort: b a"
python = "checks/mine.py:is_sorted"
system = "Words only."
"""


def test_a_file_of_ones_own_is_read_with_the_functions_beside_it(tmp_path: Path) -> None:
    """The functions of a check are looked for beside the suite, wherever the notebook is."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "mine.py").write_text(
        "def is_sorted(text):\n    return text.split() == sorted(text.split())\n", encoding="utf-8"
    )
    (tmp_path / "mine.toml").write_text(FILE, encoding="utf-8")
    suite = read_suite("mine.toml", tasks=("billing",), folder=tmp_path)
    assert (suite.name, suite.judge, suite.is_local) == ("mine", "big", True)
    assert [(one.id, one.system, one.max_tokens) for one in suite.items] == [("1", "Answer briefly.", 5), ("sorted", "Words only.", 2048)]
    assert [graded(suite.items[1], text).score for text in ("a b", "b a")] == [1, 0]


WRONG = """
nam = "mine"

[[prompts]]
task = "chat_q"
prompt = "Capital?"
exact = "Paris"
regex = "x"

[[prompts]]
task = "chat_qa"
regex = "("

[[prompts]]
id = "a"
task = "chat_qa"
prompt = "?"
python = "word"

[[prompts]]
id = "a"
task = "chat_qa"
prompt = "?"
python = "gone.py:f"
max_tokens = 0

[[prompts]]
task = "chat_qa"
prompt = "?"
schema = { type = "objekt" }
expect = "x"
"""


def test_every_mistake_of_a_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    """One round of mending, not seven."""
    (tmp_path / "mine.toml").write_text(WRONG, encoding="utf-8")
    with pytest.raises(SuiteError) as told:
        read_suite(tmp_path / "mine.toml")
    said = str(told.value)
    assert len(told.value.problems) == 11
    for words in (
        "line 2: nam: unknown key. Did you mean 'name'?",
        "line 5: prompts[0].task: there is no task 'chat_q'. Did you mean 'chat_qa'?",
        "line 4: prompts[0]: has 2 checks: exact, regex. Give one of",
        "prompts[1].prompt: is missing",
        "line 12: prompts[1].regex: is no regular expression",
        "line 18: prompts[2].python: there is no check 'word'. Did you mean 'words'?",
        "line 21: prompts[3].id: prompt 3 has the id 'a' too.",
        "gone.py",
        "line 25: prompts[3].max_tokens: expected a whole number",
        "line 30: prompts[4].schema: is no JSON schema: 'objekt'",
        "prompts[4].expect: unknown key",
    ):
        assert words in said, said


def test_every_mistake_of_a_frame_is_told_with_its_row() -> None:
    """A frame has no lines, it has labels."""
    frame = pd.DataFrame(
        {"task": ["chat_qa", "nothing", "chat_qa"], "prompt": ["a", "b", None], "exact": ["x", None, None], "regex": [None, "[", None]},
        index=["one", "two", "three"],
    )
    with pytest.raises(SuiteError) as told:
        read_suite(frame)
    said = str(told.value)
    assert "the DataFrame: 4 problems" in said
    for words in (
        "row two, task: there is no task 'nothing'",
        "row two, regex: is no regular",
        "row three, prompt: is missing",
        "row three: has no check",
    ):
        assert words in said, said
    with pytest.raises(SuiteError, match="no 'prompt' among text"):
        read_suite(pd.DataFrame({"text": ["a"]}))
    with pytest.raises(SuiteError, match="rows: there are none"):
        read_suite(pd.DataFrame({"prompt": []}))
    with pytest.raises(SuiteError, match="there is none of this name"):
        read_suite("nowhere.toml")


def test_the_same_prompt_has_the_same_key_and_another_check_another() -> None:
    """By it a run knows what it has asked already."""
    assert item(exact="a").key == item(exact="a").key
    assert item(exact="a").key != item(exact="b").key
    assert read_suite(None).key == read_suite(None).key
