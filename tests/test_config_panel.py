"""`rb.ConfigPanel()` in a real kernel: it checks as one types, tries prompts without sending them, and never writes over another's work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from config_page import Panel
from kernels import Kernel, running_kernel, said, wait_in

from routebook.testing import Chaos, ScriptedServer

KEY = "sk-ant-api03-" + "aB3dE5fG7h" * 4
ROUTING = """# mine
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.away]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_NOBODY_HAS"
[providers.there]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_THERE"
tier = "free"
[models]
tom = { provider = "here", id = "tom" }
rex = { provider = "there", id = "rex" }
far = { provider = "away", id = "tom" }

# code goes to tom
[[routes]]
name = "code"
tasks = ["code_generation", "bug_fix"]
try = ["tom", "far"]

[[routes]]
name = "long"
min_tokens = 1000
try = ["rex"]

[[routes]]
name = "chat"   # the rest
try = ["rex", "tom"]
"""
SCRIPTS = {"tom": Chaos(reply="I am Tom."), "rex": Chaos(reply="I am Rex."), "slow": Chaos(tokens=500, tokens_per_s=20)}
CODE = "Write a Python function that merges two sorted lists."


@pytest.fixture
def file(tmp_path_factory: pytest.TempPathFactory, server: ScriptedServer) -> Path:
    """A routing.toml of the test's own."""
    file = tmp_path_factory.mktemp("config") / "routing.toml"
    file.write_text(ROUTING.replace("URL", server.url))
    return file


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension loaded, and a key that must never be seen."""
    with running_kernel(tmp_path_factory.mktemp("kernel"), environ={"A_KEY_THAT_IS_THERE": KEY}) as running:
        assert running.run("%load_ext routebook\nimport routebook as rb, os").status == "ok"
        yield running


def test_it_shows_health_keys_by_name_and_where_prompts_went(kernel: Kernel, file: Path) -> None:
    """A key itself is nowhere in what the page or the notebook gets."""
    kernel.run(f"os.chdir({str(file.parent)!r})\n%route reload")
    for cell in (f"%%route\n{CODE}", "%%route\nHello there", "%%route\nHello again"):
        run = kernel.run(cell)
        assert run.status == "ok", run.text
    panel = Panel(kernel, file, "rb.ConfigPanel(prompt='Hi')")
    kernel.run("%route reload")
    lines = panel.page.splitlines()
    assert any("far" in line and "A_KEY_THAT_NOBODY_HAS is missing" in line and "no key" in line for line in lines)
    assert any("rex" in line and "A_KEY_THAT_IS_THERE is set" in line and "ready" in line for line in lines)
    assert any("tom" in line and "needs none" in line for line in lines)
    assert KEY[:16] not in json.dumps(
        [panel.run.outputs, panel.traits, panel.sent, [content for *_, content in panel.run.seen]], default=str
    )
    assert [line.split()[:2] for line in lines if line.strip()[:2] in ("1 ", "2 ", "3 ")] == [["1", "code"], ["2", "long"], ["3", "chat"]]


def test_each_route_says_which_prompts_it_took(kernel: Kernel, file: Path) -> None:
    """By count and by time; by their own words where this kernel asked them, for the books hold none."""
    text = file.read_text().replace(":memory:", "books.db")
    file.write_text(text)
    kernel.run(f"os.chdir({str(file.parent)!r})\n%route reload")
    for cell in (f"%%route\n{CODE}", "%%route\nHello there", f"%%route\nHello {KEY}", "%%route -m tom --route long\nNo choosing"):
        run = kernel.run(cell)
        assert run.status == "ok", run.text
    panel = Panel(kernel, file)  # its reload makes a new router: what was asked is told by the books only
    chat = next(line for line in panel.page.splitlines() if line.strip().startswith("3  chat"))
    assert " 2 " in chat
    assert "ago: " in chat
    assert "Hello" not in chat
    kernel.run("%%route\nHello once more, and at some length so that it is cut somewhere")
    kernel.run(f"%%route\nIs {KEY} a key?")
    panel.does("look")
    assert "“Hello once more, and at some length so t…” to rex" in panel.page
    assert KEY[:16] not in panel.page
    assert "“Is *** a key?”" in panel.page
    file.write_text(text.replace('"long"', '"longer"'))
    kernel.run("%route reload")
    assert "By routes that are not in this file: long (1 prompt)." in said(kernel, "print(rb.ConfigPanel().page()['text/plain'])")


def test_what_is_typed_is_checked_with_lines_and_nearest_names(kernel: Kernel, file: Path) -> None:
    """All problems at once, and an answer says to which text it belongs."""
    panel = Panel(kernel, file)
    text = file.read_text()
    assert panel.problems == []
    assert panel.traits["checked"]["routes"] == ["code", "long", "chat"]
    wrong = text.replace('"rex", "tom"', '"rexx"').replace("min_tokens", "min_token")
    panel.does("edit", text=wrong)
    assert panel.traits["checked"]["serial"] == 1
    assert [(one["line"], "Did you mean" in one["said"]) for one in panel.problems] == [(30, True), (35, True)]
    assert "'rex'" in panel.problems[1]["said"]
    panel.does("edit", text=wrong + "\n= nothing")
    assert len(panel.problems) == 1
    assert panel.problems[0]["where"] == "TOML"
    panel.does("edit", text=text)
    assert panel.problems == []
    assert not panel.traits["checked"]["changed"]
    assert panel.traits["text"] == text


def test_a_prompt_is_tried_against_the_text_and_nothing_is_sent(kernel: Kernel, file: Path, server: ScriptedServer) -> None:
    """Classification, route, chain, what is left out: as they would be if the text were saved."""
    panel, before = Panel(kernel, file), len(server.seen.calls)
    panel.does("try", prompt=CODE, text=file.read_text())
    shown = dict(panel.traits["tried"]["parts"])
    assert panel.traits["tried"]["head"].startswith("code generation · ")
    assert shown["Route"][0].startswith("code: task is code_generation")
    assert shown["To try, in order"] == ["tom (local): first choice"]
    assert "A_KEY_THAT_NOBODY_HAS" in shown["Left out"][0]
    assert file.read_text().splitlines()[panel.traits["tried"]["line"] - 1] == "[[routes]]"
    panel.does("edit", text=file.read_text().replace('try = ["tom", "far"]', 'try = ["rex"]'))
    assert dict(panel.traits["tried"]["parts"])["To try, in order"] == ["rex (free, price unknown): first choice"] or "rex" in str(
        panel.traits["tried"]["parts"]
    )
    panel.does("edit", text="oops")
    assert "by the file in use" in panel.traits["tried"]["by"]
    assert dict(panel.traits["tried"]["parts"])["To try, in order"] == ["tom (local): first choice"]
    panel.does("try", prompt="  ")
    assert panel.traits["tried"] == {}
    assert len(server.seen.calls) == before


def test_a_route_is_moved_in_the_text_and_comments_stay(kernel: Kernel, file: Path) -> None:
    """The page gets the new text only while nothing else was typed."""
    panel = Panel(kernel, file)
    panel.does("move", route=1, by=-1, text=file.read_text())
    moved = panel.sent[-1]
    assert (moved["kind"], moved["serial"]) == ("replace", 0)
    assert panel.traits["checked"]["routes"] == ["long", "code", "chat"]
    assert '# code goes to tom\n[[routes]]\nname = "code"' in moved["text"]
    assert file.read_text() != moved["text"]
    panel.does("edit", text="oops")
    panel.does("move", route=0, by=1, text="oops")
    assert "Mend the problems first" in panel.traits["note"]


def test_saving_writes_and_puts_to_use(kernel: Kernel, file: Path) -> None:
    """The next cell goes by it, and the tables show it."""
    panel = Panel(kernel, file)
    text = file.read_text().replace('try = ["rex", "tom"]', 'try = ["tom"]  # he is here')
    panel.does("save", text=text)
    assert file.read_text() == text
    assert "saved at" in panel.traits["state"]
    assert panel.traits["state"].endswith("in use")
    assert not panel.traits["checked"]["changed"]
    assert "I am Tom" in kernel.run("%%route\nHello").text
    assert next(line for line in panel.page.splitlines() if line.strip().startswith("3  chat")).split()[3] == "tom"
    panel.does("look")
    assert " 1 " in next(line for line in panel.page.splitlines() if line.strip().startswith("3  chat"))


def test_what_is_wrong_is_not_saved_and_stays_in_the_editor(kernel: Kernel, file: Path) -> None:
    """Nothing is lost on a mistake."""
    panel, text = Panel(kernel, file), file.read_text()
    panel.does("save", text=text.replace("[[routes]]", "[[route]]"))
    assert "nothing was written" in panel.traits["note"]
    assert file.read_text() == text
    assert said(kernel, "print('[[route]]' in panel.draft.text)") == "True"


def test_another_s_changes_are_not_overwritten_and_both_texts_can_be_had(kernel: Kernel, file: Path) -> None:
    """The file as it is now, and back to one's own text, which may then be saved over it."""
    panel, text = Panel(kernel, file), file.read_text()
    mine, theirs = text.replace("# mine", "# from the panel"), text.replace("# mine", "# from an editor")
    panel.does("edit", text=mine)
    file.write_text(theirs)
    panel.does("look")
    assert panel.traits["stale"]
    panel.does("save", text=mine)
    assert "changed by another program" in panel.traits["note"]
    assert file.read_text() == theirs
    panel.does("load", text=mine)
    assert panel.sent[-1]["text"] == theirs
    assert (panel.traits["stale"], panel.traits["has_mine"], panel.traits["note"]) == (False, True, "")
    panel.does("back", text=theirs)
    assert panel.sent[-1]["text"] == mine
    panel.does("save", text=mine)
    assert file.read_text() == mine


def test_a_file_that_is_wrong_opens_and_can_be_mended(kernel: Kernel, file: Path) -> None:
    """That is when one needs it most."""
    good = file.read_text()
    kernel.run("%reload_ext routebook")
    file.write_text(good.replace('kind = "openai"', 'kind = "openia"', 1))
    panel = Panel(kernel, file)
    kernel.run("%reload_ext routebook")
    panel = Panel(kernel, file)
    assert panel.problems[0]["line"] == 5
    assert "not in use" in panel.traits["state"]
    panel.does("try", prompt=CODE, text=file.read_text())
    assert "until the problems are mended" in panel.traits["tried"]["head"]
    panel.does("save", text=good)
    assert panel.traits["state"].endswith("in use")
    assert "3 models" in panel.page
    assert "I am Rex" in kernel.run("%%route\nHello").text


def test_a_reload_ends_nothing_that_is_under_way(kernel: Kernel, file: Path) -> None:
    """A background cell was paid for."""
    file.write_text(file.read_text().replace('far = { provider = "away", id = "tom" }', 'far = { provider = "here", id = "slow" }'))
    panel = Panel(kernel, file)
    kernel.run("%%route -b -o draft -m far\nGo on and on")
    said(kernel, "import time\ntime.sleep(0.5)")
    panel.does("save", text=file.read_text() + "# a line\n")
    assert "not in use yet" in panel.traits["state"]
    assert file.read_text().endswith("# a line\n")
    assert said(kernel, "print(draft.is_done)") == "False"
    kernel.run("draft.cancel()")
    wait_in(kernel, "draft.is_done")
    panel.does("reload")
    assert panel.traits["state"] == "in use"


def test_a_key_that_was_typed_is_refused_and_not_kept_in_the_page_s_state(kernel: Kernel, file: Path) -> None:
    """Programs that run notebooks save the state of widgets."""
    panel, text = Panel(kernel, file), file.read_text()
    with_key = text.replace("A_KEY_THAT_NOBODY_HAS", KEY)
    run = panel.does("edit", text=with_key)
    assert panel.traits["text"] == ""
    assert "looks like an API key" in panel.problems[0]["said"]
    assert KEY not in json.dumps([content for *_, content in run.seen], default=str)
    panel.does("save", text=with_key)
    assert file.read_text() == text
    panel.does("fetch")
    assert panel.sent[-1]["text"] == with_key


def test_without_a_file_a_new_one_is_written_where_one_works(kernel: Kernel, file: Path) -> None:
    """It begins with the text that `%route init` writes."""
    file.unlink()
    kernel.run("%reload_ext routebook")
    panel = Panel(kernel, file)
    assert "not there yet" in panel.traits["state"]
    assert "[[routes]]" in panel.traits["text"]
    panel.does("save", text=panel.traits["text"])
    assert file.read_text() == panel.traits["text"]
    assert panel.traits["state"].endswith("in use")


def test_closed_it_leaves_the_tables_and_a_line_and_no_widget(kernel: Kernel, file: Path) -> None:
    """A widget in a saved notebook is dead when that is opened again; a text that was not saved is not lost."""
    panel = Panel(kernel, file)
    panel.does("edit", text=file.read_text() + "# more\n")
    run = panel.does("close", text=file.read_text() + "# more\n")
    pages = [content["data"] for _, kind, content in run.seen if kind == "update_display_data"]
    assert all(sorted(page) == ["text/html", "text/plain"] for page in pages)
    assert "closed with changes that were not saved" in pages[-1]["text/plain"]
    assert said(kernel, "print(panel.draft.text.endswith('# more\\n'))") == "True"
    first, second = Panel(kernel, file), Panel(kernel, file)
    assert first.comm in {content["comm_id"] for _, kind, content in second.run.seen if kind == "comm_close"}


def test_where_nobody_could_use_it_the_tables_stand_alone(kernel: Kernel, file: Path) -> None:
    """Run by a program it shows how things are; by code it checks and plans."""
    kernel.run(f"os.chdir({str(file.parent)!r})\n%route reload")
    run = kernel.run("panel = rb.ConfigPanel()\npanel")
    assert [sorted(output["data"]) for output in run.outputs] == [["text/html", "text/plain"]]
    assert said(kernel, f"print(panel.problems, panel.plan({CODE!r}).route)") == "() code"


def test_a_panel_of_a_router_of_one_s_own_leaves_that_as_it_is(kernel: Kernel, file: Path) -> None:
    """Who was given a router by hand knows best when to make a new one."""
    panel = Panel(kernel, file, "rb.ConfigPanel(rb.Router())")
    panel.does("save", text=file.read_text() + "# more\n")
    assert "make a new one" in panel.traits["state"]
    assert file.read_text().endswith("# more\n")
