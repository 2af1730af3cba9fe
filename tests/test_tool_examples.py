"""The tools that are shipped, against servers on loopback that answer as the services document it."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from served import brief, router, rows

from routebook.errors import ProviderError, UsageError
from routebook.examples.news import news
from routebook.examples.weather import weather
from routebook.examples.web import context7, tavily
from routebook.testing import Chaos, ScriptedCall, ScriptedServer

PARIS = {"name": "Paris", "country": "France", "admin1": "Île-de-France", "latitude": 48.85, "longitude": 2.35}
TEXAS = {"name": "Paris", "country": "United States", "admin1": "Texas", "latitude": 33.66, "longitude": -95.55}
ANSWERS: dict[str, Any] = {
    "/v1/search": {"results": [PARIS, TEXAS]},
    "/v1/forecast": {"current": {"temperature_2m": 11.5}, "current_units": {"temperature_2m": "°C"}, "daily": {"time": ["2026-11-21"]}},
    "/api/v2/doc/doc": {"articles": [{"title": "Rain", "url": "https://example.org/rain", "domain": "example.org", "socialimage": "x"}]},
    "/search": {
        "answer": "It rains.",
        "results": [{"title": "Rain", "url": "https://example.org", "content": "Rain falls.", "score": 0.9}],
    },
    "/api/v2/libs/search": [{"id": "/pandas-dev/pandas", "name": "pandas"}],
    "/api/v2/context": "DataFrame.merge joins two frames.",
}


class Service:
    """All services at one address, on a thread of its own."""

    def __init__(self) -> None:
        """Its port is open."""
        self.seen: list[tuple[str, dict[str, str], dict[str, str], bytes]] = []
        self.answers = dict(ANSWERS)
        self.status = 200
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers by the path."""

            def do_GET(self) -> None:
                """Answer, and write down what was asked."""
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                service.seen.append((parts.path, query, {name.lower(): value for name, value in self.headers.items()}, body))
                answer = service.answers[parts.path]
                raw = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(service.status)
                self.send_header("content-type", "text/plain" if isinstance(answer, str) else "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_GET  # noqa: N815  the name is the base class's

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The services, found by the variables that name their addresses."""
    made = Service()
    for name in ("OPEN_METEO", "OPEN_METEO_GEOCODING", "GDELT", "TAVILY", "CONTEXT7"):
        monkeypatch.setenv(f"{name}_URL", made.url)
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    monkeypatch.delenv("CONTEXT7_API_KEY", raising=False)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_weather_finds_the_place_and_its_forecast(service: Service) -> None:
    """Where there are several of a name, what stands behind the comma tells them apart."""
    found = asyncio.run(weather("Paris, Texas", days=99))
    assert found["place"] == "Paris, Texas, United States"
    assert found["current"] == {"temperature_2m": 11.5}
    _, query, _, _ = service.seen[-1]
    assert (query["latitude"], query["forecast_days"]) == ("33.66", "16")
    assert asyncio.run(weather("Paris"))["place"] == "Paris, Île-de-France, France"
    service.answers["/v1/search"] = {}
    with pytest.raises(UsageError, match="no place called 'Nowhere'"):
        asyncio.run(weather("Nowhere"))


def test_news_are_brief_and_the_services_own_words_are_an_error(service: Service) -> None:
    """GDELT says in plain text, with status 200, what it does not like."""
    [article] = asyncio.run(news("rain", days=2))
    assert article == {"title": "Rain", "url": "https://example.org/rain", "domain": "example.org", "seendate": None, "language": None}
    assert service.seen[-1][1]["timespan"] == "48h"
    service.answers["/api/v2/doc/doc"] = "Please limit requests to one every 5 seconds."
    with pytest.raises(ProviderError, match="one every 5 seconds"):
        asyncio.run(news("rain"))


def test_tavily_sends_its_key_and_says_where_it_belongs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key goes into a header, never into an address."""
    with pytest.raises(Exception, match="TAVILY_API_KEY is not set"):
        asyncio.run(tavily("rain"))
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-0123456789abcdef")
    found = asyncio.run(tavily("rain"))
    assert found == {"answer": "It rains.", "pages": [{"title": "Rain", "url": "https://example.org", "content": "Rain falls."}]}
    path, query, headers, body = service.seen[-1]
    assert (path, query, headers["authorization"]) == ("/search", {}, "Bearer tvly-0123456789abcdef")
    assert json.loads(body)["query"] == "rain"
    service.status = 401
    with pytest.raises(ProviderError) as failed:
        asyncio.run(tavily("rain"))
    assert "0123456789abcdef" not in str(failed.value)


def test_context7_looks_a_library_up_and_reads_its_documentation(service: Service) -> None:
    """It works without a key, for a few questions a day."""
    assert asyncio.run(context7("How do I join frames?", library="pandas")) == "DataFrame.merge joins two frames."
    assert service.seen[-1][1]["libraryId"] == "/pandas-dev/pandas"
    assert "authorization" not in service.seen[-1][2]


def test_1_15_a_search_falls_from_tavily_to_context7(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The research chain of the guide: Tavily, then Context7; first without a key, then with a service that fails."""
    tables = {
        "tavily": {"python": "routebook.examples.web:tavily", "fallbacks": ["context7"]},
        "context7": {"python": "routebook.examples.web:context7"},
    }
    calls = [[ScriptedCall(name="tavily", arguments={"query": "pandas merge"})]]
    for status, key in ((200, ""), (500, "tvly-0123456789abcdef"), (200, "tvly-0123456789abcdef")):
        monkeypatch.setenv("TAVILY_API_KEY", key)
        service.answers["/search"] = "down" if status != 200 else ANSWERS["/search"]  # noqa: PLR2004, RUF100
        with ScriptedServer(reply="Use merge.", calls=calls) as server:
            of = router(server, tools=tables, route={"tools": ["tavily"]})
            answer = of.ask_sync("How do I merge frames in pandas? Search for it.")
            of.close()
        [run] = answer.tools
        is_first = status == 200 and bool(key)  # noqa: PLR2004, RUF100
        assert (run.status, run.by) == ("ok", "tavily" if is_first else "context7")
        assert ("It rains." if is_first else "DataFrame.merge") in run.result


def test_1_15_the_research_chain_searches_with_a_tool_and_a_second_model_analyzes(service: Service) -> None:
    """Without Tavily's key the search is Context7's, and the analysis gets what was found."""
    tables = {
        "tavily": {"python": "routebook.examples.web:tavily", "fallbacks": ["context7"]},
        "context7": {"python": "routebook.examples.web:context7"},
    }
    chain = {"steps": [{"name": "search", "model": "finder", "tools": ["tavily"]}, {"name": "analyze", "model": "thinker", "tools": []}]}
    scripts = {
        "finder": Chaos(reply="Found: merge joins.", calls=((ScriptedCall(name="tavily", arguments={"query": "pandas merge"}),),)),
        "thinker": Chaos(reply="So use merge."),
    }
    with ScriptedServer(models=scripts) as server:
        of = router(server, models=("finder", "thinker"), tools=tables, pipelines={"research": chain})
        answer = of.ask_sync("How do I merge frames?", pipeline="research")
        assert (answer.text, answer.model) == ("So use merge.", "thinker")
        [run] = answer.steps[0].tools
        assert (run.name, run.by, run.status) == ("tavily", "context7", "ok")
        assert "Found: merge joins." in server.seen.calls[-1].body.decode()
        assert "tools" not in server.seen.calls[-1].json()
        assert brief(rows(of)) == [("finder", "answer", "ok"), ("finder", "tool", "ok"), ("thinker", "answer", "ok")]
        of.close()
    assert service.seen


@pytest.mark.parametrize(
    ("name", "module", "arguments", "words"),
    [
        ("weather", "weather:weather", {"city": "Paris"}, "11.5"),
        ("news", "news:news", {"topic": "rain"}, "https://example.org/rain"),
        ("search", "web:tavily", {"query": "rain"}, "Rain falls."),
    ],
)
def test_5_2_a_prompt_that_needs_a_tool_goes_to_the_model_that_calls_it_and_it_runs(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str, module: str, arguments: dict[str, str], words: str
) -> None:
    """Weather, news, search: the small talker is passed over, the tool really asks its service, the answer comes."""
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-0123456789abcdef")
    with ScriptedServer(reply="Here it is.", calls=[[ScriptedCall(name=name, arguments=arguments)]]) as server:
        of = router(
            server, models={"talker": {"tools": False}, "caller": {"tools": True}},
            tools={name: {"python": f"routebook.examples.{module}"}}, defaults={"tools": [name]},
        )  # fmt: skip
        answer = of.ask_sync("What's the weather like in Paris right now? Search the web for the latest news.")
        assert answer.plan.classification.needs_tools
        assert (answer.model, answer.text) == ("caller", "Here it is.")
        [run] = answer.tools
        assert (run.name, run.status) == (name, "ok")
        assert words in run.result
        of.close()
    assert service.seen


def test_a_key_may_stand_in_a_file_beside_routing_toml(service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the keys of providers may: a notebook on a server has no environment of its own."""
    (tmp_path / ".env").write_text("TAVILY_API_KEY=tvly-of-the-file-0123\n")
    monkeypatch.chdir(tmp_path)
    tables = {"search": {"python": "routebook.examples.web:tavily", "key_env": "TAVILY_API_KEY"}}
    with ScriptedServer(reply="Done.", calls=[[ScriptedCall(name="search", arguments={"query": "rain"})]]) as server:
        of = router(server, tools=tables)
        [run] = of.ask_sync("Search for rain.", tools="search").tools
        of.close()
    assert run.status == "ok", run.result
    assert service.seen[-1][2]["authorization"] == "Bearer tvly-of-the-file-0123"


def test_behind_the_wall_none_of_them_is_offered() -> None:
    """They say themselves that they use the network."""
    assert all(one.network for one in (weather, news, tavily, context7))
