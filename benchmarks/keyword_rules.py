"""The keyword rules that Routebook began from, written anew from their description: the baseline to beat.

A prompt with a word of live information goes to the tool model, one with a plain opening to the fast model, any other to the tool model again;
a word of analysis or more than 200 characters makes it complex.
"""

from __future__ import annotations

LIVE = ("weather", "temperature", "forecast", "news", "today", "latest", "current", "now", "search", "find", "lookup", "what's happening")
PLAIN = ("write a", "create a", "generate", "what is", "define", "explain", "calculate", "solve", "what's", "tell me about", "how does")
COMPLEX = (
    "analyze",
    "compare",
    "contrast",
    "evaluate",
    "research",
    "comprehensive",
    "detailed analysis",
    "pros and cons",
    "advantages disadvantages",
    "step by step",
    "walkthrough",
    "tutorial",
)
LONG = 200
VERBS = {
    "code_generation": ("write a function", "write code", "implement", "create a script", "code"),
    "bug_fix": ("fix", "debug", "error", "bug"),
    "refactoring": ("refactor",),
    "code_review": ("review",),
    "security": ("security", "vulnerab"),
    "testing": ("test",),
    "documentation": ("document", "readme", "docstring"),
    "architecture": ("architecture", "design a system"),
    "data_analysis": ("analyze", "data"),
    "research": ("research", "compare"),
    "summarization": ("summarize", "summary"),
    "writing": ("write a poem", "write a story", "haiku", "creative"),
    "math_reasoning": ("calculate", "solve"),
}
"""The guide assigns models by kinds of work; these are the words it names them by."""


def needs_tools(prompt: str) -> bool:
    """Whether the rules send it to the tool model for live information."""
    lower = prompt.lower()
    return any(word in lower for word in LIVE)


def complexity(prompt: str) -> float:
    """0 for a plain opening, 1 for none, 2 for complex."""
    lower = prompt.lower()
    if any(word in lower for word in COMPLEX) or len(prompt) > LONG:
        return 2.0
    return 0.0 if any(word in lower for word in PLAIN) else 1.0


def task(prompt: str) -> str:
    """The first kind of work whose word occurs; a question else."""
    lower = prompt.lower()
    if needs_tools(prompt):
        return "tool_call"
    return next((label for label, words in VERBS.items() if any(word in lower for word in words)), "chat_qa")
