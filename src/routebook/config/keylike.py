"""Tells an API key from other text, so that a key written into `routing.toml` is refused and never shown."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

# How providers write their keys. Each needs some length, so that `sk-...` in a comment or an example stays what it is.
_MARKED: Final = re.compile(
    r"""
      \b(?:sk|pk|rk)[-_](?=[\w-]*\d)[\w-]{16,}
    | \bsk-(?:ant|or|proj|svcacct|admin)-[\w-]{6,}
    | \b(?:gsk_|nvapi-|glpat-)[\w-]{16,}
    | \b(?:hf|r8|tvly|fw|pplx|csk|xai|tgp|gh[pos])[-_](?:dev-|v1_)?(?=\w*\d)\w{16,}
    | \bgithub_pat_\w{16,}
    | \bAIza[\w-]{16,}
    | \bAKIA[A-Z0-9]{12,}
    | \bxox[abp]-[A-Za-z0-9-]{10,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+
    | (?<=[Bb]earer\ )(?=\S*\d)\S{12,}
    """,
    re.VERBOSE,
)
_ONE_WORD: Final = re.compile(r"[A-Za-z0-9_\-.+=]{24,}")
_RUN: Final = re.compile(r"[A-Za-z0-9]{20,}")
_DIGIT_CHANGE: Final = re.compile(r"(?<=\d)[A-Za-z]|(?<=[A-Za-z])\d")
_CASE_CHANGE: Final = re.compile(r"(?<=[a-z])[A-Z]")
_LEAST_DIGIT_CHANGES: Final = 4
"""Digits and letters change places so often in 20 random hexadecimal digits, almost never in a name, a date or a size."""
_LEAST_SHARE: Final = 0.3
"""Share of places where a run of random letters and digits changes its kind (0.45 on average); below it in words written together."""


def is_keylike(text: str) -> bool:
    """True when a text holds what looks like an API key: a provider's prefix, or one long word of mixed letters and digits.

    Names of models and files pass: their runs are short or their digits stand together. A digest after `sha256` passes too.
    """
    if _MARKED.search(text):
        return True
    word = text.strip()
    return bool(_ONE_WORD.fullmatch(word)) and "sha256" not in word and any(_is_random(run) for run in _RUN.findall(word))


def key_beginnings(text: str) -> list[str]:
    """The beginnings of all that is surely a key in a text, each once: enough to find it, too little to use it."""
    return list(dict.fromkeys(f"{match[0][:6]}…" for match in _MARKED.finditer(text)))


def masked(text: str) -> str:
    """The text with everything in it that looks like a key hidden."""
    text = _MARKED.sub(HIDDEN, text)
    return _RUN.sub(lambda run: HIDDEN if _is_random(run[0]) else run[0], text)


def _is_random(run: str) -> bool:
    digit_changes = len(_DIGIT_CHANGE.findall(run))
    changes = digit_changes + len(_CASE_CHANGE.findall(run))
    return digit_changes >= _LEAST_DIGIT_CHANGES or (digit_changes > 0 and changes >= _LEAST_SHARE * len(run))
