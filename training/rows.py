"""The rows that train: our own prompts, and those of the tuning data whose licence allows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from routebook.classifier.features import features

LICENSED = 0.15
"""Weight of a licensed row's task beside one of our own prompts: there are many, of few kinds."""

OWN_STRENGTH = 0.6
"""Weight of our marks of strength, which are opinions."""

GAIN = {
    "math_reasoning": 0.6, "bug_fix": 0.45, "data_analysis": 0.45, "code_generation": 0.42, "refactoring": 0.42, "code_review": 0.42,
    "testing": 0.4, "security": 0.35, "architecture": 0.35, "documentation": 0.3, "extraction": 0.25, "classification": 0.25, "tool_call": 0.25,
    "chat_qa": 0.2, "research": 0.2, "summarization": 0.12, "transformation": 0.12, "ideation_planning": 0.1, "writing": 0.1,
}  # fmt: skip
"""What a strong model gains by kind of task, as published comparisons agree: most where steps can go wrong, least where anything fluent will do.
Half of a mark is this, half is the reader's: readers marked laborious prompts too high."""
SURE_MARK = 0.55
"""A knowledge question marked so high is a riddle, and keeps its mark."""
LEARNED_WORDS = 0.2
"""Points of complexity for each step of the share of long words: what only a trained reader can judge is said in long words, and our readers,
who marked how much work a prompt is, marked it too low."""
LEVEL = {"data_analysis": 1.2, "code_generation": 0.8, "bug_fix": 0.4, "summarization": -0.6}
"""Points of complexity added for the schooling a task takes, for the same reason."""
CALLS = 2.0
"""Weight of the 400 requests that come with a function, as much as of our own of the later writings: chosen by cross-validation."""
WRITTEN_LATER = 2.0
"""Weight of the prompts of the later writings, in the plain words of everyday logs, which the first had too few of."""

MARKED_IN_GROUPS = 3
"""The third writing: its complexity was marked by the group, not by the prompt, and trains nothing."""


class Row(NamedTuple):
    """One prompt and the marks it has; `None` where it has none."""

    prompt: str
    source: str
    task: str | None = None
    task_weight: float = 1.0
    complexity: float | None = None
    strength: float | None = None
    strength_weight: float = 1.0
    needs_tools: bool | None = None
    tools_weight: float = 1.0


def read(prompts: Path, *, data: Path | None) -> list[Row]:
    """Our own prompts, and with `data` the licensed rows after them."""
    rows = list(_own(prompts))
    if data is not None:
        rows += [*_tasks(data), *_tools(data), *_mmlu(data), *_gsm8k(data), *_llmrouter(data)]
    return rows


def _own(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield Row(
                    row["prompt"],
                    "own",
                    task=row["task"],
                    task_weight=WRITTEN_LATER if "written" in row else 1.0,
                    complexity=None if row.get("written") == MARKED_IN_GROUPS else _judged(row),
                    strength=_blended(row["task"], row["strength"]),
                    strength_weight=OWN_STRENGTH,
                    needs_tools=row["needs_tools"],
                    tools_weight=WRITTEN_LATER if "written" in row else 1.0,
                )


def _judged(row: dict[str, Any]) -> float:
    return float(row["complexity"]) + LEVEL.get(row["task"], 0.0) + LEARNED_WORDS * _learned(row["prompt"])


def _learned(prompt: str) -> int:
    """Steps of the ladder of learned words that a prompt passes."""
    return sum(name.startswith("n:learned words") for name in features(prompt))


def _blended(task: str, mark: float) -> float:
    return mark if task == "chat_qa" and mark >= SURE_MARK else 0.5 * mark + 0.5 * GAIN[task]


def _table(path: Path) -> list[dict[str, Any]]:
    import pandas as pd

    table: list[dict[str, Any]] = pd.read_parquet(path).to_dict("records")
    return table


def _tasks(data: Path) -> Iterator[Row]:
    """CLINC150, MetaTool, GSM8K, MBPP, NQ and templates written for this project: licensed, train split."""
    for row in _table(data / "task_types_tune.parquet"):
        if row["split"] == "train" and row["ship_ok"]:
            yield Row(row["prompt"], row["source"], task=row["label"], task_weight=LICENSED)


def _tools(data: Path) -> Iterator[Row]:
    licensed = ("bfcl_simple_python", "clinc150", "gsm8k_train", "mbpp", "metatool_queries", "nq_open_dev", "synthetic_templates")
    for row in _table(data / "needs_tools_tune.parquet"):
        if row["source"] in licensed:
            is_call = row["source"] == "bfcl_simple_python"
            yield Row(
                row["prompt"],
                row["source"],
                task="tool_call" if is_call else None,
                task_weight=LICENSED,
                needs_tools=bool(row["needs_tools"]),
                tools_weight=CALLS if is_call else 0.4,
            )


def _mmlu(data: Path) -> Iterator[Row]:
    """Right or wrong answers of a strong and a weak model on MMLU questions."""
    for row in _table(data / "routellm_mmlu_tune.parquet"):
        gain = float(row["strong_correct"]) - float(row["weak_correct"])
        yield Row(row["prompt"], "mmlu", strength=0.3 + 0.5 * gain, strength_weight=2.0)


def _gsm8k(data: Path) -> Iterator[Row]:
    """Steps and length of the reference solution: each step is another chance for a weak model to slip."""
    for row in _table(data / "gsm8k_train_steps.parquet"):
        mark = 0.1 + 0.05 * float(row["steps"]) + 0.0004 * float(row["anslen"])
        yield Row(row["prompt"], "gsm8k", strength=min(0.8, mark), strength_weight=0.7)


STRONG = ("llama-3.1-nemotron-51b-instruct", "llama-3.3-nemotron-super-49b-v1")
WEAK = ("mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct", "gemma-2-9b-it", "qwen2.5-7b-instruct")


def _llmrouter(data: Path) -> Iterator[Row]:
    """Scores of two large and four small open models."""
    for row in _table(data / "llmrouter_train.parquet"):
        gain = sum(row[m] for m in STRONG) / len(STRONG) - sum(row[m] for m in WEAK) / len(WEAK)
        yield Row(row["prompt"], "llmrouter:" + row["task"], strength=0.3 + 0.5 * gain, strength_weight=0.4)
