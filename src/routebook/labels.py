"""The built-in tasks: what a prompt can ask for."""

from __future__ import annotations

from typing import Final

TASKS: Final = (
    "architecture",
    "bug_fix",
    "chat_qa",
    "classification",
    "code_generation",
    "code_review",
    "data_analysis",
    "documentation",
    "extraction",
    "ideation_planning",
    "math_reasoning",
    "refactoring",
    "research",
    "security",
    "summarization",
    "testing",
    "tool_call",
    "transformation",
    "writing",
)
"""The 19 labels, in alphabetical order; `training/GUIDE.md` says what each one means."""
