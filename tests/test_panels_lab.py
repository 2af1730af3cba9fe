"""The panels in a real JupyterLab, driven as a person would."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from lab import IN_A_BROWSER, Lab
from playwright.sync_api import Locator, expect
from served import wait_until

from routebook.testing import Chaos, ScriptedServer

pytestmark = IN_A_BROWSER
SHORT = """Use `dict.fromkeys`: it keeps the first of each, in order.

```python
list(dict.fromkeys(words))
```"""
LONG = """Use a `set` to see whether a word was there, and keep the first of each, in order.

```python
seen = set()
[word for word in words if not (word in seen or seen.add(word))]
```"""
SLOW = "Go through the words once, and put each at the end of a new list unless it stands there already. "
ROUTING = """
[books]
path = "books.db"
[providers.ollama]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.groq]
kind = "openai"
base_url = "URL"
tier = "free"
[providers.anthropic]
kind = "anthropic"
api_key_env = "ANTHROPIC_API_KEY"
[models]
"qwen2.5-coder:7b" = { provider = "ollama", id = "short" }
llama-70b = { provider = "groq", id = "long", price = { input = 0.59, output = 0.79 } }
slow = { provider = "ollama", id = "slow" }
claude = { provider = "anthropic", id = "claude" }
[[routes]]
name = "chat"
try = ["qwen2.5-coder:7b", "llama-70b"]
"""
SCRIPTS = {
    "short": Chaos(reply=SHORT, tokens_per_s=40),
    "long": Chaos(reply=LONG, tokens_per_s=60),
    "slow": Chaos(reply=SLOW * 100, tokens_per_s=20),
}
ENVIRON = {"ANTHROPIC_API_KEY": ""}


def test_answers_race_side_by_side_and_one_can_be_stopped(lab: Lab, server: ScriptedServer) -> None:
    """Each pane has its own state and its own Cancel; the others go on."""
    lab.open("compare.ipynb", ["%load_ext routebook", "%%route --compare qwen2.5-coder:7b,llama-70b,slow\nHow do I keep one of each word?"])
    lab.start_all()
    panes = lab.output(1).locator(".routebook-panes > .routebook-pane")
    expect(panes).to_have_count(3)
    for pane in range(3):
        expect(panes.nth(pane).locator(".routebook-text")).not_to_be_empty()
    tops = panes.evaluate_all("nodes => nodes.map(node => node.getBoundingClientRect().top)")
    assert max(tops) - min(tops) < 2  # beside each other
    before = len(server.seen.disconnects)
    panes.nth(2).get_by_role("button", name="Cancel slow").click()
    table = lab.output(1).locator(".routebook-compare")
    expect(table.get_by_text("llama-70b").first).to_be_visible()
    expect(table.locator("code", has_text="dict.fromkeys").first).to_be_visible()
    wait_until(lambda: len(server.seen.disconnects) == before + 1)
    table.locator("summary").first.click()
    expect(table.locator("ins").first).to_be_visible()
    lab.picture("compare", 1)
    assert lab.outside == []


def test_a_vote_is_asked_for_blind_and_tells_who_they_were(lab: Lab) -> None:
    """By a button, while the cell waits; then the names, the figures, and where all models stand."""
    lab.open("arena.ipynb", ["%load_ext routebook", "%%route --arena\nHow do I keep one of each word?", "print('went on')"])
    lab.start_all()
    cell = lab.output(1)
    ask = cell.get_by_role("group", name="Which is better?")
    expect(ask.get_by_role("button")).to_have_count(5)
    expect(cell.locator(".routebook-compare").get_by_text("A", exact=True)).to_be_visible()
    assert "llama" not in cell.inner_text()
    lab.picture("arena", 1)
    ask.get_by_role("button", name="A", exact=True).press("Enter")
    report = cell.locator(".routebook-report")
    expect(report).to_contain_text("won")
    expect(report).to_contain_text("19 times of 20")
    expect(report).to_contain_text("llama-70b")
    expect(lab.output(2)).to_contain_text("went on")
    expect(ask).to_have_count(0)
    assert lab.outside == []


def test_stopping_instead_of_voting_keeps_the_answers(lab: Lab) -> None:
    """And stops Run All, as everywhere."""
    lab.open("undecided.ipynb", ["%load_ext routebook", "%%route --arena\nHow do I keep one of each word?", "print('went on')"])
    lab.start_all()
    expect(lab.output(1).get_by_role("group", name="Which is better?")).to_be_visible()
    lab.command("notebook:interrupt-kernel")
    expect(lab.output(1).get_by_role("group", name="Which is better?")).to_have_count(0)
    expect(lab.output(1).locator(".routebook-compare")).to_contain_text("dict.fromkeys")
    expect(lab.output(2)).to_have_text("")


def test_the_board_lives_beside_other_cells(lab: Lab) -> None:
    """It shows what they do as they do it; nothing on the page jumps, and nothing is fetched."""
    lab.open("board.ipynb", ["%load_ext routebook", "%route board --since 1h", "%%route -m llama-70b\nHow?", "%%route\nHow?"])
    assert lab.run_all()
    board = lab.output(1).locator(".routebook-board")
    expect(board).to_contain_text("llama-70b")
    expect(board).to_contain_text("live")
    expect(board.locator("[title^='0 min ago']")).to_have_count(1)
    expect(board).to_contain_text("0 under way")  # the last cell's end is shown too
    lab.save()
    lab.leave()
    lab.open("board.ipynb")
    expect(lab.output(1).locator(".routebook-board")).to_contain_text("where the prompts went")
    assert lab.page.get_by_text("Error displaying widget").count() == 0
    assert lab.outside == []


def fill_in_by_keys(lab: Lab, form: Locator) -> None:
    """A prompt, a third model and the longest answer; an empty form is refused before."""
    form.get_by_role("button", name="Run").press("Enter")  # nothing is filled in
    expect(form.get_by_role("alert")).to_have_text("There is no prompt yet.")
    form.get_by_role("textbox", name="Prompt").click()
    lab.page.keyboard.type("How do I keep one of each word? ddx")  # keys that JupyterLab has commands for
    for key in ("Backspace",) * 4 + ("Tab",) * 3:
        lab.page.keyboard.press(key)
    expect(form.get_by_role("checkbox", name="slow")).to_be_focused()
    lab.page.keyboard.press("Space")
    expect(form.get_by_role("textbox", name="Prompt")).to_have_value("How do I keep one of each word?")
    form.get_by_label("Longest answer, tokens").fill("200")


def test_the_compare_panel_is_used_with_keyboard_and_mouse(lab: Lab, server: ScriptedServer) -> None:
    """Type, pick, run, cancel, vote, rate, close; nothing jumps at the end, and what is saved can be read."""
    lab.open("panel.ipynb", ["import routebook as rb", "panel = rb.Compare()\npanel", "print(panel.result['llama-70b'].model)"])
    lab.command("notebook:run-cell")
    lab.command("notebook:move-cursor-down")
    lab.command("notebook:run-cell")
    form = lab.output(1).get_by_role("form", name="Compare models")
    prompt = form.get_by_role("textbox", name="Prompt")
    expect(form.get_by_role("checkbox", checked=True)).to_have_count(2)
    expect(form.get_by_role("checkbox", name="claude")).to_be_disabled()
    expect(form).to_contain_text("left out: no key")

    fill_in_by_keys(lab, form)
    prompt.press("Control+Enter")

    panes = lab.output(1).locator(".routebook-panes > .routebook-pane")
    expect(panes).to_have_count(3)
    expect(form.get_by_role("status").first).to_contain_text("3 answers on their way")
    expect(panes.nth(2).locator(".routebook-text")).not_to_be_empty()
    best = form.get_by_role("button", name="llama-70b is best")
    expect(best).to_have_attribute("aria-disabled", "true")
    expect(panes.nth(1).locator(".routebook-state")).to_have_text("done")
    high = form.evaluate("node => node.offsetHeight")
    before = len(server.seen.disconnects)
    form.get_by_role("button", name="Cancel").press("Enter")
    expect(form.get_by_role("status").first).to_contain_text("1 stopped")
    expect(form.get_by_role("button", name="Cancel")).to_be_focused()
    wait_until(lambda: len(server.seen.disconnects) == before + 1)
    assert form.evaluate("node => node.offsetHeight") == high
    expect(lab.output(1).locator(".routebook-compare")).to_contain_text("word by word")

    best.press("Enter")
    expect(form.get_by_role("group", name="Which is best?")).to_contain_text("noted: llama-70b is best")
    form.get_by_role("combobox", name="Rating of qwen2.5-coder:7b").select_option("4")
    expect(form.get_by_role("group", name="Which is best?")).to_contain_text("qwen2.5-coder:7b: 4 of 5")
    lab.page.mouse.move(0, 0)
    lab.page.set_viewport_size({"width": 1200, "height": 1300})
    lab.picture("compare-panel", 1)
    lab.page.set_viewport_size({"width": 1200, "height": 900})
    lab.command("notebook:move-cursor-down")
    lab.command("notebook:run-cell")
    expect(lab.output(2)).to_contain_text("llama-70b")
    form.get_by_role("button", name="Close").press("Enter")
    expect(form).to_have_count(0)
    lab.save()
    lab.leave()
    lab.open("panel.ipynb")
    expect(lab.output(1).locator(".routebook-report").first).to_contain_text("How do I keep one of each word?")
    expect(lab.output(1).locator(".routebook-compare")).to_contain_text("dict.fromkeys")
    assert lab.page.get_by_text("Error displaying widget").count() == 0
    assert lab.outside == []
