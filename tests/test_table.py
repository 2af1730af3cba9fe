"""Tables line up in a terminal, and are inert in a page."""

from __future__ import annotations

from routebook.notebook.inert import inert
from routebook.notebook.report import Heading, report
from routebook.notebook.table import Table


def test_text_lines_up_with_figures_to_the_right() -> None:
    """Figures are compared by their last digit."""
    table = Table(("name", ">tokens", "note"), [("a", "1", "x"), ("longer", "1,000", "two\nlines")])
    assert table.text.splitlines() == [
        "name    tokens  note",
        "a            1  x",
        "longer   1,000  two lines",
    ]


def test_html_escapes_and_aligns() -> None:
    """What stands in a cell may come from a provider."""
    html = Table(("<i>", ">n"), [("<script>alert(1)</script>", "2")]).html
    assert "<script>" not in html
    assert "<i>" not in html
    assert html.count("text-align:right") == 2


def test_html_has_only_what_untrusted_notebooks_keep() -> None:
    """JupyterLab drops style sheets and drawings from notebooks that it does not trust."""
    html = report(Heading("h"), "line", Table(("a",), [("b",)], faint=(0,)))["text/html"]
    assert "<style" not in html
    assert "<svg" not in html
    assert "class=" not in html.replace('class="routebook-report"', "")


def test_a_table_without_titles_has_no_head() -> None:
    """An empty line above a list of files looks like a fault."""
    table = Table(("", ""), [("a", "b")])
    assert table.text == "a  b"
    assert "<th" not in table.html


def test_rows_that_matter_less_or_more_are_marked() -> None:
    """Faint and strong, in any theme: no colour of ours."""
    html = Table(("a",), [("x",), ("y",), ("z",)], faint=(0,), strong=(2,)).html
    assert html.index("opacity:0.55") < html.index("x<") < html.index("y<") < html.index("font-weight:600") < html.index("z<")


def test_two_prices_in_a_line_are_no_formula() -> None:
    """MathJax takes what stands between two dollar signs for one, but not across a tag."""
    assert inert("$1 and $2") == "<span>$</span>1 and <span>$</span>2"
    assert inert(r"\(x\)") == r"<span>\</span>(x<span>\</span>)"


def test_a_report_has_a_twin_in_text() -> None:
    """GitHub, a terminal and a screen reader get the same words."""
    page = report("First & foremost", Heading("part"), Table(("a",), [("b",)]))
    assert page["text/plain"] == "First & foremost\n\npart\na\nb"
    assert "First &amp; foremost" in page["text/html"]
