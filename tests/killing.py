"""Kernels that are killed in the middle of fifty requests, and what their books are like then."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from making import attempt
from spender import begin, spawn

from routebook.books.books import Books
from routebook.config.values import Budget
from routebook.testing import Chaos, ScriptedServer

CELLS = 50
CONFIG = """
[books]
path = "books.db"
[budgets]
total = {{ monthly = 1000000 }}
[providers.p]
kind = "openai"
base_url = "{url}"
tier = "paid"
api_key_env = "SPENDER_KEY"
max_concurrent = 40
rpm = 1000000
[models.dear]
provider = "p"
id = "dear"
price = {{ input = 3, output = 20 }}
[[routes]]
name = "chat"
try = ["dear"]
"""
HELD = """
SELECT count(*) FILTER (WHERE status = 'running'), coalesce(sum(reserved_pusd), 0), coalesce(sum(reserved_tokens), 0),
    (SELECT count(*) FROM leases)
FROM attempts WHERE request_id != 'next'
"""


class Wreck(NamedTuple):
    """What one killed kernel left behind."""

    finished: int
    """Requests whose answer it had."""
    missing: int
    """Of these, the ones that the books do not have as ended."""
    lost: int
    """Attempts marked so by the next kernel."""
    held: tuple[int, ...]
    """What is still running, reserved (money, tokens) and occupied after the next kernel's first attempt: all 0."""
    integrity: str
    uncounted: int
    """Attempts that ended and are not in the counts by hour, or the other way round."""
    start_s: float
    """Until the next kernel's books were open and its first attempt was let in."""


class Crashes:
    """One file of books and one server; kernel after kernel is killed over them."""

    def __init__(self, folder: Path, server: ScriptedServer, *, seed: int) -> None:
        """The moments come from the seed."""
        self._config, self._path = folder / "routing.toml", folder / "books.db"
        self._config.write_text(CONFIG.format(url=server.url_for("openai")), encoding="utf-8")
        (folder / ".env").write_text("SPENDER_KEY=none\n", encoding="utf-8")
        self._rng, self._server = random.Random(seed), server

    def kill(self) -> Wreck:
        """Let a kernel ask, kill it at a random moment, and look."""
        kernel = spawn(self._config, cells=CELLS)
        with kernel:
            begin([kernel])
            self._wait()
            kernel.kill()
            assert kernel.stdout is not None
            said = [line for line in kernel.stdout if line.endswith("}\n")]  # the last one may be half a line
        finished = [json.loads(line).get("request") for line in said]
        begun = time.perf_counter()
        budgets = {"total": Budget(monthly=Decimal(1_000_000))}
        with contextlib.closing(Books(str(self._path), budgets=budgets)) as books:
            asyncio.run(_enter(books))
            start_s = time.perf_counter() - begun
            return books.read(lambda connection: _look(connection, [one for one in finished if one], start_s))

    def _wait(self) -> None:
        """Until the server saw some number of calls, from none to all, and a moment more; a busy machine only takes longer."""
        calls = self._server.seen.attempts + self._rng.randint(0, CELLS)
        until = time.monotonic() + 60
        while self._server.seen.attempts < calls and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(self._rng.uniform(0, 0.5))


async def _enter(books: Books) -> None:
    next_one = attempt(request_id="next", provider="p", model="dear")
    row = await books.start(next_one, need_usd=Decimal("0.01"))
    await books.finish(row, next_one)


def _look(connection: sqlite3.Connection, finished: list[str], start_s: float) -> Wreck:
    marks = ", ".join("?" * len(finished))
    ended = connection.execute(f"SELECT count(*) FROM attempts WHERE status = 'ok' AND request_id IN ({marks})", finished).fetchone()[0]  # noqa: S608  marks
    ends = connection.execute("SELECT count(*) FROM attempts WHERE status NOT IN ('running', 'lost')").fetchone()[0]
    calls = connection.execute("SELECT coalesce(sum(calls), 0) FROM spending WHERE scope = 'total'").fetchone()[0]
    return Wreck(
        finished=len(finished),
        missing=len(finished) - ended,
        lost=connection.execute("SELECT count(*) FROM attempts WHERE status = 'lost'").fetchone()[0],
        held=connection.execute(HELD).fetchone(),
        integrity=connection.execute("PRAGMA integrity_check").fetchone()[0],
        uncounted=abs(ends - calls),
        start_s=start_s,
    )


def slow_server(seed: int) -> ScriptedServer:
    """Answers that take a while, some a longer one."""
    return ScriptedServer(script=Chaos(seed=seed, latency_s=0.05, tokens=20, tokens_per_s=60), random_usage=True)
