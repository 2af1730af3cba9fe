"""Which model answers what share of the prompts, and how fast, beside what was expected: from the frame and from a cell."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from cells import ROUTING, running_shell
from making import attempt
from recorded import recorded

from routebook.config.read import parse
from routebook.errors import ConfigError, UsageError
from routebook.messages import Attempt
from routebook.tables.shares import shares

EXPECTED = "\n[expected]\nshares = { tiny = 0.7, opus = 0.3 }\naverage_s = 30\np95_s = 60\nfallbacks = 0.01\n"


def tries(request: str, *tried: tuple[str, str, float], kind: str = "answer") -> list[Attempt]:
    """One request: who was asked in order, how that went and how long it took; the second and later are fallbacks."""
    return [
        attempt(request_id=request, attempt=place + 1, kind="fallback" if place else kind, model=model, status=status, queue_s=0.5, latency_s=took_s)
        for place, (model, status, took_s) in enumerate(tried)
    ]  # fmt: skip


def test_shares_are_of_the_answers_and_times_of_whole_requests() -> None:
    """What a person waited for is the queue, what failed, and the answer."""
    quick = [tries(f"q{n}", ("quick", "ok", 1.5)) for n in range(3)]
    fallen = tries("f", ("quick", "error", 2.0), ("large", "ok", 7.0))
    frame = recorded([*(row for rows in quick for row in rows), *fallen])
    found = shares(frame)
    assert found.index.tolist() == ["quick", "large", "all"]
    assert found["prompts"].tolist() == [3, 1, 4]
    assert found["share"].tolist() == [0.75, 0.25, 1.0]
    assert found["average_s"].tolist() == [2.0, 10.0, 4.0]
    assert found["fallbacks"].tolist() == [0.0, 1.0, 0.25]
    assert found.loc["large", "p95_s"] == 10.0


def test_who_got_no_answer_is_counted_and_has_no_share() -> None:
    """A failure is nobody's answer, and must not make the others look better."""
    rows = [*tries("a", ("quick", "ok", 1.0)), *tries("b", ("quick", "error", 1.0), ("large", "timeout", 1.0))]
    found = shares(recorded(rows))
    assert found.index.tolist() == ["quick", "all"]
    assert found.loc["quick", "share"] == 1.0
    assert found.loc["all", ["prompts", "share", "fallbacks"]].tolist() == [2, 0.5, 0.5]


def test_what_is_no_prompt_of_the_user_s_does_not_count() -> None:
    """Health checks, warm-ups, judges, answers from the cache, and what still runs or was stopped."""
    others = [row for kind in ("judge", "warmup", "health", "evaluation", "cache") for row in tries(kind, ("quick", "ok", 1.0), kind=kind)]
    others += [*tries("x", ("quick", "running", 1.0)), *tries("y", ("quick", "cancelled", 1.0))]
    found = shares(recorded([*others, *tries("a", ("large", "ok", 1.0))]))
    assert found["prompts"].to_dict() == {"large": 1, "all": 1}


def test_books_with_nothing_in_them_say_so() -> None:
    """Nothing is known is not zero."""
    found = shares(recorded([]))
    assert found.loc["all", "prompts"] == 0
    assert all(math.isnan(found.loc["all", column]) for column in ("share", "average_s", "fallbacks"))


def test_a_cell_shows_what_happened_beside_what_was_expected(tmp_path: Path) -> None:
    """And without `[expected]` only what happened."""
    with running_shell(tmp_path, ROUTING + EXPECTED) as shell:
        shell.run("%route shares")
        assert "no prompt of this time" in shell.text
        for name in ("tiny", "tiny", "tiny", "opus"):
            shell.run(f"%%route -m {name} --no-cache\nhello")
        shell.run("%route shares")
        rows = [line.split() for line in shell.text.splitlines()]
        assert next(row for row in rows if row[:1] == ["tiny"])[:4] == ["tiny", "3", "75.0%", "70.0%"]
        assert next(row for row in rows if row[:1] == ["opus"])[:4] == ["opus", "1", "25.0%", "30.0%"]
        assert "4 prompts" in shell.text
        for said in ("under 30.0 s", "under 60.0 s", "under 1.0%"):
            assert said in shell.text, said
        shell.run("%route shares --since 2h")
        assert "4 prompts" in shell.text
        for wrong in ("%route shares --since yesterday", "%route shares of tiny"):
            shell.attempt(wrong)
            assert isinstance(shell.error, UsageError)


def test_a_model_that_was_expected_and_never_answered_is_shown(tmp_path: Path) -> None:
    """That is the very thing one looks for."""
    with running_shell(tmp_path, ROUTING + EXPECTED) as shell:
        shell.run("%%route -m tiny\nhello")
        shell.run("%route shares")
        row = next(line.split() for line in shell.text.splitlines() if line.startswith("opus"))
        assert row == ["opus", "0", "0.0%", "30.0%"]


def test_a_name_that_is_no_model_is_refused() -> None:
    """A typing error must not look like a model that is never chosen."""
    with pytest.raises(ConfigError, match=r"expected\.shares\.tinny: there is no model 'tinny'\. Did you mean 'tiny'"):
        parse(ROUTING + EXPECTED.replace("tiny =", "tinny ="), file="x")


def test_a_step_that_asks_for_a_tool_is_no_answer() -> None:
    """What comes after it may fail."""
    step = attempt(request_id="t", status="ok", finish_reason="tool_calls")
    found = shares(recorded([*tries("q", ("quick", "ok", 1.5)), step, attempt(request_id="t", attempt=2, kind="tool", status="timeout")]))
    assert found.index.tolist() == ["quick", "all"]
