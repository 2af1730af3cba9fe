"""How things stand right now, as plain values: the models, what is under way, what the caps have left. Notebook and shell command show them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from routebook.books.books import Books, local_now
from routebook.books.claims import Scope
from routebook.books.connect import MEMORY
from routebook.books.glance import Cap, caps, count_attempts
from routebook.books.pools import PoolState, states
from routebook.books.quota_view import Cooling, LimitLine, cooling, limit_lines
from routebook.config.values import Price
from routebook.engine.machine.pulls import PullLine
from routebook.engine.runtime import Runtime
from routebook.messages import Tier, Value

ModelState = Literal["ready", "cooling down", "left out"]


class ModelLine(Value, frozen=True, kw_only=True):
    """One model as configured and as seen. Prices are US dollars per million tokens."""

    name: str
    id: str
    provider: str
    tier: Tier
    price: Price | None
    """`None` when it is unknown."""
    context: int | None
    memory_gb: float | None
    ttft_s: float | None
    """Time to first token as seen in this session, a moving average."""
    tokens_per_s: float | None
    """As seen in this session."""
    state: ModelState
    reason: str
    """Why it is not ready."""
    cooling_s: float
    in_flight: int
    queued: int


class Status(Value, frozen=True, kw_only=True):
    """What is under way, what is left, and where things are."""

    busy: tuple[ModelLine, ...]
    """Models with calls under way or waiting, and those that cool down."""
    caps: tuple[Cap, ...]
    pools: tuple[PoolState, ...]
    """Allowances of tokens, each with how long it will last."""
    limits: tuple[LimitLine, ...]
    """Over all kernels: as set in `routing.toml`, and as providers told."""
    cooling: tuple[Cooling, ...]
    """What providers asked for, in whatever kernel."""
    pulls: tuple[PullLine, ...]
    """Models that are being fetched."""
    left_out: Mapping[str, str]
    """Providers that cannot be called, each with its reason."""
    books: str
    """The file, or `:memory:`."""
    books_bytes: int | None
    attempts: int


def models(runtime: Runtime) -> tuple[ModelLine, ...]:
    """All models, those that can be called first, otherwise in the order of the config."""
    lines = [_line(runtime, name) for name in runtime.config.models]
    return tuple(sorted(lines, key=lambda line: line.state == "left out"))


def status(runtime: Runtime, *, notebook: str | None = None) -> Status:
    """How things stand; `notebook` names the one whose own cap is asked for.

    Raises:
        BooksError: the books cannot be read.
    """
    books = runtime.books
    found, count = books.read(
        lambda connection: (tuple(caps(connection, books.budgets, notebook=notebook, now=local_now())), count_attempts(connection))
    )
    scopes = [scope for name in runtime.config.models for scope in runtime.limits.scopes(name, runtime.config)]
    limits, cools = books.read(lambda connection: _limits(books, connection, scopes))
    lines = models(runtime)
    return Status(
        busy=tuple(line for line in lines if line.in_flight or line.queued or line.state == "cooling down"),
        caps=found,
        pools=pools(runtime),
        limits=limits,
        cooling=cools,
        pulls=runtime.machine.pulls.lines,
        left_out=dict(runtime.known.unusable),
        books=books.path,
        books_bytes=_size(books.path),
        attempts=count,
    )


def pools(runtime: Runtime) -> tuple[PoolState, ...]:
    """What each allowance of tokens has left, and how long that will last.

    Raises:
        BooksError: the books cannot be read.
    """
    books = runtime.books
    return books.read(lambda connection: tuple(states(connection, books.pools, now=local_now()))) if books.pools else ()


def _limits(books: Books, connection: sqlite3.Connection, scopes: Sequence[Scope]) -> tuple[tuple[LimitLine, ...], tuple[Cooling, ...]]:
    books.steady.read(connection)
    now = books.steady()
    return tuple(limit_lines(connection, scopes, now=now)), tuple(cooling(connection, scopes, now=now))


def _line(runtime: Runtime, name: str) -> ModelLine:
    config, known = runtime.config, runtime.known
    model, seen, cooling_s = config.models[name], known.states.get(name), known.cooling_s(name)
    reason = known.unusable.get(model.provider, "")
    if not reason and seen is not None and cooling_s:
        reason = seen.cooling_reason
    return ModelLine(
        name=name,
        id=model.id,
        provider=model.provider,
        tier=config.tier(name),
        price=known.prices.get(name),
        context=model.context,
        memory_gb=model.memory_gb,
        ttft_s=seen.ttft_s if seen else None,
        tokens_per_s=1 / seen.token_s if seen and seen.token_s else None,
        state="left out" if model.provider in known.unusable else "cooling down" if cooling_s else "ready",
        reason=reason,
        cooling_s=cooling_s,
        in_flight=seen.in_flight if seen else 0,
        queued=seen.queued if seen else 0,
    )


def _size(path: str) -> int | None:
    """Bytes of the books with what is not yet merged into them."""
    if path == MEMORY:
        return None
    size = 0
    for file in (Path(path), Path(f"{path}-wal")):
        with contextlib.suppress(FileNotFoundError):  # another kernel may just be merging it
            size += file.stat().st_size
    return size
