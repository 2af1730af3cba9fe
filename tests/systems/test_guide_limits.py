"""`guide`, how much at once: limits that the providers enforce, a slow model that blocks nobody, batches, priorities, time limits, connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from as_preset import Bench, bench
from guide_preset import CODER, HOMES, KIMI, LIMITS, MINIMAX, QWEN, Guide, guide, prompt_of, quick, says, times

from routebook.config.preset import preset
from routebook.config.read import parse
from routebook.testing import Fault

MODELS: Final = {QWEN: "qwen-397b", CODER: "qwen-coder-32b", KIMI: "kimi", MINIMAX: "minimax"}
GATHER: Final = "await asyncio.gather(*(router.ask({prompt}, cache=False, {how}) for n in range({count})), return_exceptions=True)"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests."""
    with bench(tmp_path_factory.mktemp("guide")) as running:
        assert running.kernel.run("import asyncio").status == "ok"
        yield running


def gather(kernel: Bench, count: int, how: str, prompt: str = "f'Say {n}.'") -> str:
    """Ask many at once; what is printed are the answers that came."""
    code = GATHER.format(prompt=prompt, how=how, count=count)
    return kernel.python(f"print(sum(not isinstance(one, Exception) for one in {code}))")


def test_1_03_no_model_is_asked_more_often_or_more_at_once_than_it_allows(kernel: Bench) -> None:
    """Forty a minute, one to ten at once: the providers enforce it themselves, and have nothing to refuse."""
    with guide(kernel, latency_s=quick(CODER) | {QWEN: 0.1, KIMI: 0.1, MINIMAX: 0.1}) as providers:
        assert gather(kernel, 45, "model='qwen-coder-32b', deadline_s=30") == "40"
        assert len(providers.calls(CODER)) == 40
        for model, number in ((QWEN, 5), (KIMI, 9), (MINIMAX, 30)):
            assert gather(kernel, number, f"model={MODELS[model]!r}") == str(number)
            peaks = providers.seen("nvidia" if model in HOMES["nvidia"] else "zen").peak_by_model
            assert peaks[model] == LIMITS[model][1]
        status = kernel.kernel.run("%route status").text
        assert "57,600" in status
        assert "144,000" in status


@pytest.mark.parametrize(
    ("prompt", "model", "most"),
    [
        ("Analyze in depth why our retention fell in week {n}.", KIMI, 1),
        ("How do config.py, read.py, check.py and values{n}.py hang together? Look across the files.", KIMI, 1),
        ("Write unit tests for this function: def add{n}(a, b): return a + b", QWEN, 1),
        ("Write the documentation for this function: def add{n}(a, b): return a + b", MINIMAX, 10),
        ("Convert this list to uppercase: apple, pear, plum {n}", MINIMAX, 10),
    ],
)
def test_1_01_so_many_prompts_of_a_kind_at_once_as_the_matrix_says(kernel: Bench, prompt: str, model: str, most: int) -> None:
    """One deep analysis at a time, though its model takes three calls; ten pieces of documentation."""
    number = 12 if most > 1 else 3
    with guide(kernel, latency_s={model: 0.3 if most > 1 else 0.1}) as providers:
        assert gather(kernel, number, "deadline_s=60", prompt=f"{prompt!r}.format(n=n)") == str(number)
        peaks = [providers.seen(provider).peak_by_model[model] for provider in ("nvidia", "zen")]
        assert max(peaks) == most


def test_1_04_ten_documentation_prompts_are_answered_while_one_slow_code_prompt_runs(kernel: Bench) -> None:
    """The slow model is left to itself, ten others work, and the one who asked is told when it is there."""
    with guide(kernel, latency_s={QWEN: 8.0, MINIMAX: 0.8}, faster=10) as providers:  # the slow one may take 18 s
        kernel.cell("-b -o slow --no-cache", "Implement Raft consensus with log compaction and membership changes in Go")
        kernel.python("told = []\nslow.add_done_callback(lambda job: told.append(job.text))\nprint(slow.is_done)")
        cells = (
            "for n in range(10):\n"
            "    get_ipython().run_cell_magic('route', f'-b -o doc{n} --no-cache', f'Write the documentation of function number {n}.')"
        )
        assert kernel.kernel.run(cells).status == "ok"
        assert kernel.python("print({eval(f'doc{n}').text for n in range(10)}, slow.is_done, told)") == f"{{{says(MINIMAX)!r}}} False []"
        assert kernel.python("print(slow.text)\nawait asyncio.sleep(0.2)\nprint(told)") == f"{says(QWEN)}\n[{says(QWEN)!r}]"
        [slow] = map(times, providers.calls(QWEN))
        quick_ones = [times(call) for call in providers.calls(MINIMAX)]
        assert len(quick_ones) == 10
        assert slow[0] < min(begun for begun, _ in quick_ones)
        assert max(ended for _, ended in quick_ones) < slow[1]
        assert providers.seen("zen").peak_by_model[MINIMAX] > 1, "side by side"
        assert providers.seen("nvidia").peak_by_model[QWEN] == 1


@pytest.mark.parametrize(("model", "usual", "most"), [(MINIMAX, 10, 50), (KIMI, 3, 5), (QWEN, 1, 2), (CODER, 2, 3)])
def test_1_05_a_batch_is_as_large_as_its_model_bears(kernel: Bench, model: str, usual: int, most: int) -> None:
    """So many prompts are under way as recommended, more only where asked for, and never above the largest batch."""
    watch = (
        "async def most_under_way(**how):\n"
        "    job = asyncio.ensure_future(router.map([f'Say {{n}}.' for n in range({count})], model={name!r}, progress=False, **how))\n"
        "    seen, state = 0, router.runtime().known.state({name!r})\n"
        "    while not job.done():\n"
        "        seen = max(seen, state.in_flight + state.queued)\n"
        "        await asyncio.sleep(0.005)\n"
        "    return seen, len(job.result())\n"
        "print(*(await most_under_way()), *(await most_under_way(concurrency=100)))"
    )
    count = 60 if model == MINIMAX else 7
    with guide(kernel, latency_s={model: 0.1}) as providers:
        said = kernel.python(watch.format(count=count, name=MODELS[model]))
        assert said == f"{usual} {count} {most} {count}"
        assert len(providers.calls(model)) == 2 * count


def test_1_06_what_is_critical_overtakes_and_what_can_wait_is_answered_all_the_same(kernel: Bench) -> None:
    """Behind a slow call wait P1, P3 and P2; a P0 that comes last goes first, and the P3 has its turn."""
    asked = (
        ("", "Implement Raft consensus with log compaction and membership changes in Go", "Raft"),
        ("-m qwen-397b --priority P3", "Tidy this up.", "Tidy"),
        ("-m qwen-397b", "What is a monad?", "monad"),
        ("", "Design the architecture of an event-driven order system with microservices and queues.", "architecture"),
        ("", "Audit this login handler for SQL injection and session fixation vulnerabilities.", "Audit"),
    )
    with guide(kernel, latency_s=quick(), faults={QWEN: (Fault(kind="slow_first_token", first=1, delay_s=2.5),)}) as providers:
        for number, (options, prompt, _) in enumerate(asked):
            kernel.cell(f"-b -o job{number} --no-cache {options}", prompt)
        kernel.python("print([eval(f'job{n}').text for n in range(5)])")
        order = [next(word for _, _, word in asked if word in prompt_of(call)) for call in providers.calls(QWEN)]
    assert order == ["Raft", "Audit", "architecture", "monad", "Tidy"]


def test_1_12_a_call_that_takes_too_long_is_told_of_and_then_ended(kernel: Bench) -> None:
    """Two limits for each model: after the first the cell says so, at the second the call ends and another model answers."""
    stated = {name: (model.timeout.soft_s, model.timeout.total_s) for name, model in parse(preset("guide"), file="guide").models.items()}
    assert [stated[name] for name in MODELS.values()] == [(120, 180), (45, 60), (60, 90), (30, 60)]
    with guide(kernel, latency_s={MINIMAX: 1.8}):
        text = kernel.cell("--no-cache", "Write the documentation of this function.").text
        assert says(MINIMAX) in text
        assert "took longer than the 1.5 s it should" in text
    with guide(kernel, latency_s={MINIMAX: 30.0, KIMI: 0.0}, faster=60) as providers:
        text = kernel.cell("--no-cache", "Write the documentation of this function.").text
        assert says(KIMI) in text
        assert 0.9 < max(ended - begun for begun, ended in map(times, providers.calls(MINIMAX))) < 20
        assert [call.outcome for call in providers.calls(MINIMAX)] == ["disconnected"] * 3


def test_1_13_each_model_has_no_more_connections_than_calls_at_once(kernel: Bench) -> None:
    """Ten to the quick model, one to the slow one, and they are used again."""
    with guide(kernel, latency_s={MINIMAX: 0.05, QWEN: 0.05}) as providers:
        for model, number in ((MINIMAX, 30), (QWEN, 4)):
            seen = providers.seen("zen" if model == MINIMAX else "nvidia")
            before = seen.connections
            gather(kernel, number, f"model={MODELS[model]!r}")
            assert seen.connections - before <= (LIMITS[model][1] or 0)
            opened = seen.connections
            gather(kernel, number, f"model={MODELS[model]!r}", prompt="f'Say again {n}.'")
            assert seen.connections == opened


def test_every_provider_was_asked_with_its_own_key(kernel: Bench) -> None:
    """The servers refuse any other."""
    with guide(kernel, latency_s=quick()) as providers:
        for name in ("qwen-397b", "kimi", "kat-coder", "mimo"):
            kernel.cell(f"-m {name} --no-cache", "Say it.")
        assert isinstance(providers, Guide)
        assert {call.outcome for call in providers.calls()} == {"ok"}
