"""`guide`, who is asked: fifteen kinds of work, each with its best model, an alternative and models to avoid; steps of complexity; free first, paid last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from as_preset import Bench, bench
from guide_preset import CODER, HOMES, KAT, KIMI, LLAMA, MIMO, MINIMAX, QWEN, Guide, guide, quick

from routebook.testing import Fault

SENTENCE: Final = "The committee met on Monday and wrote down what it had decided. "
MATRIX: Final = {
    "code implementation": ("Implement Raft consensus with log compaction and membership changes in Go", QWEN, CODER, MINIMAX),
    "code review": ("Review this change for correctness and style:\n```python\ndef f(x):\n    return x+1\n```", QWEN, KIMI, MINIMAX),
    "architecture design": ("Design the architecture of an event-driven order system with microservices and queues.", QWEN, KIMI, MINIMAX),
    "bug fixing": ("Critical production bug: checkout fails for all customers. KeyError: 'cart'", QWEN, CODER, None),
    "security analysis": ("Audit this login handler for SQL injection and session fixation vulnerabilities.", QWEN, None, MINIMAX),
    "documentation": ("Write the documentation for this function: def add(a, b): return a + b", MINIMAX, KIMI, QWEN),
    "research": ("Research what is known about the effect of sleep on memory.", MINIMAX, KIMI, QWEN),
    "web search": ("Search the web for the latest news about Python.", MINIMAX, None, QWEN),
    "file creation": ("Create a file .gitignore for a Python project.", MINIMAX, None, QWEN),
    "deep analysis": ("Analyze in depth why our retention fell after the relaunch.", KIMI, QWEN, MINIMAX),
    "large document": ("What did the committee decide? {{long}}", KIMI, KAT, QWEN),
    "multi-file analysis": ("How do config.py, read.py, check.py and values.py hang together? Look across the files.", KIMI, QWEN, MINIMAX),
    "simple transformation": ("Convert this list to uppercase: apple, pear, plum", MINIMAX, None, QWEN),
    "API design": ("Design a REST API for a booking service: endpoints and resources.", QWEN, KIMI, MINIMAX),
    "testing": ("Write unit tests for this function: def add(a, b): return a + b", QWEN, MINIMAX, None),
}


GONE: Final = (Fault(kind="refused_connection"),)
FREE: Final = {"nvidia": GONE, "zen": GONE}
ONE_TOKEN_ONE_DOLLAR: Final = {
    "price = { input = 0.50, output = 1.50 }": "price = { input = 0.50, output = 1000000 }",
    "price = { input = 0.70, output = 2.10 }": "price = { input = 0.70, output = 1000000 }",
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests."""
    with bench(tmp_path_factory.mktemp("guide")) as running:
        assert running.kernel.run(f"long = {SENTENCE!r} * 4000").status == "ok"
        yield running


def asked(kernel: Bench, providers: Guide, prompt: str, options: str = "") -> list[str]:
    """Who was asked by one cell, in order."""
    before = len(providers.calls())
    kernel.cell(f"--no-cache {options}", prompt)
    return providers.asked()[before:]


def paid(providers: Guide) -> list[str]:
    """Which of the models that cost money answered, in order."""
    return [call.model for call in providers.calls() if call.model in (KAT, MIMO) and call.outcome == "ok"]


def test_1_01_each_kind_of_work_has_its_best_model(kernel: Bench) -> None:
    """The prompt alone says which kind it is; nobody else is asked before the best one."""
    with guide(kernel, latency_s=quick()) as providers:
        for work, (prompt, best, _, avoid) in MATRIX.items():
            found = asked(kernel, providers, prompt)
            assert found[0] == best, (work, found)
            assert avoid not in found, (work, found)


@pytest.mark.parametrize("gone", [QWEN, MINIMAX, KIMI])
def test_1_01_with_the_best_model_gone_the_alternative_answers_and_never_one_to_avoid(kernel: Bench, gone: str) -> None:
    """A worse answer from a model that is bad at this is not wanted, even then."""
    with guide(kernel, latency_s=quick(), faults={gone: GONE}) as providers:
        for work, (prompt, best, alternative, avoid) in MATRIX.items():
            if best == gone:
                found = [model for model in asked(kernel, providers, prompt) if model != gone]
                assert alternative in (None, found[0]), (work, found)
                assert avoid not in found, (work, found)


@pytest.mark.parametrize(
    ("step", "options", "prompt", "model"),
    [
        ("high complexity", "", "Implement Raft consensus with log compaction and membership changes in Go", QWEN),
        ("medium complexity", "", "Implement an LRU cache class with get and put", CODER),
        ("low complexity", "", "write hello world in python", MINIMAX),
        ("critical", "", "Critical production bug: checkout fails for all customers. KeyError: 'cart'", QWEN),
        ("high severity", "", "Fix this crash in the scheduler: TypeError: 'NoneType' object is not subscriptable, under load.", CODER),
        ("low severity", "", "Fix this minor bug: the button label says Sumbit", MINIMAX),
        ("several files", "--task refactoring --complexity 5", "Move the price rules from shop.py to prices.py.", QWEN),
        ("one file", "--task refactoring --complexity 5", "Split the class in shop.py.", CODER),
        ("simple", "", "Refactor this into one line: if a: return True else: return False", MINIMAX),
        ("quick", "", "Write a README for this project", MINIMAX),
        ("detailed", "--complexity 8", "Document the scheduler in all its details.", KIMI),
        ("API reference, hard", "--complexity 7", "Write the API documentation of our payment service.", QWEN),
        ("API reference", "", "Write API documentation for GET /users", MINIMAX),
        ("many files to analyze", "", "How do config.py, read.py, check.py and values.py hang together? Look across the files.", KIMI),
        ("one file to analyze", "", "What do the settings in this file mean? See config.py.", MINIMAX),
    ],
)
def test_1_02_steps_of_difficulty_inside_a_task_lead_to_different_models(
    kernel: Bench, fast: Guide, step: str, options: str, prompt: str, model: str
) -> None:
    """Complexity, severity, scope, length and the number of files."""
    assert asked(kernel, fast, prompt, options) == [model], step


@pytest.fixture(scope="module")
def fast(kernel: Bench) -> Iterator[Guide]:
    """All providers well and quick; loaded once, when the tests before are done."""
    with guide(kernel, latency_s=quick()) as providers:
        yield providers


def test_1_10_free_first_paid_last_and_never_more_than_the_cap(kernel: Bench) -> None:
    """With all free models gone the paid ones answer, are told of, and stop at ten dollars a day."""
    with guide(kernel, latency_s=quick(), faults=FREE, changes=ONE_TOKEN_ONE_DOLLAR) as providers:
        texts = [kernel.cell("--no-cache --max-tokens 3", f"Say {number}.").text for number in range(3)]
        free = {model for model in providers.asked() if model in HOMES["nvidia"] + HOMES["zen"]}
        assert {MINIMAX, KIMI, LLAMA} <= free
        assert paid(providers) == [KAT] * 3
        assert "were spent today, over $0" in texts[0]
        assert "'total' passed its alert of $8: $9" in texts[2]
        run = kernel.kernel.run("%%route --no-cache --max-tokens 3\nSay more.")
        assert run.ename == "AllAttemptsFailed"
        assert "kat-coder, not asked: The daily budget of 'total' is $10; $9" in run.text
        assert "mimo, not asked: The daily budget of 'total' is $10" in run.text
        assert paid(providers) == [KAT] * 3


def test_1_10_each_paid_provider_has_a_cap_and_an_alert_of_its_own(kernel: Bench) -> None:
    """Twenty dollars and fifteen; the total is raised here, so that they can be seen."""
    more = {"total = { daily = 10.00, alert = 8.00 }": "total = { daily = 100.00, alert = 80.00 }"}
    with guide(kernel, latency_s=quick(), faults=FREE, changes=ONE_TOKEN_ONE_DOLLAR | more) as providers:
        said = [kernel.cell("--no-cache --max-tokens 3", f"Say {number}.").text for number in range(10)]
        assert paid(providers) == [KAT] * 6 + [MIMO] * 4
        assert "'streamlake' passed its alert of $15: $15" in said[4]
        assert "'xiaomi' passed its alert of $10: $12" in said[9]
        text = kernel.kernel.run("%%route --no-cache --max-tokens 3\nSay more.").text
        assert "The daily budget of 'streamlake' is $20; $18" in text
        assert "The daily budget of 'xiaomi' is $15; $12" in text
        assert len(paid(providers)) == 10
