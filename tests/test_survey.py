"""How the models stand, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import loaded

from routebook.engine.router import Router
from routebook.engine.survey import ModelLine, models, status


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """A router over a usable local model and one without a key, with books in a file."""
    made = Router(
        loaded(
            books=tmp_path / "books.db",
            providers={"home": {"kind": "chaos"}, "groq": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "NO_KEY"}},
            models={"far": {"provider": "groq", "id": "far"}, "tiny": {"provider": "home", "id": "tiny", "context": 8192}},
            routes=[{"name": "chat", "try": ["far", "tiny"]}],
        )
    )
    yield made
    made.close()


def line(router: Router, name: str) -> ModelLine:
    """One model's line."""
    return next(one for one in models(router.runtime()) if one.name == name)


def test_those_that_can_be_called_come_first(router: Router) -> None:
    """A long file with two keys is mostly models that are left out."""
    assert [(one.name, one.state) for one in models(router.runtime())] == [("tiny", "ready"), ("far", "left out")]
    assert line(router, "far").reason.startswith("no key: NO_KEY is not set")


def test_speed_is_what_was_seen(router: Router) -> None:
    """Before a model was used nothing is known of it, which is not a speed of 0."""
    assert (line(router, "tiny").ttft_s, line(router, "tiny").tokens_per_s) == (None, None)
    router.runtime().known.state("tiny").saw_answer(ttft_s=0.5, latency_s=2.5, output_tokens=100)
    assert line(router, "tiny").ttft_s == 0.5
    assert line(router, "tiny").tokens_per_s == pytest.approx(50)


def test_a_cooldown_has_its_end_and_its_reason(router: Router) -> None:
    """It passes by itself, so one wants to know when."""
    known = router.runtime().known
    known.state("tiny").cool(known.clock() + 30, reason="RateLimited")
    found = line(router, "tiny")
    assert (found.state, found.reason) == ("cooling down", "RateLimited")
    assert 29 < found.cooling_s <= 30
    assert [one.name for one in status(router.runtime()).busy] == ["tiny"]


def test_status_counts_attempts_and_weighs_the_books(router: Router, tmp_path: Path) -> None:
    """Where they are, how big they are, and that they grow."""
    before = status(router.runtime())
    router.ask_sync("hi")
    after = status(router.runtime())
    assert (before.attempts, after.attempts) == (0, 1)
    assert after.books == str(tmp_path / "books.db")
    assert after.books_bytes
    assert list(after.left_out) == ["groq"]


def test_books_in_memory_have_no_size() -> None:
    """Nothing is on the disk."""
    made = Router(
        loaded(providers={"home": {"kind": "chaos"}}, models={"m": {"provider": "home", "id": "m"}}, routes=[{"name": "c", "try": ["m"]}])
    )
    try:
        assert status(made.runtime()).books_bytes is None
    finally:
        made.close()
