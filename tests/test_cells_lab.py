"""A real JupyterLab in Chromium: what a person sees, presses, saves and opens again."""

# mypy: disable-error-code="no-untyped-call"
# nbformat and its kind have no types.

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from lab import IN_A_BROWSER, Lab
from nbformat import NotebookNode
from pages import FIRST_HEADER, least_contrast, shell_of, wrong_on

from routebook.testing import Chaos, Fault, ScriptedServer

pytestmark = IN_A_BROWSER

PROJECT = Path(__file__).parents[1]
ASKED, PLANNED, COST = 3, 11, 17
"""Cells of the demo: the first prompt, the plan, the charts."""
SOON_MS = 5_000
"""What should come at once may take so long on a machine with much else to do; `benchmarks/stopping.py` and `benchmarks/panes.py` measure it."""
ANSWER = """Use a `set` when you only ask *is it there*, and a `dict` when the order matters:

```python
def unique(words: list[str]) -> list[str]:
    \"\"\"Keep the first of each word, in order.\"\"\"
    return list(dict.fromkeys(words))
```

| structure | keeps order | lookup |
|:--|:-:|--:|
| `list` | yes | $O(n)$ |
| `set` | no | $O(1)$ |
| `dict` | yes | $O(1)$ |
"""
SCRIPTS = {
    "quick": Chaos(reply=ANSWER, tokens_per_s=400),
    "steady": Chaos(tokens=60, tokens_per_s=30),
    "wordy": Chaos(reply=ANSWER + "\n" + "And so on. " * 200, tokens_per_s=60),
    "slow": Chaos(tokens=4000, tokens_per_s=20),
    "broken": Chaos(tokens=40, tokens_per_s=40, faults=(Fault(kind="cut", after_tokens=10),)),
}
ROUTING = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.groq]
kind = "openai"
base_url = "URL"
tier = "free"
[providers.claude]
kind = "openai"
base_url = "URL"
tier = "paid"
api_key_env = "A_KEY_THAT_IS_NOT_SET"
[models]
quick = { provider = "here", id = "quick" }
steady = { provider = "here", id = "steady" }
wordy = { provider = "here", id = "wordy" }
slow = { provider = "here", id = "slow" }
broken = { provider = "here", id = "broken" }
llama-70b = { provider = "groq", id = "quick", price = { input = 0.59, output = 0.79 } }
opus = { provider = "claude", id = "quick", price = { input = 5, output = 25 } }
[pools]
shaky = { models = ["broken", "quick"] }
[[routes]]
name = "chat"
try = ["quick", "llama-70b", "opus"]
"""


def clock(server_s: float) -> float:
    """A time of the server's monotonic clock, in the page's milliseconds."""
    return (server_s + time.time() - time.monotonic()) * 1000


PICTURED = """cell => window.jupyterapp.shell.currentWidget.content.widgets[cell].model.outputs.toJSON().filter(one => 'image/png' in (one.data ?? {})).length === 3"""
"""JupyterLab adds a picture of each chart once it is drawn."""


def left_at(server: ScriptedServer, before: int) -> float:
    """When a client left the server, in the page's milliseconds."""
    until = time.monotonic() + 60
    while len(server.seen.disconnects) == before and time.monotonic() < until:
        time.sleep(0.01)
    assert len(server.seen.disconnects) == before + 1
    return clock(server.seen.disconnects[-1])


# ---- the demo


@pytest.fixture(scope="module")
def demo(lab: Lab) -> NotebookNode:
    """The demo notebook, run whole and saved."""
    shutil.copy(PROJECT / "notebooks" / "demo.ipynb", lab.root / "demo.ipynb")
    lab.open("demo.ipynb")
    assert lab.run_all()
    lab.output(COST).locator("canvas, svg.marks").last.wait_for()
    assert lab.output(COST).locator("canvas, svg.marks").count() == 3
    lab.page.wait_for_function(PICTURED, arg=COST)
    lab.save()
    saved: NotebookNode = nbformat.read(lab.root / "demo.ipynb", as_version=4)
    return saved


def test_the_demo_notebook_runs_whole_without_a_network(lab: Lab, demo: NotebookNode) -> None:
    """It is the first thing a newcomer does: nothing in it may fail, and its charts are drawn behind a company's wall too."""
    cells = [cell for cell in demo.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert [output for cell in cells for output in cell.outputs if output.output_type == "error"] == []
    assert sum("routebook-answer" in str(cell.outputs) for cell in cells) >= 4
    assert lab.output(COST).locator("table").count() >= 1
    assert lab.outside == []


def test_a_notebook_opened_again_without_its_kernel_tells_the_whole_story(lab: Lab, demo: NotebookNode) -> None:
    """Answers, figures, reasons and charts, trusted or not: a colleague has neither the kernel nor the signature."""
    shown = [output.data for cell in demo.cells for output in cell.get("outputs", ()) if "data" in output]
    assert all("text/html" in data for data in shown if any("widget-view" in kind for kind in data)), "only what has a twin is saved alive"
    demo.cells.append(nbformat.v4.new_markdown_cell("Another hand was here: the signature is void."))
    nbformat.write(demo, lab.root / "stranger.ipynb")
    for name in ("demo.ipynb", "stranger.ipynb"):
        lab.leave()
        lab.open(name)
        answer = lab.output(ASKED).locator(".routebook-answer")
        answer.locator("td", has_text="dict").first.wait_for()
        assert "quick" in answer.locator("div").first.inner_text()
        assert "first token" in answer.locator("summary").inner_text()
        assert not answer.get_by_text("Classified").is_visible()
        answer.locator("summary").click()
        assert answer.get_by_text("Classified").is_visible()
        assert lab.output(PLANNED).get_by_text("A_KEY_THAT_IS_NOT_SET").is_visible()
        lab.output(COST).locator("canvas, svg.marks, img").first.wait_for()
        assert lab.page.get_by_text("Error displaying widget").count() == 0
        assert wrong_on(lab.page) == []
    assert lab.outside == []


# ---- while a cell runs


def test_the_answer_grows_under_a_header_that_is_there_from_the_beginning(lab: Lab) -> None:
    """A still page looks broken."""
    lab.open("stream.ipynb", ["%load_ext routebook", "%%route -m steady\nTell a story."])
    around = shell_of(lab.page)
    lab.start_all()
    cell = lab.output(1)
    cell.locator(".routebook-head").filter(has_text="steady").wait_for()
    lengths = []
    while cell.locator(".routebook-cell").count():
        lengths.append(len(lab.page.evaluate("() => document.querySelector('.routebook-text')?.textContent ?? ''")))
        lab.page.wait_for_timeout(100)
    grown = [length for length in lengths if length]
    assert len(set(grown)) >= 4
    assert grown == sorted(grown)
    cell.locator(".routebook-answer summary").filter(has_text="60 out").wait_for()
    assert shell_of(lab.page) == around  # an answer changes its own cell and nothing else


def test_what_has_settled_is_rendered_while_the_rest_still_comes(lab: Lab) -> None:
    """Code is read, and copied, before the answer has ended."""
    lab.open("rendered.ipynb", ["%load_ext routebook", "%%route -m wordy\nWhat?"])
    lab.start_all()
    cell = lab.output(1).locator(".routebook-cell")
    cell.locator("pre code", has_text="dict.fromkeys").wait_for()
    assert cell.locator("p code", has_text="set").count() == 1
    cell.get_by_role("button", name="Cancel").wait_for()  # it still comes
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell.get_by_role("button", name="Copy").click()
    cell.get_by_text("Copied").wait_for()
    copied = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("def unique(words")
    assert copied.rstrip().endswith("list(dict.fromkeys(words))")
    lab.command("notebook:interrupt-kernel")


def test_the_header_is_painted_at_once(lab: Lab) -> None:
    """Not when the answer is there."""
    lab.open("paint.ipynb", ["%load_ext routebook", "%%route\nWhat?", "%%route -m steady\nWhat?"])
    assert lab.run_all()
    lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2 }")
    took_ms = lab.page.evaluate(FIRST_HEADER)
    assert took_ms <= SOON_MS
    lab.page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")


def test_a_switch_strikes_out_what_came_before(lab: Lab) -> None:
    """The reader sees that the beginning was taken back, and by whom it goes on."""
    lab.open("switch.ipynb", ["%load_ext routebook", "%%route -m shaky\nWhat?"])
    lab.start_all()
    lab.output(1).locator("del.routebook-void").first.wait_for()
    lab.output(1).locator(".routebook-answer summary").filter(has_text="attempts").wait_for()
    assert lab.output(1).locator("del").count() == 0


def test_stopping_ends_the_cell_the_request_and_run_all(lab: Lab, server: ScriptedServer) -> None:
    """By both commands of the stop button, and by Cancel: the money stops when it is pressed, not when somebody looks."""
    lab.open("stop.ipynb", ["%load_ext routebook", "%%route -m slow\nTell a story.", "print('went on')"])
    for way in ("notebook:interrupt-kernel", "kernelmenu:interrupt", "Cancel"):
        before = len(server.seen.disconnects)
        lab.start_all()
        lab.page.wait_for_function("() => (document.querySelector('.routebook-cell .routebook-text')?.textContent.length ?? 0) > 30")
        if way == "Cancel":
            lab.page.evaluate(
                "() => { document.querySelector('.routebook-cancel').addEventListener('click', () => { window.pressed = Date.now() }, true) }"
            )
            lab.output(1).locator(".routebook-cancel").click()
        else:
            lab.page.evaluate("name => { window.pressed = Date.now(); window.jupyterapp.commands.execute(name) }", way)
        took_ms = left_at(server, before) - lab.page.evaluate("() => window.pressed")
        assert took_ms <= SOON_MS, way
        lab.output(1).locator(".routebook-answer summary").filter(has_text="stopped").wait_for()
        stopped = lab.output(1).locator(".jp-OutputArea-output").filter(has_text="Stopped:")
        stopped.wait_for()
        said = stopped.inner_text()
        assert re.fullmatch(r"Stopped: [\d,]+ characters are kept, cost so far: free\.\s*", said)
        assert len(lab.output(1).locator(".routebook-answer").inner_text()) > 60
    lab.page.wait_for_timeout(300)
    assert lab.output(2).inner_text().strip() == ""


# ---- reading and typing


def test_tab_offers_options_models_and_variables(lab: Lab) -> None:
    """The popup says what each is; Enter takes it."""
    lab.open("tab.ipynb", ["%load_ext routebook\nsales = 1", "%%route -h\nWhat?"])
    assert lab.run_all()
    popup = lab.page.locator(".jp-Completer-item")
    for typed, offered, kind, source in (
        ("%%route --mo", "--model", "option", "%%route --model"),
        ("%%route -m lla", "llama-70b", "model", "%%route -m llama-70b"),
        ("%%route\nIn {{sal", "sales", "variable", "%%route\nIn {{sales"),
    ):
        lab.cell(1).locator(".cm-content").click()
        lab.page.keyboard.press("ControlOrMeta+a")
        lab.page.keyboard.type(typed)
        lab.page.keyboard.press("Tab")
        popup.filter(has_text=offered).filter(has_text=kind).wait_for()
        assert popup.count() == 1
        lab.page.keyboard.press("Enter")
        lab.page.wait_for_function(
            "text => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.source.startsWith(text)", arg=source
        )


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_texts_are_readable_in_both_themes(lab: Lab, theme: str) -> None:
    """Quiet is not faint: 4.5 to 1, as the accessibility rules have it."""
    name = f"theme-{theme.split()[1].lower()}.ipynb"
    lab.open(name, ["%load_ext routebook", "%%route\nWhat?", "%%route --dry\nWhat?", "%%route -m steady\nWhat?"])
    try:
        lab.theme(theme)
        lab.start_all()
        lab.output(3).locator(".routebook-text").filter(has_text=re.compile(".")).wait_for()
        lab.output(1).locator("summary").click()
        assert least_contrast(lab.page, ".routebook-head, .routebook-text, .routebook-cancel, .routebook-state") >= 4.5
        for selector in (
            ".routebook-answer > div:first-child",
            "summary",
            "details th",
            "details td",
            ".routebook-plan > div",
            ".routebook-plan td",
            "pre code",
        ):
            assert least_contrast(lab.page, selector) >= 4.5, selector
    finally:
        lab.theme("JupyterLab Light")
