"""What answers agree on: the same words, the same numbers, the same denial."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routebook.notebook.panels.agreement import agreement, most_agreed, spans, unsaid

PARIS = "The capital of France is Paris. It has about 2.1 million inhabitants."
ALSO = "Paris is the capital of France.\n\n- The Seine flows through it."
WRONG = "The capital of France is Lyon. It has about 2.1 million inhabitants."


def test_a_text_falls_into_sentences_items_and_code() -> None:
    """A function is one thing, whatever stands in it."""
    text = "# Title\n\nFirst point here. Second point there!\n- an item counts\n\n```python\na = 1. \n\nb = 2\n```\nLast words stand."
    assert (
        spans(text)
        == [
            "# Title",
            "First point here.",
            "Second point there!",
            "- an item counts",
            "```python\na = 1. \n\nb = 2\n```",
            "Last words stand.",
        ][1:]
    )


def test_what_others_say_in_other_words_is_agreed() -> None:
    """The order of words is no disagreement."""
    said = agreement(PARIS, {"b": ALSO, "c": WRONG})
    assert said[0].by == ("b",)
    assert said[1].by == ("c",)


def test_a_number_or_a_not_makes_another_statement() -> None:
    """Most of the words agree; what matters does not."""
    assert agreement("The bridge is 120 metres long.", {"b": "The bridge is 210 metres long."})[0].by == ()
    assert agreement("The file is not deleted on exit.", {"b": "The file is deleted on exit."})[0].by == ()


def test_what_only_others_say_is_found_once() -> None:
    """It may be what the merged answer forgot."""
    left = unsaid(PARIS, {"b": ALSO, "c": ALSO, "d": PARIS})
    assert [(agreed.text, agreed.by) for agreed in left] == [("- The Seine flows through it.", ("b", "c"))]


def test_the_most_agreed_answer_is_the_middle_one() -> None:
    """A majority without a judge."""
    assert most_agreed({"odd": WRONG, "a": PARIS, "b": ALSO}) in ("a", "odd")
    assert most_agreed({"x": "It is 4.", "y": "It is 5.", "z": "It is 4."}) == "x"
    assert most_agreed({"only": "It is 4."}) == "only"


@given(st.text(max_size=200))
def test_a_text_agrees_with_itself(text: str) -> None:
    """Whatever it is."""
    assert all(agreed.by == ("me",) for agreed in agreement(text, {"me": text}))
    assert unsaid(text, {"me": text}) == []
