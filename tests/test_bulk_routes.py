"""A frame through what is more than one call: tools, and pipelines."""

from __future__ import annotations

import pandas as pd
from served import PRICE, entry, loaded, router, rows

import routebook as rb
from routebook.engine.router import Router
from routebook.testing import Chaos, ScriptedCall, ScriptedServer

asked: list[str] = []


@rb.tool
def bulk_weather(city: str) -> str:
    """The weather of a city."""
    asked.append(city)
    return f"rain in {city}"


def frame() -> pd.DataFrame:
    """Three cities."""
    return pd.DataFrame({"city": ["Paris", "Rome", "Oslo"]})


def test_each_row_may_use_tools() -> None:
    """The answer is the model's last word, and the row's cost is that of all its calls."""
    calls = ((ScriptedCall(name="bulk_weather", arguments={"city": "Paris"}),),)
    with ScriptedServer(reply="It rains.", calls=calls) as server:
        of = router(server)
        found = frame().route.map("What is the weather in {{city}}?", router=of, progress=False, tools="bulk_weather")
        costs = pd.Series({row.request_id: 0.0 for row in rows(of)})
        for row in rows(of):
            costs[row.request_id] += float(row.cost_usd or 0)
        of.close()
    assert found["answer"].tolist() == ["It rains."] * 3
    assert len(asked) == 3
    assert found["answer_cost_usd"].tolist() == [costs[request] for request in found["answer_request_id"]]


def test_each_row_may_go_through_a_pipeline() -> None:
    """What a step says is not the answer, also where it ended well."""
    with ScriptedServer(models={"a": Chaos(reply="a draft"), "b": Chaos(reply="the answer")}) as server:
        of = Router(
            loaded(
                providers={"p": entry(server)},
                models={name: {"provider": "p", "id": name, "price": PRICE} for name in ("a", "b")},
                routes=[{"name": "chat", "try": ["a"], "pipeline": "two"}],
                pipelines={
                    "two": {
                        "steps": [
                            {"name": "first", "model": "a", "input": "{{prompt}}"},
                            {"name": "second", "model": "b", "input": "{{first}}"},
                        ]
                    }
                },
            )
        )
        found = frame().route.map("Describe {{city}}", router=of, progress=False)
        assert found["answer"].tolist() == ["the answer"] * 3
        assert found["answer_model"].tolist() == ["b"] * 3
        assert len(rows(of)) == 6
        of.close()
