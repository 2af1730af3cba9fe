"""`%%route -b` in a real kernel: the cell returns at once, and what uses the answer waits for it."""

from __future__ import annotations

import re
import time

from kernels import Kernel, Run, said, wait_in
from served import wait_until

from routebook.testing import Chaos, Fault, ScriptedServer

SCRIPTS = {
    "quick": Chaos(reply="It is four."),
    "late": Chaos(reply="It is five.", latency_s=2.0),
    "endless": Chaos(tokens=5000, tokens_per_s=20),
    "down": Chaos(faults=(Fault(kind="auth"),)),
}
ROUTING = """
[books]
path = ":memory:"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
quick = { provider = "here", id = "quick" }
late = { provider = "here", id = "late" }
endless = { provider = "here", id = "endless" }
narrow = { provider = "here", id = "late", max_concurrent = 1 }
down = { provider = "here", id = "down" }
[[routes]]
name = "chat"
try = ["quick"]
"""


def test_the_cell_returns_at_once_and_the_user_of_the_answer_waits(kernel: Kernel) -> None:
    """The next cells run meanwhile."""
    began = time.monotonic()
    assert kernel.run("get_ipython().run_cell_magic('route', '-b -m late -o five', 'What?')\nis_done = five.is_done").status == "ok"
    assert said(kernel, "print(is_done, repr(five).startswith('<job'))") == "False True"
    assert said(kernel, "print(five.text)") == "It is five."
    assert time.monotonic() - began >= 2.0
    wait_in(kernel, "type(five).__name__ == 'Answer'")


def test_another_prompt_waits_for_the_answer_it_uses(kernel: Kernel, server: ScriptedServer) -> None:
    """Cells can be chained without a thought."""
    kernel.run("%%route -b -m late -o five\nWhat?")
    assert kernel.run("%%route -m quick\nIs this right: {{five}}").status == "ok"
    assert server.seen.calls[-1].json()["messages"][-1]["content"] == "Is this right: It is five."


def test_it_can_be_awaited_and_tells_when_it_is_done(kernel: Kernel) -> None:
    """For those who write async cells, and those who want to be told."""
    kernel.run("%%route -b -m late -o five\nWhat?")
    kernel.run("told = []\nfive.add_done_callback(lambda job: told.append(job.result().text))\njob = five")
    assert said(kernel, "answer = await job\nprint(answer.text)") == "It is five."
    wait_in(kernel, "told")
    assert said(kernel, "print(told)") == "['It is five.']"


def test_the_card_becomes_the_answer(kernel: Kernel) -> None:
    """The cell that began it shows it, while others run."""
    message = kernel.start("%%route -b -m late\nWhat?")
    run = kernel.finish(message)
    kernel.listen(message, run, seconds=4)
    assert len(run.outputs) == 1
    assert "It is five." in run.html


def test_jobs_are_listed_shown_and_ended(kernel: Kernel, server: ScriptedServer) -> None:
    """Nobody has to remember which variable it was."""
    before = len(server.seen.disconnects)
    kernel.run("%%route -b -m endless -o story\nTell a story.")
    number = said(kernel, "print(story.number)")
    wait_until(lambda: server.seen.concurrent_by_model["endless"])
    listed = kernel.run("%route jobs").text
    assert "1 job under way" in listed
    assert "Tell a story." in listed
    assert "is being ended" in kernel.run(f"%route jobs cancel {number}").text
    wait_in(kernel, "'cancelled' in repr(story)")
    wait_until(lambda: len(server.seen.disconnects) == before + 1)
    wrong = kernel.run("print(story.text)")
    assert wrong.status == "error"
    assert "was cancelled" in wrong.text
    assert "There is no job '77'" in kernel.run("%route jobs show 77").text


def test_the_stop_button_leaves_it_alone(kernel: Kernel) -> None:
    """It stops the cell that runs, not what runs behind."""
    kernel.run("%%route -b -m late -o five\nWhat?")
    cell, run = kernel.start("import time\nprint('begun', flush=True)\ntime.sleep(30)"), Run()
    kernel.watch(cell, run, until=time.monotonic() + 30, stop_at="stream")
    kernel.interrupt()
    assert kernel.finish(cell, run=run).ename == "KeyboardInterrupt"
    assert said(kernel, "print(five.text)") == "It is five."


def test_a_failure_is_on_the_card_and_raised_where_the_answer_is_used(kernel: Kernel) -> None:
    """An error nobody saw would be an answer nobody misses."""
    message = kernel.start("%%route -b -m down -o nothing\nWhat?")
    run = kernel.finish(message)
    kernel.listen(message, run, seconds=2)
    assert "AllAttemptsFailed" in run.html
    wrong = kernel.run("print(nothing.text)")
    assert (wrong.status, wrong.ename) == ("error", "AllAttemptsFailed")


def test_a_wrong_option_is_refused_at_once(kernel: Kernel) -> None:
    """While one looks, not when the answer is used."""
    run = kernel.run("%%route -b -m quikc\nWhat?")
    assert run.status == "error"
    assert "Did you mean 'quick'" in run.text
    assert "--compare and -b do not go together" in kernel.run("%%route -b --compare quick,late\nWhat?").text


def test_the_list_says_the_place_in_the_queue_and_how_much_has_come(kernel: Kernel) -> None:
    """Whoever waits wants to know for what."""
    kernel.run("%%route -b -m narrow -o one\nWhat?")
    kernel.run("%%route -b -m narrow -o two\nWhat?")
    kernel.run("%%route -b -m endless -o story\nTell a story.")
    listed: list[str] = []

    def lists(words: str) -> bool:
        listed.append(kernel.run("%route jobs").text)
        return re.search(words, listed[-1]) is not None

    wait_until(lambda: lists(r"waiting for narrow: place 1 in its queue"))
    wait_until(lambda: lists(r"answering, [\d,]+ characters so far"))
    kernel.run("story.cancel()")
    assert said(kernel, "print(one.text, two.text)") == "It is five. It is five."


def test_what_nobody_has_taken_yet_is_never_forgotten(kernel: Kernel) -> None:
    """A hundred jobs later the answer is still there; those that were read make room."""
    kernel.run("%%route -b -m quick\nWhat?")
    kernel.run(
        "jobs = get_ipython().magics_manager.registry['RouteMagics'].session.jobs\nfrom routebook.notebook.panels.card import start_behind"
    )
    number = said(kernel, "n = jobs.all()[-1].number; print(n)")
    kernel.run(
        "session = get_ipython().magics_manager.registry['RouteMagics'].session\n"
        "for at in range(104): start_behind(session, f'What is {at}?', {'model': 'quick'}, name=None).result()",
        seconds=120,
    )
    assert said(kernel, "print(len(jobs.all()) <= 103, any(job.number == n for job in jobs.all()))") == "True True"
    assert "It is four." in kernel.run(f"%route jobs show {number}").text
