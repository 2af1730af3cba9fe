"""`guide`, what a failure leads to: chains by kind of task, refusals by word and by type, and the waits after a 429."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import pytest
from as_preset import Bench, bench
from guide_preset import CODER, KEYS, KIMI, LLAMA, MINIMAX, PICKLE, QWEN, UNCENSORED, ZEN_CODE, guide, quick, says, times
from test_tool_examples import Service

from routebook.testing import Chaos, Fault

GONE: Final = (Fault(kind="refused_connection"),)
CODE: Final = "Implement Raft consensus with log compaction and membership changes in Go"
DOCS: Final = "Write the documentation for this function: def add(a, b): return a + b"
PHRASES: Final = ("I cannot generate that", "Content Policy violation", "Not allowed", "Cannot assist with this")
KINDS: Final = (("Write a short poem about a robbery.", UNCENSORED), (CODE, PICKLE), ("Convert this to uppercase: apple, pear", ZEN_CODE))
FILTERED: Final = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Well, "}, "finish_reason": "content_filter"}]}


@pytest.fixture
def gateway() -> Iterator[Service]:
    """One whose filter cuts off every answer."""
    running = Service()
    running.answers["/chat/completions"] = FILTERED
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests."""
    with bench(tmp_path_factory.mktemp("guide")) as running:
        yield running


@pytest.mark.parametrize(("prompt", "chain"), [(CODE, [QWEN, CODER, LLAMA, PICKLE]), (DOCS, [MINIMAX, KIMI, UNCENSORED])])
def test_1_07_what_is_not_there_leads_to_the_next_of_the_chain(kernel: Bench, prompt: str, chain: list[str]) -> None:
    """One after the other goes; each kind of task has a chain of its own."""
    for gone in range(1, len(chain)):
        with guide(kernel, latency_s=quick(), faults=dict.fromkeys(chain[:gone], GONE)) as providers:
            assert says(chain[gone]) in kernel.cell("--no-cache", prompt).text
            assert providers.asked() == chain[: gone + 1]


def test_1_07_time_that_runs_out_is_tried_three_times(kernel: Bench) -> None:
    """Then the next model answers."""
    with guide(kernel, latency_s=quick() | {QWEN: 60.0}, faster=300) as providers:
        assert says(CODER) in kernel.cell("--no-cache", CODE).text
        assert providers.asked() == [QWEN] * 3 + [CODER]


def test_1_07_an_answer_of_low_quality_is_upgraded(kernel: Bench) -> None:
    """Documentation that was cut goes to the better writer, and the books say why."""
    long = Chaos(reply="It adds two numbers and returns their sum.")
    with guide(kernel, latency_s=quick(), scripts={MINIMAX: long}) as providers:
        assert says(KIMI) in kernel.cell("--no-cache --max-tokens 4", DOCS).text
        assert providers.asked() == [MINIMAX, KIMI]
        assert kernel.frame("df.error_type.iloc[0]") == "LowQuality"


@pytest.mark.parametrize("phrase", PHRASES)
def test_1_08_words_of_refusal_lead_to_the_model_for_that_kind_of_work(kernel: Bench, phrase: str) -> None:
    """Code, creative writing and all else have each its own; the cell says that it is a guess."""
    declines = Chaos(reply=f"I am sorry. {phrase}.")
    with guide(kernel, latency_s=quick(), scripts={QWEN: declines, MINIMAX: declines}) as providers:
        for prompt, instead in KINDS:
            before = len(providers.calls())
            run = kernel.cell("--no-cache", prompt)
            assert says(instead) in run.text
            assert providers.asked()[before + 1 :] == [instead]
            assert "this is a guess" in run.text


def test_1_08_a_refusal_that_the_provider_types_leads_there_too(kernel: Bench) -> None:
    """And what was asked for without a refusal is not taken for one."""
    with guide(kernel, latency_s=quick(), faults=dict.fromkeys((QWEN, MINIMAX), (Fault(kind="refusal"),))) as providers:
        for prompt, instead in KINDS:
            assert says(instead) in kernel.cell("--no-cache", prompt).text
        assert [model for model in providers.asked() if model not in (QWEN, MINIMAX)] == [instead for _, instead in KINDS]
        assert kernel.frame("sorted(df.status)") == "['ok', 'ok', 'ok', 'refused', 'refused', 'refused']"


def test_1_08_what_a_filter_cuts_off_is_a_refusal_too(kernel: Bench, gateway: Service) -> None:
    """Gateways type it by the reason at the end, without a word of refusal."""
    with guide(kernel, latency_s=quick()) as providers:
        kernel.load("guide", urls=providers.urls | {"nvidia": gateway.url}, keys=KEYS)
        assert says(PICKLE) in kernel.cell("--no-cache", CODE).text
        assert kernel.frame("df[['model', 'status']].values.tolist()") == "[['qwen-397b', 'refused'], ['big-pickle', 'ok']]"


def test_1_09_waits_as_told_then_moves_on(kernel: Bench) -> None:
    """A stated wait is kept to, though the file's own are shorter; at the third 429 another model answers."""
    told = (Fault(kind="rate_limit", retry_after_s=1.4),)
    with guide(kernel, latency_s=quick(), faults={MINIMAX: told}, faster=100) as providers:
        assert says(KIMI) in kernel.cell("--no-cache", DOCS).text
        assert providers.asked() == [MINIMAX] * 3 + [KIMI]
        assert all(later[0] - earlier[1] >= 1.4 - 0.02 for earlier, later in pairwise(map(times, providers.calls(MINIMAX))))
        assert providers.seen("zen").early_retries == 0


def test_1_09_without_a_word_of_the_provider_it_waits_twice_and_then_another_answers(kernel: Bench) -> None:
    """A minute, two minutes, the next model: here a hundred times shorter."""
    with guide(kernel, latency_s=quick(), faults={MINIMAX: (Fault(kind="rate_limit"),)}, faster=100) as providers:
        run = kernel.cell("--no-cache", DOCS)
        assert says(KIMI) in run.text
        assert providers.asked() == [MINIMAX] * 3 + [KIMI]
        waits = [later[0] - earlier[1] for earlier, later in pairwise(map(times, providers.calls(MINIMAX)))]
        assert len(waits) == 2
        assert waits[0] >= 0.6 - 0.02
        assert waits[1] >= 1.2 - 0.02
