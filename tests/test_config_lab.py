"""The config panel and the plan card in a real JupyterLab, driven as a person would."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import pytest
from lab import IN_A_BROWSER, Lab
from pages import least_contrast
from playwright.sync_api import Locator, expect

from routebook.testing import Chaos, ScriptedServer

pytestmark = IN_A_BROWSER
ROUTING = """# What runs here goes first.
[books]
path = "books.db"

[budgets]
total = { daily = 2.00, unpriced = true }

[providers.ollama]
kind = "openai"
base_url = "URL"
tier = "local"

[providers.groq]
kind = "openai"
base_url = "URL"
tier = "free"
rpm = 30

[providers.anthropic]
kind = "anthropic"
api_key_env = "ANTHROPIC_API_KEY"

[models]
"qwen2.5-coder:7b" = { provider = "ollama", id = "short" }
llama-70b = { provider = "groq", id = "long", price = { input = 0.59, output = 0.79 } }
claude = { provider = "anthropic", id = "claude" }

# the big one is for what is hard
[[routes]]
name = "hard-code"
tasks = ["code_generation", "bug_fix"]
complexity = [7, 10]
try = ["claude", "llama-70b"]

[[routes]]
name = "code"
tasks = ["code_generation", "bug_fix"]   # the rest of it
try = ["qwen2.5-coder:7b", "llama-70b"]

[[routes]]
name = "chat"
try = ["qwen2.5-coder:7b", "llama-70b"]
"""
SCRIPTS = {
    "short": Chaos(reply="Give it a list of texts: `len` of a number is what raises. " * 12, tokens_per_s=60),
    "long": Chaos(reply="One of the words is no text."),
}
ENVIRON = {"ANTHROPIC_API_KEY": ""}
BUG = "Fix this bug: sorted(words, key=len) raises TypeError"


@pytest.fixture(autouse=True, scope="module")
def _tall(lab: Lab) -> None:
    """The panel is seen whole."""
    lab.page.set_viewport_size({"width": 1200, "height": 1500})


def line_of(lab: Lab, words: str) -> int:
    """Where a line stands in the file."""
    lines = (lab.root / "routing.toml").read_text().splitlines()
    return next(at for at, line in enumerate(lines, 1) if words in line)


def put(editor: Locator, words: str, other: str) -> None:
    """Select words in the editor and type others, as with a mouse and a keyboard."""
    editor.evaluate(
        "(node, words) => { const at = node.value.indexOf(words); node.focus(); node.setSelectionRange(at, at + words.length) }", words
    )
    editor.page.keyboard.type(other)


def test_a_config_is_tried_edited_and_saved(lab: Lab, server: ScriptedServer) -> None:
    """Type a prompt, see where it goes; break the file, see why and where; mend it, move a route, save with the keyboard; nothing jumps."""
    (lab.root / "routing.toml").write_text(ROUTING.replace("URL", server.url))  # another try has written to it
    lab.open(
        "config.ipynb", ["%load_ext routebook", f"%%route\n{BUG}", "%%route\nWho are you?", "import routebook as rb\nrb.ConfigPanel()"]
    )
    lab.command("application:toggle-left-area")
    assert lab.run_all()
    form = lab.output(3).get_by_role("form", name="routing.toml")
    tables = lab.output(3).locator(".routebook-report").first
    expect(tables).to_contain_text("ANTHROPIC_API_KEY is missing")
    expect(tables).to_contain_text(f"“{BUG[:40]}")
    sent = len(server.seen.calls)
    tries_a_prompt(lab, form)
    assert len(server.seen.calls) == sent
    high = form.evaluate("node => node.offsetHeight")
    breaks_a_line(lab, form)
    assert form.evaluate("node => node.offsetHeight") == high
    lab.picture("config-panel", 3)
    mends_moves_and_saves(lab, form)
    assert (lab.root / "routing.toml").read_text() == "# mine\n" + ROUTING.replace("URL", server.url)
    assert form.evaluate("node => node.offsetHeight") == high
    assert lab.outside == []


def tries_a_prompt(lab: Lab, form: Locator) -> None:
    """Type one, and go from its route to the line where that begins."""
    form.get_by_role("textbox", name="Try a prompt").click()
    lab.page.keyboard.type("Write a function that merges two sorted lists, dd and x")  # keys that JupyterLab has commands for
    tried = form.locator(".routebook-tried")
    expect(tried.get_by_role("status")).to_contain_text("code generation")
    expect(tried).to_contain_text("code: task is code_generation")
    expect(tried).to_contain_text("llama-70b (free, about $")
    editor = form.get_by_role("textbox", name="Text of routing.toml")
    tried.get_by_role("button", name=f"line {line_of(lab, 'the rest of it') - 2}").press("Enter")
    expect(editor).to_be_focused()
    assert editor.evaluate("node => node.value.slice(node.selectionStart, node.selectionEnd)") == "[[routes]]"


def breaks_a_line(lab: Lab, form: Locator) -> None:
    """What is wrong is said beside the line, and below with the line's number; it cannot be saved."""
    editor = form.get_by_role("textbox", name="Text of routing.toml")
    put(editor, 'try = ["qwen2.5-coder:7b", "llama-70b"]', 'try = ["qwen-coder", "llama-70b"]')
    wrong = line_of(lab, "the rest of it") + 1
    problems = form.get_by_role("list", name="Problems")
    expect(problems.get_by_role("listitem")).to_have_count(1)
    expect(problems).to_contain_text("Did you mean 'qwen2.5-coder:7b'")
    expect(form.locator(".routebook-summary")).to_have_text("1 problem")
    beside = form.locator(".routebook-beside-said")
    expect(beside).to_contain_text("Did you mean")
    numbers = form.locator(".routebook-numbers")
    top = numbers.evaluate("(node, line) => node.getBoundingClientRect().top + 6 + (line - 1) * 18 - node.scrollTop", wrong)
    box = beside.bounding_box()
    assert box is not None
    assert abs(box["y"] - top) < 6
    expect(form.get_by_role("button", name="Save and reload")).to_have_attribute("aria-disabled", "true")
    expect(form.locator(".routebook-tried")).to_contain_text("by the file in use")
    editor.press("Control+s")
    expect(form.get_by_role("alert")).to_contain_text("nothing was written")


def mends_moves_and_saves(lab: Lab, form: Locator) -> None:
    """A move that makes no sense is seen at once, and taken back as one takes back what one typed."""
    editor = form.get_by_role("textbox", name="Text of routing.toml")
    problems = form.get_by_role("list", name="Problems")
    route = form.get_by_role("combobox", name="Route to move")
    put(editor, "qwen-coder", "qwen2.5-coder:7b")
    expect(problems.get_by_role("listitem")).to_have_count(0)
    route.select_option("code")
    form.get_by_role("button", name="Move the route up").press("Enter")
    expect(problems).to_contain_text("can never be taken: route 'code'")  # it takes all of hard-code's prompts
    expect(route).to_have_value("code")
    editor.press("Control+z")
    expect(problems.get_by_role("listitem")).to_have_count(0)
    editor.press("Control+Home")
    lab.page.keyboard.type("# mine\n")
    expect(form.locator(".routebook-summary")).to_contain_text("Not saved yet")
    editor.press("Control+s")
    expect(form.locator(".routebook-state")).to_contain_text("in use")


def test_what_another_program_wrote_is_not_overwritten(lab: Lab) -> None:
    """It is said, the other text can be taken, and one's own can be had back."""
    lab.open("other.ipynb", ["import routebook as rb\nrb.ConfigPanel()"])
    assert lab.run_all()
    form = lab.output(0).get_by_role("form", name="routing.toml")
    editor = form.get_by_role("textbox", name="Text of routing.toml")
    file = lab.root / "routing.toml"
    before = file.read_text()
    editor.press("Control+Home")
    lab.page.keyboard.type("# from the panel\n")
    expect(form.locator(".routebook-summary")).to_contain_text("Not saved yet")
    file.write_text("# from an editor\n" + before)
    editor.press("Control+s")
    expect(form.get_by_role("alert")).to_contain_text("changed by another program")
    assert file.read_text() == "# from an editor\n" + before
    form.get_by_role("button", name="Load from disk").press("Enter")
    expect(editor).to_have_value("# from an editor\n" + before)
    form.get_by_role("button", name="Back to my text").press("Enter")
    expect(editor).to_have_value("# from the panel\n" + before)
    file.write_text(before)


def test_it_can_be_read_in_the_dark_and_in_a_narrow_window_and_when_it_is_closed(lab: Lab) -> None:
    """Nothing runs out of the window; a saved notebook has the tables and no dead widget."""
    lab.open("dark.ipynb", ["import routebook as rb\npanel = rb.ConfigPanel(prompt='Who?')\npanel"])
    assert lab.run_all()
    form = lab.output(0).get_by_role("form", name="routing.toml")
    expect(form.locator(".routebook-tried-head")).to_contain_text("complexity")
    editor = form.get_by_role("textbox", name="Text of routing.toml")
    editor.press("Control+End")
    lab.page.keyboard.type("oops")
    expect(form.locator(".routebook-beside-said")).to_have_count(1)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.theme(theme)
        for part in (".routebook-tried-head", ".routebook-tried-parts dd", ".routebook-beside-said", ".routebook-problems li span", ".routebook-link", ".routebook-summary"):  # fmt: skip
            assert least_contrast(lab.page, part) >= 4.5, (theme, part)
    lab.page.set_viewport_size({"width": 520, "height": 1500})
    wide = form.evaluate(
        "node => [node.getBoundingClientRect().right, document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect().right]"
    )
    assert wide[0] <= wide[1]
    assert form.evaluate(
        "node => [...node.querySelectorAll('button, select, input')].every(one => one.getBoundingClientRect().right <= innerWidth)"
    )
    lab.page.set_viewport_size({"width": 1200, "height": 1500})
    form.get_by_role("button", name="Close").press("Enter")
    expect(form).to_have_count(0)
    lab.save()
    lab.leave()
    lab.open("dark.ipynb")
    expect(lab.output(0)).to_contain_text("hard-code")
    expect(lab.output(0)).to_contain_text("closed with changes that were not saved")
    assert lab.page.get_by_text("Error displaying widget").count() == 0
    assert lab.outside == []


def test_a_plan_is_run_from_its_card(lab: Lab, server: ScriptedServer) -> None:
    """The card says it all, Enter on Run sends it, the answer streams below; a saved notebook has both."""
    lab.open(
        "plan.ipynb",
        [
            "%load_ext routebook\nnotes = 'one, two, 3'",
            "%%route --dry -o said\nFix this bug: sorted(words, key=len) raises TypeError for {{notes}}",
        ],
    )
    assert lab.run_all()
    card = lab.output(1).locator(".routebook-plan")
    for words in ("qwen2.5-coder:7b (local)", "in it {{notes}}: str, 11 characters", "Its budgets"):
        expect(card).to_contain_text(words)
    run = lab.output(1).get_by_role("button", name="Run")
    expect(run).to_be_visible()
    lab.picture("plan-card", 1)
    before = len(server.seen.calls)
    run.focus()
    lab.page.keyboard.press("Enter")
    expect(lab.output(1).locator(".routebook-speed")).to_contain_text("tokens/s")
    expect(lab.output(1).locator(".routebook-answer")).to_contain_text("of a number is what raises")
    expect(run).to_have_count(0)
    expect(card).to_contain_text("Would take")
    assert len(server.seen.calls) == before + 1
    lab.save()
    lab.leave()
    lab.open("plan.ipynb")
    expect(lab.output(1).locator(".routebook-plan")).to_contain_text("Leaves the machine")
    expect(lab.output(1).locator(".routebook-answer")).to_contain_text("of a number is what raises")
    assert lab.page.get_by_text("Error displaying widget").count() == 0
    assert lab.outside == []
