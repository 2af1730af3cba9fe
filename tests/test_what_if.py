"""`rb.what_if`: recorded requests by another config, and silence where the record is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from making import config

import routebook as rb
from routebook.classifier.classify import classify
from routebook.config.values import Config
from routebook.errors import UsageError

ROW: dict[str, Any] = {
    "request_id": "r", "attempt": 1, "kind": "answer", "task": "chat_qa", "complexity": 3.0, "strength": 0.3, "agent": None, "priority": "P2",
    "model": "dear", "status": "ok", "input_tokens": 1000, "output_tokens": 100, "cost_usd": 0.02, "latency_s": 4.0, "feedback": None,
}  # fmt: skip


def record(*rows: dict[str, Any]) -> pd.DataFrame:
    """Requests of one attempt each, unless told otherwise."""
    return pd.DataFrame([ROW | {"request_id": f"r{i}"} | row for i, row in enumerate(rows)])


def by_task(task: str, model: str, **asks: Any) -> Config:  # noqa: ANN401  conditions as in routing.toml
    """Sends one task to a model, and the rest to the dear one. `small` is free, `dear` is not, `fast` has no price."""
    routes = [{"name": "one", "tasks": [task], "try": [model]} | asks, {"name": "chat", "try": ["dear"]}]
    models = {
        "small": {"provider": "mac", "id": "small:1b", "price": {"input": 0, "output": 0}},
        "fast": {"provider": "claude", "id": "no-such-model-anywhere"},
        "dear": {"provider": "claude", "id": "opus", "price": {"input": 15, "output": 75}},
    }
    return config(routes=routes, models=models)


def test_it_says_what_moves_and_what_that_costs() -> None:
    """Six writing requests go to the small model, which had answered three of them before."""
    rows = [{"task": "writing", "model": "small", "cost_usd": 0.0, "latency_s": 1.0}] * 3 + [{"task": "writing"}] * 3 + [{}] * 2
    found = rb.what_if(record(*rows), by_task("writing", "small"))
    assert (found.requests, found.told, found.moved) == (8, 8, 3)
    assert {share.model: (share.before, share.after) for share in found.shares} == {"dear": (5, 2), "small": (3, 6)}
    assert found.cost_usd is not None
    assert found.cost_usd.before == pytest.approx(0.10)
    assert found.cost_usd.after == pytest.approx(0.04)
    assert found.latency_s is not None
    assert found.latency_s.before == pytest.approx(23 / 8)
    assert found.latency_s.after == pytest.approx(14 / 8)
    assert found.quality is None
    assert "small: 3 before, 6 after" in str(found)


def test_of_a_model_never_seen_at_a_task_it_says_no_latency_and_no_quality() -> None:
    """The record of other tasks is no evidence, and a guess in a table is read as a figure."""
    rows = [{"model": "small", "feedback": 1.0}] * 5 + [{"task": "writing", "feedback": 1.0}] * 2
    found = rb.what_if(record(*rows), by_task("writing", "small"))
    reasons = " ".join(one.reason for one in found.untold)
    assert "how long small takes at writing" in reasons
    assert "how good small is at writing" in reasons
    assert found.latency_s is None
    assert found.quality is None
    assert "the record cannot tell" in str(found)


def test_votes_tell_the_quality() -> None:
    """Where both models were voted on at the task, it says what the move would have done."""
    rows = [{"task": "writing", "model": "small", "feedback": 0.0}] * 3 + [{"task": "writing", "feedback": 1.0}] * 3
    found = rb.what_if(record(*rows), by_task("writing", "small"))
    assert found.quality is not None
    assert (found.quality.before, found.quality.after, found.quality.requests) == (0.5, 0.0, 6)


def test_an_unknown_price_is_unknown() -> None:
    """Counted as nothing it would make every unpriced model look free."""
    found = rb.what_if(record({"task": "writing"}), by_task("writing", "fast"))
    assert found.cost_usd is None
    assert any("what fast would have cost" in one.reason for one in found.untold)


def test_a_cost_that_was_not_recorded_is_unknown() -> None:
    """One attempt of unknown cost makes the cost of its request unknown, before and after."""
    found = rb.what_if(record({"cost_usd": None}, {"cost_usd": 0.03}), by_task("writing", "small"))
    assert found.cost_usd is not None
    assert (found.cost_usd.before, found.cost_usd.requests) == (0.03, 1)


def test_where_only_the_prompt_could_tell_it_refuses() -> None:
    """Whether a prompt needs tools is not recorded, so a route that asks cannot be replayed without prompts."""
    other = by_task("writing", "small", needs_tools=True)
    with pytest.raises(UsageError, match="needs_tools"):
        rb.what_if(record({"task": "writing"}), other)
    found = rb.what_if(record({"task": "writing"}, {}), other)
    assert (found.requests, found.told) == (2, 1)


def test_a_column_of_prompts_tells_what_the_books_do_not() -> None:
    """With the prompt at hand it is classified anew."""
    prompt = "Write a short poem about the sea in four lines."
    found = rb.what_if(record({"prompt": prompt}), by_task(classify(prompt).task, "small"))
    assert found.moved == 1


def test_a_retry_and_a_fallback_are_one_request() -> None:
    """All attempts of a request cost money, and it began with the first."""
    rows = record({"status": "error", "cost_usd": 0.01}, {"attempt": 2, "kind": "fallback", "model": "small", "cost_usd": 0.0})
    found = rb.what_if(rows.assign(request_id="r"), by_task("writing", "small"))
    assert (found.requests, found.moved) == (1, 0)
    assert found.cost_usd is not None
    assert found.cost_usd.after == pytest.approx(0.01)


def test_the_books_frame_will_do(tmp_path: Path) -> None:
    """An empty record is refused, and so is a frame of something else."""
    with pytest.raises(UsageError, match="request_id"):
        rb.what_if(pd.DataFrame({"a": [1]}), by_task("writing", "small"))
    router = rb.Router(books=tmp_path / "books.db")
    with pytest.raises(UsageError, match="nothing to replay"):
        rb.what_if(router.frame(), by_task("writing", "small"))
    router.close()
