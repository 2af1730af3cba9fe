"""Background cells in a real JupyterLab: their cards are used while other cells run, and while nothing does."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
import time

from lab import IN_A_BROWSER, Lab
from playwright.sync_api import expect

from routebook.testing import Chaos, ScriptedServer

pytestmark = IN_A_BROWSER
ROUTING = """
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
slow = { provider = "here", id = "slow", max_concurrent = 1 }
quick = { provider = "here", id = "quick" }
[[routes]]
name = "chat"
try = ["quick"]
[[routes]]
name = "code"
tasks = ["bug_fix"]
try = ["slow"]
"""
SCRIPTS = {"slow": Chaos(tokens=4000, tokens_per_s=20), "quick": Chaos(reply="It is four.")}
CELLS = [
    "%load_ext routebook",
    "%%route -b -m slow -o one\nTell a story.",
    "%%route -b -m slow -o two\nTell another.",
    "%%route -b -m slow -o three\nAnd one more.",
    "import time\nfor _ in range(60): time.sleep(0.25)",
    "%%route -m slow\nAnd the last.",
]


def leaves(server: ScriptedServer, before: int) -> None:
    """Wait until one more client has left the server."""
    until = time.monotonic() + 5
    while len(server.seen.disconnects) == before and time.monotonic() < until:
        time.sleep(0.02)
    assert len(server.seen.disconnects) == before + 1


def test_cards_show_their_place_and_are_cancelled_while_another_cell_runs_and_while_none_does(lab: Lab, server: ScriptedServer) -> None:
    """The cell has long returned; its card is not dead. A cell that waits in the queue says so too, and can be cancelled there."""
    lab.open("cards.ipynb", CELLS)
    lab.start_all()
    first, second, third = (lab.output(at) for at in (1, 2, 3))
    expect(first.locator(".routebook-text")).not_to_be_empty()
    expect(second.locator(".routebook-state")).to_have_text(re.compile(r"waiting for slow: place 1 in its queue"))
    expect(third.locator(".routebook-state")).to_have_text(re.compile(r"waiting for slow: place 2 in its queue"))
    expect(lab.cell(4).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\*\]"))  # it runs
    lab.picture("background")
    before = len(server.seen.disconnects)
    first.get_by_role("button", name="Cancel").click()
    leaves(server, before)
    expect(first.locator("summary")).to_contain_text("stopped")
    expect(lab.cell(4).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\*\]"))
    expect(second.locator(".routebook-text")).not_to_be_empty()  # its turn

    last = lab.output(5)
    expect(last.locator(".routebook-state")).to_have_text(re.compile(r"waiting for slow: place 2 in its queue"))
    last.get_by_role("button", name="Cancel").press("Enter")
    expect(last).to_contain_text("Stopped: nothing had come yet")
    expect(last.get_by_role("button", name="Cancel")).to_have_count(0)

    second.get_by_role("button", name="Cancel").click()  # now nothing runs
    leaves(server, before + 1)
    expect(second.locator("summary")).to_contain_text("stopped")
    third.get_by_role("button", name="Cancel").press("Space")
    expect(third.locator("summary").or_(third.get_by_text("stopped before anything came"))).to_be_visible()
    assert lab.outside == []
