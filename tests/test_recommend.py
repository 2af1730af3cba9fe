"""`rb.recommend()` and `%route recommend`: what they look at, what they show, and what is written when a proposal is accepted."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pandas as pd
import pytest
from advised import FILE, advised, asked, books_of, cut, of_kind, the, voted
from cells import running_shell
from served import outcome

import routebook as rb
from routebook.advice.record import MOST, rows_of
from routebook.config.scripted import Chaos
from routebook.errors import UsageError
from routebook.messages import Answer
from routebook.testing import ScriptedServer

# ---- all of it


def test_nothing_to_recommend_is_said_with_what_it_would_need(tmp_path: Path) -> None:
    """An empty book, and one with a day of prompts."""
    empty = rb.recommend(router=books_of(tmp_path, []))
    assert str(empty).startswith("There is nothing to recommend.")
    assert "There is no prompt to look at yet." in str(empty)
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
