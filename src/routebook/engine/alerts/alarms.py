"""Watches the books while requests end, over all kernels that share them: what passes a threshold is said once, by one of them."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Final

from routebook.books import alarms
from routebook.books.books import local_now
from routebook.books.budgets import hour, period_start, spent_pusd
from routebook.books.money import from_pico
from routebook.books.pools import states
from routebook.books.quota_view import limit_lines
from routebook.books.recent import recent
from routebook.config.alerts import Alerts
from routebook.engine.alerts.judge import Lately, judge
from routebook.engine.alerts.webhook import post
from routebook.errors import BooksError, RoutebookError

if TYPE_CHECKING:
    from routebook.engine.runtime import Runtime

EVERY_S: Final = 5.0
"""A look costs some milliseconds; more often nothing new is to be seen."""


class Alarms:
    """The thresholds of one router."""

    def __init__(self, runtime: Runtime) -> None:
        """Without `[alerts]` it never looks."""
        self._runtime = runtime
        self._alerts = runtime.config.alerts
        self._is_on = self._alerts != Alerts()
        self._due = 0.0
        self._pending: list[str] = []

    async def look(self, *, now: bool = False) -> None:
        """See, when it is time, whether something passes a threshold; what is new waits for `take`, and goes to the webhook."""
        clock = asyncio.get_running_loop().time
        if not self._is_on or (clock() < self._due and not now):
            return
        self._due = clock() + EVERY_S
        await asyncio.shield(self._runtime.beside(self._look()))  # what it claims to say is said, also when this request is stopped

    async def _look(self) -> None:
        try:
            found = judge(self._alerts, await asyncio.to_thread(self._lately))
            new = await self._claimed({alarm.key: alarm.text for alarm in found}) if found else []
        except BooksError:
            return  # the attempt itself has said so
        self._pending += new
        if new and self._alerts.webhook_env:
            self._runtime.beside(self._send(new))

    def say(self, sentence: str) -> None:
        """Show a sentence with the next answer."""
        self._pending.append(sentence)

    def take(self) -> tuple[str, ...]:
        """The sentences that nobody was shown yet."""
        taken, self._pending = tuple(self._pending), []
        return taken

    async def _send(self, sentences: list[str]) -> None:
        variable = self._alerts.webhook_env or ""
        address = self._runtime.keys.variable(variable)
        if not address:
            self._pending.append(f"No alert was sent: {variable}, which alerts.webhook_env names, is not set.")
            return
        try:
            await post(address, "Routebook: " + "\n".join(sentences))
        except RoutebookError as error:
            self._pending.append(f"No alert was sent to the webhook: {error}")

    async def _claimed(self, found: dict[str, str]) -> list[str]:
        """Those that no kernel has said lately; from now on this one has."""
        time, again = round(self._runtime.now().timestamp() * 1e6), round(self._alerts.again_s * 1e6)
        keys = await self._runtime.books.write(lambda connection: alarms.claim(connection, list(found), now=time, again=again))
        return [found[key] for key in keys]

    def _lately(self) -> Lately:
        """On a thread: a read of the books may take some milliseconds."""
        runtime, books, now = self._runtime, self._runtime.books, local_now()
        since = round((self._runtime.now().timestamp() - self._alerts.window_s) * 1e6)
        scopes = [scope for name in runtime.config.models for scope in runtime.limits.scopes(name, runtime.config)]

        def look(connection: sqlite3.Connection) -> Lately:
            books.steady.read(connection)
            return Lately(
                rows=recent(connection, since=since)[0],
                spent_today_usd=from_pico(spent_pusd(connection, "total", since=hour(period_start("daily", now)))),
                limits=list(limit_lines(connection, scopes, now=books.steady())) if self._alerts.quota is not None else [],
                pools=list(states(connection, books.pools, now=now)) if self._alerts.quota is not None else [],
            )

        return books.read(look)
