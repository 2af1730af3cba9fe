"""`%route status`: what each limit has left over all kernels, when it comes back, and who is left alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from cells import running_shell
from making import attempt
from served import loaded

from routebook.books.books import Books, local_now
from routebook.books.budgets import hour
from routebook.books.claims import Admitted, Claim, Heard
from routebook.engine.router import Router
from routebook.engine.survey import status
from routebook.messages import Quota
from routebook.notebook.commands.status import status_parts
from routebook.notebook.table import Table

TABLES = {
    "providers": {"p": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "tier": "free", "max_concurrent": 4, "rpm": 30}},
    "models": {"m": {"provider": "p", "id": "long-id", "rpd": 3, "tpd": 9000}, "told": {"provider": "p", "id": "other"}},
    "routes": [{"name": "chat", "try": ["m"]}],
}


async def another_kernel(path: Path, router: Router) -> None:
    """It sends three requests, one of which is under way, and hears of a limit and of a cooldown."""
    books = Books(str(path), budgets={})
    runtime = router.runtime()
    claim = Claim(scopes=runtime.limits.scopes("m", runtime.config), input_tokens=10, tokens=1000)
    for number in range(3):
        row = await books.admit(attempt(request_id=f"r{number}", status="running"), need_usd=None, claim=claim)
        assert isinstance(row, Admitted)
        if number:
            await books.finish(row.row, attempt(input_tokens=100, output_tokens=0), claim=claim)
    quota = Quota(kind="requests", period="minute", most=20, left=7, resets_s=30)
    heard = Heard(scope="p/other", quotas=(quota,), cool_s=40_000, is_day=True, reason="RateLimited")
    other = Claim(scopes=runtime.limits.scopes("told", runtime.config), input_tokens=10, tokens=10)
    row = await books.admit(attempt(request_id="r9", status="running"), need_usd=None, claim=other)
    assert isinstance(row, Admitted)
    await books.finish(row.row, attempt(request_id="r9"), claim=other, heard=heard)
    books.close()


def test_what_other_kernels_took_and_heard_is_seen(tmp_path: Path) -> None:
    """One key, five notebooks: what is left is what all of them left."""
    path = tmp_path / "books.db"
    router = Router(loaded(books=path, **TABLES))
    router.runtime()
    begun = time.monotonic()
    asyncio.run(another_kernel(path, router))
    found = status(router.runtime())
    lines = {(line.label, line.what, line.source): line for line in found.limits}
    assert [(line.used, line.most, line.left) for line in lines.values()] == [
        (3, 3, 0), (1200, 9000, 7800), (1, 4, 3), (4, 30, 26), (None, 20, 7),
    ]  # fmt: skip
    assert {label for label, _, _ in lines} == {"m", "p", "told"}
    day = lines["m", "requests a day", "routing.toml"]
    assert day.back_s is not None
    assert 86_400 - (time.monotonic() - begun) < day.back_s < 86_400 + 700
    assert lines["told", "requests a minute", "provider"].back_s is not None
    (cool,) = found.cooling
    assert (cool.label, cool.reason, cool.is_day) == ("told", "RateLimited", True)
    router.close()


def test_a_new_kernel_shows_them_on_its_page(tmp_path: Path) -> None:
    """The table says what is taken and when more comes back; a spent limit stands out, a park says why."""
    path = tmp_path / "books.db"
    first = Router(loaded(books=path, **TABLES))
    asyncio.run(another_kernel(path, first))
    first.close()
    fresh = Router(loaded(books=path, **TABLES))
    parts = status_parts(status(fresh.runtime()), "routing.toml")
    tables = [part for part in parts if isinstance(part, Table)]
    text = "\n".join(" | ".join(row) for table in tables for row in table.rows)
    assert re.search(r"m \| requests a day \| 3 \| 3 \| 0 \| \w{3} \d\d \w{3} \d\d:\d\d \| routing.toml", text)
    assert re.search(r"told \| .* \| a day's quota is spent \(RateLimited\)", text)
    plan = fresh.plan("hello")
    assert re.search(r"the 3 requests a day of m are spent, back at \w{3} \d\d:\d\d", plan.candidates[0].reason)
    fresh.close()


POOLED = """
[books]
path = "books.db"
[budgets]
total = { daily = 1000 }
[providers.home]
kind = "chaos"
chaos = { tokens = 30 }
[providers.cloud]
kind = "chaos"
tier = "paid"
chaos = { tokens = 30 }
[models.one]
provider = "home"
id = "one"
[models.two]
provider = "home"
id = "two"
[models.outside]
provider = "cloud"
id = "outside"
price = { input = 1, output = 1 }
[pools.zen]
models = ["one", "two"]
pick = "round-robin"
tokens = 700
per = "month"
[[routes]]
name = "chat"
try = ["zen", "outside"]
"""


def test_a_pool_of_tokens_is_used_up_by_cells_and_the_status_says_how_long_it_lasts(tmp_path: Path) -> None:
    """Twenty million tokens for nineteen models: cells use them up together, go elsewhere when they are gone, and it is seen coming."""
    with running_shell(tmp_path, POOLED) as shell:
        shell.run("%%route --max-tokens 50\nhello")
        with closing(sqlite3.connect(tmp_path / "books.db")) as books, books:
            for back in range(1, 8):  # what the days before took
                books.execute("INSERT INTO spending VALUES ('tokens:zen', ?, 0, 1, 0, 10)", (hour(local_now() - dt.timedelta(days=back)),))
        shell.run("%route status")
        assert re.search(
            r"zen +\d+ +[56]\d\d +700 tokens a month +At the pace of the last 7 days, about 10 tokens a day, it lasts", shell.text
        )
        models = []
        for number in range(22):
            shell.run(f"%%route -o answer --max-tokens 50\nhello, number {number}")
            models.append(shell.names["answer"].model)
        assert set(models[:2]) == {"one", "two"}
        assert models[-1] == "outside"
        shell.run("%route status")
        assert "token pools" in shell.text


def test_the_page_says_what_killed_kernels_may_have_cost(tmp_path: Path) -> None:
    """Money that is neither spent nor free must be seen, or the cap looks wrong."""
    router = Router(
        loaded(books=tmp_path / "books.db", budgets={"total": {"daily": 1}}, pools={"zen": {"models": ["m"], "tokens": 1000}}, **TABLES)
    )

    rows = [("total", hour(local_now()), 2, 600_000_000_000, 0), ("tokens:zen", hour(local_now()), 2, 0, 300)]
    router.runtime()
    with closing(sqlite3.connect(tmp_path / "books.db")) as other, other:
        other.executemany("INSERT INTO lost_spending VALUES (?, ?, ?, ?, ?)", rows)
    parts = status_parts(status(router.runtime()), "routing.toml")
    text = "\n".join(" | ".join(row) for part in parts if isinstance(part, Table) for row in part.rows)
    assert re.search(r"total \| daily \| \$0 \| \$0 \| \$1.00 \| \$0.40 ", text)
    assert re.search(r"zen \| 300 \| 700 \| .* Up to 300 of them were used by calls whose processes were killed", text)
    said = (
        "Nobody knows what 2 calls whose processes were killed cost; the most it may be is taken off what is left: $0.60 of total, daily."
    )
    assert said in parts
    router.close()
