"""A memory of similar prompts that holds no prompts."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence

import numpy as np
import pytest
from lessons_made import START, lesson

from routebook.classifier.features import features
from routebook.learn.memory import ALIKE, MOST, Memory
from routebook.learn.signature import LENGTH, signature, unpacked
from routebook.plan.evidence import SURE, Remembered

NOW = START.timestamp()
SQL = "Write a SQL query that lists the customers who bought twice last month"
HAIKU = "Write a haiku about the first snow in the mountains"
PAIRS = [
    (SQL, "write a sql query listing customers that bought twice last month"),
    (SQL, "Please, write a SQL query that lists the customers who bought three times last year. Thanks!"),
    (SQL, "write a sql querry that lists the customers who bougth twice last month"),
    (HAIKU, "a haiku about first snow in the mountains, please"),
    ("Fix this: KeyError 'id' in df.merge(other, on='id')", "df.merge(other, on='id') fails with KeyError 'id', fix this"),
    ("Explain how a hash table resolves collisions", "explain how hash tables resolve their collisions"),
]
WORDED_ALIKE = [
    ("Can you please tell me what the best way is to peel a mango", "Can you please tell me what the best way is to tune a Postgres index"),
    ("Write a Python function that sorts a list of numbers", "Write a Python function that downloads a web page"),
    ("Explain how a hash table resolves collisions", "Explain how a jet engine produces thrust"),
    ("What is the difference between TCP and UDP?", "What is the difference between affect and effect?"),
    ("How do I install numpy on Windows?", "How do I install a dishwasher in my kitchen?"),
]
APART = [
    SQL,
    HAIKU,
    "What is the capital of Peru?",
    "Fix this: KeyError 'id' in df.merge(other, on='id')",
    "Translate to French: good night",
]

FIRST_SIGNS = [sign == "1" for sign in "1111001010001010"]
"""Of one word's direction, written down: a change of them would make all memories worthless."""


def likeness(one: str, other: str) -> float:
    """Cosine of two prompts' signatures."""
    rows = [unpacked(signature(features(text))) for text in (one, other)]
    assert rows[0] is not None
    assert rows[1] is not None
    return float(rows[0] @ rows[1])


def recalled(memory: Memory, prompt: str, *, now: float = NOW) -> Sequence[Remembered]:
    """What is remembered of prompts like this one."""
    return memory.recall(signature(features(prompt)), now=now)


def filled(*lessons: tuple[str, float, str]) -> Memory:
    """A memory of votes: model, score, prompt."""
    memory = Memory()
    for n, (model, score, prompt) in enumerate(lessons):
        memory.add(lesson(model, score, prompt=prompt, request_id=f"r{n}"))
    return memory


# ---- signatures


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_same_wish_in_other_words_is_alike(one: str, other: str) -> None:
    """People do not type the same prompt twice."""
    assert likeness(one, other) >= ALIKE


def test_other_wishes_are_not_alike() -> None:
    """A memory that takes everything for the same would send all prompts to one model."""
    found = [likeness(one, other) for n, one in enumerate(APART) for other in APART[:n]]
    assert max(found) < ALIKE - 0.1


@pytest.mark.parametrize(("one", "other"), WORDED_ALIKE)
def test_the_same_words_around_another_wish_do_not_make_it_alike(one: str, other: str) -> None:
    """People begin their prompts in the same way every time."""
    assert likeness(one, other) < ALIKE


def test_a_signature_is_short_and_always_the_same() -> None:
    """It is kept for years, and compared with those of other machines' kernels."""
    made = signature(features(SQL))
    assert len(made) == LENGTH
    assert made == signature(features(SQL))
    row = np.frombuffer(signature({"w:customers": 1.0}), np.int8)
    assert np.abs(row).tolist() == [127] * LENGTH
    assert (row[:16] > 0).tolist() == FIRST_SIGNS


def test_a_prompt_without_words_is_like_nothing() -> None:
    """Else all of them would be alike."""
    assert unpacked(signature({})) is None
    assert recalled(filled(("a", 1, "..."), ("a", 1, SQL)), "\n\n") == ()


def test_a_signature_of_another_kind_is_left_alone() -> None:
    """Of a later version, or damaged."""
    assert unpacked(b"\x01" * 64) is None
    memory = Memory()
    memory.add(lesson("a", 1, signature=b"\x01" * 64))
    memory.add(lesson("a", 1))
    assert len(memory) == 0


# ---- memory


def test_two_praised_answers_make_a_sure_winner_and_one_does_not() -> None:
    """The mark is 0.8."""
    [once] = recalled(filled(("a", 1, SQL)), SQL)
    [twice] = recalled(filled(("a", 1, SQL), ("a", 1, SQL)), SQL)
    assert once.confidence < SURE < twice.confidence
    assert twice.n == 2
    assert twice.likeness == pytest.approx(1.0)


def test_less_alike_prompts_count_less() -> None:
    """More of them are needed to be sure."""
    near, far = (recalled(filled(*[("a", 1.0, PAIRS[1][1])] * 2), prompt)[0] for prompt in (PAIRS[1][1], SQL))
    assert far.likeness < near.likeness
    assert far.confidence < SURE < near.confidence


def test_the_surest_comes_first_and_bad_votes_count_against() -> None:
    """A winner that lost lately is none."""
    found = recalled(filled(("a", 1, SQL), ("a", 0, SQL), ("b", 1, SQL), ("b", 1, SQL), ("c", 0, SQL), ("d", 1, HAIKU)), SQL)
    assert [one.model for one in found] == ["b", "a", "c"]
    assert [one.confidence > SURE for one in found] == [True, False, False]


def test_old_votes_fade() -> None:
    """What was the best model last year may not be any more."""
    memory = filled(("a", 1, SQL), ("a", 1, SQL))
    assert recalled(memory, SQL, now=NOW + 200 * 86400)[0].confidence < SURE


def test_the_oldest_make_place() -> None:
    """Memory is bounded, whatever a user votes."""
    memory = Memory(most=100)
    for n in range(250):
        memory.add(lesson(f"m{n}", 1, prompt=SQL if n < 150 else HAIKU, request_id=f"r{n}"))
    assert len(memory) == 100
    assert recalled(memory, SQL) == ()
    assert {one.model for one in recalled(memory, HAIKU)} <= {f"m{n}" for n in range(150, 250)}


def test_recall_takes_less_than_a_few_milliseconds_when_full() -> None:
    """It stands in the way of every prompt; a millisecond is its budget, and the bound here is generous for a busy machine."""
    memory, rng = Memory(), random.Random(1)
    for n in range(MOST):
        memory.add(lesson("a", 1, request_id=f"r{n}", signature=rng.randbytes(LENGTH)))
    wanted = signature(features(SQL))
    took: list[float] = []
    for _ in range(50):
        began = time.perf_counter()
        memory.recall(wanted, now=NOW)
        took.append(time.perf_counter() - began)
    assert statistics.median(took) < 0.01
