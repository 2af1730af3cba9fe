"""What one's own record speaks for, kind by kind, and silence where it cannot bear a proposal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from advised import FILE, advised, asked, books_of, cut, of_kind, said, the, voted, why_not

import routebook as rb
from routebook.config.read import parse
from routebook.messages import Attempt
from routebook.notebook.panels.advice import saved

DAY = 24 * 60.0


# ---- a cheaper model


def test_a_cheaper_model_that_did_as_well_goes_first_and_the_replay_says_what_that_saves(tmp_path: Path) -> None:
    """Of 40 answers each, 39 and 38 good: 40 requests at 700 and 100 tokens cost 0.4 on the one, 0.036 on the other."""
    found = advised(tmp_path, *voted(dear=39 / 40, mid=38 / 40, n=40))
    one = the(found, "cheaper")
    assert one.edit.on(FILE) == FILE.replace('try = ["dear", "mid"]   #', 'try = ["mid", "dear"]   #')
    assert one.saves_usd == pytest.approx(0.4 - 40 * (700 * 1 + 100 * 2) / 1e6)
    assert one.saves_s == pytest.approx(40 * 2.0)
    assert one.evidence[0].startswith("good answers on such prompts: mid 95% of 40 (")
    assert (len(one.requests), len(one.over)) == (80, 40)
    assert not one.doubts


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ({"n": 8}, "8 requests began with dear, and 20 are needed"),
        ({"n": 30, "mid": 0.5}, "none is surely as good"),
        ({"n": 20, "mid": 0.8}, "none is surely as good"),
        ({"n": 20, "mid": 0.9}, "none is surely as good"),
        ({"n": 0}, ""),
    ],
)
def test_too_few_or_worse_answers_bear_no_proposal(tmp_path: Path, history: dict[str, Any], says: str) -> None:
    """A router that saved money by answering badly would be switched off."""
    assert says in why_not(advised(tmp_path, *voted(**history)), "cheaper")


def test_a_model_of_unknown_price_is_never_a_cheaper_one(tmp_path: Path) -> None:
    """An unknown price is not a low one."""
    rows = [asked(n, "dear", task="writing", route="write") for n in range(30)]
    named = [asked(n, "riddle", task="writing", route="write", reason="you named it") for n in range(30, 60)]
    assert not of_kind(advised(tmp_path, [*rows, *named], [said(row, 1.0) for row in (*rows, *named)]), "cheaper")


def test_good_answers_to_easier_prompts_are_no_evidence(tmp_path: Path) -> None:
    """A model that was only asked what is easy has not shown what it does with the rest."""
    rows, votes = voted(n=30)
    easier = [
        row
        if row.model == "dear"
        else asked(int(row.request_id[1:]), "mid", task="writing", route="write", complexity=1.0, reason="you named it")
        for row in rows
    ]
    assert why_not(advised(tmp_path, easier, votes), "cheaper")


def test_votes_between_two_models_are_evidence_too_and_may_speak_against(tmp_path: Path) -> None:
    """Who saw both answers and found them equal has said most; who found the cheap one worse has said no."""
    rows = [asked(n, task="writing", route="write") for n in range(30)]

    def games(score: float) -> list[Any]:
        return [
            said(row, own, model=model, versus=other, source="preference")
            for row in rows
            for model, other, own in (("mid", "dear", score), ("dear", "mid", 1 - score))
        ]

    beside = [asked(n, "mid", attempt=2, task="writing", route="write", kind="hedge") for n in range(30)]
    tie = advised(tmp_path, [*rows, *beside], games(0.5))
    assert "votes between the two: mid won 50% of 30" in " ".join(the(tie, "cheaper").evidence)
    assert not of_kind(
        rb.recommend(
            router=other_votes(tmp_path / "worse", [*rows, *beside], [*games(0.1), *(said(row, 1.0) for row in (*rows, *beside))])
        ),
        "cheaper",
    )


def other_votes(folder: Path, rows: list[Attempt], lessons: list[Any]) -> rb.Router:
    """Books of their own."""
    folder.mkdir()
    return books_of(folder, rows, lessons)


def test_a_wall_and_a_tier_are_not_crossed_to_save_money(tmp_path: Path) -> None:
    """What stays on the machine stays there, however cheap the cloud is."""
    text = FILE.replace(
        '[models.home]\nprovider = "near"', '[models.home]\nprice = { input = 50, output = 50 }\nprovider = "near"'
    ).replace('try = ["dear", "mid"]', 'try = ["home", "mid"]')
    rows = [asked(n, "home", task="writing", route="write") for n in range(30)]
    named = [asked(n, "mid", task="writing", route="write", reason="you named it") for n in range(30, 60)]
    assert not of_kind(advised(tmp_path, [*rows, *named], [said(row, 1.0) for row in (*rows, *named)], text=text), "cheaper")


# ---- a model that fails


def failing(n: int, every: int, *, status: str = "error") -> Iterator[Attempt]:
    """Requests of which every so-many-th fails on the dear model and is answered by the other."""
    for number in range(n):
        if number % every:
            yield asked(number)
        else:
            yield asked(number, status=status, error_type="Unavailable", latency_s=20.0, cost_usd=Decimal(0))
            yield asked(number, "mid", attempt=2, kind="fallback")


def test_a_model_that_fails_much_goes_behind_the_next(tmp_path: Path) -> None:
    """A third of its attempts fail after 20 s, the other never does."""
    one = the(advised(tmp_path, failing(60, 3)), "failing")
    assert one.edit.value == ["mid", "dear", "home"]
    assert "dear 33% of 60" in one.evidence[0]
    assert "mid 0% of 20" in one.evidence[0]
    assert "400 s" in one.evidence[1]
    assert one.saves_s == pytest.approx(20 * 20.0)
    assert one.saves_usd is not None
    assert one.doubts == ("whether mid answers as well is not weighed here",)


def test_few_failures_and_a_next_that_nobody_knows_bear_no_proposal(tmp_path: Path) -> None:
    """A tenth is not much; and to go from a bad model to an unknown one is no advice."""
    assert not of_kind(advised(tmp_path, failing(400, 10)), "failing")
    (tmp_path / "next").mkdir()
    alone = [row for row in failing(60, 3) if row.model == "dear"]
    assert "mid fails less is not known" in why_not(rb.recommend(router=books_of(tmp_path / "next", alone)), "failing")


def test_a_failing_model_of_this_machine_says_that_prompts_would_leave_it(tmp_path: Path) -> None:
    """Who keeps prompts at home must see that before he accepts."""
    text = FILE.replace('try = ["dear", "mid", "home"]', 'try = ["home", "mid"]')
    rows = [
        asked(int(row.request_id[1:]), "home", status=row.status, latency_s=row.latency_s) if row.model == "dear" else row
        for row in failing(60, 3)
    ]
    one = the(advised(tmp_path, rows, text=text), "failing")
    assert "would leave it" in " ".join(one.doubts)
    assert one.saves_usd is not None
    assert one.saves_usd < 0
    assert "more spent" in saved(one)


# ---- limits and times


def test_the_load_above_which_a_model_refuses_becomes_its_limit(tmp_path: Path) -> None:
    """Bursts of eight, of which those above four at once are refused."""
    rows = [
        asked(8 * burst + place, "mid", minutes=10 * burst + place * 0.001, latency_s=30.0 if place < 4 else 0.3, status="ok" if place < 4 else "rate_limited", route="chat")
        for burst in range(12)
        for place in range(8)
    ]  # fmt: skip
    one = the(advised(tmp_path, rows), "limit")
    assert (one.edit.key, one.edit.value) == ("max_concurrent", 4)
    assert "100% of 48" in one.evidence[0]
    assert "max_concurrent = 4" in one.edit.on(FILE)


def test_refusals_at_any_load_are_no_limit(tmp_path: Path) -> None:
    """A model that refuses now and then, however little is asked of it, has another trouble."""
    rows = [asked(n, "mid", minutes=n * 0.5 if n % 2 else n * 3.0, status="ok" if n % 5 else "rate_limited") for n in range(100)]
    assert "no limit is seen" in why_not(advised(tmp_path, rows), "limit")


def test_a_time_limit_that_cuts_answers_off_is_raised(tmp_path: Path) -> None:
    """First tokens come up to the limit, and every sixth attempt runs into it."""
    rows = [cut(n) if n % 6 == 0 else asked(n, ttft_s=8.0 + (n % 12), latency_s=25.0) for n in range(90)]
    one = the(advised(tmp_path, rows), "timeout")
    assert one.change == "first_token_s = 40 for model 'dear', which is 20 now"
    assert "15 of 90 (" in one.evidence[0]
    assert one.saves_s is None
    assert "timeout = { first_token_s = 40 }   # as the vendor says" in one.edit.on(FILE)


def test_a_time_limit_that_only_waits_for_what_never_comes_is_lowered(tmp_path: Path) -> None:
    """Everything begins within a second, and what does not never does."""
    rows = [cut(n) if n % 30 == 0 else asked(n, ttft_s=0.4 + n % 5 / 10) for n in range(120)]
    [first, *_] = of_kind(advised(tmp_path, rows), "timeout")
    assert first.change == "first_token_s = 5 for model 'dear', which is 20 now"
    assert first.saves_s == pytest.approx(4 * 15.0)


def test_a_limit_that_was_changed_since_is_not_judged_by_the_old_one(tmp_path: Path) -> None:
    """What was cut off at 30 s says nothing of 20."""
    rows = [cut(n, 30.0) if n % 6 == 0 else asked(n, ttft_s=8.0 + (n % 12), latency_s=35.0) for n in range(90)]
    assert not of_kind(advised(tmp_path, rows), "timeout")


# ---- routes, repeats, money


def test_a_route_that_nothing_takes_becomes_comments(tmp_path: Path) -> None:
    """Nothing is lost with it: the marks can be taken away again."""
    found = advised(tmp_path, [asked(n, minutes=n * 100.0) for n in range(150)])
    one = the(found, "unused")
    assert one.edit.table == ("routes", "write")
    assert '# words first\n# [[routes]]\n# name = "write"' in one.edit.on(FILE)
    assert [route.name for route in parse(one.edit.on(FILE), file="x").routes] == ["chat"]
    (tmp_path / "used").mkdir()
    used = [asked(n, minutes=n * 100.0, route="write" if n == 7 else "chat") for n in range(150)]
    assert not of_kind(rb.recommend(router=books_of(tmp_path / "used", used)), "unused")


def test_a_route_that_only_the_prompt_could_tell_of_is_not_called_unused(tmp_path: Path) -> None:
    """Whether a prompt needs tools is not in the books."""
    rows = [asked(n, minutes=n * 100.0) for n in range(150)]
    text = FILE.replace('tasks = ["writing"]', "needs_tools = true").replace(
        '[[routes]]\nname = "chat"', '[[routes]]\nname = "qa"\ntasks = ["chat_qa"]\ntry = ["mid"]\n\n[[routes]]\nname = "chat"'
    )
    assert "qa" in [route.name for route in parse(text, file="x").routes]
    assert not of_kind(advised(tmp_path, rows, text=text), "unused")


def test_prompts_that_come_again_within_a_day_ask_for_a_cache(tmp_path: Path) -> None:
    """Five prompts, each asked every two hours: after the first of a day each repeat would have cost nothing."""
    rows = [asked(n, minutes=n * 24.0, strength=(n % 5) / 10) for n in range(60)]
    one = the(advised(tmp_path, rows), "cache")
    assert one.evidence[0].startswith("55 of 60 prompts")
    assert one.saves_usd == pytest.approx(0.55)
    assert one.saves_s == pytest.approx(55 * 4.0)
    assert "cache = { ttl_s = 86400 }" in one.edit.on(FILE)
    (tmp_path / "cached").mkdir()
    cached = FILE + "cache = { ttl_s = 60 }\n"
    assert not of_kind(rb.recommend(router=books_of(tmp_path / "cached", rows, text=cached)), "cache")


def test_an_answer_that_was_called_bad_is_no_reason_to_keep_it(tmp_path: Path) -> None:
    """Who asks again because the answer was bad must not get it again."""
    rows = [asked(n, minutes=n * 24.0, strength=(n % 5) / 10) for n in range(60)]
    assert "0 of 60 prompts came again" in why_not(advised(tmp_path, rows, [said(row, 0.0) for row in rows]), "cache")


def test_spending_that_grows_asks_for_a_cap(tmp_path: Path) -> None:
    """A week of 1.40 after one of 0.70, and nothing that holds it."""
    rows = [
        asked(n, minutes=n * DAY / 10, cost_usd=Decimal("0.01") if n < 70 else Decimal("0.02"), latency_s=4.0 + n % 7) for n in range(142)
    ]
    one = the(advised(tmp_path, rows), "cap")
    assert parse(one.edit.on(FILE), file="x").budgets["total"].weekly == Decimal(3)
    assert parse(one.edit.on(FILE), file="x").budgets["total"].alerts == (Decimal(2),)
    (tmp_path / "held").mkdir()
    held = FILE + "\n[budgets]\ntotal = { monthly = 50 }\n"
    alert = the(rb.recommend(router=books_of(tmp_path / "held", rows, text=held)), "cap")
    assert "total = { monthly = 50, alert = 40 }" in alert.edit.on(held)
