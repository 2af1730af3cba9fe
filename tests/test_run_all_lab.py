"""The guard of Run All in a real JupyterLab."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
import secrets

from lab import IN_A_BROWSER, Lab
from playwright.sync_api import expect

from routebook.testing import Chaos, ScriptedServer

pytestmark = IN_A_BROWSER
ROUTING = """
[books]
path = "books.db"
[cache]
ttl_s = 86400
[providers.anthropic]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_SET"
tier = "paid"
[models]
claude = { provider = "anthropic", id = "claude", price = { input = 30, output = 150 } }
[[routes]]
name = "chat"
try = ["claude"]
"""
REPLY = "A line of a poem."
SCRIPTS = {"claude": Chaos(reply=REPLY)}
ENVIRON = {"A_KEY_THAT_IS_SET": "k-secret", "ROUTEBOOK_RUN_ALL": "ask"}


def poem() -> list[str]:
    """Cells whose prompts no other try has asked: the books keep the answers."""
    return [
        f"%load_ext routebook\nwords = 'to be or {secrets.token_hex(4)}'",
        *(f"%%route\nWrite line {n} of a poem about: {{{{words}}}}" for n in range(1, 7)),
        "print('the end')",
    ]


def answer(lab: Lab, word: str, *, key: str, then: str) -> None:
    """Press a button of the question, and wait for what the cell says `then`; where the page was not heard in time, type the word in."""
    typed, button = lab.output(1).locator(".jp-Stdin-input"), lab.output(1).locator(".routebook-ask").get_by_role("button", name=word)
    button.or_(typed).first.wait_for()
    if not typed.count():
        button.press(key)
    button.wait_for(state="detached")
    lab.output(1).get_by_text(then).or_(typed).locator("visible=true").first.wait_for()
    if typed.count():
        typed.fill(word)
        typed.press("Enter")
        lab.output(1).get_by_text(then).locator("visible=true").first.wait_for()


def test_run_all_asks_once_before_it_costs_money_and_then_replays(lab: Lab, server: ScriptedServer) -> None:
    """Stop spends nothing, run asks all without another word, and a restart replays all of it without a question."""
    before = server.seen.attempts
    lab.open("poem.ipynb", poem())
    lab.start_all()
    ask = lab.output(1).locator(".routebook-ask")
    expect(ask).to_contain_text(re.compile(r"6 cells would cost about \$0\.\d+: replay, run, or stop\?"))
    lab.picture("run-all", 1)
    answer(lab, "stop", key="Enter", then="Stopped: ")
    expect(lab.output(1)).to_contain_text("Stopped: nothing was asked, and nothing spent.")
    expect(ask).to_have_count(0)
    assert server.seen.attempts == before

    lab.start_all()
    answer(lab, "run", key="Space", then=REPLY)
    expect(lab.output(7)).to_contain_text("the end")
    assert server.seen.attempts == before + 6

    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    assert lab.run_all()
    expect(lab.output(6)).to_contain_text("replayed from the cache")
    assert server.seen.attempts == before + 6
    assert lab.outside == []


def test_one_cell_run_by_hand_is_not_asked_about(lab: Lab, server: ScriptedServer) -> None:
    """The question is for runs of many."""
    lab.open("one.ipynb", ["%load_ext routebook", "%%route --no-cache\nWrite a line."])
    before = server.seen.attempts
    lab.command("notebook:run-cell-and-select-next")
    expect(lab.cell(0).locator(".jp-InputPrompt")).to_have_text("[1]:")
    lab.page.wait_for_timeout(400)  # a person's pause: what tells cells run by hand from a Run All
    lab.command("notebook:run-cell")
    expect(lab.output(1)).to_contain_text(REPLY)
    assert server.seen.attempts == before + 1
