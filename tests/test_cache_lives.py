"""How long an answer is kept: as long as the route and the task say, beyond a restart, in one file for all processes."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cached import HOUR, answering, entries
from served import router

from routebook.engine.router import Router
from routebook.testing import ScriptedServer

server = pytest.fixture(answering)


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        """It is noon."""
        self.time = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.time

    def forward(self, seconds: float) -> None:
        """Let time pass; below 0 it is set back."""
        self.time += dt.timedelta(seconds=seconds)


def clocked(of: Router) -> Clock:
    """A router's clock, to set."""
    of.runtime().now = clock = Clock()
    return clock


# ---- how long


def test_an_answer_lives_as_long_as_its_route_says(server: ScriptedServer) -> None:
    """The news of yesterday are not the news."""
    with closing(router(server, route=HOUR)) as of:
        clock = clocked(of)
        of.ask_sync("hello")
        clock.forward(3599)
        of.ask_sync("hello")
        assert server.seen.attempts == 1
        clock.forward(1)
        assert of.ask_sync("hello").replay is None
        assert server.seen.attempts == 2
        clock.forward(3599)
        assert of.ask_sync("hello").replay is not None  # the new one took the old one's place
        clock.forward(-7200)
        assert of.ask_sync("hello").replay is None  # the clock was set back: nobody knows how old it is


def test_tasks_have_lives_of_their_own_and_the_route_has_the_last_word(server: ScriptedServer) -> None:
    """Documentation keeps, a search does not."""
    tables: dict[str, Any] = {"cache": {"ttl_s": 100, "tasks": {"documentation": 1000, "research": 0}}}
    with closing(router(server, **tables)) as of:
        clock = clocked(of)
        for task, life_s in (("documentation", 1000), ("chat_qa", 100), ("research", 0)):
            of.ask_sync(task, task=task)
            clock.forward(life_s - 1)
            assert (of.ask_sync(task, task=task).replay is not None) == (life_s > 0)
            clock.forward(1)
            assert of.ask_sync(task, task=task).replay is None
    with closing(router(server, route={"cache": {"ttl_s": 0}}, **tables)) as of:
        of.ask_sync("hello", task="documentation")
        assert of.ask_sync("hello", task="documentation").replay is None


def test_a_temperature_is_cached_only_where_the_route_or_the_caller_says_so(server: ScriptedServer) -> None:
    """One who asks for a temperature wants another answer each time."""
    cases: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        ({"cache": {"ttl_s": 100}}, {}, False),
        ({"cache": {"ttl_s": 100}}, {"cache": True}, True),
        ({"route": HOUR}, {}, True),
    ]
    for tables, given, is_kept in cases:
        with closing(router(server, **tables)) as of:
            of.ask_sync("hello", temperature=0.7, **given)
            assert (of.ask_sync("hello", temperature=0.7, **given).replay is not None) is is_kept
            of.ask_sync("hello", temperature=0)
            assert of.ask_sync("hello", temperature=0.0).replay is not None


def test_the_caller_can_refuse_the_cache_refresh_it_or_ask_for_it(server: ScriptedServer) -> None:
    """`--no-cache`, `--fresh`, and `cache=` in Python."""
    with closing(router(server, route=HOUR)) as of:
        of.ask_sync("hello", cache=False)
        assert entries(of) == 0
        first = of.ask_sync("hello")
        assert of.ask_sync("hello", cache=False).replay is None
        fresh = of.ask_sync("hello", fresh=True)
        assert fresh.replay is None
        replay = of.ask_sync("hello").replay
        assert replay is not None
        assert replay.request_id == fresh.request_id != first.request_id
        assert server.seen.attempts == 4
    with closing(router(server)) as of:
        of.ask_sync("hello", cache=60)
        assert of.ask_sync("hello", cache=True).replay is not None
        assert of.ask_sync("hello").replay is None


# ---- the file


def test_it_survives_a_restart_and_answers_when_the_provider_is_gone(tmp_path: Path) -> None:
    """Restart and Run All on a train."""
    books = tmp_path / "books.db"
    with ScriptedServer(reply="one two three") as server:
        with closing(router(server, route=HOUR, books=books)) as of:
            of.ask_sync("hello")
        of = router(server, route=HOUR, books=books)
    with closing(of):
        assert of.ask_sync("hello").text == "one two three"


def test_two_processes_share_one_cache(server: ScriptedServer, tmp_path: Path) -> None:
    """Five notebooks on one machine ask a thing once."""
    (tmp_path / "routing.toml").write_text(
        f'[books]\npath = "books.db"\n[providers.p]\nkind = "openai"\nbase_url = "{server.url_for("openai")}"\ntier = "local"\n'
        '[models.a]\nprovider = "p"\nid = "a"\n[[routes]]\nname = "chat"\ntry = ["a"]\ncache = { ttl_s = 3600 }\n',
        encoding="utf-8",
    )
    code = "import routebook as rb; r = rb.Router(); print([r.ask_sync(f'question {n}').replay is None for n in range(5)]); r.close()"
    said = [
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
        for _ in range(2)
    ]
    assert said == [f"{[True] * 5}\n", f"{[False] * 5}\n"]
    assert server.seen.attempts == 5


def test_a_damaged_row_is_asked_again_and_replaced(server: ScriptedServer, tmp_path: Path) -> None:
    """A cache is never a reason to fail."""
    books = tmp_path / "books.db"
    with closing(router(server, route=HOUR, books=books)) as of:
        of.ask_sync("hello")
        with closing(sqlite3.connect(books)) as other, other:
            other.execute('UPDATE cache SET answer = CAST(\'{"text": "forged\' AS BLOB)')
        assert of.ask_sync("hello").text == "one two three"
        assert server.seen.attempts == 2
        assert of.ask_sync("hello").replay is not None


def test_nothing_of_the_prompt_is_in_the_cache(server: ScriptedServer, tmp_path: Path) -> None:
    """The books hold what was answered, never what was asked."""
    books = tmp_path / "books.db"
    with closing(router(server, route=HOUR, books=books)) as of:
        of.ask_sync("a very private question", system="a secret instruction")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("books.db*"))
    assert b"one two three" in stored
    assert b"private" not in stored
    assert b"secret" not in stored
