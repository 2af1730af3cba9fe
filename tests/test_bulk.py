"""A frame through the router: joined back, asked once, within a budget, gone on with after a stop or a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest
from served import PRICE, loaded, router

import routebook as rb
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.testing import Chaos, ScriptedServer

assert rb.__version__


def frame(rows: int = 6) -> pd.DataFrame:
    """Half of the texts are equal."""
    return pd.DataFrame(
        {"text": [f"review {number // 2}" for number in range(rows)], "stars": range(rows)}, index=[f"r{n}" for n in range(rows)]
    )


def test_answers_stand_beside_their_rows_and_equal_prompts_are_asked_once() -> None:
    """Index and columns stay as they are."""
    with ScriptedServer(script=Chaos(reply="good")) as server:
        of = router(server)
        found = frame().route.map("Classify: {{text}}", out="label", router=of, progress=False)
        of.close()
        assert len(server.seen.calls) == 3
    assert list(found.columns) == ["text", "stars", "label", "label_model", "label_cost_usd", "label_request_id", "label_error"]
    assert found.index.equals(frame().index)
    assert found["label"].tolist() == ["good"] * 6
    assert found["label_model"].tolist() == ["a"] * 6
    assert found["label_error"].isna().all()
    assert found["label_cost_usd"].gt(0).all()


def test_a_row_that_fails_says_why_and_one_with_a_missing_value_is_not_asked() -> None:
    """The others go on."""
    given = frame(4)
    given.loc["r2", "text"] = None
    with ScriptedServer(script=Chaos(reply="good"), models={"a": Chaos(reply="good")}) as server:
        of = router(server, models={"a": {"context": 300}})
        given.loc["r3", "text"] = "word " * 400
        found = given.route.map("Classify: {{text}}", router=of, progress=False)
        of.close()
    assert found["answer"].notna().tolist() == [True, True, False, False]
    assert found["answer_error"]["r2"] == "not asked: a value is missing"
    assert "window" in found["answer_error"]["r3"]


def test_a_budget_holds_however_many_are_under_way_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    """Rows that did not fit say so; nothing that was answered is asked again."""
    models = {"a": {"price": {"input": 0, "output": 1000}, "max_output": 20}}
    given = pd.DataFrame({"text": [f"review {number}" for number in range(30)]})
    with ScriptedServer(script=Chaos(tokens=10)) as server:
        of = router(server, models=models, books=tmp_path / "books.db")
        found = given.route.map("Classify: {{text}}", router=of, progress=False, budget_usd=0.1)
        spent = of.frame()["cost_usd"].sum()
        answered = int(found["answer"].notna().sum())
        assert 5 <= answered <= 10
        assert spent <= 0.1
        assert "budget of $0.1 is spent" in found["answer_error"].dropna().iloc[0]
        calls = len(server.seen.calls)
        found = given.route.map("Classify: {{text}}", router=of, progress=False, budget_usd=10)
        assert found["answer"].notna().all()
        assert len(server.seen.calls) == 30
        assert calls == answered
        found = given.route.map("Classify: {{text}}", router=of, progress=False)
        assert len(server.seen.calls) == 60, "a job that was done is asked anew"
        of.close()


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_a_killed_process_goes_on_where_it_was(tmp_path: Path) -> None:
    """`kill -9` of the kernel in the middle loses at most what was under way: nothing that was answered is asked again."""
    script = """
        import sys, pandas as pd, routebook as rb
        frame = pd.DataFrame({"text": [f"review {number}" for number in range(40)]})
        found = frame.route.map("Classify: {{text}}", router=rb.Router.load(sys.argv[1]), progress=False, concurrency=2)
        print(found["answer"].notna().sum())
    """
    with ScriptedServer(script=Chaos(reply="good", latency_s=0.05)) as server:
        file = tmp_path / "routing.toml"
        file.write_text(
            f'[books]\npath = "books.db"\n[providers.p]\nkind = "openai"\nbase_url = "{server.url}"\ntier = "free"\n'
            '[models.a]\nprovider = "p"\nid = "a"\n[[routes]]\nname = "chat"\ntry = ["a"]\n',
            encoding="utf-8",
        )
        command = [sys.executable, "-c", textwrap.dedent(script), str(file)]
        process = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while len(server.seen.calls) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(server.seen.calls)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.strip() == "40"
        assert before >= 10
        of = Router.load(file)
        statuses = of.frame()["status"]
        of.close()
        assert statuses.eq("ok").sum() == 40
        assert statuses.isin(["ok", "lost"]).all()
        assert len(server.seen.calls) <= 40 + 2, "two were under way"


def test_options_go_through_and_mistakes_are_told() -> None:
    """Before anything is sent."""
    with ScriptedServer(script=Chaos(reply="good")) as server:
        of = router(server, models=("a", "b"))
        assert frame().route.map("{{text}}", router=of, progress=False, model="b")["answer_model"].eq("b").all()
        for template, more, says in (
            ("no column", {}, "uses no column"),
            ("{{texts}}", {}, "Did you mean 'text'"),
            ("{{text}}", {"out": "stars"}, "has a column 'stars' already"),
            ("{{text}}", {"concurrency": 0}, "1 or more"),
            ("{{text}}", {"model": "bb"}, "Did you mean 'b'"),
        ):
            if "model" in more:
                found = frame().route.map(template, router=of, progress=False, **more)
                assert says in found["answer_error"].iloc[0]
            else:
                with pytest.raises(UsageError, match=says):
                    frame().route.map(template, router=of, progress=False, **more)
        of.close()


def test_every_frame_has_it_whichever_is_imported_first(tmp_path: Path) -> None:
    """Importing Routebook does not import pandas, and needs not come after it."""
    for first, second in (("pandas as pd", "routebook"), ("routebook", "pandas as pd")):
        script = f"import {first}, sys\nimport {second}\nprint(pd.DataFrame({{'a': [1]}}).route)\nprint(type(pd.__spec__.loader).__name__)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert "frame.route.plot(kind)" in done.stdout
        assert "SourceFileLoader" in done.stdout


def test_the_column_of_that_name_keeps_its_map() -> None:
    """A frame of attempts has a column `route`."""
    of = Router(
        loaded(
            providers={"p": {"kind": "embedded"}},
            models={"a": {"provider": "p", "id": "x", "price": PRICE}},
            routes=[{"name": "chat", "try": ["a"]}],
        )
    )
    attempts = of.frame()
    of.close()
    given = pd.concat([attempts, pd.DataFrame({"route": ["chat"]})])
    assert given.route.map({"chat": "talk"}).tolist() == ["talk"]
