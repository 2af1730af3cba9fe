r"""Formulas in a model's Markdown: kept as they were written, and typeset by the page only when they hold mathematics and nothing else.

The page (JupyterLab, nbviewer, nbconvert) typesets whatever stands between `$`, `\(`, `\[` or `\begin` in an output, and TeX can link,
style, and redefine commands for the whole page. So a formula is recognized here, shown as code when it goes beyond mathematics, and
everywhere else the signs that would begin one are set apart.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

from routebook.notebook.inert import inert

if TYPE_CHECKING:  # the parser loads with the first answer
    from markdown_it import MarkdownIt

LONGEST: Final = 4000
"""Characters of a formula; what is longer takes a page's typesetter too long."""
MOST: Final = 500
"""Formulas typeset in one answer; a page takes about a millisecond for each."""

_INNER: Final = rf"(?:\\.|[^$\\]){{1,{LONGEST}}}"
_INLINE: Final = re.compile(
    rf"""
    \$\$ {_INNER} \$\$
    | \$ (?=[^\s$]) {_INNER} (?<=\S) \$ (?!\d)     # as in Pandoc, so that "$5 and $6" are prices
    | \\\( .{{1,{LONGEST}}}? \\\)
    | \\\[ .{{1,{LONGEST}}}? \\\]
    | \\begin\{{(\w+\*?)\}} .{{0,{LONGEST}}}? \\end\{{\1\}}
    """,
    re.DOTALL | re.VERBOSE,
)
_OPENS: Final = re.compile(r"\$\$|\\\[|\\begin\{(\w+\*?)\}")
_BEYOND: Final = re.compile(
    r"""\\(?:
    href | url | html\w* | style | class | cssId | data | unicode | bbox | enclose | f?colorbox | \w+color | mmlToken   # links, styles, ids
    | [gex]?def | let | (?:re|provide)?new\w+ | providecommand | Newextarrow | Declare\w+ | \w*tagform | require | set\w+ | \w+set  # redefine
    | \w+tip | toggle | label | (?:eq|page)?ref | input | include\w* | verb | char | cs\w+                            # reach outside
    | [rR]ule | Space | m?kern | m?skip | hskip | mskip | raise | lower | move\w+                                       # move and cover
    )(?![A-Za-z])""",
    re.VERBOSE,
)
_HARMLESS: Final = re.compile(r"\\(?:textcolor|color|emptyset|\w*subset|\w*supset|offset|csc|csch)(?![A-Za-z])")


def is_mathematics(formula: str) -> bool:
    """False when a formula holds a command that links, styles, redefines, refers to the page, or moves and covers things."""
    return all(_HARMLESS.match(found[0]) for found in _BEYOND.finditer(formula))


def know_formulas(parser: MarkdownIt) -> None:
    """Teach the parser formulas, and to set apart in other text what would begin one."""
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.add_render_rule("formula", _show_formula)
    parser.add_render_rule("formula_block", _show_block)
    parser.add_render_rule("text", _show_text)


def _inline(state: Any, silent: bool) -> bool:  # noqa: ANN401, FBT001  the parser's own signature
    if state.src[state.pos] not in "$\\":
        return False
    found = _INLINE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("formula", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _block(state: Any, first: int, last: int, silent: bool) -> bool:  # noqa: ANN401, FBT001  the parser's own signature
    """Lines from one that begins a formula to the one that ends it: no list or heading begins within, and a blank line is nothing special."""
    if state.is_code_block(first) or not (opens := _OPENS.match(state.src, state.bMarks[first] + state.tShift[first])):
        return False
    closer = {"$$": "$$", "\\[": "\\]"}.get(opens[0]) or f"\\end{{{opens[1]}}}"
    lines: list[str] = []
    for number in range(first, last):
        line = state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
        lines.append(line)
        if (line and state.sCount[number] < state.blkIndent) or len(lines) > LONGEST:
            return False
        if line.endswith(closer) and _INLINE.fullmatch("\n".join(lines)):
            break
    else:
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        token.content, token.map = "\n".join(lines), [first, first + len(lines)]
        state.line = first + len(lines)
    return True


def _show_formula(_self: Any, tokens: Any, index: int, _options: Any, env: MutableMapping[str, Any]) -> str:  # noqa: ANN401  the parser's own signature
    formula = tokens[index].content
    env["formulas"] = env.get("formulas", 0) + 1
    return escape(formula) if env["formulas"] <= MOST and is_mathematics(formula) else f"<code>{escape(formula)}</code>"


def _show_block(self: Any, tokens: Any, index: int, options: Any, env: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    return f"<p>{_show_formula(self, tokens, index, options, env)}</p>\n"


def _show_text(_self: Any, tokens: Any, index: int, _options: Any, _env: Any) -> str:  # noqa: ANN401
    return inert(tokens[index].content)
