"""What was sent in the last minute and the last day, in small buckets, so that counting costs the same however much it was.

A bucket counts until the last moment of it is older than the window and its margin: no window of a provider, wherever it begins, sees more.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from routebook.books.steady import MICRO


class Window(NamedTuple):
    """A sliding window of `buckets` of `size_us` each."""

    name: str
    size_us: int
    buckets: int

    def bucket(self, now: int) -> int:
        """The bucket of a moment."""
        return now // self.size_us

    def oldest(self, now: int) -> int:
        """The oldest bucket that counts."""
        return self.bucket(now) - self.buckets

    def free_at(self, bucket: int) -> int:
        """When a bucket counts no more."""
        return (bucket + self.buckets + 1) * self.size_us


# The margins (2 s, 5 min) are for what is on its way: a request may reach its provider later than it was counted, the next ones sooner.
MINUTE: Final = Window("minute", MICRO, 62)
DAY: Final = Window("day", 300 * MICRO, 289)


def used(connection: sqlite3.Connection, scope: str, window: Window, *, now: int, since: int = 0) -> tuple[int, int]:
    """Requests and tokens in the window that ends now, and not before a time."""
    query = "SELECT coalesce(sum(requests), 0), coalesce(sum(tokens), 0) FROM quota_use WHERE scope = ? AND span = ? AND bucket >= ?"
    requests, tokens = connection.execute(query, (scope, window.name, max(window.oldest(now), window.bucket(since)))).fetchone()
    return requests, tokens


def room_at(connection: sqlite3.Connection, scope: str, window: Window, *, now: int, excess: tuple[int, int]) -> int:
    """When so many requests and tokens more than now will have left the window."""
    query = "SELECT bucket, requests, tokens FROM quota_use WHERE scope = ? AND span = ? AND bucket >= ? ORDER BY bucket"
    requests, tokens = excess
    for bucket, gone_requests, gone_tokens in connection.execute(query, (scope, window.name, window.oldest(now))):
        requests, tokens = requests - gone_requests, tokens - gone_tokens
        if requests <= 0 and tokens <= 0:
            return window.free_at(bucket)
    return window.free_at(window.bucket(now))


def count(connection: sqlite3.Connection, scope: str, window: Window, *, at: int, requests: int, tokens: int) -> None:
    """Count requests and tokens in the bucket of a moment, or take them back; forget what no window sees any more."""
    bucket = window.bucket(at)
    connection.execute(
        "INSERT INTO quota_use VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "requests = requests + excluded.requests, tokens = max(0, tokens + excluded.tokens)",
        (scope, window.name, bucket, requests, tokens),
    )
    if requests > 0:
        connection.execute(
            "DELETE FROM quota_use WHERE scope = ? AND span = ? AND bucket < ?", (scope, window.name, bucket - window.buckets - 1)
        )
