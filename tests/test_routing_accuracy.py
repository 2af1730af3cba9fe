"""Prompts that went the wrong way: marked, taken back, counted by day, drawn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cells import running_shell
from served import outcome, router

import routebook as rb
from routebook.errors import UsageError
from routebook.messages import Answer
from routebook.tables.routing import COLUMNS, routing_frame
from routebook.testing import ScriptedServer


def test_marks_are_counted_and_can_be_taken_back(tmp_path: Path) -> None:
    """One mark a request, however often it is made; a prompt that named its model was not routed and does not count."""

    async def play(server: ScriptedServer) -> None:
        async with router(server, books=tmp_path / "books.db") as of:
            answers = [await outcome(of, f"hello {number}") for number in range(4)]
            await outcome(of, "hello", model="a")
            first, second = answers[0], answers[1]
            assert isinstance(first, Answer)
            assert isinstance(second, Answer)

            def mark() -> None:
                of.wrong(first.request_id, task="writing")
                of.wrong(first.request_id)
                of.wrong(second.request_id)

            await asyncio.to_thread(mark)
            frame = await asyncio.to_thread(of.routing)
            assert list(frame.columns) == list(COLUMNS)
            assert (frame["requests"].sum(), frame["wrong"].sum()) == (4, 2)
            assert frame["accuracy"].iloc[0] == 0.5
            assert frame["low"].iloc[0] < 0.5 < frame["high"].iloc[0]
            await asyncio.to_thread(lambda: of.wrong(second.request_id, is_wrong=False))
            assert (await asyncio.to_thread(of.routing))["wrong"].sum() == 1
            for request_id, task, says in (("nobody", None, "no request"), (first.request_id, "writting", "Did you mean 'writing'")):
                with pytest.raises(UsageError, match=says):
                    await asyncio.to_thread(lambda request_id=request_id, task=task: of.wrong(request_id, task=task))  # type: ignore[misc]

    with ScriptedServer() as server:
        asyncio.run(play(server))


def test_the_chart_draws_offline_and_an_empty_book_says_what_to_do() -> None:
    """As all charts do."""
    frame = routing_frame([(20000, "chat_qa", 10, 1), (20000, "writing", 5, 0), (20001, "chat_qa", 8, 4)])
    assert list(frame["wrong"]) == [1, 4]
    bundle = rb.charts.routing(frame)._repr_mimebundle_()
    assert "cdn" not in str(bundle).lower()
    assert "Run a %%route cell" in str(rb.charts.routing(routing_frame([]))._repr_mimebundle_())


def test_a_cell_marks_the_last_prompt_and_shows_the_accuracy(tmp_path: Path) -> None:
    """As `%route bad` does for answers."""
    with running_shell(tmp_path) as shell:
        shell.run("%route accuracy")
        assert "no request that was routed" in shell.text
        shell.run("%%route\nwrite a poem about the sea")
        shell.run("%route wrong --task chat_qa")
        assert "Marked as routed wrongly" in shell.text
        assert "It should have been chat_qa" in shell.text
        shell.run("%route accuracy")
        assert "0.0% of 1 prompt went the right way" in shell.text
        shell.run("%route wrong --undo")
        shell.run("%route accuracy")
        assert "100.0% of 1 prompt" in shell.text


def test_a_mark_is_taken_back_by_its_id_wherever_the_words_stand(tmp_path: Path) -> None:
    """The order of words on a line says nothing."""
    with running_shell(tmp_path) as shell:
        shell.run("%%route\nwrite a poem about the sea")
        name = shell.shell.user_ns["_route"].request_id
        shell.run(f"%route wrong --task chat_qa {name}")
        assert f"Marked as routed wrongly: request {name}" in shell.text
        assert "It should have been chat_qa." in shell.text
        shell.run(f"%route wrong {name} --undo")
        assert f"Not marked as wrong any more: request {name}." in shell.text
