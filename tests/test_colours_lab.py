"""A prompt in a `%%route` cell is coloured as the prose it is, by the extension that comes with the wheel."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import IN_A_BROWSER, Lab, running_lab
from playwright.sync_api import expect

pytestmark = IN_A_BROWSER

PROSE = "for each word in the list, return True if it is not None"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab of its own."""
    root: Path = tmp_path_factory.mktemp("colours")
    with running_lab(root) as running:
        yield running


def coloured(cell: int) -> str:
    """The words of a cell that stand out from its plain text."""
    return ".jp-Notebook .jp-Cell[data-windowed-list-index='" + str(cell) + "'] .cm-line span[class]"


def test_a_prompt_is_not_coloured_as_python(lab: Lab) -> None:
    """`in`, `not` and `None` in bold green look like broken code, and are read as such."""
    lab.open("colours.ipynb", [f"%%route\n{PROSE}", PROSE, f"%%routes\n{PROSE}", f"\n%%route -m quick\n{PROSE}"])
    expect(lab.page.locator(coloured(1)).first).to_be_visible()
    for prompt in (0, 3):
        expect(lab.page.locator(coloured(prompt))).to_have_count(0)
    for python in (1, 2):
        expect(lab.page.locator(coloured(python)).first).to_be_visible()


def test_the_colours_follow_what_is_typed(lab: Lab) -> None:
    """A cell becomes a prompt while it is written, and Python again when the magic goes."""
    lab.open("typed.ipynb", [PROSE])
    source = "([text]) => window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.setSource(text)"
    expect(lab.page.locator(coloured(0)).first).to_be_visible()
    lab.page.evaluate(source, [f"%%route\n{PROSE}"])
    expect(lab.page.locator(coloured(0))).to_have_count(0)
    lab.page.evaluate(source, [PROSE])
    expect(lab.page.locator(coloured(0)).first).to_be_visible()


RESTARTED = """async () => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  await kernel.restart();
  await kernel.info;
}"""
"""The new kernel has told what language it speaks; what JupyterLab makes of that follows at once."""


def test_a_new_kernel_changes_nothing(lab: Lab) -> None:
    """A kernel that starts tells JupyterLab that all cells are Python."""
    lab.open("kernel.ipynb", [f"%%route\n{PROSE}", PROSE])
    expect(lab.page.locator(coloured(0))).to_have_count(0)
    lab.page.evaluate(RESTARTED)
    expect(lab.page.locator(coloured(0))).to_have_count(0)
    expect(lab.page.locator(coloured(1)).first).to_be_visible()
    assert lab.outside == []
