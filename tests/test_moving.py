"""Moving in from other tools, and out to them: what is taken over works, what is not is said, and no key is ever copied."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from served import outcome

from routebook.config.preset import PRESETS, preset
from routebook.config.read import load, parse
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.messages import Answer
from routebook.moving.from_litellm import from_litellm
from routebook.moving.from_opencode import from_opencode
from routebook.moving.to_litellm import to_litellm
from routebook.moving.to_opencode import to_opencode
from routebook.testing import Chaos, ScriptedServer

OPENCODE = """
{
  // what a team has
  "$schema": "https://opencode.ai/config.json",
  "provider": {
    "nvidia": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "NVIDIA NIM",
      "options": { "baseURL": "https://integrate.api.nvidia.com/v1", "timeout": 120000 },
      "models": {
        "qwen-3.5-397b": { "id": "qwen/qwen3.5-397b-a17b", "limit": { "context": 262144, "output": 32768 } },
      },
    },
    "zen": {
      "npm": "@ai-sdk/openai-compatible",
      "options": { "baseURL": "https://opencode.ai/zen/v1/", "apiKey": "{env:MY_ZEN}", "headers": { "X-Team": "a", "X-Api-Key": "b" } },
      "models": { "minimax-m2.5-free": { "limit": { "context": 200000, "output": 32000 } } } /* free */
    },
    "mine": {
      "npm": "@ai-sdk/openai-compatible",
      "options": { "baseURL": "http://localhost:8080/v1", "apiKey": "sk-abcdefghijklmnopqrstuv" },
      "models": { "qwen-3.5-397b": { "cost": { "input": 1, "output": 2, "cache_read": 0.1 }, "tool_call": true } }
    },
    "amazon-bedrock": { "npm": "@ai-sdk/amazon-bedrock", "models": { "x": {} } }
  },
  "model": "nvidia/qwen-3.5-397b",
  "small_model": "zen/minimax-m2.5-free",
  "agent": { "reviewer": { "model": "zen/minimax-m2.5-free", "prompt": "// not a comment" }, "plain": { "prompt": "x" } },
  "theme": "dark"
}
"""

LITELLM = """
model_list:
  - model_name: fast
    litellm_params: {model: groq/llama-3.3-70b-versatile, api_key: os.environ/GROQ_API_KEY, rpm: 30, tpm: 12000, timeout: 20}
    model_info: {max_input_tokens: 131072, supports_function_calling: true}
  - model_name: fast
    litellm_params: {model: cerebras/gpt-oss-120b, api_key: os.environ/CEREBRAS_API_KEY}
  - model_name: strong
    litellm_params: {model: anthropic/claude-sonnet-5, api_key: sk-ant-REAL, input_cost_per_token: 0.000003, output_cost_per_token: 0.000015}
  - model_name: cloud
    litellm_params: {model: bedrock/claude}
router_settings: {routing_strategy: least-busy, fallbacks: [{fast: [strong]}, {strong: [fast]}], num_retries: 3}
litellm_settings: {max_budget: 12.5, budget_duration: 1d, request_timeout: 60, success_callback: [langfuse]}
general_settings: {master_key: sk-1234}
"""


def test_an_opencode_file_becomes_a_config_that_works() -> None:
    """Addresses, ids, windows, times, prices and the variables of keys are what one would type again by hand."""
    moved = from_opencode(OPENCODE)
    config = parse(moved.text, file="x")
    assert config.providers["nvidia"].api_key_env == "NVIDIA_API_KEY"
    assert config.providers["zen"].api_key_env == "MY_ZEN"
    assert [config.tier(name) for name in ("qwen-3.5-397b", "minimax-m2.5-free", "mine-qwen-3.5-397b")] == ["paid", "free", "local"]
    model = config.models["qwen-3.5-397b"]
    assert (model.id, model.context, model.max_output, model.timeout.total_s) == ("qwen/qwen3.5-397b-a17b", 262144, 32768, 120)
    price = config.models["mine-qwen-3.5-397b"].price
    assert price is not None
    assert (price.input, price.output, str(price.cached_input)) == (1, 2, "0.1")
    assert config.routes[-1].try_[0] == "qwen-3.5-397b"
    assert config.routes[0].try_[0] == "minimax-m2.5-free"
    assert config.agents["reviewer"].primary == ("minimax-m2.5-free",)


def test_no_key_is_taken_over() -> None:
    """A key in a file that is committed is a key that is lost."""
    opencode, litellm = from_opencode(OPENCODE), from_litellm(LITELLM)
    assert "sk-abc" not in opencode.text
    assert "X-Api-Key = " not in opencode.text
    assert "MINE_API_KEY" in opencode.text
    assert "sk-ant-REAL" not in litellm.text
    assert "sk-1234" not in litellm.text
    assert parse(litellm.text, file="x").providers["anthropic"].api_key_env == "ANTHROPIC_API_KEY"


def test_what_is_left_behind_is_said() -> None:
    """Silence would look like success."""
    notes = "\n".join(from_opencode(OPENCODE).notes)
    for said in ("amazon-bedrock", "theme", "The agent plain", "X-Api-Key", "prompt goes into --system"):
        assert said in notes, said
    notes = "\n".join(from_litellm(LITELLM).notes)
    for said in ("bedrock/claude", "general_settings", "success_callback", "num_retries", "The group fast is the pool"):
        assert said in notes, said


def test_a_litellm_file_becomes_a_config_that_works() -> None:
    """Groups are pools, fallbacks an order, prices a million tokens each, the budget a cap."""
    config = parse(from_litellm(LITELLM).text, file="x")
    assert config.pools["fast-pool"].models == ("fast", "cerebras-fast")
    assert config.pools["fast-pool"].pick == "least-busy"
    assert config.routes[-1].try_ == ("fast-pool", "strong")
    assert config.pools["strong-then"].models == ("strong", "fast", "cerebras-fast")
    model = config.models["fast"]
    assert (model.rpm, model.tpm, model.context, model.tools, model.timeout.total_s) == (30, 12000, 131072, True, 20)
    price = config.models["strong"].price
    assert price is not None
    assert (price.input, price.output) == (3, 15)
    assert str(config.budgets["total"].daily) == "12.5"
    assert config.defaults.deadline_s == 60


def test_what_was_moved_in_answers(tmp_path: Path) -> None:
    """The proof is an answer over a socket."""
    with ScriptedServer(script=Chaos(reply="moved in")) as server:
        text = json.dumps(
            {"provider": {"s": {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": server.url}, "models": {"m": {}}}}}
        )
        (tmp_path / "routing.toml").write_text(f'{from_opencode(text).text}\n[books]\npath = ":memory:"\n', encoding="utf-8")

        async def ask() -> object:
            async with Router(load(tmp_path / "routing.toml")) as router:
                return await outcome(router)

        answer = asyncio.run(ask())
    assert isinstance(answer, Answer)
    assert answer.text == "moved in"


@pytest.mark.parametrize("name", PRESETS)
def test_there_and_back_keeps_the_models(name: str) -> None:
    """What the other tool can say must survive it."""
    config = parse(preset(name), file=name)
    real = {key: model for key, model in config.models.items() if config.providers[model.provider].kind != "embedded"}
    opencode = parse(from_opencode(to_opencode(config).text).text, file="x")
    litellm = parse(from_litellm(to_litellm(config).text).text, file="x")
    for back in (opencode, litellm):
        assert {model.id for model in real.values()} <= {model.id for model in back.models.values()}
    for key, model in real.items():
        if model.context and model.max_output:
            assert opencode.models[key].context == model.context
        assert litellm.models[key].rpm == (model.rpm or config.providers[model.provider].rpm)
        assert litellm.models[key].timeout.total_s == model.timeout.total_s


def test_what_the_target_cannot_express_is_listed() -> None:
    """The reader decides whether that matters."""
    config = parse(preset("guide"), file="guide")
    notes = "\n".join(to_litellm(config).notes)
    for said in (
        "routes.critical: prompts are not chosen by tasks",
        "on_rate_limit",
        "web-search",
        "limits a day",
        "smollm2",
        "cache",
        "profiles",
    ):
        assert said in notes, said
    agents = "\n".join(to_opencode(parse(preset("agents"), file="agents")).notes)
    for said in ("pools.vanchin.tokens", "backups and budgets were left out"):
        assert said in agents, said


def test_the_exports_are_what_the_target_reads() -> None:
    """Variables in the target's own way of naming them."""
    config = parse(preset("agents"), file="agents")
    listed = yaml.safe_load(to_litellm(config).text)["model_list"]
    assert listed[0] == {
        "model_name": "m1",
        "litellm_params": {
            "model": "openai/ep-01",
            "api_base": "https://vanchin.streamlake.ai/api/gateway/v1/endpoints",
            "api_key": "os.environ/VANCHIN_API_KEY_1",
            "max_parallel_requests": 5,
            "timeout": 30.0,
            "stream_timeout": 30.0,
        },
    }
    assert sum(entry["model_name"] == "vanchin" for entry in listed) == 19
    data = json.loads(to_opencode(parse(preset("guide"), file="guide")).text)
    assert data["provider"]["nvidia"]["options"]["apiKey"] == "{env:NVIDIA_API_KEY}"
    assert data["model"] == "zen/minimax"


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (from_opencode, "{", "not JSON"),
        (from_opencode, "[]", "not a table"),
        (from_opencode, '{"provider": {}}', "names no model"),
        (from_litellm, "a: [", "not YAML"),
        (from_litellm, "a: 1", "no model_list"),
        (from_litellm, "model_list: [{model_name: x, litellm_params: {model: bedrock/y}}]", "no model in model_list"),
    ],
)
def test_a_file_that_is_none_is_refused(read: object, text: str, says: str) -> None:
    """What, and what was expected."""
    with pytest.raises(UsageError, match=says):
        read(text)  # type: ignore[operator]  # both take a text


def test_the_shell_moves_in_and_out(tmp_path: Path) -> None:
    """One command each way; never over a file."""
    (tmp_path / "opencode.json").write_text(OPENCODE, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "routebook", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    done = run("import", "opencode.json")
    assert done.returncode == 0, done.stderr
    assert "theme" in done.stderr
    assert "not overwritten" in run("import", "opencode.json").stderr
    assert "--from" in run("import", "opencode.txt", "other.toml").stderr
    out = run("export", "litellm")
    assert yaml.safe_load(out.stdout)["model_list"]
    assert "litellm cannot say" in out.stderr
