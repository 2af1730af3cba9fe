"""A model's Markdown as HTML that runs nothing and fetches nothing: what a model writes is hostile until shown otherwise.

JupyterLab does not sanitize the outputs of a running notebook, so nothing of the model's may reach the page as markup: raw HTML is
escaped, links keep only harmless schemes, and images become links (an image would tell its server that the answer was read).
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # the parser loads with the first answer
    from markdown_it import MarkdownIt

SCHEMES: Final = re.compile(r"(?:https?|mailto):|#", re.IGNORECASE)
LONGEST: Final = 200_000
"""Characters rendered as Markdown; a longer answer is shown as text, which costs no time."""


def render(text: str) -> str:
    """Return safe HTML for a Markdown text."""
    if len(text) > LONGEST:
        return plain(text)
    return _without_math(str(_parser().render(text)))


def plain(text: str) -> str:
    """Return safe HTML that shows a text letter by letter."""
    return f'<pre style="white-space:pre-wrap">{_without_math(escape(text))}</pre>'


def _without_math(html: str) -> str:
    r"""Keep MathJax from taking `\href` and its like out of a model's text: the commands that make links, styles or ids are broken up."""
    return re.sub(r"\\(href|url|style|class|cssId|html|require|unicode|data|def|newcommand|let)(?![A-Za-z])", r"\\<span></span>\1", html)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": False}).enable(["table", "strikethrough"])
    parser.validateLink = lambda url: bool(SCHEMES.match(url.strip()))  # type: ignore[method-assign]  # its documented hook
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    return parser


def _image(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:  # noqa: ANN401, ARG001  the parser's own signature
    token = tokens[index]
    source = escape(str(token.attrs.get("src", "")), quote=True)
    return f'<a href="{source}" rel="noopener noreferrer nofollow" target="_blank">[image: {escape(token.content or "image")}]</a>'


def _link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:  # noqa: ANN401  the parser's own signature
    token = tokens[index]
    token.attrs = {name: value for name, value in token.attrs.items() if name in ("href", "title")}
    token.attrs |= {"rel": "noopener noreferrer nofollow", "target": "_blank"}
    return str(self.renderToken(tokens, index, options, env))
