"""A router that learns, models to learn of, and what the books hold of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from served import router

from routebook.books import outcomes
from routebook.books.outcomes import Extent
from routebook.engine.router import Router
from routebook.lessons import Lesson
from routebook.messages import Answer
from routebook.testing import Chaos, Fault, ScriptedServer

PROMPT = "Explain how a zymurgist ferments barley into beer"
AGAIN = "explain how zymurgists ferment their barley into beer"


def learnable() -> Iterator[ScriptedServer]:
    """A server whose models answer, but for one that refuses, one that is cut off, and one whose answer is no JSON."""
    models = {
        "a": Chaos(reply="a says so"), "b": Chaos(reply="b says so"), "json": Chaos(reply='{"well": true}'),
        "shy": Chaos(faults=(Fault(kind="refusal"),)), "gone": Chaos(faults=(Fault(kind="auth"),)),
    }  # fmt: skip
    with ScriptedServer(models=models) as running:
        yield running


def over(server: ScriptedServer, names: tuple[str, ...] = ("a", "b"), *, route: dict[str, Any] | None = None, **tables: Any) -> Router:  # noqa: ANN401
    """A router whose route has one pool with `pick = "best"`."""
    pools = {"all": {"models": list(names), "pick": "best", "quality": 0.8}}
    return router(server, models=names, pools=pools, route={"try": ["all"], **(route or {})}, defaults={"explore": 0.0}, **tables)


def kept(of: Router) -> list[Lesson]:
    """The outcomes in the books."""
    return of.runtime().books.read(lambda connection: outcomes.since(connection, Extent(0, 0)))[1]


def brief(of: Router) -> list[tuple[str, str, float]]:
    """Model, source and score of the outcomes in the books."""
    return [(lesson.model, lesson.source, lesson.score) for lesson in kept(of)]


def first(of: Router, prompt: str = PROMPT, **overrides: Any) -> str:  # noqa: ANN401
    """Who would be asked first."""
    return of.plan(prompt, task="chat_qa", **overrides).candidates[0].model


def asked(of: Router, prompt: str = "hello there", **overrides: Any) -> Answer:  # noqa: ANN401
    """An answer."""
    return of.ask_sync(prompt, **{"task": "chat_qa", **overrides})


def voted(of: Router) -> None:
    """Three votes: two models, two tasks."""
    for model, task in (("a", "chat_qa"), ("b", "chat_qa"), ("b", "writing")):
        of.vote(asked(of, f"{task} by {model}", model=model, task=task).request_id, good=False)
