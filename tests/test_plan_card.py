"""`rb.PlanCard` and `%%route --dry` in a real kernel: everything is said before anything is sent, and Run sends just that."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kernels import Kernel, Run, running_kernel, said

from routebook.testing import Chaos, Fault, ScriptedServer

KEY = "sk-ant-api03-" + "aB3dE5fG7h" * 4
ROUTING = """
[books]
path = ":memory:"
[budgets]
total = { daily = 2, unpriced = true }
free = { hourly = 1 }
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.there]
kind = "openai"
base_url = "URL"
tier = "free"
rpm = 30
tpd = 50000
[providers.away]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_NOBODY_HAS"
[models]
tom = { provider = "here", id = "tom" }
rex = { provider = "there", id = "rex", price = { input = 1, output = 2 } }
slow = { provider = "there", id = "slow", price = { input = 1, output = 2 } }
down = { provider = "here", id = "down" }
far = { provider = "away", id = "tom" }
[[routes]]
name = "chat"
try = ["rex", "tom", "far"]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """One server for all cells."""
    scripts = {
        "tom": Chaos(reply="I am Tom."), "rex": Chaos(reply="I am Rex."), "slow": Chaos(tokens=500, tokens_per_s=20),
        "down": Chaos(faults=(Fault(kind="auth"),)),
    }  # fmt: skip
    with ScriptedServer(models=scripts) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension loaded."""
    folder = tmp_path_factory.mktemp("plan")
    (folder / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    with running_kernel(folder) as running:
        assert running.run("%load_ext routebook\nimport routebook as rb, time").status == "ok"
        yield running


class Card:
    """A card as the page has it."""

    def __init__(self, kernel: Kernel, code: str) -> None:
        """Open it in front of a person."""
        self.kernel = kernel
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True, "stop_on_error": True,
        }  # fmt: skip
        message = kernel.client.session.msg("execute_request", content, metadata={"cellId": "card"})
        kernel.client.shell_channel.send(message)
        self.sent = message["header"]["msg_id"]
        self.run = kernel.finish(self.sent)
        assert self.run.status == "ok", self.run.text
        opened = [content for _, kind, content in self.run.seen if kind == "comm_open" and "can_run" in content["data"].get("state", {})]
        self.comm = opened[-1]["comm_id"]
        self.traits: dict[str, Any] = dict(opened[-1]["data"]["state"])

    def press(self, kind: str, *, seconds: float = 0.0) -> Run:
        """Press a button, and take in what the kernel says then and in so many seconds."""
        data = {"method": "custom", "content": {"kind": kind}}
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.kernel.client.shell_channel.send(message)
        run = Run()
        self.kernel.watch(message["header"]["msg_id"], run, until=time.monotonic() + 30)
        if seconds:
            self.kernel.listen(self.sent, run, seconds=seconds)  # the thread speaks for the cell that showed the card
        return run


def test_a_card_says_everything_before_anything_is_sent(kernel: Kernel, server: ScriptedServer) -> None:
    """Who, who behind, who not and why; cost, time, quotas, caps; what would leave, with sizes; keys, but not the keys."""
    before = len(server.seen.calls)
    kernel.run(f"note = 'a note of some length'\nsecret = {KEY!r}")
    card = Card(kernel, "rb.PlanCard('Translate {{note}} and {{secret}} please')")
    text = card.run.outputs[0]["data"]["text/plain"]
    for part in (
        "rex (free, about $", ": first choice", "tom (local): fallback 1", "far: no key: A_KEY_THAT_NOBODY_HAS", "time not known yet", "tokens in",
        "there, requests a minute: takes 1, 30 of 30 left", "there, tokens a day: takes about 4", "50,000 of 50,000 left",
        "total, daily: takes $0.00", "$2.00 of $2.00 left", "free, hourly:", "the whole prompt, at once, to there", "{{note}}: str, 21 characters",
        "{{secret}}: str, 53 characters", "sk-ant… (hidden here",
    ):  # fmt: skip
        assert part in text, part
    html = card.run.outputs[0]["data"]["text/html"]
    assert "the prompt as it would be sent" in html
    assert "a note of some length" in html
    assert KEY[:20] not in json.dumps([content for *_, content in card.run.seen], default=str)
    assert len(server.seen.calls) == before


def test_run_sends_it_and_the_answer_comes_below_as_in_a_cell(kernel: Kernel, server: ScriptedServer) -> None:
    """It is the last answer then, for `%route why` and `_route`; the buttons are gone, so nothing dead is saved."""
    card = Card(kernel, "card = rb.PlanCard('Who are you? {{word}}', raw=True, temperature=0.5)\ncard")
    assert card.traits["can_run"]
    card.press("run")
    assert said(kernel, "print(card.wait(20).text, card.answer is _route)") == "I am Rex. True"
    sent = server.seen.calls[-1].json()
    assert (sent["temperature"], sent["messages"][-1]["content"]) == (0.5, "Who are you? {{word}}")
    assert said(kernel, "print(card._controls)") == "None"
    assert "was run already" in kernel.run("card.run()").text
    assert "I am" not in card.run.outputs[0]["data"]["text/plain"]


def test_the_end_replaces_the_buttons_and_the_live_view(kernel: Kernel) -> None:
    """What a notebook saves is the card and the answer, both as they can be read anywhere."""
    card = Card(kernel, "card = rb.PlanCard('Who are you?')\ncard")
    run = card.press("run", seconds=2)
    updates = [content["data"] for _, kind, content in run.seen if kind == "update_display_data"]
    assert {"text/plain": ""} in updates
    assert any("I am Rex" in data.get("text/html", "") for data in updates)
    assert card.comm in {content["comm_id"] for _, kind, content in run.seen if kind == "comm_close"}


def test_a_dry_cell_is_a_card_and_its_answer_goes_where_the_cell_says(kernel: Kernel) -> None:
    """`-o` names the variable; before Run there is none."""
    card = Card(kernel, "%%route --dry -o held\nWho are you?")
    assert "plan" in card.run.outputs[0]["data"]["text/html"]
    assert "NameError" in kernel.run("held").text
    card.press("run")
    assert said(kernel, "time.sleep(1.5)\nprint(held.text)") == "I am Rex."


def test_where_nobody_could_press_it_there_is_no_button(kernel: Kernel, server: ScriptedServer) -> None:
    """Run by a program it is a page; code can run it."""
    before = len(server.seen.calls)
    run = kernel.run("%%route --dry\nWho are you?")
    assert "comm_open" not in [kind for _, kind, _ in run.seen]
    assert "Leaves the machine" in run.text
    assert len(server.seen.calls) == before
    assert said(kernel, "card = rb.PlanCard('Who are you?', model='tom')\ncard.run()\nprint(card.wait(20).text)").endswith("I am Tom.")


def test_a_failure_is_said_where_the_answer_would_be(kernel: Kernel) -> None:
    """And kept, for who asks by code."""
    assert "AllAttemptsFailed" in said(
        kernel, "card = rb.PlanCard('Who are you?', model='down')\ncard.run()\ncard.wait(20)\nprint(type(card.failure).__name__)"
    )


def test_a_plan_without_a_model_cannot_be_run(kernel: Kernel) -> None:
    """The button says so."""
    card = Card(kernel, "rb.PlanCard('Who are you?', model='far')")
    assert not card.traits["can_run"]
    assert "A_KEY_THAT_NOBODY_HAS" in card.run.outputs[0]["data"]["text/plain"]


def test_closing_cancels_and_a_new_card_takes_the_button(kernel: Kernel, server: ScriptedServer) -> None:
    """One button at a time; the connection of what was under way is closed."""
    first = Card(kernel, "rb.PlanCard('Who?')")
    second = Card(kernel, "card = rb.PlanCard('Go on', model='slow')\ncard")
    assert first.comm in {content["comm_id"] for _, kind, content in second.run.seen if kind == "comm_close"}
    before = len(server.seen.disconnects)
    second.press("run")
    said(kernel, "time.sleep(1)")
    said(kernel, "card.close()")
    assert said(kernel, "print(card.answer.finish_reason)") == "cancelled"
    assert len(server.seen.disconnects) == before + 1


def test_what_is_wrong_is_an_error_of_one_line(kernel: Kernel) -> None:
    """An unknown name, an unknown option: before anything is shown."""
    assert "{{noote}}" in kernel.run("rb.PlanCard('Translate {{noote}}')").text
    assert "There is no model 'tomm'" in kernel.run("rb.PlanCard('Who?', model='tomm')").text
