"""`%route status`: what each limit has left over all kernels, when it comes back, and who is left alone."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from making import attempt
from served import loaded

from routebook.books.books import Books
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
