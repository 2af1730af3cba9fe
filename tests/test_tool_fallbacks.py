"""What a tool cannot say, the next of its chain says; what a model cannot finish, the next one does with the results that there are."""

from __future__ import annotations

import contextlib

from ready_tools import ask, serving, told
from served import PRICE, brief, entry, loaded, rows

import routebook as rb
from routebook.engine.router import Router
from routebook.testing import Chaos, ScriptedCall, ScriptedServer

# ---- of a tool


def test_a_tool_that_fails_is_replaced_by_the_next_of_its_chain() -> None:
    """Tavily, then Context7, then the last: with the same question, whatever each calls it."""

    def nothing(query: str) -> str:
        """Fails too."""
        raise TimeoutError(f"nothing about {query}")

    def docs(topic: str, limit: int = 3) -> str:
        """Documentation."""
        return f"{limit} pages about {topic}"

    @rb.tool(fallbacks=[nothing, docs])
    def search(query: str) -> str:
        """Search the web."""
        raise ConnectionError(f"no web for {query}")

    with serving([ScriptedCall(name="search", arguments={"query": "asyncio"})]) as server:
        answer = ask(server, [search])
        assert told(server) == ["3 pages about asyncio"]
    [run] = answer.tools
    assert (run.name, run.by, run.status) == ("search", "docs", "ok")


def test_a_chain_that_fails_whole_says_what_each_said() -> None:
    """The model, and the person, see why there is nothing."""
    with serving([ScriptedCall(name="chain", arguments={"city": "Rome"})]) as server:

        @rb.tool(name="chain", fallbacks=["broken", "no_such_tool"])
        def chain(city: str) -> str:
            """Fails."""
            raise ValueError(city)

        ask(server, [chain])
        [result] = told(server)
    assert "chain: ValueError: Rome" in result
    assert "broken: ConnectionError: no weather of Rome" in result
    assert "no_such_tool: there is no tool of this name" in result


# ---- of a model


def test_the_fallback_goes_on_with_what_the_tools_said() -> None:
    """The second model gets the conversation, not the question anew: nothing runs twice."""
    ran: list[str] = []
    calls = (ScriptedCall(name="count", arguments={"city": "Paris"}),)
    with contextlib.ExitStack() as first, ScriptedServer(script=Chaos(reply="Rain, says b.", calls=(calls,))) as second:
        one = first.enter_context(serving(calls))

        @rb.tool
        def count(city: str) -> str:
            """Run, and end the server of the model that asked."""
            ran.append(city)
            first.close()
            return "rain"

        of = Router(
            loaded(
                providers={"one": entry(one), "two": entry(second)},
                models={"a": {"provider": "one", "id": "a", "price": PRICE}, "b": {"provider": "two", "id": "b", "price": PRICE}},
                routes=[{"name": "chat", "try": ["a", "b"]}],
            )
        )
        answer = of.ask_sync("Weather?", tools=[count])
        assert (answer.text, answer.model, ran) == ("Rain, says b.", "b", ["Paris"])
        assert told(second) == ["rain"]
        assert brief(rows(of))[0] == ("a", "answer", "ok")
        assert brief(rows(of))[-1] == ("b", "fallback", "ok")
        of.close()
