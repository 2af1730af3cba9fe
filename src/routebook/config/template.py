"""`{{name}}` in the input of a pipeline's step. Plain names only, as in a cell: JSON, LaTeX and CSS pass untouched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")
_WORD: Final = re.compile(r"[^\W\d]\w*")


def is_name(text: str) -> bool:
    """Whether a text can stand in `{{…}}`."""
    return _WORD.fullmatch(text) is not None


def names_in(template: str) -> list[str]:
    """The names that a template uses, each once, in order."""
    return list(dict.fromkeys(_NAME.findall(template)))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with each name replaced, once: what a value itself holds is never looked at again. An unknown name is empty."""
    return _NAME.sub(lambda match: values.get(match[1], ""), template)
