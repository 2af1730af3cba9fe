"""Answers side by side: the object, its page, and the words that differ."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hostile import payloads
from hypothesis import given
from hypothesis import strategies as st
from making import attempt
from test_page import SAFE_TAGS, answer

from routebook.errors import ProviderError, Unavailable, UsageError
from routebook.notebook.panels.compare_page import compare_page
from routebook.notebook.panels.comparison import Comparison, pane_names, tokens_per_s
from routebook.notebook.panels.difference import difference, likeness


def comparison(**changes: Any) -> Comparison:  # noqa: ANN401
    """Two answers and a failure."""
    answers = {
        "small": answer(text="The cat sat on the mat.", attempts=(attempt(model="small", cost_usd=Decimal(0), ttft_s=0.5, latency_s=1.5, output_tokens=50),)),
        "dear": answer(text="The dog sat on the mat.", attempts=(attempt(model="dear", cost_usd=None),)),
    }  # fmt: skip
    failure: ProviderError = Unavailable("claude: it is down.", provider="claude")
    values: dict[str, Any] = {"prompt": "Who sat?\nWhere?", "answers": answers, "failures": {"odd": failure}}
    return Comparison(**(values | changes))


def test_panes_are_named_by_their_models_and_numbered_where_needed() -> None:
    """A pane is found by its name, so no two share one."""
    assert pane_names(["a", "b"]) == {"a": "a", "b": "b"}
    assert pane_names(["a", "b", "a"]) == {"a #1": "a", "b": "b", "a #2": "a"}
    assert pane_names(["a", "b"], repeat=2) == {"a #1": "a", "a #2": "a", "b #1": "b", "b #2": "b"}


def test_an_answer_is_found_by_its_pane() -> None:
    """With the nearest name for one that is not there, and the reason for one that failed."""
    assert comparison()["small"].text == "The cat sat on the mat."
    with pytest.raises(UsageError, match="Did you mean 'small'"):
        comparison()["smal"]
    with pytest.raises(UsageError, match=r"odd did not answer: .*it is down"):
        comparison()["odd"]
    assert list(comparison()) == ["small", "dear"]
    assert len(comparison()) == 2


def test_the_frame_has_a_row_for_each_pane_and_unknown_costs_are_nan() -> None:
    """People take it on to their own analysis."""
    frame = comparison().frame.set_index("pane")
    assert list(frame.index) == ["small", "dear", "odd"]
    assert frame.loc["small", "cost_usd"] == 0
    assert frame["cost_usd"].isna().tolist() == [False, True, True]
    assert frame.loc["small", "tokens_per_s"] == pytest.approx(50)
    assert frame.loc["odd", "error"].endswith("it is down.")
    assert 0.5 < frame.loc["dear", "likeness"] < 1
    assert comparison().to_csv().count("\n") == 4


def test_markdown_has_the_prompt_and_every_answer() -> None:
    """To paste into an issue or a report."""
    text = comparison().to_markdown()
    for part in ("> Who sat?\n> Where?", "## small\n\nThe cat", "## odd\n\n*did not answer: "):
        assert part in text


def test_an_answer_too_short_has_no_speed() -> None:
    """One token in no time is not infinitely fast."""
    assert tokens_per_s(answer(attempts=(attempt(output_tokens=1, latency_s=1.0),))) is None
    assert tokens_per_s(answer(attempts=(attempt(output_tokens=9, ttft_s=1.0, latency_s=1.0),))) is None


def test_the_page_shows_answers_figures_failures_and_differences() -> None:
    """Saved and reopened, it is all there, in both forms."""
    page = compare_page(comparison())
    html = page["text/html"].replace("<span>$</span>", "$")
    for part in ("The cat sat", "did not answer: ", "<del>cat</del><ins>dog</ins>", "dear against small", ">$0<", ">unknown<", ">50<"):
        assert part in html, part
    for part in ("── small\nThe cat sat", "── odd\ndid not answer", "first token"):
        assert part in page["text/plain"], part


def test_the_page_has_only_what_an_untrusted_notebook_keeps() -> None:
    """As for a single answer."""
    html = compare_page(comparison())["text/html"]
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= SAFE_TAGS | {"thead", "ins", "del"}
    assert not re.search(r"<(style|svg|script|img)|on\w+=|position|url\(", html)


def test_no_payload_opens_anything_of_the_page() -> None:
    """The difference view shows what models said too."""
    bare = compare_page(comparison(answers={"a": answer(text="x"), "b": answer(text="x")}))["text/html"]
    for payload in payloads():
        html = compare_page(comparison(answers={"a": answer(text="x"), "b": answer(text=payload)}))["text/html"]
        for tag in ("div", "details", "script", "img"):
            assert html.count(f"<{tag}") == bare.count(f"<{tag}"), payload


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_difference_loses_no_word(left: str, right: str) -> None:
    """Each side can be read from its own spans; spaces may come from the other."""
    spans = difference(left, right)
    for side, text in (("left", left), ("right", right)):
        read = "".join(span.text for span in spans if span.kind in ("both", side))
        assert "".join(read.split()) == "".join(text.split())


def test_likeness_goes_from_nothing_to_all() -> None:
    """It ranks repeated answers by how steady a model is."""
    assert likeness("one two three", "one two three") == 1
    assert likeness("one two", "") == 0
    assert likeness("a b c d", "a b x d") > likeness("a b c d", "x y z d")
