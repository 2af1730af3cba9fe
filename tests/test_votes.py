"""Votes and preferences through a router: into the books, and into the next plan."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from learning_router import AGAIN, PROMPT, asked, brief, first, kept, learnable, over
from making import attempt

from routebook.books import ledger
from routebook.errors import UsageError
from routebook.testing import ScriptedServer

server = pytest.fixture(learnable)


# ---- votes


def test_a_vote_is_in_the_frame_and_in_the_next_plan(server: ScriptedServer) -> None:
    """This is all that a user has to do."""
    of = over(server)
    assert first(of) == "a"
    voted = of.vote(asked(of).request_id, good=False)
    assert (voted.model, voted.task) == ("a", "chat_qa")
    assert of.frame()["feedback"].tolist() == [0.0]
    assert first(of) == "b"
    assert "believed 0.33 ± 0.24 by 1 outcome" in of.plan(PROMPT, task="chat_qa").candidates[1].reason
    of.close()


def test_a_second_vote_takes_the_place_of_the_first(server: ScriptedServer) -> None:
    """A slip of the hand can be put right, and twice good is not two answers."""
    of = over(server)
    request = asked(of).request_id
    for good in (False, True, True):
        of.vote(request, good)
    assert brief(of) == [("a", "vote", 1.0)]
    assert of.frame()["feedback"].tolist() == [1.0]
    assert of.beliefs()["n"].tolist() == [1]
    of.close()


def test_votes_survive_a_restart(server: ScriptedServer, tmp_path: Path) -> None:
    """Else each morning would begin at nothing."""
    of = over(server, books=tmp_path / "books.db")
    for prompt in (PROMPT, PROMPT, AGAIN):
        of.vote(asked(of, prompt, model="b").request_id, good=True)
    of.vote(asked(of, "What is the capital of Peru?", model="a", task="chat_qa").request_id, good=True)
    of.close()
    again = over(server, books=tmp_path / "books.db")
    assert again.beliefs()[["model", "n"]].values.tolist() == [["a", 1], ["b", 3]]
    assert "remembered: it did well on 3 similar prompts" in again.plan(AGAIN, task="chat_qa").candidates[0].reason
    again.close()


def test_a_vote_may_be_a_number_and_name_the_model(server: ScriptedServer) -> None:
    """Panels vote on one of several answers, and not only for and against."""
    of = over(server, ("gone", "a"), route={"try": ["gone", "a"]})
    answer = asked(of)
    assert [attempt.model for attempt in answer.attempts][-1] == "a"
    of.vote(answer.request_id, 0.75, model="a")
    assert brief(of) == [("a", "vote", 0.75)]
    of.vote(answer.request_id, 0.0, model="gone")
    assert brief(of) == [("a", "vote", 0.75)], "an error says nothing of how good a model is"
    of.close()


@pytest.mark.parametrize(
    ("vote", "words"),
    [
        ({"request_id": "nobody"}, "no request 'nobody'"),
        ({"good": 1.5}, "0 .bad. to 1 .good., not 1.5"),
        ({"model": "aa"}, r"'aa' was not asked .* a was. Did you mean 'a'\?"),
    ],
)
def test_a_vote_that_cannot_be_is_refused(server: ScriptedServer, vote: dict[str, Any], words: str) -> None:
    """It says what is wrong, and nothing is learned."""
    of = over(server)
    given = {"request_id": asked(of).request_id, "good": True, **vote}
    with pytest.raises(UsageError, match=words):
        of.vote(given.pop("request_id"), **given)
    assert kept(of) == []
    of.close()


def test_one_may_vote_inside_a_running_loop(server: ScriptedServer) -> None:
    """A panel's button is pressed wherever the notebook is."""

    async def cell() -> str:
        async with over(server) as of:
            answer = await of.ask("hello there", task="chat_qa")
            return of.vote(answer.request_id, good=True).model

    assert asyncio.run(cell()) == "a"


# ---- preferences


def test_a_preference_between_two_requests_moves_both(server: ScriptedServer) -> None:
    """The panes of a comparison are requests of their own."""
    of = over(server)
    one, other = (asked(of, model=name).request_id for name in ("a", "b"))
    of.prefer(other, one)
    assert sorted(brief(of)) == [("a", "preference", 0.0), ("b", "preference", 1.0)]
    assert [lesson.versus for lesson in kept(of)] == ["a", "b"]
    assert of.frame()["feedback"].tolist() == [0.0, 1.0]
    assert first(of, "something else") == "b"
    of.close()


def test_a_preference_between_two_models_of_one_request_or_a_tie(server: ScriptedServer) -> None:
    """Where one request had several answers."""
    of = over(server, ("shy", "a"), route={"try": ["shy"], "on_refusal": {"try": ["a"]}})
    request = asked(of).request_id
    of.prefer("a", "shy", request_id=request, is_tie=True)
    assert [one for one in sorted(brief(of)) if one[1] == "preference"] == [("a", "preference", 0.5), ("shy", "preference", 0.5)]
    with pytest.raises(UsageError, match="between two answers"):
        of.prefer("a", "a", request_id=request)
    of.close()


def test_a_vote_without_a_model_is_about_the_answer_that_was_read(server: ScriptedServer) -> None:
    """The row of a hedge that lost may come after it."""
    of = over(server)
    request = asked(of, model="a").request_id
    lost = attempt(request_id=request, attempt=2, kind="hedge", model="b", status="cancelled")
    of._engine.run_sync(of.runtime().books.write(lambda connection: ledger.start(connection, lost, session="s")))
    assert of.vote(request, good=True).model == "a"
    assert of.vote(request, good=False, model="b").model == "b"
    assert sorted(brief(of)) == [("a", "vote", 1.0), ("b", "vote", 0.0)]
    of.close()


def test_a_preference_leaves_what_was_said_of_an_answer_itself(server: ScriptedServer) -> None:
    """The lesser of two good answers is still a good one."""
    of = over(server)
    one, other = (asked(of, model=name).request_id for name in ("a", "b"))
    of.vote(one, good=True)
    of.prefer(other, one)
    assert of.frame()["feedback"].tolist() == [1.0, 1.0]
    of.close()
