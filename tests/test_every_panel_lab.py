"""Every panel in a real JupyterLab: usable by everyone in both themes, readable when the notebook is opened again, and asking nothing outside."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from string import Template
from typing import Any

import nbformat
import pytest
from lab import IN_A_BROWSER, Lab, running_lab
from nbconvert import HTMLExporter, MarkdownExporter
from panels import NOTEBOOKS, Panel, prepare, scripts, show
from playwright.sync_api import expect

from routebook.testing import ScriptedServer

pytestmark = IN_A_BROWSER
THEMES = ("JupyterLab Light", "JupyterLab Dark")
SERIOUS = ("serious", "critical")
OURS = ":is(.routebook-cell, [class^=routebook-])"
LOOK = """async selector => {
  document.body.style.height = '100vh';  // JupyterLab's body has none and hides what overflows, which axe takes for a page without texts
  const found = await axe.run({ include: [[selector]] }, { resultTypes: ['violations', 'passes'] });
  return [found.passes.map(rule => rule.id), found.violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(node => [impact, id, help, node.html.slice(0, 200), node.failureSummary.slice(0, 300)]))];
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all panels."""
    root = tmp_path_factory.mktemp("every")
    with ScriptedServer(models=scripts()) as server:
        prepare(root, url=server.url)
        with running_lab(root) as running:
            yield running


@pytest.fixture(scope="module", params=list(NOTEBOOKS))
def name(request: pytest.FixtureRequest, lab: Lab) -> str:
    """A notebook of panels that was run, and is open; the first test of it looks, the others open it again."""
    chosen: str = request.param
    show(lab, chosen, NOTEBOOKS[chosen])
    return chosen


def look(lab: Lab, cell: int) -> list[Any]:
    """What axe finds that is serious, in what is ours in a cell's output."""
    if not lab.page.evaluate("() => 'axe' in window"):
        lab.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    lab.output(cell).scroll_into_view_if_needed()
    passed, wrong = lab.page.evaluate(LOOK, f'.jp-Notebook .jp-Cell[data-windowed-list-index="{cell}"] {OURS}')
    assert "color-contrast" in passed or any(finding[1] == "color-contrast" for finding in wrong), "axe saw no text"
    return [finding for finding in wrong if finding[0] in SERIOUS]


def left_of(panel: Panel) -> str:
    """What a reader finds of a panel."""
    return Template(panel.left).safe_substitute(a="quick", b="steady")


def test_the_check_finds_what_it_looks_for(lab: Lab) -> None:
    """A button without a name, a field without a label, and words one cannot read."""
    bad = "<div class=routebook-x><button></button><input><p style='color:#ccc;background:#fff'>faint</p></div>"
    lab.open("bad.ipynb", [f"from IPython.display import HTML\nHTML({bad!r})"])
    assert lab.run_all()
    assert {finding[1] for finding in look(lab, 0)} >= {"label", "button-name", "color-contrast"}


def test_nothing_serious_is_found_in_either_theme(lab: Lab, name: str) -> None:
    """Names of controls, roles, contrast, links one can tell from text: what a screen reader and tired eyes need."""
    lab.page.evaluate("() => document.querySelectorAll('.jp-OutputArea-output details').forEach(node => { node.open = true })")  # all texts
    try:
        for theme in THEMES:
            lab.theme(theme)
            lab.page.wait_for_timeout(300)  # colours fade over
            found = {panel.name: wrong for at, panel in enumerate(NOTEBOOKS[name], start=1) if panel.shows and (wrong := look(lab, at))}
            assert not found, f"{theme}: {json.dumps(found, indent=1)}"
    finally:
        lab.theme(THEMES[0])
    assert lab.outside == []


def test_saved_and_opened_again_without_its_kernel_each_is_readable(lab: Lab, name: str) -> None:
    """Also what was saved while it lived, which nobody thinks of; by the one who ran it, and by a stranger who has no signature of it."""
    if lab.shows(f"{name}.ipynb"):  # else this is another try, and it was saved
        lab.save()
    lab.leave()
    saved = nbformat.read(lab.root / f"{name}.ipynb", as_version=4)
    saved.cells.append(nbformat.v4.new_markdown_cell("Another hand was here: the signature is void."))
    nbformat.write(saved, lab.root / f"{name}-stranger.ipynb")
    for file in (f"{name}.ipynb", f"{name}-stranger.ipynb"):
        lab.open(file)
        for at, panel in enumerate(NOTEBOOKS[name], start=1):
            if panel.left:
                lab.output(at).scroll_into_view_if_needed()
                expect(lab.output(at).get_by_text(left_of(panel)).locator("visible=true").first).to_be_attached()
        expect(lab.page.get_by_text("Error displaying widget").locator("visible=true")).to_have_count(0)
        lab.leave()
    assert lab.outside == []


def test_converted_to_a_page_or_to_markdown_each_is_readable(lab: Lab, name: str) -> None:
    """For a colleague, a blog or a diff."""
    path = str(lab.root / f"{name}.ipynb")
    html, _ = HTMLExporter().from_filename(path)
    text, _ = MarkdownExporter().from_filename(path)
    for panel in NOTEBOOKS[name]:
        assert left_of(panel) in html, panel.name
        assert left_of(panel) in text, panel.name
    assert "Error displaying widget" not in html + text
