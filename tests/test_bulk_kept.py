"""What is kept of a job that is stopped: every answer that was paid for, and the one who stops it hears how many."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from making import attempt
from served import left_reserved, router, rows

import routebook as rb
from routebook.books import bulk
from routebook.books.books import Books
from routebook.books.bulk import WANTED, Wanted
from routebook.bulk.run import job_of
from routebook.testing import Chaos, ScriptedServer

assert rb.__version__
JOB, KEY = b"job", b"key"


@pytest.mark.parametrize(
    ("more", "text", "is_kept"),
    [
        ({}, "good", True),
        ({"kind": "fallback"}, "good", True),
        ({"status": "error"}, "good", False),
        ({"step": "draft"}, "good", False),
        ({"kind": "judge"}, "good", False),
        ({}, None, False),
    ],
    ids=["an answer", "of a fallback", "that failed a check", "of a step", "of a judge", "that asks for a tool"],
)
def test_an_answer_is_kept_in_the_transaction_that_ends_its_row(
    tmp_path: Path,
    more: dict[str, str],
    text: str | None,
    is_kept: bool,  # noqa: FBT001  parametrized
) -> None:
    """However a process ends, what the books say was answered is not asked again. What is no answer of the prompt is not kept."""
    path = str(tmp_path / "books.db")

    async def main() -> None:
        books = Books(path, budgets={})
        running = attempt(status="running")
        row = await books.start(running, need_usd=None)
        WANTED.set(Wanted(JOB, KEY))
        await books.finish(row, msgspec.structs.replace(running, **{"status": "ok", **more}), text=text)
        kept = books.read(lambda connection: bulk.kept_of(connection, JOB))
        assert [one.text for one in kept.values()] == (["good"] if is_kept else [])
        await books.aclose()

    asyncio.run(main())


def test_an_interrupt_tells_how_many_answers_are_kept_and_the_same_call_goes_on() -> None:
    """The stop button in the middle of a long run."""
    given = pd.DataFrame({"text": [f"review {number}" for number in range(40)]})
    with ScriptedServer(script=Chaos(reply="good", latency_s=0.05)) as server:
        of = router(server)

        def interrupt() -> None:
            deadline = time.monotonic() + 60
            while len(server.seen.calls) < 12 and time.monotonic() < deadline:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        stopping = threading.Thread(target=interrupt)
        stopping.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            given.route.map("Classify: {{text}}", router=of, progress=False, concurrency=2)
        stopping.join()
        done = sum(row.status == "ok" for row in rows(of))
        assert done >= 8
        assert caught.value.__notes__ == [f"{done} of 40 answers are kept. The same call goes on where it stopped."]
        assert left_reserved(of) == (0, 0)
        assert given.route.map("Classify: {{text}}", router=of, progress=False)["answer"].eq("good").all()
        assert sum(row.status == "ok" for row in rows(of)) == 40
        of.close()


def test_a_job_with_a_function_among_its_options_is_known_again_by_the_next_process() -> None:
    """A function stands at another place in memory there."""

    def check() -> None:
        """Nothing."""

    assert "0x" not in str(job_of("{{text}}", {"tools": [check]}))
    first, check.__doc__ = job_of("{{text}}", {"tools": [check]}), "Nothing at all."
    other = type(check)(check.__code__, check.__globals__, check.__name__)
    other.__qualname__ = check.__qualname__
    assert first == job_of("{{text}}", {"tools": [other]})
    assert first != job_of("{{text}}", {"tools": [job_of]})
