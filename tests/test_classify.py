"""What classification promises: the right task for plain prompts, steady under noise, bounded in time, honest when unsure."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unseen_prompts import UNSEEN

from routebook.classifier.classify import UNSURE, classify
from routebook.config.values import OwnTask
from routebook.labels import TASKS
from routebook.plan.match import LEAST_CONFIDENCE

PROMPTS = Path(__file__).parents[1] / "training" / "prompts"

PLAIN = {
    "Write a python function that merges two sorted lists": "code_generation",
    "Why do I get this error? KeyError: 'user_id' when I open the page": "bug_fix",
    "Refactor this function so that it is easier to read:\n\ndef f(a):\n    if a == True:\n        return True\n    return False": "refactoring",
    "Review my pull request and tell me what you would improve:\n\n+ for i in range(len(x)):\n+     print(x[i])": "code_review",
    "Is this login form vulnerable to SQL injection? How could an attacker use it?": "security",
    "Write unit tests with pytest for the class ShoppingCart": "testing",
    "Add docstrings and comments to this module so that newcomers understand it": "documentation",
    "Write a README for this repository: what it does, how to install it and how to run it": "documentation",
    "Design the architecture of a chat service for ten million users: components, storage and trade-offs": "architecture",
    "A train leaves at 9:10 and travels 210 km at 84 km/h. When does it arrive?": "math_reasoning",
    "What is the capital of Peru?": "chat_qa",
    "Write a short story about a lighthouse keeper who is afraid of the dark": "writing",
    "Give me ten ideas for a birthday party for a five year old": "ideation_planning",
    "Translate to German: the shop is closed on Sunday": "transformation",
    "Extract all names and dates from the text below as JSON.\n\nOn 3 May 1921 Ada Finch met Ole Berg in Turin.": "extraction",
    "Is this review positive or negative? The soup was cold and nobody cared.": "classification",
    "What is the weather in Oslo right now?": "tool_call",
    "Set a timer for ten minutes": "tool_call",
}


@pytest.mark.parametrize(("prompt", "task"), PLAIN.items(), ids=[f"{task}-{i}" for i, task in enumerate(PLAIN.values())])
def test_a_plain_prompt_is_known(prompt: str, task: str) -> None:
    """A router that misses the plain cases is of no use in the hard ones."""
    assert classify(prompt).task == task


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Write a poem about the first snow", "Wriet a peom about the first snwo"),
        ("Write a poem about the first snow", "WRITE A POEM ABOUT THE FIRST SNOW"),
        ("Write a poem about the first snow", "Please compose a poem on the first snow"),
        ("Summarize this article in three bullet points:", "summarise this articel in three bullet points:"),
        ("Fix the bug: my function returns None instead of a list", "fix teh bug: my fucntion returns None instead of a list"),
        ("What is the weather in Rome today?", "what's the weather in rome today"),
        ("Set an alarm for 7 am", "SET AN ALARM FOR 7 AM"),
        ("Translate this sentence to French: I am late", "translate this sentance into french: i am late"),
        ("Plan a three day trip to Vienna", "plan a three days trip to vienna pls"),
        ("Write unit tests for the class ShoppingCart", "WRITE UNIT TESTS FOR THE CLASS SHOPPINGCART"),
        ("Give me ten ideas for a garden party", "Could you suggest ten ideas for a party in the garden?"),
    ],
)
def test_typos_case_and_paraphrase_do_not_flip_the_task(one: str, other: str) -> None:
    """People type in a hurry; the decision must not hang on a letter."""
    assert classify(one).task == classify(other).task


LOG = "\n".join(f"2024-05-0{1 + i % 9} 10:{i % 60:02d}:00 INFO worker-{i % 7} took job {i} in {i % 90} ms" for i in range(2000))


@pytest.mark.parametrize(
    ("ask", "task"),
    [
        ("Write a poem about these workers.", "writing"),
        ("Translate the messages above to French.", "transformation"),
        ("Summarize this log in three sentences.", "summarization"),
    ],
)
def test_a_long_log_with_one_question_is_about_the_question(ask: str, task: str) -> None:
    """What is pasted is material; what is asked stands before or after it."""
    assert classify(f"{LOG}\n\n{ask}").task == task
    assert classify(f"{ask}\n\n{LOG}").task == task


def test_a_pasted_prefix_does_not_flip_the_task() -> None:
    """The same wish below a traceback stays the same wish."""
    trace = 'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    run()\nValueError: bad date\n'
    ask = "Translate this error message to Spanish for our users, keep it short and friendly."
    assert classify(ask).task == classify(f"{trace}\n{ask}").task == "transformation"


@pytest.mark.parametrize("ask", ["Write a short poem about this.", "Summarize this in two sentences.", "Translate this to Italian."])
def test_a_pasted_block_before_the_wish_changes_nothing(ask: str) -> None:
    """Logs, tables and mails are material, whatever words stand in them."""
    table = "| name | price |\n|---|---|\n| bolt | 3 |\n| nut | 2 |\n"
    log = "2024-05-01 10:00:00 ERROR worker-1 failed: timeout\n2024-05-01 10:00:05 INFO worker-1 restarted\n"
    assert classify(f"{table}\n{ask}").task == classify(f"{log}\n{ask}").task == classify(ask).task


def test_a_fenced_question_is_not_lost() -> None:
    """Code in a fence with an order above it is about the order."""
    assert (
        classify("Explain what this code does, line by line:\n```python\nx = [i ** 2 for i in range(9)]\nprint(x)\n```").task
        == "documentation"
    )


HOSTILE = {
    "empty": "",
    "spaces": " " * 200_000,
    "newlines": "\n" * 200_000,
    "one long word": "a" * 1_000_000,
    "nested brackets": "{[(" * 200_000,
    "backticks": "`" * 300_000,
    "fences": "```\n" * 100_000,
    "tabs and pipes": "|\t" * 200_000,
    "commas": ",;" * 200_000,
    "dots": "a." * 200_000,
    "equals": "x = (" * 100_000,
    "quotes": '"' * 300_000,
    "colons": "a:1:" * 100_000,
    "dollars": "$x" * 100_000,
    "han": "请" * 200_000,
    "emoji": "🙂" * 200_000,
    "lone surrogates": "\ud800\udfff\ud83d" * 50_000,
    "nulls": "\x00" * 100_000,
    "one line of a megabyte": "please fix the error in line 7, " * 32_000,
    "returns": "\r\n" * 200_000,
    "only quotes of code": "> x = f(\n" * 100_000,
    "deep JSON": '{"a": ' * 100_000,
    "deep markup": "<a><b>" * 100_000,
    "bait for backtracking": "a" * 100 + "!" * 100 + ("\t" * 50 + "x") * 10_000,
    "stops": ". " * 200_000,
    "numbers": "1,234.5 " * 100_000,
    "combining marks": "e\u0301\u0302\u0303" * 50_000,
    "upper that grows": "ß\u0130" * 100_000,
    "def stubs": "def f(:" * 50_000,
    "docstrings": 'def f():\n"""' * 50_000,
    "words": "the quick brown fox " * 50_000,
    "short lines": "fix\n" * 100_000,
    "code lines": "x.y(z) = 3;\n" * 50_000,
}


@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=list(HOSTILE))
def test_no_prompt_takes_long_or_raises(prompt: str) -> None:
    """A megabyte of nonsense must cost no more than a page; 50 ms of its own work is the promise, whatever else the machine does."""
    classify("warm up")
    times = []
    for _ in range(3):
        began = time.thread_time()
        classify(prompt)
        times.append(time.thread_time() - began)
    assert min(times) < 0.05


@settings(max_examples=300)
@given(st.text(alphabet=st.characters(), max_size=400))
def test_any_text_gives_a_value_in_range(prompt: str) -> None:
    """Routes compare these figures; one out of range would match where it must not."""
    seen = classify(prompt)
    assert seen.task in TASKS
    assert 0 <= seen.confidence <= 1
    assert 0 <= seen.complexity <= 10
    assert 0 <= seen.strength <= 1
    assert 0 <= seen.tools_score <= 1
    assert seen.reasons
    assert all(isinstance(reason, str) and reason for reason in seen.reasons)
    assert classify(prompt) == seen


def test_harder_prompts_score_higher() -> None:
    """Complexity and strength order prompts; their scale alone would not show a sign error."""
    easy = [classify(text) for text in ("hi there", "what is the capital of Spain?", "write a haiku about rain")]
    hard = [
        classify(
            "Prove that every continuous function on a compact metric space is uniformly continuous, and give a counterexample without compactness."
        ),
        classify(
            "Design a multi-region payment ledger with exactly-once semantics, failover under network partition, and an audit trail; discuss trade-offs."
        ),
    ]
    assert max(seen.complexity for seen in easy) < min(seen.complexity for seen in hard)
    assert max(seen.strength for seen in easy) < min(seen.strength for seen in hard)


def test_live_information_needs_tools_and_a_poem_does_not() -> None:
    """A wrong answer here sends a live question to a model that can only guess."""
    assert classify("What is the exchange rate of the euro to the yen right now?").needs_tools
    assert not classify("Write a poem about exchange students").needs_tools


@pytest.mark.parametrize("prompt", ["hi", "ok", "zzz qqq", "xkcdq wvut 17", "...", "?", "", "\U0001f642"])
def test_a_prompt_without_a_signal_says_that_it_is_not_sure(prompt: str) -> None:
    """Low confidence takes the default route, never the cheapest by accident, and the reader must see why."""
    seen = classify(prompt)
    assert seen.confidence < LEAST_CONFIDENCE == UNSURE
    assert any("not sure" in reason for reason in seen.reasons)


def test_confidence_means_what_it_says() -> None:
    """A route may ask for confidence: of the prompts called 0.8, about 80 % must be right, on prompts that trained nothing."""
    seen = [(classify(prompt), task) for task, prompts in UNSEEN.items() for prompt in prompts]
    right = [found.task == task for found, task in seen]
    sure = [found.confidence for found, _ in seen]
    assert sum(right) / len(right) > 0.75
    assert abs(sum(right) / len(right) - sum(sure) / len(sure)) < 0.15
    surest = [is_right for (found, _), is_right in zip(seen, right, strict=True) if found.confidence >= 0.8]
    least = [is_right for (found, _), is_right in zip(seen, right, strict=True) if found.confidence < 0.5]
    assert sum(surest) / len(surest) > 0.85
    assert sum(least) / len(least) < sum(surest) / len(surest)


def test_no_test_prompt_trained_the_weights() -> None:
    """A prompt that was learned by heart proves nothing about the next one."""
    trained = {json.loads(line)["prompt"] for path in PROMPTS.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()}
    assert trained.isdisjoint({prompt for prompts in UNSEEN.values() for prompt in prompts} | set(PLAIN))


def test_reasons_quote_the_words_that_weighed() -> None:
    """A decision that cannot be explained cannot be trusted or mended."""
    assert any("translate" in reason.lower() for reason in classify("Translate to German: good night").reasons)


OWN = {
    "trips": OwnTask(like="tool_call", keywords=("jetlag",), examples=("find flights to Rome next weekend",)),
    "brewing": OwnTask(examples=("how long do I boil the wort for a pale ale",)),
}


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Anything I can do about jetlag?", "trips"),
        ("find cheap flights to Lisbon next weekend", "trips"),
        ("how long should I boil wort for a stout", "brewing"),
        ("Write a python function that merges two sorted lists", "code_generation"),
    ],
)
def test_own_tasks_work_at_once(prompt: str, task: str) -> None:
    """The user's own words outrank the shipped weights where they speak, and only there."""
    seen = classify(prompt, tasks=OWN)
    assert seen.task == task
    assert 0 <= seen.confidence <= 1
    if task in OWN:
        assert any("keyword" in reason or "example" in reason for reason in seen.reasons)


def test_a_keyword_inside_a_word_does_not_count() -> None:
    """`art` is not in `start`."""
    assert classify("start the party", tasks={"painting": OwnTask(keywords=("art",))}).task != "painting"


def test_numpy_is_loaded_by_the_first_call_and_not_before() -> None:
    """Importing Routebook is free of charge; a plan by name needs no weights."""
    code = (
        "import sys, routebook.classifier.classify as c; assert 'numpy' not in sys.modules; c.classify('hi'); assert 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_reasons_are_words_that_say_something() -> None:
    """“in”, “a” and “how” weigh in the sum, and tell a reader nothing."""
    for prompt in ("How do I keep one of each word in a list?", "Write a thread-safe LRU cache in C++", "what is the capital of Peru?"):
        for reason in classify(prompt).reasons:
            assert reason.strip("“”") not in {"in", "a", "of", "the", "is", "i", "do", "how do", "c +"}
