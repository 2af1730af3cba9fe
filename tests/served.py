"""Routers in front of scripted servers, requests under way, and what the books say of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from making import config

from routebook.books.ledger import attempts_of
from routebook.config.read import Loaded
from routebook.config.scripted import Fault
from routebook.engine.router import Router
from routebook.errors import RoutebookError
from routebook.events import Event
from routebook.messages import Answer, Attempt
from routebook.testing import Chaos, ScriptedServer

PRICE: Final = {"input": 1, "output": 2}
"""US dollars per million tokens: of one token in, and of one out, an exact number of micro-dollars."""
ONE_MODEL: Final = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
a = { provider = "here", id = "a" }
[[routes]]
name = "chat"
try = ["a"]
"""
"""A whole `routing.toml` of one model, for what reads a file; `URL` is the server's."""
QUICK: Final = {"first_token_s": 0.6, "idle_s": 0.6}
"""Times that a busy machine keeps, and that a test can wait for."""


def faulty(kind: Any, **more: Any) -> Chaos:  # noqa: ANN401  a kind of fault, and what it has
    """A script with one fault."""
    return Chaos(reply="all is well", faults=(Fault(kind=kind, **more),))


def loaded(*, books: str | Path = ":memory:", **tables: Any) -> Loaded:  # noqa: ANN401  tables as in routing.toml
    """A config as if read from a file in the working folder."""
    return Loaded(config=config(**tables), file=None, books=str(books))


def entry(server: ScriptedServer, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A paid provider that is the scripted server."""
    return {"kind": "openai", "base_url": server.url_for("openai"), "tier": "paid", **more}


def router(
    server: ScriptedServer,
    *,
    models: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("a",),
    provider: Mapping[str, Any] | None = None,
    route: Mapping[str, Any] | None = None,
    books: str | Path = ":memory:",
    **tables: Any,  # noqa: ANN401
) -> Router:
    """A router over models of one provider `p`, in order: each priced, and named as the server names it."""
    named = models if isinstance(models, Mapping) else {name: {} for name in models}
    given = {
        "providers": {"p": entry(server, **(provider or {}))},
        "models": {name: {"provider": "p", "id": name, "price": PRICE, **more} for name, more in named.items()},
        "routes": [{"name": "chat", "try": list(named), **(route or {})}],
    }
    return Router(loaded(books=books, **(given | tables)))


def closing_stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as opened:
        yield opened


class TwoServers:
    """A paid provider and a local one, each its own server."""

    def __init__(self, stack: ExitStack, *, local: Chaos, paid: Chaos | None = None) -> None:
        """They are closed with the stack."""
        self.local = stack.enter_context(ScriptedServer(script=local))
        self.paid = stack.enter_context(ScriptedServer(script=paid or Chaos(reply="from afar")))

    def router(self, **tables: Any) -> Router:  # noqa: ANN401
        """A router over `dear` and `near`, in this order unless a route says another."""
        given: dict[str, Any] = {
            "providers": {"far": entry(self.paid), "here": entry(self.local, tier="local")},
            "models": {
                "dear": {"provider": "far", "id": "dear", "price": {"input": 10, "output": 1000}, "max_output": 1000},
                "near": {"provider": "here", "id": "near", "timeout": QUICK},
            },
            "routes": [{"name": "chat", "try": ["dear", "near"]}],
        }
        return Router(loaded(**(given | tables)))


async def outcome(of: Router, prompt: str = "hello", **overrides: Any) -> Answer | RoutebookError:  # noqa: ANN401
    """The answer, or the error."""
    try:
        return await of.ask(prompt, **overrides)
    except RoutebookError as error:
        return error


@asynccontextmanager
async def events_of(of: Router, prompt: str, **overrides: Any) -> AsyncIterator[AsyncIterator[Event]]:  # noqa: ANN401
    """A stream that is closed at the end of the block, read to its end or not."""
    stream = of.stream(prompt, **overrides)
    async with aclosing(stream):  # type: ignore[type-var]  # it is an async generator, typed as an iterator
        yield stream


async def heard(of: Router, prompt: str = "hello", **overrides: Any) -> tuple[list[Event], Exception | None]:  # noqa: ANN401
    """All events of a request, and the error it ended with."""
    seen: list[Event] = []
    try:
        async with events_of(of, prompt, **overrides) as events:
            async for event in events:
                seen.append(event)  # noqa: PERF401  what came before an error is kept
    except RoutebookError as error:
        return seen, error
    return seen, None


class Running:
    """A request under way as a cell has it: its events, the stop button, its end."""

    def __init__(self, of: Router, prompt: str = "tell me a story", **overrides: Any) -> None:  # noqa: ANN401
        """Start it."""
        self.seen: list[Event] = []
        self._is_over = threading.Event()
        self._job = of.start(prompt, emit=self.seen.append, on_end=self._is_over.set, **overrides)

    def stop(self) -> float:
        """Press the stop button; return the time on the servers' clock."""
        self._job.cancel()
        return time.monotonic()

    def count(self, kind: type) -> int:
        """How many events of a kind came so far."""
        return sum(isinstance(event, kind) for event in self.seen)

    def result(self) -> Answer:
        """The answer, or its error."""
        return self._job.result(0)

    async def over(self, *, within_s: float = 10.0) -> None:
        """Wait for the end."""
        await until(self._is_over.is_set, within_s=within_s)


def brief(attempts: Sequence[Attempt]) -> list[tuple[str, str, str]]:
    """Model, kind and status of each attempt."""
    return [(attempt.model, attempt.kind, attempt.status) for attempt in attempts]


def rows(of: Router) -> list[Attempt]:
    """All rows of the books, in the order of the requests."""

    def look(connection: Any) -> list[Attempt]:  # noqa: ANN401  sqlite3's
        ids = [name for (name,) in connection.execute("SELECT request_id FROM attempts GROUP BY request_id ORDER BY min(id)")]
        return [row for name in ids for row in attempts_of(connection, name)]

    wait_for_rows(of)
    return of.runtime().books.read(look)


def wait_for_rows(of: Router, *, within_s: float = 5.0) -> None:
    """Wait for the rows that are written behind the back of requests whose time is over, as those of a busy machine are; not for locked books."""
    begun = time.monotonic()
    while of.runtime().writing and time.monotonic() - begun < within_s:
        time.sleep(0.002)


def left_reserved(of: Router) -> tuple[int, int]:
    """How many attempts the books count as running, and the pico-dollars that are still reserved."""
    query = "SELECT count(*) FILTER (WHERE status = 'running'), coalesce(sum(reserved_pusd), 0) FROM attempts"
    wait_for_rows(of)
    found: tuple[int, int] = of.runtime().books.read(lambda connection: connection.execute(query).fetchone())
    return found


async def until(is_so: Callable[[], object], *, within_s: float = 20.0) -> float:
    """Wait until something is so; return the seconds it took. Fails when it does not come to be."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < within_s, "it did not come to be"
        await asyncio.sleep(0.002)
    return time.monotonic() - begun


def wait_until(is_so: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Wait for what other processes and threads do. Fails when it does not come to be."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < within_s, "it did not come to be"
        time.sleep(0.02)
