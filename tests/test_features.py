"""Features are the ground that weights and learning stand on: they must be stable, bounded and readable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from routebook.classifier.features import N_BUCKETS, N_PLACES, buckets, features
from routebook.classifier.model import UNMET, score, weights
from routebook.classifier.structure import _KIND, _PROSE, HEAD, TAIL, read_lines

PROMPTS = Path(__file__).parents[1] / "training" / "prompts"


def corpus() -> list[str]:
    """Every prompt that trained."""
    return [json.loads(line)["prompt"] for path in sorted(PROMPTS.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]


def test_places_are_the_same_in_every_process() -> None:
    """Shipped weights and a user's memory are keyed by them; Python's own hash is salted per process."""
    code = "from routebook.classifier.features import *; print(buckets(features('Write a haiku about 3 cats')))"
    runs = {subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout for _ in range(2)}
    assert runs == {f"{buckets(features('Write a haiku about 3 cats'))}\n"}


def test_known_places_do_not_move() -> None:
    """A change of the hash would silently void the shipped weights."""
    assert buckets({"w:write": 1.0}) == ([235602], [1.0])


def test_places_are_in_range_and_figures_behind_the_buckets() -> None:
    """The weights have one row per place."""
    found = features("If 12 boxes hold 9 books each, how many books are there altogether? Show each step, then check it.")
    places, weights = buckets(found)
    assert len(places) == len(weights) == len(found)
    assert all(0 <= place < N_PLACES for place in places)
    assert all((place >= N_BUCKETS) == name.startswith("n:") for place, name in zip(places, found, strict=True))


def test_synonyms_share_a_feature() -> None:
    """Kinds of words carry what was learned of one word to its neighbours."""
    assert "g:WRITE GENRE" in features("Compose a sonnet")
    assert "g:WRITE GENRE" in features("draft an essay")


def test_politeness_does_not_hide_the_verb() -> None:
    """The first words that say something are the same wish, however it is asked."""
    assert "v:write" in features("Could you please write me a poem?")
    assert "v:write" in features("write a poem")


def test_learned_words_are_counted_whatever_the_length() -> None:
    """How hard a prompt is to judge shows in its words, not in how many there are."""
    plain = features("how do i get a dog to sit on the mat")
    learned = features("Contrast deontological and consequentialist accounts of paternalistic legislation")
    steps = [sum(name.startswith("n:learned") for name in found) for found in (plain, learned)]
    assert steps[0] == 0
    assert steps[1] >= 4


def test_the_middle_of_a_huge_prompt_is_not_read() -> None:
    """Work is bounded by what is read."""
    text = "\n".join("word " * 10 for _ in range(10_000))
    assert sum(len(line.text) + 1 for line in read_lines(text)) <= HEAD + TAIL + 2
    assert len(features(text)) < 3_000


def test_lines_have_the_kind_a_reader_would_give() -> None:
    """Structure decides what is the wish and what is material."""
    cases = {
        "Please help me with this problem": "prose",
        "Traceback (most recent call last):": "trace",
        "2024-01-01 10:00:00 INFO started": "log",
        "| a | b |": "table",
        "def f(x):": "code",
        "- bread and butter": "bullet",
        "A. Lisbon": "option",
        "> he said": "quote",
        "@@ -1,3 +1,4 @@": "diff",
        '"name": "x",': "markup",
        "": "blank",
    }
    assert {text: read_lines(f"hello there\n{text}\nbye")[1].kind for text in cases} == cases


def test_a_function_without_a_body_is_a_wish_for_code() -> None:
    """A signature and a docstring are the commonest order for code that has no verb."""
    stub = 'def area(r):\n    """Return the area of a circle."""\n'
    assert "g:STUB" in features(stub)
    assert "g:STUB" not in features(stub + "    return 3.14 * r * r\n")


def test_the_short_cut_for_prose_never_hides_another_kind() -> None:
    """It saves most of the time of reading a line; it must not cost a traceback its name."""
    lines = {line for prompt in corpus() for line in prompt.split("\n")}
    lines |= {
        "Traceback (most recent call last):",
        "at f (x)",
        "A. Lisbon",
        "Mon 3 10:00:00 up",
        "npm ERR now",
        "if (a):",
        "Caused by: that",
        "one  two  three",
    }
    short = [line for line in lines if _PROSE.match(line, 0, 200) and "  " not in line[:200]]
    assert len(short) > len(lines) / 5, "else it saves nothing"
    assert [line for line in short if _KIND.match(line, 0, 200)] == []


def test_scoring_reads_the_places_that_training_reads() -> None:
    """Two ways to the same vector, one for speed, one for training; apart, every weight would be another word's."""
    held = weights()
    for prompt in ("hi", "Write a haiku about 3 cats, then 2 about dogs.", "bitte \ud800 ü übersetze 请 1.", "x = f(1)\n" * 30):
        at, value = buckets(features(prompt))
        rarity = held.rarity[at].astype(float)
        x = np.array(value) * np.where(rarity == 0, UNMET, rarity)
        named = np.array(at) < N_BUCKETS
        x[named] /= np.sqrt((x[named] ** 2).sum())
        logits = (x @ held.table[at]) * held.scale + held.bias
        assert np.allclose(score(features(prompt)).logits, logits, atol=1e-4)
