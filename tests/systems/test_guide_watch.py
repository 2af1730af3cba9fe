"""`guide`, looking after it: alerts and a webhook, health checks and warming up, the doctor's four cases, moving in from OpenCode."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Final

import pytest
from as_preset import Bench, bench
from guide_preset import HOMES, KEYS, KIMI, LLAMA, MINIMAX, QWEN, ZEN_CODE, guide, quick, says
from test_alerts import Hook, hook

from routebook.engine.alerts.alarms import EVERY_S
from routebook.testing import Fault

LOST: Final = (Fault(kind="not_found"),)
WEBHOOK: Final = {
    '# webhook_env = "ALERT_WEBHOOK"': 'webhook_env = "ALERT_WEBHOOK"',
    "latency_s = { qwen-397b = 120, kimi = 30, minimax = 15 }": "latency_s = { qwen-397b = 2.4, kimi = 0.6, minimax = 0.02 }",
}
MANY_CELLS: Final = """
for n in range({count}):
    try:
        get_ipython().run_cell_magic("route", "--no-cache -m {model}", f"Say {{n}}.")
    except Exception:
        print("no answer")
"""
CASES: Final = (("timeouts", "qwen-397b"), ("rate limit (HTTP 429)", "minimax"), ("refusals", "kimi"), ("slow answers", "big-pickle"))
OPENCODE: Final = {
    "nvidia": {
        "npm": "@ai-sdk/openai-compatible",
        "name": "NVIDIA NIM (Qwen 3.5)",
        "options": {"baseURL": "https://integrate.api.nvidia.com/v1", "timeout": 120000},
        "models": {"qwen-3.5-397b": {"id": QWEN, "limit": {"context": 262144, "output": 32768}}},
    },
    "opencode-zen": {
        "npm": "@ai-sdk/openai-compatible",
        "name": "OpenCode ZEN (FREE)",
        "options": {"baseURL": "https://api.opencode.ai/v1"},
        "models": {
            "minimax-m2.5-free": {"name": "MiniMax M2.5 (OpenCode ZEN)", "limit": {"context": 200000, "output": 32000}},
            "kimi-k2.5-free": {"name": "Kimi K2.5 (OpenCode ZEN)", "limit": {"context": 1048576, "output": 65536}},
        },
    },
    "groq": {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Groq, by the gateway of the team",
        "options": {"baseURL": "https://groq.gateway.example/v1"},
        "models": {"llama-3.3-70b-versatile": {}},
    },
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests."""
    with bench(tmp_path_factory.mktemp("guide")) as running:
        yield running


def told(webhook: Hook) -> list[str]:
    """What the webhook was told, sentence by sentence."""
    return [line for _, body in webhook.said for line in body["text"].splitlines()]


def test_1_16_what_passes_a_threshold_is_said_in_the_cell_and_to_the_webhook(kernel: Bench) -> None:
    """Latency of a model, success, cache hits and the first cent; each once, however many cells follow."""
    with hook() as webhook:
        latency, keys = quick() | {MINIMAX: 0.05}, KEYS | {"ALERT_WEBHOOK": webhook.url}
        with guide(kernel, latency_s=latency, faults={LLAMA: LOST}, changes=WEBHOOK, keys=keys):
            assert "over $0" in kernel.cell("--no-cache -m kat-coder", "Say it.").text
            said = kernel.kernel.run(MANY_CELLS.format(count=24, model="minimax")).text
            said += kernel.kernel.run(MANY_CELLS.format(count=4, model="llama-70b")).text
            time.sleep(EVERY_S)
            said += kernel.kernel.run(MANY_CELLS.format(count=2, model="minimax")).text
            assert said.count("minimax is slow:") == 1
            assert said.count("requests were answered from the cache, under 20%") == 1
            assert said.count("requests ended with an answer, under 90%") == 1
            counts = kernel.frame("df.groupby('model').request_id.nunique().to_dict()")
            assert counts == "{'kat-coder': 1, 'llama-70b': 4, 'minimax': 26}"
            until = time.monotonic() + 20
            while len(told(webhook)) < 4 and time.monotonic() < until:
                time.sleep(0.05)
            assert len(told(webhook)) == 4


def test_1_17_every_model_is_asked_how_it_is_and_a_slow_one_is_woken(kernel: Bench) -> None:
    """The doctor asks each; what is not well is named."""
    with guide(kernel, latency_s=quick(), faults={ZEN_CODE: LOST}) as providers:
        text = kernel.kernel.run("%route doctor --all", seconds=60).text
        assert set(providers.asked()) == {model for models in HOMES.values() for model in models}
        assert "1 problem." in text
        assert "problem   model zen-code" in text
        assert "model llama-70b: llama-70b answered" in text
        kernel.kernel.run("%route warm qwen-397b")
        assert providers.asked()[-1] == QWEN
        assert kernel.frame("df.kind.value_counts().to_dict()") == "{'health': 10, 'warmup': 1}"


def test_1_18_the_doctor_knows_the_four_troubles_and_what_to_type(kernel: Bench) -> None:
    """Time that runs out, 429s, refusals, slow answers: each by its name and its model."""
    troubles = {
        QWEN: (Fault(kind="slow_first_token", delay_s=60),),
        MINIMAX: (Fault(kind="rate_limit"),),
        KIMI: (Fault(kind="refusal"),),
    }
    with guide(kernel, latency_s=quick(), faults=troubles, faster=300):
        kernel.cell("--no-cache", "Implement Raft consensus with log compaction and membership changes in Go")
        kernel.cell("--no-cache", "Write the documentation for this function: def add(a, b): return a + b")
        for n in range(3):
            kernel.cell("--no-cache", f"Analyze in depth why our retention fell in week {n}.")
            kernel.cell("--no-cache -m big-pickle", f"Say {n}.")
        with sqlite3.connect(kernel.folder / kernel.books) as books:
            books.execute("UPDATE attempts SET ttft_s = 20 WHERE model = 'big-pickle'")  # nobody waits for that in a test
        books.close()
        text = kernel.kernel.run("%route doctor", seconds=60).text
        hints = text.partition("advice")[2]
        for case, model in CASES:
            assert f"{case} of {model}: " in hints
        assert hints.count("> ") == len(CASES)


def test_1_19_an_opencode_file_is_moved_in_by_a_cell_and_answers(kernel: Bench) -> None:
    """The provider block that the team has already."""
    file = kernel.folder / "routing.toml"
    with guide(kernel, latency_s=quick(), keys=KEYS | {"OPENCODE_ZEN_API_KEY": KEYS["OPENCODE_API_KEY"]}) as providers:
        (kernel.folder / "opencode.json").write_text(json.dumps({"provider": OPENCODE}), encoding="utf-8")
        assert "not overwritten" in kernel.kernel.run("%route import opencode.json").text
        file.unlink()
        assert kernel.kernel.run("%route import opencode.json").status == "ok"
        text = file.read_text(encoding="utf-8")
        assert "https://groq.gateway.example/v1" in text, "a service that Routebook knows, and at another address"
        for name, address in (("nvidia", "https://integrate.api.nvidia.com/v1"), ("zen", "https://api.opencode.ai/v1")):
            assert address in text
            text = text.replace(address, providers.urls[name])
        file.write_text(text, encoding="utf-8")
        assert kernel.kernel.run("%route reload").status == "ok"
        for name, model in (("qwen-3.5-397b", QWEN), ("minimax-m2.5-free", MINIMAX), ("kimi-k2.5-free", KIMI)):
            assert says(model) in kernel.cell(f"-m {name}", "Say it.").text
        assert providers.asked() == [QWEN, MINIMAX, KIMI]
