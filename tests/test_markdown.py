"""Model output is hostile: what is rendered of it holds only elements that run nothing and fetch nothing."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from bombs import bombs
from hostile import payloads
from hostile_formulas import MATH
from hypothesis import given
from hypothesis import strategies as st

from routebook.notebook.formulas import LONGEST as LONGEST_FORMULA
from routebook.notebook.formulas import MOST
from routebook.notebook.markdown import CODE, LINK, LONGEST, PATIENCE_S, plain, render, words_of

PLAIN = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "a", "span"}  # fmt: skip
VOID = {"hr", "br"}
ALLOWED = {
    ("a", "href"): re.compile(r"(https?|mailto):\S*|#\S*", re.IGNORECASE),
    ("a", "title"): re.compile(r".*", re.DOTALL),
    ("a", "rel"): re.compile(r"noopener noreferrer nofollow"),
    ("a", "target"): re.compile(r"_blank"),
    ("a", "style"): re.compile(re.escape(LINK)),
    ("code", "class"): re.compile(r"language-[^\s]*"),
    ("ol", "start"): re.compile(r"\d{1,9}"),
    ("th", "style"): re.compile(r"text-align:(left|right|center)"),
    ("td", "style"): re.compile(r"text-align:(left|right|center)"),
    ("pre", "style"): re.compile(f"white-space:pre-wrap|{re.escape(CODE)}"),
    ("code", "style"): re.compile(r"background:none;padding:0"),
}
SCALE = 8000
MOST_S = 3.0
"""For a text of `SCALE` characters on a loaded two-core machine; alone the slowest takes half a second."""


class Strict(HTMLParser):
    """Notes everything in a page that is not on the list."""

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See whether an element and its attributes are allowed."""
        if tag not in PLAIN:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            allowed = ALLOWED.get((tag, name))
            if allowed is None or not allowed.fullmatch(value or ""):
                self.wrong.append(f"<{tag} {name}={value!r}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br />` opens nothing."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """See whether it closes what is open."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def _never(self, data: str) -> None:
        self.wrong.append(data)

    handle_comment = unknown_decl = handle_pi = _never

    def handle_decl(self, decl: str) -> None:
        """None is allowed."""
        self._never(decl)


class Reader(HTMLParser):
    """Reads a page's text."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        super().__init__(convert_charrefs=True)
        self.text = ""

    def handle_data(self, data: str) -> None:
        """Take a piece of it."""
        self.text += data


def wrong_in(html: str) -> list[str]:
    """What is not allowed in a page, unclosed elements included."""
    parser = Strict()
    parser.feed(html)
    parser.close()
    return [*parser.wrong, *(f"<{tag}> is not closed" for tag in parser.open)]


def text_of(html: str) -> str:
    """What a reader sees of a page."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.text


def test_the_corpus_is_large() -> None:
    """A check that looks at nothing finds nothing."""
    assert len(set(payloads())) >= 400


@pytest.mark.parametrize("shown", [render, plain])
def test_nothing_of_the_corpus_becomes_more_than_text(shown: object) -> None:
    """Each payload by itself, and inside the structures that Markdown knows."""
    assert callable(shown)
    for payload in payloads():
        for around in ("{}", "> {}", "- {}", "| a |\n|---|\n| {} |", "[{}](http://x.y)", "*{}*", "x\n\n{}\n\ny"):
            text = around.replace("{}", payload)
            assert wrong_in(shown(text)) == [], repr(text)


def test_the_whole_corpus_in_one_answer_is_text_too() -> None:
    """What one payload leaves open, another may use."""
    assert wrong_in(render("\n\n".join(payloads()))) == []
    assert wrong_in(render("".join(payloads()))) == []
    assert wrong_in(render("\n\n".join(reversed(payloads())))) == []


@given(st.text(alphabet=st.sampled_from("<>\"'`&;:#/\\=[]()!*_~|-$\n\t xyahrefjsonclick\x00"), max_size=80))
def test_no_text_becomes_more_than_text(text: str) -> None:
    """Against what nobody thought of."""
    assert wrong_in(render(text)) == []
    assert wrong_in(plain(text)) == []


@pytest.mark.parametrize("payload", MATH)
def test_no_command_that_links_styles_or_redefines_reaches_the_typesetter(payload: str) -> None:
    """The page typesets what stands between dollars, also in a model's answer. What goes beyond mathematics stands in code, or apart."""
    left = re.sub(r"<code>.*?</code>|<span>[^<]*</span>", "", render(payload), flags=re.DOTALL)
    assert set(re.findall(r"\\[A-Za-z]+", left)) <= {r"\text", r"\color", r"\textcolor"}


def test_a_formula_beyond_mathematics_is_shown_as_it_was_written() -> None:
    """Nothing of an answer is hidden."""
    for payload in MATH[:25]:
        assert "\\" in text_of(render(payload))


def test_text_that_only_looks_like_a_formula_is_set_apart() -> None:
    """`$5 and $6` would be set in italics, without its spaces."""
    assert render("It costs $5 and $6.") == "<p>It costs <span>$</span>5 and <span>$</span>6.</p>\n"
    assert "$" not in re.sub("<span>[$]</span>", "", render("$ x $ and $x or $1,000 to $2,000"))
    assert r"\begin" not in render(r"\begin{x} without an end, \( too")


def test_ordinary_mathematics_is_left_alone() -> None:
    """People ask for formulas."""
    formula = r"$$\int_0^1 \frac{\sqrt{x}}{\sum_{k} \binom{n}{k}} \, dx = \left\langle \mathbb{E}[X] \right\rangle \quad \text{for } \alpha \leq \rho$$"
    assert "<span>" not in render(formula)
    assert r"\begin{aligned}" in render(r"$$\begin{aligned} a &= b \\\\ &= c \end{aligned}$$")


def test_a_formula_keeps_the_backslashes_that_it_was_written_with() -> None:
    r"""Markdown takes `\\`, `\,`, `\{` and `\(` for escapes and `_` for emphasis; a formula needs them as they are."""
    formula = r"$$\begin{aligned} a_1 &= \{x\} \\ b_1 &= c\,d \end{aligned}$$"
    assert text_of(render(formula)).strip() == formula
    assert text_of(render(formula.replace("$$", ""))).strip() == formula.replace("$$", "")
    assert "<em>" not in render(r"Let $a_{1} * b$ and $c_{2} * d$ be.")
    assert text_of(render(r"So \(x_1 * y_1\) and \[z_1 * w_1\].")).strip() == r"So \(x_1 * y_1\) and \[z_1 * w_1\]."


@pytest.mark.parametrize("formula", ["$$\na\n- b\n= c\n$$", "\\[\n# a\n\n+ b\n\\]", "\\begin{align}\n1. a\n> b\n\\end{align}"])
def test_a_formula_over_many_lines_is_one(formula: str) -> None:
    """Its lines begin with signs that would begin a list, a heading or a quote."""
    for text in (formula, f"before\n{formula}\nafter", f"- {formula}".replace("\n", "\n  ")):
        html = render(text)
        assert formula in text_of(html).replace("\n  ", "\n")
        assert not re.search("<(h1|ol|blockquote|code|span)", html)


def test_a_formula_that_does_not_end_takes_nothing_with_it() -> None:
    """While a model writes, or where it forgets."""
    assert "<em>b</em>" in render("$$\na\n\n*b*")
    assert "<em>b</em>" in render("\\[ a\n\n*b*")
    assert "<li>" in render("$$\n- a\n- b")


def test_a_page_is_given_no_more_formulas_than_it_can_set() -> None:
    """Each takes it a millisecond, on every opening of the notebook; the others stand as written."""
    html = render("$x$ " * (MOST + 10))
    assert html.count("<code>$x$</code>") == 10
    assert "<code>" in render(f"$${'{' * LONGEST_FORMULA}$$") or "$" not in re.sub(
        "<span>.</span>", "", render(f"$${'{' * (LONGEST_FORMULA + 1)}$$")
    )


def test_prices_are_no_formula() -> None:
    """`$5 and *not* $6` is a sentence about money."""
    assert "<em>not</em>" in render("It costs $5 and *not* $6.")


@pytest.mark.parametrize("name", bombs(10))
def test_no_text_takes_long(name: str) -> None:
    """An answer that freezes the kernel at its end is as good as a crash."""
    text = bombs(SCALE)[name]
    started = time.perf_counter()
    html = render(text)
    assert time.perf_counter() - started < MOST_S
    assert wrong_in(html) == []


def test_the_longest_text_made_to_take_long_takes_seconds_at_most() -> None:
    """It would take the parser hours; it is shown as text."""
    text = bombs(LONGEST)["open brackets"]
    started = time.perf_counter()
    assert render(text) == plain(text)
    assert time.perf_counter() - started < PATIENCE_S + MOST_S


def test_a_text_too_long_for_markdown_is_shown_as_text() -> None:
    """It would take seconds; as text it takes none."""
    text = "**a** <b>" * (LONGEST // 9 + 1)
    assert render(text) == plain(text)
    assert text_of(plain(text)) == text


def test_markdown_is_rendered() -> None:
    """Safe is not enough: answers are read."""
    html = render(
        "# Title\n\nSome *em*, **strong**, `code` & [link](https://a.b/c?d=1&e=2 'tip').\n\n1. one\n2. two\n\n- a\n  - b\n\n> quoted\n\n~~gone~~"
    )
    for part in (
        "<h1>Title</h1>", "<em>em</em>", "<strong>strong</strong>", "<code>code</code> &amp;", 'href="https://a.b/c?d=1&amp;e=2" title="tip"',
        "<ol>", "<blockquote>", "<s>gone</s>",
    ):  # fmt: skip
        assert part in html


def test_tables_and_code_blocks_are_rendered() -> None:
    """What models write most."""
    html = render("| a | b |\n|:--|--:|\n| 1 | 2 |\n\n```python\nif a < b: pass\n```")
    assert '<td style="text-align:right">2</td>' in html
    assert re.search(r'<pre[^>]*><code class="language-python"[^>]*>if a &lt; b: pass\n</code></pre>', html)


def test_an_image_is_shown_as_a_link() -> None:
    """Fetching it would tell its server that, and where, the answer was read."""
    html = render("![a chart](https://a.b/c.png)")
    assert "<img" not in html
    assert '<a href="https://a.b/c.png"' in html
    assert "[image: a chart]" in html


def test_links_leave_the_page_without_a_trace() -> None:
    """A link opens elsewhere, gets no handle on the notebook and is not told where it was clicked."""
    for text in ("[a](https://b.c)", "<https://b.c>", "![a](https://b.c)", "[a][r]\n\n[r]: https://b.c"):
        assert 'rel="noopener noreferrer nofollow" target="_blank"' in render(text)


@given(st.text(max_size=100))
def test_plain_shows_every_letter(text: str) -> None:
    """The fallback must lose nothing."""
    text = text.replace("\r", "").replace("\x00", "")
    assert text_of(plain(text)) == text


def test_the_words_of_an_answer_come_without_its_marks() -> None:
    """A line of a table has no room for a page, and `**` and `](` are not words."""
    text = (
        "# A *set*\n\nSee [more](https://x.org), `dict`\nand:\n\n```python\nlist(a)\n```\n\n> either way\n\n| a | b |\n|--|--|\n| 1 | 2 |\n"
    )
    assert words_of(text).split("\n") == ["A set", "See more, dict and:", "list(a)", "either way", "a", "b", "1", "2"]


def test_the_words_of_a_text_made_to_take_long_are_the_text() -> None:
    """As a page of it is shown as text."""
    long = "[" * 300_000
    assert words_of(long) == long
