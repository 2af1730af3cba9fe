"""A text as HTML of which neither the browser nor MathJax makes anything but the text."""

from __future__ import annotations

import re
from html import escape


def inert(text: str) -> str:
    r"""Escape a text, keep its line breaks, and wrap each `$` and `\`: two prices in a line would be typeset as a formula otherwise.

    Math cannot reach across a tag, so a delimiter in a tag of its own begins and ends none.
    """
    return re.sub(r"[$\\]", r"<span>\g<0></span>", "<br>".join(map(escape, text.splitlines())))
