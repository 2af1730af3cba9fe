"""`%route cache`: the answers that are kept, and what they saved."""

from __future__ import annotations

from routebook.books import cache as kept
from routebook.books.books import Books
from routebook.config.values import Config
from routebook.engine.loop import engine_loop
from routebook.errors import UsageError
from routebook.notebook import figures
from routebook.notebook.report import Part, report
from routebook.notebook.session import Session
from routebook.notebook.table import Table

OFF = "No route is cached. cache = { ttl_s = 86400 } in a [[routes]] of routing.toml keeps its answers for a day; [cache] does for all."


def cache(session: Session, rest: str) -> None:
    """Show the cache in figures, or drop all its answers."""
    if rest not in ("", "clear"):
        raise UsageError(f"%route cache takes nothing or clear, not {rest!r}.")
    books = session.router.runtime().books
    if rest:
        dropped = engine_loop().run_sync(_clear(books))
        session.show(report(f"{figures.plural(dropped, 'answer')} dropped from the cache."))
        return
    session.show(report(*_parts(books.read(kept.sums), session.router.config)))


async def _clear(books: Books) -> int:
    return await books.write(kept.clear)


def _parts(sums: kept.CacheSums, config: Config) -> list[Part]:
    rows = [
        ("answers", figures.count(sums.entries)),
        ("size", f"{figures.size(sums.size_bytes)} of {figures.size(round(config.cache.max_mb * 1e6))}"),
        ("requests answered", figures.count(sums.hits)),
        ("saved", figures.money(sums.saved_usd)),
    ]
    return [*([] if _is_on(config) else [OFF]), Table(("", ">"), rows)]


def _is_on(config: Config) -> bool:
    lives = [config.cache.ttl_s, *config.cache.tasks.values(), *(route.cache.ttl_s for route in config.routes if route.cache)]
    return any(lives)
