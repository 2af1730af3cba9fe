"""What a plan would take and send, before it does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from making import request
from test_page import plan

from routebook.config.keylike import key_beginnings
from routebook.messages import Candidate, Message
from routebook.notebook.interpolate import Used, used
from routebook.notebook.panels.departing import departing, expected

KEY = "sk-ant-api03-" + "aB3dE5fG7h" * 4


def here(name: str = "small") -> Candidate:
    """A local model."""
    return Candidate(model=name, provider="mac", tier="local", pool=None, reason="", expected_cost_usd=Decimal(0))


def afar(name: str = "dear") -> Candidate:
    """A paid one."""
    return Candidate(model=name, provider="claude", tier="paid", pool=None, reason="", expected_cost_usd=Decimal("0.03"))


def test_time_and_money_of_the_first_and_the_most_it_may_become() -> None:
    """A fallback may cost what the first choice does not."""
    (title, lines), = expected(plan(candidates=(here(), afar())), seconds_of=lambda _model: 2.5)  # fmt: skip
    assert title == "Would take"
    assert lines[0].endswith("tokens in, free, about 2.50 s")
    assert lines[1] == "at most about $0.03, should it come to dear"
    (_, unseen), = expected(plan(candidates=(afar(),)), seconds_of=lambda _model: None)  # fmt: skip
    assert "never asked here" in unseen[0]
    assert expected(plan(candidates=()), seconds_of=lambda _model: None) == []


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ((here(),), "nothing"),
        ((here(), afar()), "only when no local model answers, to claude"),
        ((afar(), here()), "at once, to claude"),
    ],
)
def test_what_leaves_the_machine_is_said(candidates: tuple[Candidate, ...], said: str) -> None:
    """With the variables in it and their sizes: a DataFrame is sent sooner than one thinks."""
    sections = dict(departing(plan(candidates=candidates), [Used("df", "DataFrame", 1234)]))
    assert said in sections["Leaves the machine"][0]
    assert sections["Leaves the machine"][1] == "in it {{df}}: DataFrame, 1,234 characters"
    assert "Looks like a secret" not in sections


def test_a_secret_is_found_and_not_shown() -> None:
    """A key in a pasted log is the usual way to lose one."""
    asked = request(messages=(Message(role="user", content=f"Why? export KEY={KEY}"),))
    sections = dict(departing(plan(request=asked), []))
    assert sections["Looks like a secret"] == ["sk-ant… (hidden here; it would be sent as it is)"]
    assert KEY not in str(sections)
    assert key_beginnings("a commit 3f9a0c1d2e4b5a6978f0a1b2c3d4e5f601234567 is no key") == []


def test_the_variables_of_a_prompt_are_counted_once() -> None:
    """As they go in."""
    assert used("{{a}} and {{ a }} and {{b}} {{gone}}", {"a": "xyz", "b": 12}) == [Used("a", "str", 3), Used("b", "int", 2)]
