"""What can be read off a text without understanding it: its size in tokens, its code blocks."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)(?:^ {0,3}\1[`~]* *$|\Z)", re.MULTILINE | re.DOTALL)


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too many than too few.

    Four ASCII characters a token is the usual rule for English; code and numbers take more, other scripts up to two tokens a character.
    Budgets are reserved by this figure, so it counts an ASCII character as 0.3 tokens and any other as 1.5.
    """
    n_ascii = len(text) if text.isascii() else sum(map(str.isascii, text))
    return int(0.3 * n_ascii + 1.5 * (len(text) - n_ascii)) + 4


def fenced_code(text: str) -> list[str]:
    """Return the contents of the fenced code blocks of a Markdown text, in order; an unclosed block runs to the end."""
    return [match[2].rstrip("\n") for match in _FENCE.finditer(text)]
