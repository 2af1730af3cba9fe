"""`rb.recommend()` and `%route recommend`: what one's own record speaks for, and silence where it cannot bear a proposal."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from advised import FILE, advised, asked, books_of, said, voted
from cells import running_shell
from served import outcome

import routebook as rb
from routebook.advice.proposal import Proposal
from routebook.advice.record import MOST, rows_of
from routebook.config.read import parse
from routebook.config.scripted import Chaos
from routebook.errors import UsageError
from routebook.messages import Answer, Attempt
from routebook.notebook.panels.advice import Recommendations, saved
from routebook.testing import ScriptedServer

DAY = 24 * 60.0


def of_kind(found: Recommendations, kind: str) -> list[Proposal]:
    """The proposals of a kind."""
    return [one for one in found.advice.proposals if one.kind == kind]


def why_not(found: Recommendations, kind: str) -> str:
    """Why there is none of a kind."""
    assert not of_kind(found, kind)
    return "; ".join(need.said for need in found.advice.needs if need.kind == kind)


def the(found: Recommendations, kind: str) -> Proposal:
    """The only one of a kind; its change gives a file that is right."""
    [one] = of_kind(found, kind)
    parse(one.edit.on(found.advice.text), file="routing.toml")
    return one


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


def cut(number: int, limit_s: float = 20.0) -> Attempt:
    """An attempt of the dear model that was cut off before its first token."""
    said_so = f"far: no first token within {limit_s:g} s."
    return asked(number, status="timeout", error_type="TimedOut", error=said_so, ttft_s=None, latency_s=limit_s, cost_usd=None)


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


# ---- all of it


def test_nothing_to_recommend_is_said_with_what_it_would_need(tmp_path: Path) -> None:
    """An empty book, and one with a day of prompts."""
    empty = rb.recommend(router=books_of(tmp_path, []))
    assert str(empty).startswith("There is nothing to recommend.")
    assert "No prompt is recorded yet." in str(empty)
    assert list(empty.frame.columns)[:3] == ["number", "kind", "change"]
    (tmp_path / "few").mkdir()
    few = rb.recommend(router=books_of(tmp_path / "few", [asked(n) for n in range(10)]))
    assert len(few) == 0
    for words in ("20 are needed", "14 are needed", "100 over 7 are needed"):
        assert words in str(few), words
    with pytest.raises(UsageError, match="There is none"):
        few.diff(1)


def test_without_a_file_it_looks_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in default may be advised against; to change it one needs a file first."""
    monkeypatch.chdir(tmp_path)
    books_of(tmp_path, [asked(n, minutes=n * 24.0, strength=(n % 5) / 10) for n in range(60)]).close()
    (tmp_path / "routing.toml").unlink()
    found = rb.recommend(router=rb.Router(books=tmp_path / "books.db"))
    assert of_kind(found, "cache")
    with pytest.raises(UsageError, match=r"no routing\.toml here"):
        found.apply(1)
    assert not (tmp_path / "routing.toml").exists()


def test_a_file_that_is_wrong_is_refused_with_its_problems(tmp_path: Path) -> None:
    """Advice against a file that nobody can use is none."""
    router = books_of(tmp_path, [asked(1)])
    (tmp_path / "routing.toml").write_text(FILE + "rmp = 3\n", encoding="utf-8")
    with pytest.raises(rb.ConfigError, match="rmp"):
        rb.recommend(router=router)


def test_what_was_forgotten_is_no_evidence_and_a_part_of_the_frame_is_looked_at_alone(tmp_path: Path) -> None:
    """`forget` is for models that are others now; a part of the frame is what its user wants to know of."""
    rows, votes = voted(n=30)
    router = books_of(tmp_path, rows, votes)
    frame = router.frame()
    assert of_kind(rb.recommend(router=router), "cheaper")
    assert not of_kind(rb.recommend(frame[frame["model"] == "dear"], router=router), "cheaper")
    router.forget(everything=True)
    assert not of_kind(rb.recommend(router=router), "cheaper")
    assert rb.recommend(frame.assign(feedback=1.0), router=router).frame["kind"].tolist() == ["cheaper"], "a frame with marks of its own"
    with pytest.raises(UsageError, match="request_id"):
        rb.recommend(frame[["time"]], router=router)


def test_the_frame_says_which_rows_and_unknown_is_nan(tmp_path: Path) -> None:
    """Whoever doubts a proposal looks at its rows."""
    found = advised(tmp_path, *voted(n=30))
    row = found.frame.iloc[0]
    assert (row["number"], row["kind"], row["over"], len(row["requests"])) == (1, "cheaper", 30, 60)
    assert row["saves_usd"] > 0
    assert "evidence" in found.frame
    rows = [cut(n) if n % 6 == 0 else asked(n, ttft_s=8.0 + (n % 12), latency_s=25.0) for n in range(90)]
    (tmp_path / "times").mkdir()
    longer = rb.recommend(router=books_of(tmp_path / "times", rows)).frame
    assert math.isnan(longer[longer["kind"] == "timeout"]["saves_s"].iloc[0])


def test_applying_changes_what_was_said_keeps_comments_and_the_old_file(tmp_path: Path) -> None:
    """And nothing when the file is another by then."""
    rows, votes = voted(n=30)
    again = [asked(n, minutes=n * 5.0, strength=(n % 5) / 10) for n in range(1000, 1060)]
    found = advised(tmp_path, [*rows, *again], votes)
    assert {one.kind for one in found.advice.proposals} >= {"cheaper", "cache"}
    numbers = [n for n, one in enumerate(found.advice.proposals, 1) if one.kind in ("cheaper", "cache")]
    assert '-try = ["dear", "mid"]   # the best one first\n+try = ["mid", "dear"]   # the best one first' in found.diff(*numbers)
    said_so = found.apply(*numbers)
    after = (tmp_path / "routing.toml").read_text(encoding="utf-8")
    assert "kept as routing.toml.old1" in said_so
    assert (tmp_path / "routing.toml.old1").read_text(encoding="utf-8") == FILE
    assert after.count("#") == FILE.count("#")
    assert "cache = { ttl_s = 86400 }" in after
    with pytest.raises(UsageError, match="Run %route recommend again"):
        found.apply(*numbers)
    assert not (tmp_path / "routing.toml.old2").exists()


def test_only_the_newest_attempts_are_looked_at(tmp_path: Path) -> None:
    """What was years ago says little of the models of today, and a look must take seconds in any books."""
    frame = books_of(tmp_path, [asked(n) for n in range(100)]).frame()
    rows, is_cut = rows_of(frame)
    assert (len(rows), is_cut) == (100, False)
    rows, is_cut = rows_of(pd.concat([frame] * 201))
    assert (len(rows), is_cut) == (MOST, True)
    assert rows[0].request_id == "r0000"
    assert rows == sorted(rows, key=lambda row: row.time)


# ---- in a notebook


def test_a_cell_shows_the_difference_writes_it_and_uses_it(tmp_path: Path) -> None:
    """The numbers are those that were shown; a number that was not is refused."""
    books_of(tmp_path, *voted(n=30)).close()
    with running_shell(tmp_path, FILE) as shell:
        assert shell.attempt("%route recommend --apply 1") is None
        assert "Run %route recommend first" in str(shell.error)
        shell.run("%route recommend")
        assert "mid first in `try` of route 'write'" in shell.text
        shell.run("%route recommend --diff 1")
        assert '+try = ["mid", "dear"]   # the best one first' in shell.text
        assert 'try = ["dear", "mid"]   #' in (tmp_path / "routing.toml").read_text(encoding="utf-8")
        for line, says in (("--apply 7", "no recommendation 7"), ("--apply", "takes nothing"), ("all", "takes nothing")):
            shell.attempt(f"%route recommend {line}")
            assert says in str(shell.error), line
        shell.run("%route recommend --apply=1")
        assert "1 recommendation written to routing.toml, in use. The old file is kept as routing.toml.old1." in shell.text
        shell.run("found = __import__('routebook').recommend()")
        assert "mid first" not in str(shell.names["found"])


def test_4_06_a_recommendation_is_drawn_from_real_answers_accepted_and_used(tmp_path: Path) -> None:
    """From answers of a server and votes on them to the next prompt's model, through the file."""
    with ScriptedServer(models={"dear": Chaos(reply="fine"), "mid": Chaos(reply="fine too")}) as server:
        text = FILE.replace('kind = "chaos"\ntier = "paid"', f'kind = "openai"\nbase_url = "{server.url_for("openai")}"\ntier = "paid"')
        (tmp_path / "routing.toml").write_text(text, encoding="utf-8")

        async def play() -> None:
            async with rb.Router.load(tmp_path / "routing.toml") as of:
                for number in range(40):
                    answer = await outcome(
                        of, f"Write a poem about snow, number {number}", task="writing", **({"model": "mid"} if number % 2 else {})
                    )
                    assert isinstance(answer, Answer), answer
                    await asyncio.to_thread(of.vote, answer.request_id, True)  # noqa: FBT003  as one says it

        asyncio.run(play())
        router = rb.Router.load(tmp_path / "routing.toml")
        found = rb.recommend(router=router)
        one = the(found, "cheaper")
        assert one.saves_usd is not None
        assert one.saves_usd > 0
        number = found.advice.proposals.index(one) + 1
        found.apply(number)
        router.close()
        answer = rb.Router.load(tmp_path / "routing.toml").ask_sync("Write a poem about rain", task="writing")
        assert answer.model == "mid"
