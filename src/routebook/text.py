"""What can be read off a text without understanding it: its size in tokens, its code blocks."""

from __future__ import annotations

import re
import string
from typing import Final

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n(.*?)(?:^ {0,3}\1[`~]* *$|\Z)", re.MULTILINE | re.DOTALL)
_KINDS: Final = tuple(
    kind.encode() for kind in (string.ascii_lowercase + string.whitespace, string.ascii_uppercase, string.digits, string.punctuation)
)


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text as most tokenizers count them, rather too many than too few; `tokens.most_tokens` is the bound.

    A word takes one token or two, a sign often one of its own, a digit one with many models; other scripts by their bytes.
    """
    raw = text.encode("utf-8", "replace")
    n_small, n_capital, n_digit, n_sign = (len(raw) - len(raw.translate(None, kind)) for kind in _KINDS)
    n_other = len(raw) - n_small - n_capital - n_digit - n_sign
    return int(0.23 * n_small + 0.6 * n_capital + n_digit + 0.6 * n_sign + 0.45 * n_other) + 4


def fenced_code(text: str) -> list[str]:
    """Return the contents of the fenced code blocks of a Markdown text, in order; an unclosed block runs to the end."""
    return [match[2].rstrip("\n") for match in _FENCE.finditer(text)]
