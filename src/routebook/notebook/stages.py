"""The steps of a pipeline as a cell shows them: each a line with its text folded behind it, the one that runs with the end of what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from routebook.engine.pipelines.outcome import SAID
from routebook.events import StepBegan, StepDelta, StepEnded, ToolStarted
from routebook.messages import Answer, ToolRun
from routebook.notebook import figures, wording

TAIL: Final = 2_000
"""Characters of a step's text that are shown while it comes; all of it once it has ended."""
_TICKS: Final = re.compile(r"`+")
ANSWERS: Final = "its text is the answer"


class Stage(NamedTuple):
    """One step, as far as it has come."""

    title: str
    text: str
    is_done: bool


class Stages:
    """Takes in what steps say."""

    def __init__(self) -> None:
        """No step has begun."""
        self._done: list[Stage] = []
        self._began: StepBegan | None = None
        self._pieces: list[str] = []
        self._parts = 0
        self._is_answer = False
        self._tools: dict[str, ToolStarted] = {}
        """Those that run."""

    def __bool__(self) -> bool:
        """Whether there are steps at all."""
        return bool(self._done) or self._began is not None

    @property
    def title(self) -> str:
        """The step that runs, and how far it is; empty between two steps."""
        began = self._began
        if began is None:
            return ""
        again = f", round {began.round}" if began.round > 1 else ""
        parts = f", {self._parts} of {began.parts} chunks read" if began.parts > 1 else ""
        return f"step {began.number} of {began.of}: {began.step}{again}{parts}"

    def began(self, event: StepBegan) -> None:
        """A step begins."""
        self._began, self._pieces, self._parts, self._is_answer = event, [], 0, False

    def said(self, event: StepDelta) -> None:
        """It says something; of thoughts nothing is shown."""
        self._parts += event.part is not None
        if event.kind == "text":
            self._pieces.append(event.text if event.part is None else f"{event.text}\n\n")

    def is_answering(self) -> None:
        """What comes now is the answer itself."""
        self._is_answer = True

    def void(self) -> None:
        """What it has said no longer counts."""
        self._pieces = []

    def ended(self, event: StepEnded) -> None:
        """It has ended."""
        text = ANSWERS if self._is_answer else event.text
        self._done.append(Stage(stage_title(event.step, event.answers, verdict=event.verdict), text, is_done=True))
        self._began = None

    def tool_began(self, event: ToolStarted) -> None:
        """A tool runs."""
        self._tools[event.id] = event

    def tool_ended(self, run: ToolRun) -> None:
        """A tool has run."""
        self._tools.pop(run.id, None)
        self._done.append(tool_stage(run))

    def shown(self) -> tuple[Stage, ...]:
        """All so far; of the one that runs the end of its text."""
        tools = tuple(Stage(f"{tool.name}({tool.arguments}) · running", "", is_done=False) for tool in self._tools.values())
        if self._began is None or tools:
            return (*self._done, *tools)
        return (*self._done, Stage(self.title, "".join(self._pieces)[-TAIL:], is_done=False))


def stage_title(step: str, answers: Sequence[Answer], *, verdict: bool | None = None) -> str:
    """A step that has ended in a line: who answered, what it said, what it took."""
    if not answers:
        return f"{step} · left out: it got no answer"
    attempts = [attempt for answer in answers for attempt in answer.attempts]
    models = list(dict.fromkeys(answer.model for answer in answers))
    said = "" if verdict is None else SAID[verdict]
    chunks = f"{len(answers)} chunks" if len(answers) > 1 else ""
    tokens_out = sum(attempt.output_tokens or 0 for attempt in attempts)
    tokens_in = sum(attempt.input_tokens or 0 for attempt in attempts)
    took = answers[0].attempt.latency_s if len(answers) == 1 else None
    cost: Decimal | None = wording.total_usd(answers)
    parts = [
        step, ", ".join(models), said, chunks, f"{tokens_in:,} tokens in, {tokens_out:,} out", figures.seconds(took) if took is not None else "",
        wording.dollars(cost),
    ]  # fmt: skip
    return " · ".join(filter(None, parts))


def tool_stage(run: ToolRun) -> Stage:
    """A tool that has run: what it was given, how it went, and behind it what it said, as it is."""
    by = f" by {run.by}" if run.by != run.name else ""
    title = f"{run.name}({run.arguments}) · {run.status}{by} · {figures.seconds(run.seconds)} · {run.bytes:,} bytes"
    fence = "`" * (3 + max(map(len, _TICKS.findall(run.result)), default=0))
    return Stage(title, f"{fence}\n{run.result}\n{fence}" if run.result else "", is_done=True)


def stages_of(answer: Answer) -> list[Stage]:
    """The tools and steps of a finished answer; the chunks of one step together."""
    runs: list[list[Answer]] = []
    for step in answer.steps:
        is_chunk = bool(runs) and runs[-1][-1].plan.request.step == step.plan.request.step
        (runs[-1].append if is_chunk else lambda first: runs.append([first]))(step)
    steps = [stage for run in runs for stage in (*(tool_stage(tool) for one in run for tool in one.tools), _stage(answer, run))]
    return [*(steps or map(tool_stage, answer.tools))]


def _stage(whole: Answer, run: Sequence[Answer]) -> Stage:
    name = run[0].plan.request.step or ""
    is_answer = whole.answered_by is not None and run[-1].attempt.attempt == whole.answered_by
    text = "\n\n".join(answer.text for answer in run)
    verdict = next((is_yes for is_yes, said in SAID.items() if said in run[-1].notes), None)
    return Stage(stage_title(name, run, verdict=verdict), ANSWERS if is_answer else text, is_done=True)
