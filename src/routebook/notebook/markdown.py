"""A model's Markdown as HTML that runs nothing and fetches nothing: what a model writes is hostile until shown otherwise.

JupyterLab does not sanitize the outputs of a running notebook, so nothing of the model's may reach the page as markup: raw HTML is
escaped, links keep only harmless schemes, and images become links (an image would tell its server that the answer was read).
"""

from __future__ import annotations

import re
import time
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

from routebook.notebook.formulas import know_formulas
from routebook.notebook.inert import inert

if TYPE_CHECKING:  # the parser loads with the first answer
    from markdown_it import MarkdownIt

SCHEMES: Final = re.compile(r"(?:https?|mailto):|#", re.IGNORECASE)
LONGEST: Final = 200_000
"""Characters rendered as Markdown; a longer answer is shown as text, which costs no time."""
PATIENCE_S: Final = 2.0
"""The same for an answer that takes longer: a usual one takes 15 ms for each 10 kB, one made to take long takes hours."""

CODE: Final = "background:rgba(128,128,128,0.1);padding:8px 12px;margin:4px 0 12px;border-radius:3px;overflow-x:auto;word-break:normal;overflow-wrap:anywhere"
"""The style of a code block, in what an untrusted notebook keeps and both themes bear."""

LINK: Final = "text-decoration:underline"
"""The style of a link: JupyterLab shows it by its colour alone, which not everyone sees."""


class _TooLongError(Exception):
    """Rendering took longer than it may."""


def render(text: str) -> str:
    """Return safe HTML for a Markdown text."""
    if len(text) > LONGEST:
        return plain(text)
    try:
        return str(_parser().render(text, {"until": time.monotonic() + PATIENCE_S}))
    except (_TooLongError, RecursionError):
        return plain(text)


def plain(text: str) -> str:
    """Return safe HTML that shows a text letter by letter."""
    return f'<pre style="white-space:pre-wrap">{escape(text)}</pre>'


def words_of(text: str) -> str:
    """Return what a Markdown text says, without its marks: for a line where there is no room for a page. It is not HTML."""
    if len(text) > LONGEST:
        return text
    try:
        tokens = _parser().parse(text, {"until": time.monotonic() + PATIENCE_S})
    except (_TooLongError, RecursionError):
        return text
    return "\n".join(_said(token) for token in tokens if token.content).strip()


def _said(token: Any) -> str:  # noqa: ANN401  the parser's own type
    pieces = (" " if piece.type.endswith("break") else piece.content for piece in token.children or ())
    return "".join(pieces) if token.children else str(token.content).rstrip()


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": False}).enable(["table", "strikethrough"])
    parser.validateLink = lambda url: bool(SCHEMES.match(url.strip()))  # type: ignore[method-assign]  # its documented hook
    know_formulas(parser)
    parser.inline.ruler.before("text", "time", _look_at_the_clock)
    parser.block.ruler.before("table", "time", _look_at_the_clock, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    return parser


def _look_at_the_clock(state: Any, *_: Any) -> bool:  # noqa: ANN401  a rule of the parser's, asked wherever anything may begin
    if time.monotonic() > state.env["until"]:
        raise _TooLongError
    return False


def _code(_self: Any, tokens: Any, index: int, _options: Any, _env: Any) -> str:  # noqa: ANN401  the parser's own signature
    from markdown_it.common.utils import unescapeAll

    token = tokens[index]
    words = unescapeAll(token.info).split(maxsplit=1)
    language = f' class="language-{escape(words[0])}"' if words else ""
    return f'<pre style="{CODE}"><code{language} style="background:none;padding:0">{escape(token.content)}</code></pre>\n'


def _image(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:  # noqa: ANN401, ARG001  the parser's own signature
    token = tokens[index]
    source = escape(str(token.attrs.get("src", "")), quote=True)
    return f'<a href="{source}" rel="noopener noreferrer nofollow" target="_blank" style="{LINK}">[image: {inert(token.content or "image")}]</a>'


def _link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:  # noqa: ANN401  the parser's own signature
    token = tokens[index]
    token.attrs = {name: value for name, value in token.attrs.items() if name in ("href", "title")}
    token.attrs |= {"rel": "noopener noreferrer nofollow", "target": "_blank", "style": LINK}
    return str(self.renderToken(tokens, index, options, env))
