"""What a router learns: by itself, from other kernels, what it keeps of it, and what it forgets."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from learning_router import PROMPT, asked, brief, first, kept, learnable, over, voted
from served import router, until

from routebook.engine.learning.learning import LOOK_EVERY_S
from routebook.errors import UsageError
from routebook.testing import ScriptedServer

server = pytest.fixture(learnable)


# ---- by itself


def test_a_refusal_and_a_failed_check_are_learned_from_and_a_plain_answer_is_not(server: ScriptedServer) -> None:
    """They speak where the user does not; an answer of which nobody said anything says nothing."""
    of = over(server, ("shy", "a", "json"), route={"try": ["a", "json"], "on_low_quality": {"check": "json", "try": ["json"]}})
    asked(of, model="shy")
    asked(of)
    asyncio.run(until(lambda: len(kept(of)) == 3))
    assert sorted(brief(of)) == [("a", "check", 0.0), ("json", "check", 1.0), ("shy", "refusal", 0.0)]
    assert [lesson.model for lesson in kept(of) if lesson.signature is None] == ["json"], "to pass a check is not to win"
    of.close()
    plain = over(server)
    asked(plain)
    assert kept(plain) == []
    plain.close()


def test_what_was_learned_at_the_very_end_is_written(server: ScriptedServer, tmp_path: Path) -> None:
    """A script that asks once and leaves."""
    of = over(server, ("shy", "a"), route={"try": ["shy"]}, books=tmp_path / "books.db")
    asked(of)
    of.close()
    again = over(server, books=tmp_path / "books.db")
    assert brief(again) == [("shy", "refusal", 0.0)]
    again.close()


def test_the_outcomes_of_many_requests_at_once_are_all_kept(server: ScriptedServer, tmp_path: Path) -> None:
    """A map of a hundred prompts over a route that checks, closed at once."""
    of = over(server, ("json",), route={"try": ["json"], "on_low_quality": {"check": "json"}}, books=tmp_path / "books.db")
    of.map_sync([f"prompt {n}" for n in range(100)], progress=False, task="chat_qa")
    of.close()
    again = over(server, ("json",), books=tmp_path / "books.db")
    assert brief(again) == [("json", "check", 1.0)] * 100
    assert again.beliefs()["n"].tolist() == [100]
    again.close()


# ---- forgetting


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"task": "chat_qa"}, ["b"]),
        ({"model": "b"}, ["a"]),
        ({"model": "b", "task": "writing"}, ["a", "b"]),
        ({"everything": True}, []),
        ({"task": "research"}, ["a", "b", "b"]),
    ],
)
def test_what_is_forgotten_is_gone_and_the_rest_stays(server: ScriptedServer, what: dict[str, Any], left: list[str]) -> None:
    """By task, by model, by both, or all; the frame keeps what was said."""
    of = over(server)
    voted(of)
    assert of.forget(**what) == 3 - len(left)
    assert sorted(lesson.model for lesson in kept(of)) == sorted(of.beliefs()["model"]) == left
    assert len(of.runtime().learning.memory) == len(left)
    assert of.frame()["feedback"].tolist() == [0.0] * 3
    of.close()


def test_forgetting_everything_brings_the_first_plan_back(server: ScriptedServer) -> None:
    """A fresh start is one."""
    of = over(server)

    def plan() -> list[tuple[str, str]]:
        return [(candidate.model, candidate.reason) for candidate in of.plan(PROMPT, task="chat_qa").candidates]

    before = plan()
    voted(of)
    assert plan() != before
    of.forget(everything=True)
    assert plan() == before
    assert of.runtime().known.evidence is None
    of.close()


@pytest.mark.parametrize("what", [{}, {"task": "chat_qa", "everything": True}])
def test_forgetting_nothing_or_too_much_is_refused(server: ScriptedServer, what: dict[str, Any]) -> None:
    """A call without a name must not wipe a year of votes."""
    of = over(server)
    with pytest.raises(UsageError, match="everything=True"):
        of.forget(**what)
    of.close()


# ---- several kernels


def test_two_kernels_learn_from_one_another(server: ScriptedServer, tmp_path: Path) -> None:
    """One set of books: what is voted here is known there after a while, votes changed and forgotten too."""
    one, other = (over(server, books=tmp_path / "books.db") for _ in range(2))
    assert first(other) == first(one) == "a"
    request = asked(one).request_id
    for change, expected in (
        (lambda: one.vote(request, good=False), "b"),
        (lambda: one.vote(request, good=True), "a"),
        (lambda: one.vote(request, good=False), "b"),
        (lambda: one.forget(everything=True), "a"),
    ):
        change()
        learning = other.runtime().learning
        asked(other)
        learning._looked -= LOOK_EVERY_S + 1
        asked(other)
        asyncio.run(until(partial(lambda wanted: first(other) == wanted, expected)))
    one.close()
    other.close()


def test_votes_of_two_processes_at_once_are_all_kept(server: ScriptedServer, tmp_path: Path) -> None:
    """A real second process, over the same file."""
    of = over(server, books=tmp_path / "books.db")
    requests = [asked(of, f"question {n}").request_id for n in range(20)]
    script = (
        "import sys; from served import router; from routebook.testing import ScriptedServer\n"
        "with ScriptedServer() as server:\n"
        "    of = router(server, books=sys.argv[1])\n"
        "    for request in sys.argv[2:]: of.vote(request, good=False)\n"
        "    of.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "books.db"), *requests[10:]], cwd=Path(__file__).parent) as process:
        for request in requests[:10]:
            of.vote(request, good=True)
    assert process.returncode == 0
    of.vote(requests[0], good=True)
    assert len(kept(of)) == 20
    assert of.beliefs()[["model", "n"]].values.tolist() == [["a", 20]], "the other's were taken in with the next of our own"
    of.close()


def test_what_was_explored_before_a_restart_counts_against_the_share(server: ScriptedServer, tmp_path: Path) -> None:
    """Else ten short sessions would explore ten times as much as one long one."""
    names = tuple("abcdefgh")
    pools = {"all": {"models": list(names), "pick": "best", "quality": 0.9}}
    tables: dict[str, Any] = {"models": names, "pools": pools, "route": {"try": ["all"]}, "defaults": {"explore": 0.5}}
    of = router(server, books=tmp_path / "books.db", **tables)
    for good in (True, False, True):
        of.vote(asked(of, f"hello {good}", model="a").request_id, good=good)
    for n in range(30):
        asked(of, f"Write a Python function that sorts a list of {n} numbers")
    known = of.runtime().known
    counted = (known.weighed, known.explored)
    assert counted[0] == 30
    assert 0 < counted[1] <= 15
    of.plan("a plan that is not carried out", task="chat_qa")
    assert (known.weighed, known.explored) == counted
    of.close()
    again = router(server, books=tmp_path / "books.db", **tables)
    assert (again.runtime().known.weighed, again.runtime().known.explored) == counted
    again.close()


# ---- what is kept, and what is not


def test_no_text_of_a_prompt_or_an_answer_is_among_the_outcomes(server: ScriptedServer, tmp_path: Path) -> None:
    """What is learned must be no diary: neither in the table nor anywhere in the file."""
    of = over(server, ("a", "shy"), books=tmp_path / "books.db")
    of.vote(asked(of, PROMPT).request_id, good=True)
    of.vote(asked(of, PROMPT, model="shy").request_id, good=False)
    asyncio.run(until(lambda: len(kept(of)) == 3))
    rows = of.runtime().books.read(lambda connection: connection.execute("SELECT * FROM outcomes").fetchall())
    of.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("books.db*"))
    for word in ("zymurgist", "ferments", "barley", "says so"):
        assert word not in repr(rows)
        assert word.encode() not in content
    assert all(len(row[-1]) == 256 for row in rows)


def test_learning_asks_nobody(server: ScriptedServer) -> None:
    """Nothing leaves the machine for it: the servers see the prompts and nothing else."""
    of = over(server)
    voted(of)
    of.prefer(*(asked(of, model=name).request_id for name in ("a", "b")))
    of.beliefs()
    of.forget(everything=True)
    assert server.seen.attempts == 5
    of.close()


def test_a_vote_on_a_request_of_another_day_is_a_belief_without_a_memory(server: ScriptedServer, tmp_path: Path) -> None:
    """Its prompt is not known any more, because it was never written down."""
    of = over(server, books=tmp_path / "books.db")
    request = asked(of, PROMPT).request_id
    of.close()
    again = over(server, books=tmp_path / "books.db")
    again.vote(request, good=True)
    assert len(again.beliefs()) == 1
    assert len(again.runtime().learning.memory) == 0
    again.close()


def test_of_very_long_prompts_only_what_is_read_is_held(server: ScriptedServer) -> None:
    """Hundreds of pasted logs in memory would be felt, and the signature must be that of the whole."""
    of = over(server)
    long = f"{PROMPT}\n" + "2026-11-21 12:00:00 INFO all is well\n" * 5000
    of.vote(asked(of, long).request_id, good=True)
    learning = of.runtime().learning
    assert sum(map(len, learning._recent.values())) < 3000
    assert learning.recall(long)[0].likeness > 0.98
    made = of.plan("hello there")
    for n in range(1000):
        learning.note(msgspec.structs.replace(made, request=msgspec.structs.replace(made.request, id=f"r{n}")))
    assert len(learning._recent) == 512
    of.close()


# ---- the frame


def test_beliefs_are_a_tidy_frame_empty_or_not(server: ScriptedServer) -> None:
    """It groups, plots and saves without repair."""
    of = over(server)
    columns = {"task": "category", "model": "category", "mean": "float64", "sd": "float64", "n": "int64", "last": "datetime64[us, UTC]"}
    assert {name: str(kind) for name, kind in of.beliefs().dtypes.items()} == columns
    voted(of)
    frame = of.beliefs()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == columns
    assert frame[["task", "model", "n"]].values.tolist() == [["chat_qa", "a", 1], ["chat_qa", "b", 1], ["writing", "b", 1]]
    assert frame["mean"].between(0, 0.5).all()
    of.close()
