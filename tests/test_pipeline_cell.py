"""A cell whose prompt goes through steps: what is seen of them while they come, what stays, and what a script and a terminal get."""

from __future__ import annotations

import io
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from kernels import Kernel, Run, running_kernel, said
from test_page import answer

from routebook.events import Started, StepBegan, StepDelta, StepEnded, Switched
from routebook.messages import Delta
from routebook.notebook.gather import Gathered, News
from routebook.notebook.pipe import PipeView
from routebook.notebook.stages import ANSWERS, Stage
from routebook.notebook.terminal import TerminalView
from routebook.testing import Chaos, Fault, ScriptedServer

SCRIPTS = {
    "small": Chaos(reply="The **draft** <b>itself</b>.", tokens_per_s=20),
    "judge": Chaos(reply="FAIL: $x$ is missing"),
    "kind": Chaos(reply="PASS"),
    "dear": Chaos(reply="add $x$", tokens_per_s=10),
    "slow": Chaos(tokens=2000, tokens_per_s=20),
    "noted": Chaos(reply="noted"),
    "gone": Chaos(faults=(Fault(kind="not_found"),)),
}
ROUTING = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
small = { provider = "here", id = "small" }
judge = { provider = "here", id = "judge" }
kind = { provider = "here", id = "kind" }
dear = { provider = "here", id = "dear", price = { input = 10, output = 50 } }
slow = { provider = "here", id = "slow" }
noted = { provider = "here", id = "noted" }
gone = { provider = "here", id = "gone" }
[pools]
validators = { models = ["judge", "kind"], pick = "round-robin" }
[[routes]]
name = "chat"
try = ["small"]
[pipelines.reviewed]
answer = "draft"
steps = [
  { name = "draft", model = "small" },
  { name = "validate", model = "validators", yes = ["PASS"], max_tokens = 100 },
  { name = "direct", model = "dear", when = "low_quality", max_tokens = 50, then = "draft" },
]
[pipelines.research]
steps = [{ name = "search", model = "small" }, { name = "analyze", model = "dear", input = "{{prompt}} {{search}}" }]
[pipelines.long]
steps = [{ name = "parts", model = "noted", over = "chunks", chunk_tokens = 30 }, { name = "sum", model = "slow" }]
[pipelines.failing]
steps = [{ name = "draft", model = "small" }, { name = "validate", model = "gone" }]
"""


def told(run: Run) -> list[list[dict[str, Any]]]:
    """The steps as the page was told of them, each time."""
    states = [content["data"].get("state", {}) for _, kind, content in run.seen if kind == "comm_msg"]
    return [state["stages"][""] for state in states if state.get("stages")]


def tails(run: Run) -> list[str]:
    """What the step that ran had said, each time."""
    messages = [content["data"].get("content") or {} for _, kind, content in run.seen if kind == "comm_msg"]
    return [message[""]["stage"] for message in messages if message.get("", {}).get("stage")]


def test_a_cell_shows_its_steps_as_they_go_and_the_answer_at_the_end(kernel: Kernel) -> None:
    """Whoever looks on sees who is at work, and whoever opens the notebook later sees the answer first."""
    run = kernel.run("%%route --pipeline reviewed -o a\nWrite a line.")
    assert run.status == "ok", run.text
    titles = [[stage["title"].split(" · ")[0] for stage in stages] for stages in told(run)]
    assert ["step 1 of 3: draft"] in titles
    assert titles[-1] == ["draft", "validate", "direct", "draft", "validate"]
    assert any("step 1 of 3: draft, round 2" in stages for stages in titles)
    assert any(stage["html"] is None for stages in told(run) for stage in stages)
    assert "The **draft**" in tails(run)
    assert "said no" in run.text
    assert "said yes" in run.text
    assert run.html.count('<details class="routebook-stage"') == 5
    assert run.html.count(ANSWERS) == 1
    assert "<b>itself" not in run.html
    assert "&lt;b&gt;itself" in run.html
    assert "5 answers in 3 steps" in run.text
    assert "pipeline reviewed" in run.text
    assert said(kernel, "print(a.text, [step.plan.request.step for step in a.steps])") == (
        "The **draft** <b>itself</b>. ['draft', 'validate', 'direct', 'draft', 'validate']"
    )
    frame = "f = %route frame\nprint(f[f.request_id == a.request_id].step.tolist(), f.request_id.nunique())"
    assert said(kernel, frame).startswith("['draft', 'validate', 'direct', 'draft', 'validate']")
    why = kernel.run("%route why")
    assert "validate: judge" in why.text


def test_the_last_step_streams_into_the_cell_as_every_answer_does(kernel: Kernel) -> None:
    """Nobody waits for the whole of an analysis when its first words are there."""
    run = kernel.run("%%route --pipeline research\nWhat is new?")
    messages = [content["data"].get("content") or {} for _, kind, content in run.seen if kind == "comm_msg"]
    deltas = [message[""]["delta"] for message in messages if message.get("", {}).get("delta")]
    assert "".join(deltas) == "add $x$"
    assert len(deltas) > 1


def test_chunks_are_counted_while_they_are_read_and_the_stop_button_ends_all(kernel: Kernel, server: ScriptedServer) -> None:
    """A long document takes its time, and must say how far it is, and stop."""
    prompt = "\n\n".join(f"Paragraph {number} tells of the number {number} and of nothing else." for number in range(12))
    run = Run()
    cell = kernel.start(f"%%route --pipeline long\n{prompt}")
    until = time.monotonic() + 30
    while not any("asking slow" in str(content) or "answering" in str(content) for _, kind, content in run.seen if kind == "comm_msg"):
        kernel.watch(cell, run, until=until, stop_at="comm_msg")
    time.sleep(0.5)
    kernel.interrupt()
    run = kernel.finish(cell, run=run)
    assert run.ename == "Interrupted"
    assert any("chunks read" in str(content) for _, kind, content in run.seen if kind == "comm_msg")
    assert "12 chunks" in run.text or "chunks" in run.text
    while server.seen.concurrent:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert said(kernel, "f = %route frame\nprint(set(f[f.step == 'sum'].status))") == "{'cancelled'}"


def test_a_step_that_fails_is_named_under_what_there_was(kernel: Kernel) -> None:
    """What came of the steps before it is in the books, and the error says where it ended."""
    run = kernel.run("%%route --pipeline failing\nWrite a line.")
    assert run.ename == "AllAttemptsFailed"
    assert "This was step 'validate' of pipeline 'failing'." in run.text


@pytest.mark.parametrize("line", ["--pipeline reviewd", "--pipeline reviewed --compare small,dear"])
def test_a_wrong_line_is_refused_before_anything_is_sent(kernel: Kernel, server: ScriptedServer, line: str) -> None:
    """With the nearest right name."""
    before = server.seen.attempts
    run = kernel.run(f"%%route {line}\nhello")
    assert run.ename == "UsageError"
    assert "Did you mean 'reviewed'?" in run.text or "leave one out" in run.text
    assert server.seen.attempts == before


def test_a_plan_tells_of_every_step_and_who_could_read_the_prompt(tmp_path: Path, server: ScriptedServer) -> None:
    """A pipeline whose second step is far away sends the prompt away, though its first one does not."""
    far = (
        '[providers.far]\nkind = "openai"\nbase_url = "URL"\n[models.far]\nprovider = "far"\nid = "x"\nprice = { input = 1, output = 2 }\n'
    )
    piped = '[pipelines.p]\nsteps = [{ name = "one", model = "small", max_tokens = 9 }, { name = "two", model = "far", optional = true }]\n'
    text = f"{ROUTING}{far}{piped}".replace('try = ["small"]', 'try = ["small"]\npipeline = "p"').replace("URL", server.url)
    (tmp_path / "routing.toml").write_text(text)
    before = server.seen.attempts
    with running_kernel(tmp_path) as kernel:
        assert kernel.run("%load_ext routebook").status == "ok"
        shown = kernel.run("%%route --dry\nhello").text
        assert "pipeline p" in shown
        assert "one: small (local), at most 9 tokens" in shown
        assert "two: far (paid), about $" in shown
        assert "the whole prompt" in shown
        assert "far" in shown.partition("Leaves the machine")[2]
        long = kernel.run(f"%%route --dry --pipeline long\n{'Some words of a long text. ' * 60}").text
        assert " chunks" in long
        assert "Leaves the machine:\n  nothing" in long
    assert server.seen.attempts == before


# ---- what is gathered


def began(step: str, number: int = 1, **more: Any) -> StepBegan:  # noqa: ANN401
    """A step of three begins."""
    return StepBegan(step=step, number=number, of=3, round=more.get("round", 1), parts=more.get("parts", 1))


def gathered(*events: Any) -> News:  # noqa: ANN401
    """What is new after some events."""
    news = Gathered()
    for event in events:
        news.add(event)
    return news.take()


def test_a_state_says_which_step_it_is_of() -> None:
    """`asking opus` alone would look as if the answer came from there."""
    assert gathered(began("draft"), Started(model="small", attempt=1)).state == "step 1 of 3: draft: asking small"
    assert gathered(began("draft", round=2), StepDelta(step="draft", text="x")).state == "step 1 of 3: draft, round 2: answering"
    parts = gathered(began("parts", parts=4), StepDelta(step="parts", text="x", part=3))
    assert parts.state == "step 1 of 3: parts, 1 of 4 chunks read: answering"


def test_what_a_failed_attempt_of_a_step_said_is_not_shown_any_more() -> None:
    """As with answers: another model begins anew."""
    switched = Switched(from_model="small", to_model="dear", reason="it broke")
    news = gathered(began("draft"), StepDelta(step="draft", text="half a"), switched, StepDelta(step="draft", text="new"))
    assert news.stages is not None
    assert news.stages[-1].text == "new"


def test_text_of_steps_is_no_text_of_the_answer() -> None:
    """Thoughts of a step are not shown at all."""
    news = gathered(
        began("draft"), StepDelta(step="draft", text="hm", kind="thinking"), StepDelta(step="draft", text="a line"),
        StepEnded(step="draft", text="a line", answers=(answer(),)), began("last", 2), Delta(text="the answer"),
        StepEnded(step="last", text="the answer", answers=(answer(),)),
    )  # fmt: skip
    assert news.delta == "the answer"
    assert news.stages is not None
    assert [(stage.title.split(" · ")[0], stage.text) for stage in news.stages] == [("draft", "a line"), ("last", ANSWERS)]


STAGES = (Stage("draft · small · free", "the draft", is_done=True), Stage("step 2 of 2: polish", "so f", is_done=False))


def test_in_a_terminal_each_step_stands_above_the_answer_once() -> None:
    """There nothing can be folded away, and nothing is written twice."""
    view, out = TerminalView(), io.StringIO()
    with redirect_stdout(out):
        view.steps(STAGES)
        view.steps(STAGES)
        view.show(head=None, state=None, delta="The answer.", void=None)
    assert out.getvalue() == "── draft · small · free\nthe draft\n\nThe answer."


def test_in_a_pipe_only_the_answer_is_output() -> None:
    """`routebook ask … > file` must not have the validator's words in it."""
    view, out, err = PipeView(is_quiet=False, is_whole=False), io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        view.steps(STAGES)
        view.show(head=None, state=None, delta="The answer.", void=None)
    assert (out.getvalue(), err.getvalue()) == ("The answer.", "[draft · small · free]\n")


def test_the_shell_command_goes_through_steps_too(server: ScriptedServer, tmp_path: Path) -> None:
    """Every option of a cell that means something in a shell is one there."""
    from routebook.cli import main

    (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main(["ask", "--config", str(tmp_path / "routing.toml"), "--pipeline", "research", "What is new?"]) == 0
    assert out.getvalue().strip() == "add $x$"
    assert "[search · small" in err.getvalue()
