"""`tiers`: nine tasks, each with a local, a free and a paid model, and a wall that holds whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from as_preset import frame_says, kernel_with
from kernels import Kernel
from served import faulty

from routebook.testing import Chaos, ScriptedServer

KEYS = {name: f"key-{name.lower()}" for name in ("GEMINI_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "HF_TOKEN", "OPENROUTER_API_KEY")}
TASKS = {
    "instruction-routing": ("hermes", "gemini-flash", "gemini-pro"),
    "instruction-rewriting": ("openhermes", "mistral-small", "opus"),
    "decomposition": ("phi", "groq-70b", "gpt-4o"),
    "tool-formatting": ("llama-8b", "groq-70b", "gpt-4o"),
    "structure-check": ("mistral-7b", "gemini-flash", "gemini-flash-paid"),
    "quality-scoring": ("command-r", "mistral-small", "sonnet"),
    "rationale": ("command-r", "deepseek-free", "opus"),
    "parameter-extraction": ("mistral-7b", "gemini-flash", "gemini-flash-paid"),
    "labelling": ("starling", "gemini-flash", "gemini-flash-paid"),
}
FREE = ("gemini", "groq", "mistral", "huggingface", "openrouter-free")


class Tiers:
    """One server for each tier, each of which may be down."""

    def __init__(self, stack: ExitStack, *, local: Chaos, free: Chaos, paid: Chaos) -> None:
        """They are closed with the stack."""
        self.local, self.free, self.paid = (stack.enter_context(ScriptedServer(script=script)) for script in (local, free, paid))

    def urls(self) -> dict[str, str]:
        """By provider of the preset."""
        wires = {"gemini": "gemini"}
        free = {name: self.free.url_for(wires.get(name, "openai")) for name in FREE}
        return {"ollama": self.local.url_for("ollama"), **free, "openrouter": self.paid.url_for("openai")}


@contextmanager
def running(folder: Path, *, local: Chaos | None = None, free: Chaos | None = None) -> Iterator[tuple[Kernel, Tiers]]:
    """A kernel with the preset, and its servers."""
    with ExitStack() as stack:
        tiers = Tiers(stack, local=local or Chaos(reply="local"), free=free or Chaos(reply="free"), paid=Chaos(reply="paid"))
        yield stack.enter_context(kernel_with(folder, "tiers", urls=tiers.urls(), keys=KEYS)), tiers


def test_4_01_each_task_has_its_local_free_and_paid_model(tmp_path: Path) -> None:
    """In this order; a free one of another provider stands in before anything is paid."""
    with running(tmp_path) as (kernel, _):
        for task, triple in TASKS.items():
            run = kernel.run(
                f"plan = get_ipython()._routebook[0].session.router.plan('x', task={task!r})\nprint([c.model for c in plan.candidates])"
            )
            order = run.text
            places = [order.index(f"'{model}'") for model in triple]
            assert places == sorted(places), (task, order)
        assert "local" in kernel.run("%%route --task labelling\nIs this good or bad?").text


def test_4_02_nothing_leaves_the_machine_behind_the_wall_with_every_local_model_failing(tmp_path: Path) -> None:
    """The servers of the other tiers count the bytes: none."""
    with running(tmp_path, local=faulty("server_error")) as (kernel, tiers):
        run = kernel.run("%%route --local --task labelling\nIs this good or bad?", seconds=90)
        assert "smollm2" in run.text
        assert not tiers.free.seen.calls
        assert not tiers.paid.seen.calls
        assert tiers.local.seen.calls


@pytest.mark.parametrize(("option", "answers"), [("--tier free", "free"), ("", "paid")])
def test_4_02_a_cell_says_how_far_it_may_go(tmp_path: Path, option: str, answers: str) -> None:
    """With what is nearer failing, the dearest tier allowed answers."""
    free = Chaos(reply="free") if answers == "free" else faulty("server_error")
    with running(tmp_path, local=faulty("server_error"), free=free) as (kernel, tiers):
        run = kernel.run(f"%%route {option} --task labelling\nIs this good or bad?", seconds=60)
        assert answers in run.text
        assert bool(tiers.paid.seen.calls) == (answers == "paid")


def test_4_03_keys_come_from_the_env_file(tmp_path: Path) -> None:
    """Each provider gets its own."""
    with running(tmp_path, local=faulty("server_error")) as (kernel, tiers):
        kernel.run("%%route --task decomposition --tier free\nBreak this down.", seconds=60)
        assert tiers.free.seen.calls[-1].headers["authorization"] == "Bearer key-groq_api_key"


def test_4_04_a_free_tier_is_never_asked_more_often_than_it_allows(tmp_path: Path) -> None:
    """Sixty a minute at Gemini: the server itself counts."""
    with running(tmp_path) as (kernel, tiers):
        code = (
            "router = get_ipython()._routebook[0].session.router\n"
            "answers = await router.map([f'say {n}' for n in range(90)], model='gemini-flash', deadline_s=5, progress=False)"
        )
        run = kernel.run(code, seconds=60)
        assert run.status == "error"
        assert len(tiers.free.seen.calls) <= 60


def test_4_05_rubric_and_speed_are_shown(tmp_path: Path) -> None:
    """In the list of models."""
    with running(tmp_path) as (kernel, _):
        text = kernel.run("%route models").text
        assert "gemini-flash" in text
        assert frame_says(kernel, "len(df)") == "0"
