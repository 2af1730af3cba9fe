"""The knob's slider in a real JupyterLab."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from lab import IN_A_BROWSER, Lab, running_lab
from labelled_made import labelled
from playwright.sync_api import expect

pytestmark = IN_A_BROWSER
ROUTING = """# mine
[books]
path = ":memory:"
[providers.here]
kind = "chaos"
[models]
small = { provider = "here", id = "small" }
dear = { provider = "here", id = "dear" }
[pools.both]
models = ["small", "dear"]
pick = "best"
quality = 0.3  # mostly cheap
[[routes]]
name = "chat"
try = ["both"]
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab, with graded prompts beside the notebook."""
    root = tmp_path_factory.mktemp("knob")
    (root / "routing.toml").write_text(ROUTING)
    labelled(costs=True).to_json(root / "graded.json")
    with running_lab(root) as running:
        yield running


def test_the_knob_is_turned_by_the_keyboard_and_written_back(lab: Lab) -> None:
    """The line follows at once, the chart a moment later, the file when one says so; what is saved while it lives can be read."""
    (lab.root / "routing.toml").write_text(ROUTING)  # another try has written to it
    lab.open(
        "knob.ipynb", ["%load_ext routebook\nimport pandas as pd, routebook as rb\nfound = pd.read_json('graded.json')", "rb.Knob(found)"]
    )
    assert lab.run_all()
    form = lab.output(1).get_by_role("form", name="Quality against cost")
    slider = form.get_by_role("slider")
    expect(slider).to_have_value("0.3")
    lab.output(1).locator("canvas, svg.marks").first.wait_for()
    for _ in range(7):
        slider.press("ArrowRight")
    expect(slider).to_have_value("0.65")
    expect(form.locator(".routebook-state")).to_contain_text(re.compile(r"^0\.65: \d+% good answers"))
    spec = "() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets[1].model.outputs.toJSON())"
    lab.page.wait_for_function(f"() => ({spec})().includes('at 0.65: ')")
    expect(slider).to_be_focused()
    form.get_by_role("button", name="Write").press("Enter")
    expect(form).to_contain_text("quality of pool both: 0.3 → 0.65, written to routing.toml, in use")
    assert (lab.root / "routing.toml").read_text() == ROUTING.replace("quality = 0.3 ", "quality = 0.65 ")
    lab.picture("knob", 1)
    lab.save()
    lab.leave()
    lab.open("knob.ipynb")
    lab.output(1).locator("canvas, svg.marks, img").first.wait_for()
    expect(lab.output(1)).to_contain_text("rb.Knob() turns it")
    assert lab.page.get_by_text("Error displaying widget").and_(lab.page.locator(":visible")).count() == 0
    assert lab.outside == []
