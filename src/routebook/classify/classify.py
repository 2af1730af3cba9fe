"""A prompt becomes a classification, from its words and its structure: no I/O, about a tenth of a millisecond, always the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from routebook.classify import signs
from routebook.config.values import OwnTask
from routebook.messages import Classification
from routebook.text import estimate_tokens

HEAD: Final = 1200
TAIL: Final = 600
"""Characters read for what is asked: a long paste in the middle is material, and the question stands before or after it."""
SHARPNESS: Final = 0.9
"""Turns the winner's lead into a confidence; set so that common prompts land between 0.4 and 0.9."""
OWN_KEYWORD: Final = 4.0
OWN_EXAMPLE: Final = 5.0
_WORD: Final = re.compile(r"[^\W_]{3,}")


def classify(prompt: str, *, tasks: Mapping[str, OwnTask] | None = None) -> Classification:
    """Say what a prompt asks for and how hard it is.

    Args:
        prompt: the text as the user wrote it, any length.
        tasks: the user's own tasks, known by their keywords and examples at once.

    Returns:
        Task, confidence (0 to 1), complexity (0 to 10), strength (0 to 1), whether it needs tools, and the reasons.
    """
    asked = prompt if len(prompt) <= HEAD + TAIL else f"{prompt[:HEAD]}\n{prompt[-TAIL:]}"
    scores, reasons = _scores(asked, tasks or {})
    has_code, has_trouble = bool(signs.CODE.search(asked)), bool(signs.TROUBLE.search(asked))
    _weigh_structure(scores, has_code=has_code, has_trouble=has_trouble)
    task, confidence = _winner(scores)
    complexity, hard = _complexity(prompt, asked, task, has_code=has_code)
    tools_score = _tools_score(asked, scores)
    if has_trouble:
        reasons.setdefault(task, []).append("an error trace")
    elif has_code:
        reasons.setdefault(task, []).append("code")
    return Classification(
        task=task,
        confidence=round(confidence, 3),
        complexity=round(complexity, 1),
        strength=round(min(1.0, max(0.0, 0.08 * complexity + 0.05 * hard)), 3),
        needs_tools=tools_score >= 0.5,  # noqa: PLR2004  an even chance
        tools_score=round(tools_score, 3),
        reasons=tuple(reasons.get(task, [])) or ("no word or sign of a task was found",),
    )


def _scores(asked: str, tasks: Mapping[str, OwnTask]) -> tuple[dict[str, float], dict[str, list[str]]]:
    """The weight of all signs by task, and the words that gave it."""
    scores: dict[str, float] = {}
    reasons: dict[str, list[str]] = {}
    for task, patterns in signs.ASKS.items():
        for pattern, weight in patterns:
            if (match := pattern.search(asked)) is not None:
                early = 1.0 if match.start() < HEAD / 4 else 0.7
                scores[task] = scores.get(task, 0.0) + weight * early
                reasons.setdefault(task, []).append(f"“{' '.join(match[0].split())[:40]}”")
    for name, own in tasks.items():
        _weigh_own(asked, name, own, scores, reasons)
    return scores, reasons


def _weigh_own(asked: str, name: str, own: OwnTask, scores: dict[str, float], reasons: dict[str, list[str]]) -> None:
    """A user's own task wins by a keyword, or by words shared with an example."""
    lower = asked.lower()
    for keyword in own.keywords:
        if re.search(rf"(?<!\w){re.escape(keyword.lower())}(?!\w)", lower):
            scores[name] = scores.get(name, 0.0) + OWN_KEYWORD
            reasons.setdefault(name, []).append(f"keyword “{keyword}”")
    words = set(_WORD.findall(lower))
    likeness = max((_likeness(words, set(_WORD.findall(example.lower()))) for example in own.examples), default=0.0)
    if likeness > 0.3:  # noqa: PLR2004  three words in ten shared
        scores[name] = scores.get(name, 0.0) + OWN_EXAMPLE * likeness
        reasons.setdefault(name, []).append("like one of your examples")


def _likeness(words: set[str], others: set[str]) -> float:
    return len(words & others) / math.sqrt(len(words) * len(others)) if words and others else 0.0


def _weigh_structure(scores: dict[str, float], *, has_code: bool, has_trouble: bool) -> None:
    if has_trouble:
        scores["bug_fix"] = scores.get("bug_fix", 0.0) + 2.0
    if has_code:
        for task in signs.CODE_TASKS & scores.keys():
            scores[task] += 0.8


def _winner(scores: dict[str, float]) -> tuple[str, float]:
    """The task with the most weight, and a softmax over all as confidence; a question without a sign is a question."""
    if not scores:
        return "chat_qa", 0.2
    task = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(SHARPNESS * score) for score in scores.values()) + 3.0
    return task, math.exp(SHARPNESS * scores[task]) / total


_BASE: Final = {
    "architecture": 6.0, "security": 6.0, "research": 5.5, "refactoring": 5.0, "bug_fix": 5.0, "data_analysis": 5.0, "code_review": 5.0,
    "math_reasoning": 4.5, "code_generation": 4.5, "testing": 4.5, "documentation": 3.5, "ideation_planning": 3.5, "writing": 3.0,
    "summarization": 3.0, "extraction": 2.5, "transformation": 2.5, "classification": 2.5, "tool_call": 2.0, "chat_qa": 2.0,
}  # fmt: skip


def _complexity(prompt: str, asked: str, task: str, *, has_code: bool) -> tuple[float, int]:
    """How hard it is, from the task, the words of difficulty, and the length; and how many such words there are."""
    hard = min(4, len(set(map(str.lower, signs.HARD.findall(asked)))))
    easy = min(2, len(signs.EASY.findall(asked)))
    tokens = estimate_tokens(prompt)
    length = 0.6 * math.log2(1 + tokens / 60)
    complexity = _BASE.get(task, 3.0) + 0.8 * hard - 1.0 * easy + length - 0.8 + (0.4 if has_code else 0.0)
    return min(10.0, max(0.0, complexity)), hard


def _tools_score(asked: str, scores: dict[str, float]) -> float:
    """Signs of live data and of actions, against signs of work on text and code."""
    live = 1.2 * len(set(map(str.lower, signs.LIVE.findall(asked))))
    other = max((score for task, score in scores.items() if task not in ("tool_call", "chat_qa")), default=0.0)
    return 1 / (1 + math.exp(-(scores.get("tool_call", 0.0) + live - 0.8 * other - 2.0)))
