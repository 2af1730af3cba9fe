"""`rb.Compare()` in a real kernel: what a person does comes as messages, requests run beside other cells, and nothing dead is left."""

from __future__ import annotations

import time
from typing import Any

import pytest
from kernels import Kernel, Run, said

from routebook.errors import UsageError
from routebook.notebook.panels.panel_form import Form, closed_page
from routebook.testing import Chaos, Fault, ScriptedServer

SCRIPTS = {
    "tom": Chaos(reply="The cat sat on the mat."),
    "rex": Chaos(reply="The dog sat on the mat."),
    "slow": Chaos(tokens=2000, tokens_per_s=20),
    "down": Chaos(faults=(Fault(kind="auth"),)),
}
ROUTING = """
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
tier = "paid"
[models]
far = { provider = "away", id = "tom" }
tom = { provider = "here", id = "tom" }
rex = { provider = "here", id = "rex" }
slow = { provider = "here", id = "slow" }
down = { provider = "here", id = "down" }
[[routes]]
name = "chat"
try = ["tom", "rex"]
"""
FILLED = {"prompt": "Who sat?", "models": ["tom", "rex"], "temperature": "0.2", "max_tokens": "50", "repeat": "1"}


class Panel:
    """A panel as the page has it: what it was told, and what a person does there."""

    def __init__(self, kernel: Kernel, made: str = "rb.Compare()") -> None:
        """Open it in a cell of its own, in front of a person."""
        self.kernel = kernel
        content = {
            "code": f"panel = {made}\npanel", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
            "stop_on_error": True,
        }  # fmt: skip
        message = kernel.client.session.msg("execute_request", content, metadata={"cellId": "panel"})
        kernel.client.shell_channel.send(message)
        self.run = kernel.finish(message["header"]["msg_id"])
        assert self.run.status == "ok", self.run.text
        states = [content for _, kind, content in self.run.seen if kind == "comm_open" and "picked" in content["data"].get("state", {})]
        self.comm = states[-1]["comm_id"]
        self.traits: dict[str, Any] = dict(states[-1]["data"]["state"])

    def does(self, **content: Any) -> Run:  # noqa: ANN401
        """Send what a person did, and take in what the kernel says while it acts on it."""
        data = {"method": "custom", "content": content}
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.kernel.client.shell_channel.send(message)
        run = Run()
        self.kernel.watch(message["header"]["msg_id"], run, until=time.monotonic() + 30)
        self.take(run)
        return run

    def wait(self) -> Run:
        """Wait in another cell for the end, and take in what came meanwhile."""
        run = self.kernel.run("panel.wait(20)", seconds=30)
        assert run.status == "ok", run.text
        self.take(run)
        return run

    def take(self, run: Run) -> None:
        """Note what the controls were told."""
        for _, kind, content in run.seen:
            if kind == "comm_msg" and content["comm_id"] == self.comm and content["data"].get("method") == "update":
                self.traits.update(content["data"]["state"])


def test_the_picker_offers_what_is_ready_and_says_why_the_rest_is_not(kernel: Kernel) -> None:
    """Two are picked; a model without its key cannot be."""
    panel = Panel(kernel)
    models = {model["name"]: model for model in panel.traits["models"]}
    assert list(models) == ["tom", "rex", "slow", "down", "far"]
    assert models["far"]["off"]
    assert "A_KEY_THAT_NOBODY_HAS" in models["far"]["why"]
    assert not models["tom"]["off"]
    assert panel.traits["picked"] == ["tom", "rex"]


def test_what_is_given_is_filled_in(kernel: Kernel) -> None:
    """A panel can be made for others to use."""
    panel = Panel(kernel, "rb.Compare('Who sat?', ['rex', 'slow'], temperature=0.5, max_tokens=9, repeat=2)")
    told = {name: panel.traits[name] for name in ("prompt", "picked", "temperature", "max_tokens", "repeat")}
    assert told == {"prompt": "Who sat?", "picked": ["rex", "slow"], "temperature": "0.5", "max_tokens": "9", "repeat": "2"}
    assert "Did you mean 'tom'" in kernel.run("rb.Compare('Who?', ['tomm'])").text


def test_run_asks_with_what_is_filled_in_and_the_end_is_a_comparison(kernel: Kernel, server: ScriptedServer) -> None:
    """The page says so too, and other cells went on."""
    panel = Panel(kernel)
    began = time.monotonic()
    panel.does(kind="run", **FILLED)
    assert said(kernel, "print('another cell')") == "another cell"
    assert time.monotonic() - began < 20
    panel.wait()
    assert said(kernel, "print(panel.result['rex'].text, panel.form.temperature)") == "The dog sat on the mat. 0.2"
    assert [server.seen.calls[-1].json()[name] for name in ("temperature", "max_tokens")] == [0.2, 50]
    assert said(kernel, "print(panel._widget._widget.answered, panel._widget._widget.running)") == "['tom', 'rex'] False"


def test_votes_and_ratings_are_learned_from(kernel: Kernel) -> None:
    """One vote for a comparison; a rating can be changed."""
    kernel.run("panel.router.forget(everything=True)")
    panel = Panel(kernel)
    panel.does(kind="run", **FILLED)
    panel.wait()
    panel.does(kind="vote", pane="rex")
    panel.does(kind="rate", pane="tom", score=0.25)
    assert panel.traits["won"] == "rex"
    assert panel.traits["verdict"] == "noted: rex is best, tom: 2 of 5"
    panel.does(kind="vote", pane="tom")
    assert "a vote on these answers already" in panel.traits["note"]
    assert said(kernel, "b = panel.router.beliefs().set_index('model')['mean']\nprint(b['rex'] > b['tom'])") == "True"


def test_a_note_is_kept_with_the_answer_and_another_takes_its_place(kernel: Kernel) -> None:
    """With what was said besides: in the comparison, its exports, and `rb.notes()`; a key in it is not written down."""
    panel = Panel(kernel)
    panel.does(kind="run", **FILLED)
    panel.wait()
    panel.does(kind="note", pane="tom", note="a first thought")
    panel.does(kind="note", pane="tom", note=" too short, and sk-ant-api03-aB3dE5fG7haB3dE5fG7h in it ")
    panel.does(kind="rate", pane="tom", score=0.25)
    assert panel.traits["verdict"] == "noted: a note on tom, tom: 2 of 5"
    assert said(
        kernel,
        "f = panel.result.frame.set_index('pane')\nprint(f.loc['tom', 'note'], f.loc['tom', 'feedback'], f.loc['rex', 'note'] == '')",
    ) == ("too short, and *** in it 0.25 True")
    assert said(kernel, "n = rb.notes(panel.router)\nprint(len(n), n.iloc[-1]['model'], n.iloc[-1]['feedback'], n.iloc[-1]['note'])") == (
        "1 tom 0.25 too short, and *** in it"
    )
    panel.does(kind="note", pane="tom", note="")
    assert said(kernel, "print(len(rb.notes(panel.router)))") == "0"


def test_the_page_gets_a_comparison_to_copy(kernel: Kernel) -> None:
    """As CSV and as Markdown, with figures and with what was said of the answers; not before there is one."""
    panel = Panel(kernel)
    panel.does(kind="export", form="CSV")
    assert "nothing to copy" in panel.traits["note"]
    panel.does(kind="run", **FILLED)
    panel.wait()
    panel.does(kind="note", pane="rex", note="barks")
    found = {}
    for form in ("CSV", "Markdown"):
        run = panel.does(kind="export", form=form)
        sent = [
            content["data"]["content"] for _, kind, content in run.seen if kind == "comm_msg" and content["data"].get("method") == "custom"
        ]
        found[form] = sent[-1]["text"]
    assert found["CSV"].splitlines()[0].startswith("pane,model,status,text")
    assert "barks" in found["CSV"]
    assert "## rex\n\nThe dog sat on the mat.\n\n*barks*" in found["Markdown"]
    assert "| model | first token |" in found["Markdown"]


def test_cancel_ends_what_is_under_way_and_keeps_what_came(kernel: Kernel, server: ScriptedServer) -> None:
    """The connection is closed; the quick answer stays."""
    panel = Panel(kernel)
    before = len(server.seen.disconnects)
    panel.does(kind="run", **{**FILLED, "models": ["tom", "slow"], "max_tokens": ""})
    said(kernel, "import time\ntime.sleep(1)")
    panel.does(kind="cancel")
    panel.wait()
    assert said(kernel, "print(panel.result['tom'].text, panel.result['slow'].finish_reason)") == "The cat sat on the mat. cancelled"
    assert "1 stopped" in said(kernel, "print(panel._widget._widget.state)")
    assert len(server.seen.disconnects) == before + 1


def test_a_model_that_fails_spoils_nothing(kernel: Kernel) -> None:
    """Not even when all of them do."""
    panel = Panel(kernel)
    panel.does(kind="run", **{**FILLED, "models": ["tom", "down"]})
    panel.wait()
    assert said(kernel, "print(list(panel.result), list(panel.result.failures))") == "['tom'] ['down']"
    panel.does(kind="run", **{**FILLED, "models": ["down"], "repeat": "2"})
    panel.wait()
    assert said(kernel, "print(len(panel.result), len(panel.result.failures))") == "0 2"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": []}, "No model is picked"),
        ({"models": ["tom"]}, "takes 2 to 12 answers"),
        ({"prompt": "  "}, "There is no prompt yet"),
        ({"temperature": "hot"}, "Temperature takes a number from 0 to 2, and 'hot' is none"),
        ({"max_tokens": "-1"}, "Longest answer takes a whole number above 0"),
        ({"models": ["tom", "tomm"]}, "Did you mean 'tom'"),
    ],
)
def test_what_is_wrong_is_said_in_the_panel_and_nothing_is_sent(
    kernel: Kernel, server: ScriptedServer, changes: dict[str, Any], words: str
) -> None:  # fmt: skip
    """Nothing is paid for a slip."""
    panel, before = Panel(kernel), len(server.seen.calls)
    panel.does(kind="run", **{**FILLED, **changes})
    assert words in panel.traits["note"]
    assert len(server.seen.calls) == before
    panel.does(kind="vote", pane="tom")
    assert "nothing to judge" in panel.traits["note"]


def test_closed_it_leaves_a_line_and_the_answers_and_no_widget(kernel: Kernel) -> None:
    """A widget in a saved notebook is dead when that is opened again."""
    panel = Panel(kernel)
    panel.does(kind="run", **FILLED)
    panel.wait()
    panel.does(kind="vote", pane="rex")
    run = panel.does(kind="close")
    pages = [content["data"] for _, kind, content in run.seen if kind == "update_display_data"]
    assert [sorted(page) for page in pages] == [
        ["text/html", "text/plain"]
    ] * 2  # the controls, and the answers, which told meanwhile what was asked
    assert pages[1]["text/plain"].startswith("[2 models side by side]")
    assert pages[0]["text/plain"] == "compared · tom, rex · temperature 0.2 · at most 50 tokens · rex is best\nWho sat?"
    assert said(kernel, "panel.close(); print(panel.result['tom'].text)") == "The cat sat on the mat."


def test_saved_while_it_lives_it_can_still_be_read(kernel: Kernel) -> None:
    """Nobody closes a panel before the notebook saves itself: the answers say what was asked and which was best, the controls that they are gone."""
    panel = Panel(kernel)
    shown = next(content["data"] for _, kind, content in panel.run.seen if kind == "display_data")
    assert "ended with their kernel" in shown["text/html"]
    panel.does(kind="run", **FILLED)
    panel.wait()
    run = panel.does(kind="vote", pane="rex")
    answers = [content["data"] for _, kind, content in run.seen if kind == "update_display_data"][-1]
    assert answers["text/plain"].startswith(
        "compared · tom, rex · temperature 0.2 · at most 50 tokens · rex is best\nWho sat?\n\n[2 models"
    )
    assert "Who sat?" in answers["text/html"]
    assert "<del>cat</del>" in answers["text/html"]


def test_a_new_panel_closes_the_one_before(kernel: Kernel) -> None:
    """At most one in a notebook is live, so at most one can be saved alive."""
    first = Panel(kernel)
    second = Panel(kernel)
    kinds = [sorted(content["data"]) for _, kind, content in second.run.seen if kind == "update_display_data"]
    assert ["text/html", "text/plain"] in kinds
    assert first.comm in {content["comm_id"] for _, kind, content in second.run.seen if kind == "comm_close"}


def test_where_nobody_could_use_it_no_control_is_shown(kernel: Kernel) -> None:
    """Run by a program it is driven by code, and what it leaves can be read."""
    run = kernel.run("panel = rb.Compare('Who sat?', ['tom', 'rex'])\ndisplay(panel)\npanel.run()\npanel.wait();")
    assert run.status == "ok", run.text
    assert [sorted(output["data"]) for output in run.outputs] == [["text/html", "text/plain"]] * 2
    assert "<del>cat</del><ins>dog</ins>" in run.html


def test_fields_are_read_as_people_write_them() -> None:
    """A decimal comma is a decimal point; empty is the model's own."""
    form = Form.read({"prompt": "Who?", "models": ["a"], "temperature": "0,5", "max_tokens": " ", "repeat": ""})
    assert form == Form(prompt="Who?", models=("a",), temperature=0.5)
    with pytest.raises(UsageError, match="Temperature"):
        Form.read({"temperature": "nan"})


def test_the_line_that_stays_is_inert_and_short() -> None:
    """A prompt may hold anything."""
    html = closed_page(Form(prompt="<img src=x>" + "x" * 500), verdicts=["<b> is best"])["text/html"]
    assert "<img" not in html
    assert "<b>" not in html
    assert len(html) < 800
