"""Routers with one pipeline in front of a scripted server, and what each of its models was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from served import PRICE, entry, loaded

from routebook.engine.router import Router
from routebook.testing import Chaos, ScriptedServer, SeenCall

NO, YES = "FAIL: the loop never ends.", "PASS"
REVIEWED: dict[str, Any] = {
    "answer": "draft",
    "steps": [
        {
            "name": "draft", "model": "small", "role": "You write code.", "input": "{{prompt}}",
            "again": "{{prompt}}\nBefore: {{draft}}\nWrong: {{verdict}}\nDo: {{direct}}",
        },
        {"name": "validate", "model": "validators", "role": "You validate.", "input": "{{prompt}} | {{draft}}", "max_tokens": 100, "yes": ["PASS"]},
        {"name": "direct", "model": "dear", "when": ["low_quality", "checkpoint"], "input": "{{draft}} | {{validate}}", "max_tokens": 50, "then": "draft"},
    ],
}  # fmt: skip
DIGEST: dict[str, Any] = {
    "steps": [
        {
            "name": "parts",
            "model": "small",
            "over": "chunks",
            "chunk_tokens": 60,
            "input": "{{number}}/{{count}}\n{{chunk}}",
            "max_tokens": 30,
        },
        {"name": "reduce", "model": "dear", "input": "{{question}}\n---\n{{parts}}"},
    ],
}
LONG = "\n\n".join(f"Paragraph {number} says that the value of item {number} is {number * 7}." for number in range(24))


def script(**replies: str | Chaos) -> dict[str, Chaos]:
    """What each model answers."""
    said: dict[str, str | Chaos] = {"small": "draft", "no": NO, "yes": YES, "dear": "use a for loop", **replies}
    return {name: reply if isinstance(reply, Chaos) else Chaos(reply=reply) for name, reply in said.items()}


@contextmanager
def router(
    server: ScriptedServer,
    pipeline: Mapping[str, Any],
    *,
    order: Sequence[str] = ("no", "yes"),
    route: Mapping[str, Any] | None = None,
    **tables: Any,  # noqa: ANN401  as in routing.toml
) -> Iterator[Router]:
    """A router with one pipeline `p`, whose validators answer in turn."""
    names = dict.fromkeys(("small", "dear", *order))
    given: dict[str, Any] = {
        "providers": {"p": entry(server, tier="local")},
        "models": {name: {"provider": "p", "id": name, "price": PRICE} for name in names},
        "pools": {"validators": {"models": list(order), "pick": "round-robin"}},
        "routes": [{"name": "chat", "try": ["small"], "pipeline": "p", **(route or {})}],
        "pipelines": {"p": pipeline},
    }
    with closing(Router(loaded(**(given | tables)))) as made:
        yield made


def asked(server: ScriptedServer, model: str) -> list[str]:
    """What was sent to a model, the prompts only."""
    return [str(call.json()["messages"][-1]["content"]) for call in server.seen.calls if call.model == model]


def sent(server: ScriptedServer) -> list[SeenCall]:
    """All calls, in order."""
    return list(server.seen.calls)
