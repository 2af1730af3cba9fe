"""The board's filters in a real JupyterLab, driven by the keyboard."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from lab import IN_A_BROWSER, Lab
from pages import least_contrast
from playwright.sync_api import expect

from routebook.notebook.controls import static
from routebook.testing import Chaos

pytestmark = IN_A_BROWSER
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
[models]
qwen = { provider = "ollama", id = "a" }
llama-70b = { provider = "groq", id = "b", price = { input = 0.59, output = 0.79 } }
[agents.tester]
primary = ["qwen"]
[[routes]]
name = "chat"
try = ["qwen", "llama-70b"]
"""
SCRIPTS = {"a": Chaos(reply="It is done."), "b": Chaos(reply="It is done.")}
CELLS = [
    "%load_ext routebook",
    "%route board",
    "%%route --task bug_fix\nWhy does this fail?",
    "%%route -m llama-70b --task writing\nWrite a haiku.",
    "%%route --agent tester --task testing\nTest this.",
    "print('the end')",
]


def test_the_board_is_filtered_by_the_keyboard_and_says_which_filter_was_on(lab: Lab) -> None:
    """A choice is shown at once, keeps the focus, and stands in what is saved; no dead control is left, stopped or not."""
    lab.open("board.ipynb", CELLS)
    assert lab.run_all()
    board = lab.output(1).locator(".routebook-board")
    filters = lab.output(1).get_by_role("group", name="Filters of the board")
    expect(board).to_contain_text("3 requests")
    task = filters.get_by_role("combobox", name="Task")
    expect(task.locator("option")).to_have_text(["all", "bug_fix", "testing", "writing"])
    expect(filters.get_by_role("combobox", name="Agent").locator("option")).to_have_text(["all", "tester"])
    assert least_contrast(lab.page, ".routebook-filters span, .routebook-filters select, .routebook-filters button") >= 4.5

    task.focus()
    lab.page.keyboard.press("b")  # as in every list the first letter chooses; JupyterLab would make a cell of it
    expect(task).to_have_value("bug_fix")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("ArrowDown")
    expect(board).to_contain_text("only task writing")
    expect(board).to_contain_text("1 request ")
    expect(board).not_to_contain_text("bug_fix")
    expect(task).to_be_focused()
    expect(task).to_have_value("writing")
    lab.page.keyboard.press("Tab")
    expect(filters.get_by_role("combobox", name="Model")).to_be_focused()
    filters.get_by_role("combobox", name="Time").select_option("1 h")
    expect(board).to_contain_text("only task writing")
    lab.picture("board-filters", 1)

    lab.save()
    lab.leave()
    lab.open("board.ipynb")  # as it was saved while it lived
    expect(board).to_contain_text("only task writing")
    expect(filters).to_have_count(0)
    assert lab.page.get_by_text("Error displaying widget").and_(lab.page.locator(":visible")).count() == 0
    assert lab.outside == []


LATE = """async source => {
  const { default: board } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const task = ["", "bug_fix", "testing", "writing"].map(name => [name, name]);
  const state = { offered: { task }, chosen: {}, heard: 1 };
  const el = document.createElement("div"), sent = [], seen = [];
  let said;
  board.render({ el, model: { get: name => state[name], send: message => sent.push(message), on: (_, react) => { said = react; }, off() {} } });
  const select = [...el.querySelectorAll("select")].find(one => one.options.length === task.length);
  const choose = value => { select.value = value; select.onchange(); };
  const say = (value, heard) => { Object.assign(state, { chosen: { task: value }, heard }); said(); seen.push(select.value); };
  choose("bug_fix");
  say("", 1);
  choose("testing");
  say("bug_fix", sent[0].serial);
  say("testing", sent[1].serial);
  say("writing", sent[1].serial);
  return seen;
}"""
"""Chooses twice before the kernel answers, which then answers both, and changes the filter on its own. It heard one choice of an earlier page."""


def test_a_late_answer_takes_no_newer_choice_away(lab: Lab) -> None:
    """A busy kernel answers the first of two keys when the second was pressed: the next key goes on from where the person is."""
    lab.open("late.ipynb", ["1"])
    assert lab.page.evaluate(LATE, static("parts.js", "board.js")) == ["bug_fix", "testing", "testing", "writing"]


def test_a_board_that_is_stopped_leaves_its_figures(lab: Lab) -> None:
    """By the button, from the keyboard."""
    lab.open("stopped.ipynb", CELLS)
    assert lab.run_all()
    board = lab.output(1).locator(".routebook-board")
    filters = lab.output(1).get_by_role("group", name="Filters of the board")
    filters.get_by_role("combobox", name="Model").select_option("qwen")
    expect(board).to_contain_text("only model qwen")
    filters.get_by_role("button", name="Stop").press("Enter")
    expect(board).to_contain_text("only model qwen · as it was")
    expect(filters).to_have_count(0)
