"""An evaluation: right and wrong answers, within budget and wall, gone on with after a stop, and failures told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from evaluations import evaluated, scores
from served import TwoServers, loaded, router
from weights_here import real_weights

from routebook.config.scripted import Fault
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.testing import Chaos, ScriptedServer


def test_right_and_wrong_answers_become_scores_by_model_and_task() -> None:
    """This is what an evaluation is for."""
    with ScriptedServer(models={"a": Chaos(reply="Paris."), "b": Chaos(reply="I do not know.")}) as server:
        of = router(server, models=("a", "b"))
        report = evaluated(of)
        of.close()
    assert scores(report) == {("a", "chat_qa"): 5, ("a", "writing"): 10, ("b", "chat_qa"): 0, ("b", "writing"): 0}
    frame = report.frame
    assert frame["n"].tolist() == [2, 1, 2, 1]
    assert ((frame["low"] <= frame["score"]) & (frame["score"] <= frame["high"])).all()
    assert (frame["low"] < frame["high"]).all(), "of one or two answers nothing is sure"
    assert frame[["tokens_per_s", "ttft_s", "usd_per_1k", "cost_usd"]].gt(0).all().all()
    assert frame["failed"].eq(0).all()
    assert report.models.set_index("model")["score"].round(2).to_dict() == {"a": 6.67, "b": 0.0}
    assert report.answers.set_index(["model", "id"])["said"]["a", "2"] == "it is not 'Rome'."
    assert report.frame.set_index(["model", "task"])["rubric"].to_dict() == {
        ("a", "chat_qa"): 5.8, ("a", "writing"): 7.8, ("b", "chat_qa"): 0.0, ("b", "writing"): 0.0,
    }, "one right answer does not make a 10"  # fmt: skip


def test_every_attempt_is_marked_and_nothing_is_learned_from_it() -> None:
    """The frame can leave an evaluation out, and votes are the user's."""
    with ScriptedServer(script=Chaos(reply="Paris", faults=(Fault(kind="rate_limit", first=1, retry_after_s=0.05),))) as server:
        route = {
            "on_low_quality": {"check": "json", "try": ["b"]},
            "on_refusal": {"phrases": ["Paris"], "try": ["b"]},
            "cache": {"ttl_s": 60},
        }
        of = router(server, models=("a", "b"), route=route, defaults={"system": "Answer in rhymes."})
        report = evaluated(of, models="a")
        frame = of.frame()
        assert set(frame["kind"]) == {"evaluation"}, "a second attempt too"
        assert frame["status"].value_counts().to_dict() == {"ok": 3, "rate_limited": 1}
        assert set(frame["model"]) == {"a"}, "the route's reactions would ask another"
        assert set(frame["task"]) == {"chat_qa", "writing"}
        assert frame["reason"].str.startswith("evaluation: a DataFrame, ").sum() >= 3
        assert of.beliefs().empty
        assert of.routing().empty
        assert all("rhymes" not in str(call) for call in server.seen.calls)
        evaluated(of, models="a", fresh=True)
        assert len(server.seen.calls) == 7, "nothing comes from the cache"
        of.close()
    assert report.frame["failed"].eq(0).all()


def test_a_budget_holds_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    """What could exceed it is not sent, and what was graded is not asked again."""
    suite = pd.DataFrame([{"task": task, "prompt": f"Say {n}.", "regex": "."} for n in range(10) for task in ("chat_qa", "writing")])
    models: dict[str, dict[str, Any]] = {
        "a": {"price": {"input": 0, "output": 1000}, "max_output": 10},
        "free": {"price": {"input": 0, "output": 0}},
    }
    with ScriptedServer(script=Chaos(tokens=10)) as server:
        of = router(server, models=models, books=tmp_path / "books.db")
        report = evaluated(of, suite, budget_usd=0.1)
        rows = of.frame()
        assert rows["cost_usd"].sum() <= 0.1
        done = report.models.set_index("model")
        assert 5 <= done["n"]["a"] <= 10
        assert done["n"]["free"] == 20, "what costs nothing is not stopped by a budget"
        assert "what is left of the budget is not enough" in done["why"]["a"]
        by_task = report.frame.set_index(["model", "task"])["n"]
        assert abs(by_task["a", "chat_qa"] - by_task["a", "writing"]) <= 1, "it is cut off everywhere alike"
        calls = len(server.seen.calls)
        again = evaluated(of, suite, budget_usd=1)
        assert again.models["n"].tolist() == [20, 20]
        assert again.found.kept == calls
        assert len(server.seen.calls) == 40
        evaluated(of, suite, models="free")
        assert len(server.seen.calls) == 60, "a run that is whole is not gone on with"
        of.close()


def test_under_a_budget_a_model_of_unknown_price_is_left_out_and_told() -> None:
    """Nothing could hold it to the budget."""
    with ScriptedServer(script=Chaos(reply="Paris")) as server:
        of = router(server, models={"a": {}, "dark": {"price": None}})
        report = evaluated(of, budget_usd=1)
        assert list(report.found.models) == ["a"]
        assert "price is unknown" in report.found.left_out["dark"]
        free = evaluated(of, models="dark")
        assert free.found.unpriced == 3
        assert free.frame["usd_per_1k"].isna().all()
        of.close()


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped"])
def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, how: signal.Signals) -> None:
    """Neither a crash nor the stop button costs an answer that was graded."""
    script = """
        import sys, pandas as pd, routebook as rb
        suite = pd.DataFrame([{"task": "chat_qa", "prompt": f"Say {n}.", "regex": "good"} for n in range(30)])
        report = rb.evaluate_models(suite, router=rb.Router.load(sys.argv[1]), progress=False)
        print(int(report.models["n"].sum()), report.found.kept)
    """
    with ScriptedServer(script=Chaos(reply="good", latency_s=0.05)) as server:
        file = tmp_path / "routing.toml"
        file.write_text(
            f'[books]\npath = "books.db"\n[providers.p]\nkind = "openai"\nbase_url = "{server.url}"\ntier = "free"\n'
            '[models.a]\nprovider = "p"\nid = "a"\n[[routes]]\nname = "chat"\ntry = ["a"]\n',
            encoding="utf-8",
        )
        command = [sys.executable, "-c", textwrap.dedent(script), str(file)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 120
        while len(server.seen.calls) < 10 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(how)
        _, said = process.communicate(timeout=120)
        assert ("The same call goes on where it stopped." in said) is (how is signal.SIGINT), said
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        graded, kept = map(int, done.stdout.split())
        assert graded == 30
        assert kept >= 3
        assert len(server.seen.calls) <= 30 + 4


def test_a_model_that_fails_is_given_up_and_the_others_go_on() -> None:
    """Sixty calls to a dead server would only take time."""
    suite = pd.DataFrame([{"task": "chat_qa", "prompt": f"Say {n}.", "regex": "."} for n in range(12)])
    with ScriptedServer(
        models={"a": Chaos(reply="good"), "dead": Chaos(faults=(Fault(kind="not_found"),)), "shut": Chaos(faults=(Fault(kind="auth"),))}
    ) as server:
        of = router(server, models=("a", "dead", "shut"))
        report = evaluated(of, suite)
        calls = [call.model for call in server.seen.calls]
        of.close()
    done = report.models.set_index("model")
    assert done["n"].to_dict() == {"a": 12, "dead": 0, "shut": 0}
    assert done["failed"].to_dict() == {"a": 0, "dead": 12, "shut": 12}
    assert "failures in a row" in done["why"]["dead"]
    assert calls.count("dead") <= 8
    assert calls.count("shut") <= 8
    text = repr(report)
    assert "12 of 36 answers graded" in text
    assert "without a score" in text
    assert "AuthFailed" in text


def test_the_wall_and_the_tier_hold() -> None:
    """With `local`, nothing of a suite leaves the machine, and who was left out is told."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        two = TwoServers(stack, local=Chaos(reply="Paris"))
        of = two.router()
        for report in (evaluated(of, local=True), evaluated(of, tier="local", fresh=True)):
            assert report.found.models == ("near",)
            assert "its tier is paid" in report.found.left_out["dear"]
        with pytest.raises(UsageError, match=r"No model can be evaluated[^\n]*\n.*dear"):
            evaluated(of, models="dear", local=True)
        of.close()
        assert not two.paid.seen.calls


def test_models_of_a_provider_on_this_machine_are_asked_one_after_the_other() -> None:
    """They share its memory: each would be loaded anew for every prompt."""
    with ScriptedServer(script=Chaos(reply="Paris", latency_s=0.02)) as server:
        of = router(server, models=("a", "b"), provider={"tier": "local"})
        evaluated(of)
        assert [call.model for call in server.seen.calls] == ["a"] * 3 + ["b"] * 3
        assert server.seen.peak_concurrent == 1
        of.close()


def test_what_a_route_keeps_on_this_machine_stays_there_when_it_is_evaluated() -> None:
    """The wall of a task is no less a wall because nobody typed the prompt."""
    from contextlib import ExitStack

    suite = pd.DataFrame([{"task": task, "prompt": f"Say {n}.", "regex": "."} for n in range(4) for task in ("writing", "chat_qa")])
    routes = [{"name": "own", "tasks": ["writing"], "local": True, "try": ["near"]}, {"name": "chat", "try": ["dear", "near"]}]
    with ExitStack() as stack:
        two = TwoServers(stack, local=Chaos(reply="Paris"))
        of = two.router(routes=routes)
        report = evaluated(of, suite)
        of.close()
        done = report.frame.set_index(["model", "task"])
        assert done["n"].to_dict() == {("dear", "writing"): 0, ("dear", "chat_qa"): 4, ("near", "writing"): 4, ("near", "chat_qa"): 4}
        assert "nothing may leave the machine" in done["why"]["dear", "writing"]
        assert len(two.paid.seen.calls) == 4


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"models": "aa"}, "no model, pool or provider 'aa' to evaluate. Did you mean 'a'"),
        ({"budget_usd": -1}, "budget_usd must be at least 0, not -1"),
        ({"tasks": "writting"}, "no prompt of the task 'writting'. Did you mean 'writing'"),
        ({"tier": "cheap"}, "one of local, free, paid, not 'cheap'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(more: dict[str, Any], says: str) -> None:
    """A slip of the hand costs nothing."""
    with ScriptedServer(script=Chaos(reply="Paris")) as server:
        of = router(server)
        with pytest.raises(UsageError, match=says):
            evaluated(of, **more)
        assert not server.seen.calls
        of.close()


def test_pools_providers_and_tasks_can_be_named() -> None:
    """One need not type what the file says already."""
    with ScriptedServer(script=Chaos(reply="Paris")) as server:
        of = router(server, models=("a", "b", "c"), pools={"two": {"models": ["b", "c"]}})
        assert evaluated(of, models="two", tasks="writing").found.models == ("b", "c")
        assert evaluated(of, models=["p"], tasks=["writing"], fresh=True).found.models == ("a", "b", "c")
        assert {row.task for row in evaluated(of, models="a", tasks="chat_qa").frame.itertuples()} == {"chat_qa"}
        of.close()


def test_the_embedded_model_is_evaluated_for_real() -> None:
    """No script answers here: a real model, a few prompts, a real score and a real speed."""
    gguf = real_weights()
    tables: dict[str, Any] = {
        "providers": {"here": {"kind": "embedded", "gguf": str(gguf)}},
        "models": {"tiny": {"provider": "here", "id": "tiny", "context": 2048}},
        "routes": [{"name": "chat", "try": ["tiny"]}],
    }
    of = Router(loaded(**tables))
    suite = pd.DataFrame(
        [
            {"task": "chat_qa", "prompt": "What is the capital of France? Answer with one word.", "regex": "(?i)paris", "max_tokens": 24},
            {
                "task": "math_reasoning",
                "prompt": "How many divisors does 720 have? Answer with the number only.",
                "exact": "30",
                "max_tokens": 24,
            },
            {"task": "writing", "prompt": "Write a sentence about rain.", "python": "words", "args": {"least": 3}, "max_tokens": 24},
        ]
    )
    report = evaluated(of, suite, budget_usd=0.01)
    of.close()
    whole = report.models.iloc[0]
    assert (whole["n"], whole["failed"]) == (3, 0)
    assert 0 <= whole["score"] <= 10
    assert report.frame.set_index("task")["score"]["writing"] == 10
    assert whole["tokens_per_s"] > 0
    assert whole["cost_usd"] == 0
