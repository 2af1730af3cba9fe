"""`mac-local`: profiles that are shown and used, steps of complexity, roles at checkpoints, and thinking that is off, on or kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest
from as_preset import Bench, bench

from routebook.testing import Chaos, ScriptedServer, SeenCall

KEYS: Final = {"ANTHROPIC_API_KEY": "key-of-anthropic", "CEREBRAS_API_KEY": "key-of-cerebras"}
QWEN, CODER, SMALL = "qwen3:30b-a3b", "qwen2.5-coder:32b", "qwen3:14b"
HAIKU, SONNET, OPUS, GLM = "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022", "claude-3-opus-20240229", "zai-glm-4.7"
THOUGHT: Final = "Let me see: six times seven."
HOMES: Final = {"ollama": (QWEN, CODER, SMALL), "anthropic": (HAIKU, SONNET, OPUS), "cerebras": (GLM,)}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests."""
    with bench(tmp_path_factory.mktemp("mac")) as running:
        yield running


class Mac:
    """A local Ollama and two services, each its own server."""

    def __init__(self, stack: ExitStack, scripts: Mapping[str, Chaos]) -> None:
        """They are closed with the stack."""
        self.servers = {
            provider: stack.enter_context(
                ScriptedServer(models={model: scripts.get(model, Chaos(reply=f"This is {model}.")) for model in models})
            )
            for provider, models in HOMES.items()
        }

    @property
    def urls(self) -> dict[str, str]:
        """By provider of the preset."""
        wires: dict[str, Any] = {"cerebras": "openai"}
        return {name: server.url_for(wires.get(name, name)) for name, server in self.servers.items()}

    def calls(self) -> list[SeenCall]:
        """All calls, as they came."""
        return sorted((call for server in self.servers.values() for call in server.seen.calls), key=lambda call: call.time_s)

    def asked(self) -> list[str]:
        """Who was asked, in order."""
        return [call.model for call in self.calls()]


@contextmanager
def mac(kernel: Bench, **scripts: Chaos) -> Iterator[Mac]:
    """The preset before its servers; scripts by a model's name in capitals."""
    with ExitStack() as stack:
        running = Mac(stack, {globals()[name]: script for name, script in scripts.items()})
        kernel.load("mac-local", urls=running.urls, keys=KEYS)
        yield running


def test_2_01_profiles_are_shown_and_used_in_choosing(kernel: Bench) -> None:
    """Parameters, memory, window, benchmarks, strengths; among equals the one that is best at the task is taken."""
    with mac(kernel) as running:
        text = kernel.kernel.run("%route models qwen3-30b").text
        assert all(said in text for said in ("30 billion, 3 billion of them for each token", "20.0 GB", "131,072 tokens", "transformation"))
        text = kernel.kernel.run("%route models qwen-coder").text
        assert all(said in text for said in ("humaneval 92.5, mbpp 90.2, aider 74", "bug_fix 8", "18.0 GB"))
        assert "swe_bench 73.8" in kernel.kernel.run("%route models glm").text
        assert "Did you mean 'sonnet'" in kernel.kernel.run("%route models sonet").text
        for options, model in (
            ("--task bug_fix", CODER),
            ("--task chat_qa", QWEN),
            ("--task refactoring", CODER),
            ("--task security", QWEN),
        ):
            kernel.cell(f"-m mac {options}", "Do it.")
            assert running.asked()[-1] == model, options


def test_2_02_a_sure_winner_on_similar_prompts_goes_first(kernel: Bench) -> None:
    """Votes on a few such prompts count more than the steps of complexity; other prompts go as ever."""
    with mac(kernel) as running:
        kernel.cell("--complexity 5 --no-cache", "Explain photosynthesis to a child.")
        for who in ("a child", "a class", "my aunt", "a young child", "a small child", "two children", "a curious child", "children"):
            kernel.cell("-m glm --no-cache", f"Explain photosynthesis to {who} in plain words.")
            assert kernel.kernel.run("%route good").status == "ok"
        kernel.cell("--complexity 5 --no-cache", "Explain photosynthesis to a child in plain words.")
        kernel.cell("--complexity 5 --no-cache", "Why does the stock market fall when rates rise?")
        assert [running.asked()[place] for place in (0, -2, -1)] == [SONNET, GLM, SONNET]


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ("--complexity 1 --task chat_qa", QWEN),
        ("--complexity 2 --task code_generation", QWEN),
        ("--complexity 3 --task code_generation", GLM),
        ("--complexity 3 --task chat_qa", HAIKU),
        ("--complexity 4 --task code_generation", GLM),
        ("--complexity 4 --task writing", HAIKU),
        ("--complexity 5 --task code_generation", SONNET),
        ("--complexity 7 --task chat_qa", SONNET),
        ("--complexity 7.5 --task chat_qa", OPUS),
        ("--complexity 10 --task code_generation", OPUS),
    ],
)
def test_2_03_steps_of_complexity_where_code_differs(kernel: Bench, all_well: Mac, options: str, model: str) -> None:
    """Up to two on the machine, up to four cheap, up to seven strong, above the best."""
    before = len(all_well.calls())
    assert f"This is {model}." in kernel.cell(options, "Do it.").text
    assert all_well.asked()[before:] == [model]


@pytest.fixture(scope="module")
def all_well(kernel: Bench) -> Iterator[Mac]:
    """Loaded once, when the tests before are done."""
    with mac(kernel) as running:
        yield running


def limit(call: SeenCall) -> int | None:
    """How long the answer may be."""
    found: int | None = call.json().get("max_tokens")
    return found


def test_2_04_a_draft_is_validated_in_100_tokens_and_directed_in_50(kernel: Bench) -> None:
    """What is not accepted is written again by what was said; who reads much says little."""
    with mac(kernel, SONNET=Chaos(reply="FAIL: the unit is missing."), OPUS=Chaos(reply="Name the unit.")) as running:
        text = kernel.cell("--pipeline reviewed --max-tokens 400", "How far is the moon?").text  # of the answer, not of what is said of it
        assert running.asked()[:5] == [QWEN, SONNET, OPUS, QWEN, SONNET]
        assert {limit(call) for call in running.calls() if call.model == SONNET} == {100}
        assert {limit(call) for call in running.calls() if call.model == OPUS} == {50}
        again = running.calls()[3].body.decode()
        assert "FAIL: the unit is missing." in again
        assert "Name the unit." in again
        assert running.asked().count(QWEN) == 3
        assert "validate said no in round 3 of 3: FAIL: the unit is missing." in text


def test_2_04_an_accepted_draft_is_the_answer_and_nobody_directs(kernel: Bench) -> None:
    """The dearest model is not asked where it is not needed."""
    with mac(kernel, SONNET=Chaos(reply="PASS")) as running:
        assert f"This is {QWEN}." in kernel.cell("--pipeline reviewed", "How far is the moon?").text
        assert running.asked() == [QWEN, SONNET]


def test_2_05_thinking_is_off_on_or_kept_by_model_and_by_cell(kernel: Bench) -> None:
    """Off unless a cell says on; kept across turns where the model does, or the cell says so."""
    thinks = Chaos(reply="Forty-two.", thoughts=THOUGHT)
    with mac(kernel, QWEN=thinks, GLM=thinks) as running:
        kernel.cell("-m qwen3-30b", "What is six times seven?")
        kernel.cell("-m qwen3-30b --think on", "What is six times seven, again?")
        kernel.cell("-m qwen3-30b --think keep", "And once more?")
        kernel.cell("-m qwen3-30b --think keep --history 1", "And twice that?")
        kernel.cell("-m qwen3-30b --history 1", "And half of it?")
        assert [call.json()["think"] for call in running.calls()] == [False, True, True, True, False]
        *_, kept, dropped = (call.json()["messages"][1] for call in running.calls()[-2:])
        assert kept["thinking"] == THOUGHT
        assert "thinking" not in dropped
        kernel.cell("-m glm", "What is six times seven?")
        kernel.cell("-m glm --history 1", "And twice that?")
        assert running.calls()[-1].json()["messages"][1]["reasoning_content"] == THOUGHT
