"""Tab in a real JupyterLab: names of the config on the first line of a prompt, and nothing of Python's below it."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import IN_A_BROWSER, Lab, running_lab
from playwright.sync_api import TimeoutError  # noqa: A004  not the built-in one: what Playwright raises

pytestmark = IN_A_BROWSER
SOURCE = "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.source"
ROUTING = """
[books]
path = ":memory:"
[providers.here]
kind = "chaos"
[models]
slow = { provider = "here", id = "slow" }
quick = { provider = "here", id = "quick" }
[agents.tester]
primary = ["quick"]
[[routes]]
name = "chat"
try = ["quick"]
[[routes]]
name = "code"
tasks = ["bug_fix"]
try = ["slow"]
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab."""
    root: Path = tmp_path_factory.mktemp("typing")
    (root / "routing.toml").write_text(ROUTING)
    with running_lab(root) as running:
        yield running


@pytest.mark.parametrize(
    ("typed", "offered", "kind"),
    [
        ("%%route --rout", "--route", "option"),
        ("%%route --route co", "code", "route"),
        ("%%route --task bug", "bug_fix", "task"),
        ("%%route --agent te", "tester", "agent"),
        ("%%route --compare quick,sl", "slow", "model"),
        ("%route jobs sh", "show", "value"),
    ],
)
def test_tab_offers_names_of_the_config(lab: Lab, typed: str, offered: str, kind: str) -> None:
    """What they are stands beside them."""
    _open_once(lab)
    _type(lab, typed)
    source = "text => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.source.endsWith(text)"
    popup = lab.page.locator(".jp-Completer-item")
    for _ in range(5):  # a page gives a kernel a second for completions, and asks again when the key is pressed again
        lab.page.keyboard.press("Tab")
        with contextlib.suppress(TimeoutError):
            popup.filter(has_text=offered).filter(has_text=kind).first.wait_for(timeout=10_000)
            break
    lab.page.keyboard.press("Enter")
    lab.page.wait_for_function(source, arg=offered)


def test_prose_gets_no_completions_of_python(lab: Lab) -> None:
    """Tab in a prompt offers nothing of Python's; the same word in a cell of Python does."""
    _open_once(lab)
    popup = lab.page.locator(".jp-Completer-item:visible")
    for wait_ms in (3000, 3000, 12_000, 12_000):  # the first completions of Python take long on a loaded machine
        _type(lab, "pri")
        lab.page.keyboard.press("Tab")
        lab.page.wait_for_timeout(wait_ms)
        if popup.count() or "print" in lab.page.evaluate(SOURCE):
            break
    assert popup.filter(has_text="print").count() or "print" in lab.page.evaluate(SOURCE)
    lab.page.keyboard.press("Escape")
    _type(lab, "%%route\nThis is prin")
    lab.page.keyboard.press("Tab")
    lab.page.wait_for_timeout(1500)
    assert popup.count() == 0
    assert lab.page.evaluate(SOURCE).split() == ["%%route", "This", "is", "prin"]


def _open_once(lab: Lab) -> None:
    if not lab.page.url.endswith("typing.ipynb"):
        lab.open("typing.ipynb", ["%load_ext routebook", "x"])
        assert lab.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell').then(() => true)")


def _type(lab: Lab, text: str) -> None:
    lab.cell(1).locator(".cm-content").click()
    lab.page.keyboard.press("ControlOrMeta+a")
    lab.page.keyboard.type(text)
