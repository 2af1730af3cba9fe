"""`guide`, what goes in and is kept: lives of answers by task, long inputs, and a research chain whose search really runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import pytest
from as_preset import Bench, bench
from guide_preset import KEYS, KIMI, MINIMAX, guide, prompt_of, quick, says
from test_tool_examples import Service

from routebook.testing import Chaos, ScriptedCall

LIVES: Final = "tasks = { documentation = 86400, research = 3600, web-search = 3600, code_review = 14400, file-analysis = 43200 }"
SHORT: Final = "tasks = { documentation = 86.4, research = 3.6, web-search = 3.6, code_review = 14.4, file-analysis = 43.2 }"
DOCS, REVIEW, FILE, WEB = (
    "Write the documentation for this function: def add(a, b): return a + b",
    "Review this change for correctness and style:\n```python\ndef f(x):\n    return x+1\n```",
    "What do the settings in this file mean? See config.py.",
    "Search the web for the latest news about Python.",
)
SENTENCE: Final = "The committee met on Monday and wrote down what it had decided. "
SEARCHES: Final = {
    MINIMAX: Chaos(reply="Found: it rains.", calls=((ScriptedCall(name="search", arguments={"query": "rain"}),),)),
    KIMI: Chaos(reply="So take an umbrella."),
}
RESEARCH: Final = "Research what is known about rain in Paris."


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Tavily and Context7, on loopback."""
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[Bench]:
    """One kernel for all tests."""
    addresses = {"TAVILY_URL": service.url, "CONTEXT7_URL": service.url}
    with bench(tmp_path_factory.mktemp("guide"), environ=addresses) as running:
        assert (
            running.kernel.run(
                f"import os\nlong, longer = {SENTENCE!r} * 4000, {SENTENCE!r} * 24000\nmiddling = {SENTENCE!r} * 2900"
            ).status
            == "ok"
        )
        yield running


def test_1_11_answers_live_as_long_as_their_task_says(kernel: Bench) -> None:
    """A day, an hour, four hours, twelve: here a thousand times shorter. What is asked again in its life reaches nobody."""
    with guide(kernel, latency_s=quick(), changes={LIVES: SHORT}) as providers:
        for prompt in (WEB, WEB, DOCS, DOCS, REVIEW, REVIEW, FILE, FILE):
            kernel.cell("", prompt)
        assert [prompt_of(call).partition("\n")[0] for call in providers.calls()] == [WEB, WEB, DOCS, REVIEW.partition("\n")[0], FILE]
        time.sleep(3.7)
        asked = len(providers.calls())
        for prompt in (WEB, DOCS, FILE):
            kernel.cell("", prompt)
        assert [prompt_of(call).partition("\n")[0] for call in providers.calls()[asked:]] == [WEB, WEB]
        for _ in range(2):
            kernel.cell("", "Convert this list to uppercase: apple, pear, plum")
        assert len(providers.calls()) == asked + 4
        for options in ("--system Brief.", "--max-tokens 300"):  # the same words, and not the same to do
            kernel.cell(options, DOCS)
        assert len(providers.calls()) == asked + 6


def test_1_14_a_long_input_goes_to_a_long_window_and_a_longer_one_in_chunks(kernel: Bench) -> None:
    """Practical limits count: 40,000 tokens at the quick model, 200,000 at the one with the long window; beyond, it is read in parts."""
    with guide(kernel, latency_s=quick()) as providers:
        kernel.cell("--no-cache", DOCS)
        kernel.cell("--no-cache --task documentation", "Document this: {{middling}}")
        kernel.cell("--no-cache", "What did the committee decide? {{long}}")
        assert providers.asked() == [MINIMAX, KIMI, KIMI]
        run = kernel.cell("--no-cache", "What did the committee decide? {{longer}}")
        assert "4 chunks" in run.text
        *parts, reply = providers.calls(KIMI)[2:]
        assert len(parts) == 4
        assert all(len(prompt_of(part)) < 450_000 for part in parts)
        assert says(KIMI) in prompt_of(reply)


@pytest.mark.parametrize(("way", "found"), [("tavily", "ok"), ("context7", "ok by docs"), ("none", "error")])
def test_1_15_a_search_that_really_runs_and_an_analysis_by_a_second_model(kernel: Bench, service: Service, way: str, found: str) -> None:
    """Tavily where it answers, else Context7; without both the cell says that the search failed."""
    keys = KEYS | ({"TAVILY_API_KEY": "tvly-0123456789abcdef"} if way == "tavily" else {})
    service.status, before = (503 if way == "none" else 200), len(service.seen)
    with guide(kernel, latency_s=quick(), scripts=SEARCHES, keys=keys) as providers:
        run = kernel.cell("--no-cache", RESEARCH)
        assert f'search(query="rain") · {found} ·' in run.text
        assert "So take an umbrella." in run.text
        assert providers.asked() == [MINIMAX, MINIMAX, KIMI]
        assert "Found: it rains." in prompt_of(providers.calls()[-1])
    assert service.seen[before][0] == ("/search" if way == "tavily" else "/api/v2/libs/search")
