"""What a model's entry says of it beside the rubric: used in choosing where the rubric says nothing, and shown."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from cells import running_shell
from making import config, request, seen

from routebook.config.read import parse
from routebook.errors import ConfigError, UsageError
from routebook.plan.known import Known
from routebook.plan.planner import make_plan


@pytest.mark.parametrize(
    ("task", "profiles", "first"),
    [
        ("writing", {"small": {"strengths": ["writing"]}}, "small"),
        ("writing", {"small": {"weaknesses": ["writing"]}, "fast": {}}, "fast"),
        ("code_generation", {"fast": {"benchmarks": {"humaneval": 92.5}}, "small": {"benchmarks": {"humaneval": 60}}}, "fast"),
        ("writing", {"fast": {"benchmarks": {"humaneval": 92.5}}, "small": {"memory_gb": 40}}, "small"),
        ("bug_fix", {"fast": {"rubric": {"bug_fix": 3}, "strengths": ["bug_fix"]}, "small": {}}, "small"),
    ],
)
def test_strengths_and_benchmarks_choose_where_the_rubric_has_no_figure(task: str, profiles: dict[str, dict[str, Any]], first: str) -> None:
    """A figure in the rubric is the user's own word and goes before; then what is said of the task; then size."""
    models = {"small": {"provider": "mac", "id": "s"}, "fast": {"provider": "groq", "id": "f"}}
    entries = {name: entry | profiles.get(name, {}) for name, entry in models.items()}
    of = config(
        models=entries,
        pools={"both": {"models": ["fast", "small"], "pick": "best", "quality": 1}},
        routes=[{"name": "chat", "try": ["both"]}],
    )
    plan = make_plan(of, request(), seen(task=task), known=Known(clock=lambda: 0.0), rng=random.Random(1))
    assert plan.candidates[0].model == first


def test_a_strength_that_is_no_task_is_refused_with_the_nearest() -> None:
    """It would never count."""
    text = '[providers.p]\nkind = "embedded"\n[models.m]\nprovider = "p"\nid = "x"\nstrengths = ["writting"]\n[[routes]]\nname = "chat"\ntry = ["m"]\n'
    with pytest.raises(ConfigError, match="Did you mean 'writing'"):
        parse(text, file="x")


def test_a_profile_is_shown_and_a_wrong_name_answered(tmp_path: Path) -> None:
    """What is not known is left out."""
    text = '[providers.p]\nkind = "embedded"\n[models.m]\nprovider = "p"\nid = "x"\nparameters_b = 30\nactive_b = 3\nbenchmarks = { mbpp = 90.2 }\n'
    with running_shell(tmp_path, text + '[[routes]]\nname = "chat"\ntry = ["m"]\n') as shell:
        shell.run("%route models m")
        assert "30 billion, 3 billion of them for each token" in shell.text
        assert "mbpp 90.2" in shell.text
        assert "strengths" not in shell.text
        shell.attempt("%route models mm")
        assert isinstance(shell.error, UsageError)
        assert "Did you mean 'm'" in str(shell.error)


def test_a_cell_moves_in_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    """As the shell command does."""
    (tmp_path / "opencode.json").write_text(
        '{"provider": {"far": {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": "https://llm.example.com/v1"}, "models": {"m": {}}}}, "theme": "x"}'
    )
    with running_shell(tmp_path, None) as shell:
        shell.run("%route import opencode.json")
        assert "theme has no place" in shell.text
        assert "FAR_API_KEY" in shell.text
        assert 'api_key_env = "FAR_API_KEY"' in (tmp_path / "routing.toml").read_text()
        shell.run("%route import opencode.json other.toml")
        assert "It is used once it is called routing.toml." in shell.text
        for line, said in (
            ("", "FILE"),
            ("a b c", "FILE"),
            ("x.json --from nothing", "--from takes"),
            ("x.txt", "--from"),
            ('"x', "quote"),
        ):
            shell.attempt(f"%route import {line}")
            assert said in str(shell.error), line
