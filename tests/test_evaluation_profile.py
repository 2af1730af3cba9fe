"""Rubric, speed and price find their way into `routing.toml`, and nothing else of it changes."""

from __future__ import annotations

import difflib

import pytest
import tomli

from routebook.books.evaluations import Result
from routebook.config.profile import Profile, with_profiles
from routebook.errors import UsageError
from routebook.evaluation.profile import rubric_of, speed_of

TEXT = """# mine
[providers.p]
kind = "chaos"   # here

[models.a]   # the first
provider = "p"
id = "a"
rubric = { writing = 6, code_generation = 8 } # "writing = 9"
speed = 3   # slow
# about b
[models.b]
provider = "p"
id = "b"
params = {
  # well
  temperature = 0.5,
}

[models.b.rubric]
writing = 2  # bad

[models.c]
provider = "p"
rubric.writing = 4
id = "c"
[models]
d = { provider = "p", id = "d" }   # inline
e = { provider = "p", id = "e", speed = 2, rubric = { writing = 1 }, price = { input = 9, output = 9 } }
[models."q:8b"]
provider = "p"
id = "q"
rubric = {
   writing = 3, # three
   bug_fix = 4,
}

[[routes]]
name = "chat"
try = ["a"]
"""
PROFILE = Profile(rubric={"writing": 7.5, "bug_fix": 3.0, "testing": 1.0}, speed=4.4, price={"input": 1.5, "output": 2.0})
MODELS = ("a", "b", "c", "d", "e", "q:8b")


@pytest.mark.parametrize("model", MODELS)
def test_what_is_said_of_a_model_changes_and_nothing_else(model: str) -> None:
    """Comments, blank lines, order and the way it was written are the user's, however he writes a table."""
    new = with_profiles(TEXT, {model: PROFILE})
    before, after = tomli.loads(TEXT), tomli.loads(new)
    entry, old = after["models"].pop(model), before["models"].pop(model)
    assert after == before
    assert entry["rubric"] == {**old.get("rubric", {}), "writing": 7.5, "bug_fix": 3, "testing": 1}
    assert entry["speed"] == 4.4
    assert entry["price"] == (old.get("price") or {"input": 1.5, "output": 2}), "a price that is there is the user's"
    changed = [line for line in difflib.ndiff(TEXT.split("\n"), new.split("\n")) if line[0] in "+-"]
    assert len(changed) <= 9, changed
    assert new.count("#") == TEXT.count("#")


def test_all_of_them_at_once_and_again_without_a_change() -> None:
    """An evaluation has many models, and writing the same twice is no change."""
    new = with_profiles(TEXT, dict.fromkeys(MODELS, PROFILE))
    assert [line.strip() for line in new.split("\n") if line.strip().startswith("#")] == ["# mine", "# about b", "# well"]
    assert with_profiles(new, dict.fromkeys(MODELS, PROFILE)) == new
    assert all(tomli.loads(new)["models"][name]["speed"] == 4.4 for name in MODELS)


def test_a_long_rubric_stands_on_lines_of_its_own() -> None:
    """Nineteen tasks on one line are read by nobody."""
    rubric = {f"task{n}": float(n) for n in range(9)}
    text = '[models.a]\nprovider = "p"\nid = "a"\n\n[[routes]]\nname = "chat"\n'
    new = with_profiles(text, {"a": Profile(rubric=rubric)})
    assert tomli.loads(new)["models"]["a"]["rubric"] == rubric
    assert max(map(len, new.split("\n"))) < 80
    assert new.index("rubric") < new.index("\n\n[[routes]]")


def test_what_cannot_be_written_cleanly_is_left_to_the_hand() -> None:
    """Half a change would be worse than none."""
    with pytest.raises(UsageError, match=r"no \[models.z\] in the file"):
        with_profiles(TEXT, {"z": PROFILE})
    with pytest.raises(UsageError, match="not right TOML any more"):
        with_profiles("[models", {"a": PROFILE})
    with pytest.raises(UsageError, match=r"speed of models.a cannot be written.*speed = 4.4 by hand"):
        with_profiles("[models.a.params]\nseed = 1\n", {"a": PROFILE})


def result(
    score: float, *, task: str = "writing", tokens: int | None = 100, ttft_s: float | None = 0.5, latency_s: float | None = 2.5
) -> Result:
    """One graded answer."""
    return Result(b"k", 0, "a", task, score, "", "r", ttft_s, latency_s, 10, tokens, 100)


def test_few_right_answers_do_not_make_a_ten() -> None:
    """A task's score is drawn toward the model's own, so that three lucky answers do not outweigh fifty others."""
    results = [result(1.0, task="writing")] * 3 + [result(0.0, task="testing")] * 3
    assert rubric_of(results) == {"writing": 8.0, "testing": 2.0}
    assert rubric_of([result(1.0)] * 9) == {"writing": 10.0}
    assert rubric_of([]) == {}


def test_speed_counts_the_wait_and_needs_some_answers() -> None:
    """A model that begins late is slow however fast it then is."""
    assert speed_of([result(1.0)] * 4) is None
    slow = speed_of([result(1.0, ttft_s=20.0, latency_s=22.0)] * 5)
    quick = speed_of([result(1.0)] * 5)
    assert slow is not None
    assert quick is not None
    assert 0 < slow < quick < 10
    assert speed_of([result(1.0, tokens=10_000, ttft_s=0.0, latency_s=1.0)] * 5) == 10
    assert speed_of([result(1.0, tokens=None)] * 5) is None
