"""Tools of several kinds, and servers whose models ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from served import router

import routebook as rb
from routebook.messages import Answer
from routebook.testing import ScriptedCall, ScriptedServer

PARIS = ScriptedCall(name="weather", arguments={"city": "Paris"})
BIG_S = 20.0


@rb.tool
def weather(city: str) -> dict[str, Any]:
    """The weather of a city."""
    return {"city": city, "rain": True}


@rb.tool
async def later(city: str) -> str:
    """The weather of a city, after a moment."""
    await asyncio.sleep(0.01)
    return f"sun in {city}"


@rb.tool
def broken(city: str) -> str:
    """Fails."""
    raise ConnectionError(f"no weather of {city}, token=sk-abcdefghijklmnop1234")


def serving(*steps: Sequence[ScriptedCall], reply: str = "It rains.", **more: Any) -> ScriptedServer:  # noqa: ANN401
    """A server whose models ask for tools, step by step."""
    return ScriptedServer(reply=reply, calls=steps, **more)


def told(server: ScriptedServer, at: int = -1) -> list[str]:
    """The results that the model was told with a call."""
    return [message["content"] for message in server.seen.calls[at].json()["messages"] if message["role"] == "tool"]


def ask(server: ScriptedServer, tools: Sequence[Callable[..., Any]], **more: Any) -> Answer:  # noqa: ANN401
    """One answer, with tools."""
    of = router(server)
    try:
        return of.ask_sync("What is the weather in Paris?", tools=tools, **more)
    finally:
        of.close()


@rb.tool(confirm=True)
def delete(path: str) -> str:
    """Delete a file."""
    return f"{path} is gone"
