"""What a job costs: also what failed is paid for, and a budget is for all runs of a job together."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from served import entry, loaded, router, rows

import routebook as rb
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.testing import Chaos, Fault, ScriptedServer

assert rb.__version__
DEAR = {"price": {"input": 0, "output": 1000}, "max_output": 20}
"""A cent for ten tokens."""


def frame(rows: int = 30) -> pd.DataFrame:
    """All texts differ."""
    return pd.DataFrame({"text": [f"review {number}" for number in range(rows)]})


def spent(of: Router) -> float:
    """What the books say that all of it cost."""
    return float(of.frame()["cost_usd"].sum())


def test_a_request_that_ran_out_of_time_after_it_was_billed_counts() -> None:
    """The server streams what it bills, then stalls until the deadline; thirty such requests must not cost three times the budget."""
    stalling = Chaos(tokens=30, faults=(Fault(kind="stall", after_tokens=10),))
    with ScriptedServer(script=stalling) as server:
        of = router(server, models={"a": DEAR})
        found = frame().route.map("Classify: {{text}}", router=of, progress=False, budget_usd=0.1, deadline_s=1.5)
        assert {row.status for row in rows(of)} == {"timeout"}
        assert 0.02 < spent(of) <= 0.1
        of.close()
    assert found["answer"].isna().all()
    assert found["answer_error"].str.contains("are over").any()
    assert found["answer_error"].str.contains("budget of $0.1 is spent", regex=False).any()


@pytest.mark.parametrize("budget", [-1, float("nan"), "a dollar"])
def test_a_budget_that_is_none_is_refused_before_anything_is_sent(budget: Any) -> None:  # noqa: ANN401  whatever people give
    """It would send nothing, or everything."""
    with ScriptedServer() as server, closing(router(server)) as of:
        with pytest.raises(UsageError, match="budget_usd must be"):
            frame().route.map("Classify: {{text}}", router=of, progress=False, budget_usd=budget)
        assert not server.seen.calls


def test_numbers_may_be_numpys() -> None:
    """A frame's numbers are."""
    with ScriptedServer(reply="good") as server, closing(router(server)) as of:
        found = frame(3).route.map(
            "{{text}}", router=of, progress=False, budget_usd=np.float32(0.5), max_tokens=np.int64(9), complexity=np.int64(3)
        )
        assert found["answer"].eq("good").all()
        assert {call.json()["max_tokens"] for call in server.seen.calls} == {9}
        assert {row.complexity for row in rows(of)} == {3.0}


def test_a_step_that_was_paid_counts_when_a_cap_refuses_the_next(tmp_path: Path) -> None:
    """A pipeline's first step costs a cent; its second may not be sent at all."""
    with ScriptedServer(script=Chaos(tokens=10)) as server:
        of = Router(
            loaded(
                books=tmp_path / "books.db",
                providers={"p": entry(server), "capped": entry(server)},
                models={"a": {"provider": "p", "id": "a", **DEAR}, "b": {"provider": "capped", "id": "b", **DEAR}},
                routes=[{"name": "chat", "try": ["a"], "pipeline": "two"}],
                pipelines={
                    "two": {
                        "steps": [
                            {"name": "first", "model": "a", "input": "{{prompt}}"},
                            {"name": "second", "model": "b", "input": "{{first}}"},
                        ]
                    }
                },
                budgets={"capped": {"daily": 0.001}},
            )
        )
        found = frame().route.map("Classify: {{text}}", router=of, progress=False, budget_usd=0.1)
        assert {row.step for row in rows(of)} == {"first"}
        assert 0.02 < spent(of) <= 0.1
        of.close()
    assert found["answer"].isna().all()
    assert found["answer_error"].str.contains("of 'capped' is $0.001", regex=False).any()


def test_a_budget_is_for_all_runs_of_a_job_together(tmp_path: Path) -> None:
    """The same call after an interrupt or a crash spends what is left of it, and not as much again."""
    with ScriptedServer(script=Chaos(tokens=10)) as server:
        of = router(server, models={"a": DEAR}, books=tmp_path / "books.db")
        for _ in range(2):
            found = frame().route.map("Classify: {{text}}", router=of, progress=False, budget_usd=0.1)
            assert 5 <= found["answer"].notna().sum() <= 10
            assert spent(of) <= 0.1
        of.close()
