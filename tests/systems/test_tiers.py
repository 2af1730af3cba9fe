"""`tiers`: nine tasks, each with a local, a free and a paid model, and a wall that holds whatever fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest
from as_preset import Bench, bench
from served import faulty

from routebook.testing import Chaos, ScriptedServer

KEYS: Final = {
    name: f"key-{name.lower()}" for name in ("GEMINI_API_KEY", "GROQ_API_KEY", "MISTRAL_API_KEY", "HF_TOKEN", "OPENROUTER_API_KEY")
}
TASKS: Final = {
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
RPM: Final = {"gemini": 60, "groq": 30, "mistral": 20, "huggingface": 30, "openrouter-free": 10}
SPIES: Final = """
import sys
opened, looked_up = set(), set()
def spy(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        opened.add(args[1][1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        looked_up.add(args[0])
sys.addaudithook(spy)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests; it has no weights, so the built-in model fails too."""
    with bench(tmp_path_factory.mktemp("tiers")) as running:
        yield running


class Tiers:
    """A server for the local tier, one for each free provider, one for the paid tier."""

    def __init__(self, stack: ExitStack, *, local: Chaos, free: Chaos, paid: Chaos) -> None:
        """They are closed with the stack; each free provider enforces its own limit."""
        self.local, self.paid = (stack.enter_context(ScriptedServer(script=script)) for script in (local, paid))
        self.free = {name: stack.enter_context(ScriptedServer(script=free, rpm=rpm)) for name, rpm in RPM.items()}

    def urls(self) -> dict[str, str]:
        """By provider of the preset."""
        wires: Mapping[str, Any] = {"gemini": "gemini"}
        free = {name: server.url_for(wires.get(name, "openai")) for name, server in self.free.items()}
        return {"ollama": self.local.url_for("ollama"), **free, "openrouter": self.paid.url_for("openai")}

    def far(self) -> list[ScriptedServer]:
        """All but the local one."""
        return [*self.free.values(), self.paid]


@contextmanager
def running(
    kernel: Bench,
    *,
    local: Chaos | None = None,
    free: Chaos | None = None,
    keys: Mapping[str, str] | None = None,
    changes: Mapping[str, str] | None = None,
) -> Iterator[Tiers]:
    """The preset before its servers."""
    with ExitStack() as stack:
        tiers = Tiers(stack, local=local or Chaos(reply="local"), free=free or Chaos(reply="free"), paid=Chaos(reply="paid"))
        kernel.load("tiers", urls=tiers.urls(), keys=KEYS if keys is None else keys, changes=changes)
        yield tiers


def test_4_01_each_task_has_its_local_free_and_paid_model(kernel: Bench) -> None:
    """In this order; a free one of another provider stands in before anything is paid."""
    with running(kernel) as tiers:
        for task, triple in TASKS.items():
            order = kernel.python(f"print([one.model for one in router.plan('x', task={task!r}).candidates])")
            places = [order.index(f"'{model}'") for model in triple]
            assert places == sorted(places), (task, order)
            tiers_of = kernel.python(
                f"print(*[one.tier for one in router.plan('x', task={task!r}).candidates if one.model != 'smollm2'])"
            ).split()
            assert tiers_of == sorted(tiers_of, key=("local", "free", "paid").index), (task, tiers_of)
            assert tiers_of.count("free") > 1, task
            assert "local" in kernel.cell(f"--task {task} --no-cache", "Is this good or bad?").text
        assert tiers.local.seen.attempts == len(TASKS)
        assert not any(server.seen.attempts for server in tiers.far())


@pytest.mark.parametrize("option", ["--local", "--tier local"])
def test_4_02_with_every_local_model_failing_no_byte_leaves_the_machine(kernel: Bench, option: str) -> None:
    """Looked at from both ends: what the others' servers read, and what this process connected to and looked up."""
    with running(kernel, local=faulty("server_error")) as tiers:
        before = [server.seen.connections for server in tiers.far()]
        assert kernel.kernel.run(SPIES).status == "ok"
        for task in TASKS:
            run = kernel.kernel.run(f"%%route {option} --task {task} --no-cache\nIs this good or bad?", seconds=90)
            assert run.status == "error"
            assert "smollm2" in run.text
        assert tiers.local.seen.attempts
        assert not any(server.seen.bytes_in for server in tiers.far())
        assert [server.seen.connections for server in tiers.far()] == before
        ports = {int(url.rpartition(":")[2].partition("/")[0]) for name, url in tiers.urls().items() if name != "ollama"}
        here = tiers.local.url_for("ollama").rpartition(":")[2]
        assert (
            kernel.python(f"print({here} in opened, opened & {ports}, looked_up - {{'127.0.0.1', 'localhost', None}})")
            == "True set() set()"
        )


@pytest.mark.parametrize(("option", "answers"), [("--tier free", "free"), ("", "paid")])
def test_4_02_a_cell_says_how_far_it_may_go(kernel: Bench, option: str, answers: str) -> None:
    """With what is nearer failing, the dearest tier allowed answers."""
    free = Chaos(reply="free") if answers == "free" else faulty("server_error")
    with running(kernel, local=faulty("server_error"), free=free) as tiers:
        assert answers in kernel.cell(f"{option} --task labelling --no-cache", "Is this good or bad?").text
        assert bool(tiers.paid.seen.attempts) == (answers == "paid")


def test_4_03_keys_come_from_the_environment_and_from_the_home_folder(kernel: Bench) -> None:
    """Each provider gets its own; without one a provider is left out, and the plan says which variable is not set."""
    home = kernel.folder / ".home" / "HOME" / ".env"
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text("export GROQ_API_KEY='key-of-home'\n", encoding="utf-8")
    try:
        kernel.kernel.run("import os\nos.environ['MISTRAL_API_KEY'] = 'key-of-environment'")
        with running(kernel, local=faulty("server_error"), keys={}) as tiers:
            for task, name in (("decomposition", "groq"), ("quality-scoring", "mistral")):
                kernel.cell(f"--task {task} --tier free --no-cache", "Break this down.")
                sent = tiers.free[name].seen.calls[-1].headers["authorization"]
                assert sent == f"Bearer key-of-{'home' if name == 'groq' else 'environment'}"
            assert "GEMINI_API_KEY is not set" in kernel.kernel.run("%route why").text
    finally:
        home.unlink()
        kernel.kernel.run("del os.environ['MISTRAL_API_KEY']")


def test_4_04_a_free_tier_is_never_asked_more_often_than_it_allows(kernel: Bench) -> None:
    """Sixty a minute at Gemini, thirty at Groq and Hugging Face, twenty at Mistral, ten at OpenRouter: each enforces it, and has nothing to refuse."""
    models = {
        "gemini-flash": "gemini",
        "groq-70b": "groq",
        "mistral-small": "mistral",
        "hf-llama": "huggingface",
        "deepseek-free": "openrouter-free",
    }
    asked = [(model, number) for model, provider in models.items() for number in range(RPM[provider] + 5)]
    code = (
        "import asyncio\n"
        f"asked = [router.ask(f'say {{n}}', model=model, deadline_s=45, cache=False, max_tokens=5) for model, n in {asked}]\n"
        "found = await asyncio.gather(*asked, return_exceptions=True)\n"
        "print(sum(not isinstance(one, Exception) for one in found))"
    )
    with running(kernel) as tiers:
        assert int(kernel.python(code, seconds=90)) <= sum(RPM.values())
        for name, rpm in RPM.items():
            assert rpm - 1 <= tiers.free[name].seen.attempts <= rpm, name
            assert tiers.free[name].seen.over_limit == 0, name


def test_4_05_rubric_and_speed_are_shown(kernel: Bench) -> None:
    """Of each model."""
    with running(kernel):
        text = kernel.kernel.run("%route models gemini-flash").text
        assert "10 of 10" in text
        assert "instruction-routing 8" in text


def test_4_07_several_models_give_one_answer_and_a_task_may_be_parted_between_two(kernel: Bench) -> None:
    """An ensemble in a cell; an A/B test by a table in the file."""
    test = '[experiments.labels]\nroute = "labelling"\nmodels = { starling = 1, mistral-7b = 1 }\noutcome = "checks"\n\n'
    head = "# --- Tasks. Instructions:"
    with running(kernel, changes={head: test + head}) as tiers:
        kernel.cell("--ensemble hermes,phi,starling --no-cache", "Is this good or bad?")
        assert len({call.model for call in tiers.local.seen.calls}) == 3
        before = tiers.local.seen.attempts
        kernel.python("for n in range(40):\n    await router.ask(f'Is number {n} good or bad?', task='labelling', cache=False)")
        parted = [call.model for call in tiers.local.seen.calls][before:]
        assert set(parted) == {"starling-lm:7b", "mistral:7b-instruct-q4_K_M"}
        assert 5 < parted.count("starling-lm:7b") < 35
        text = kernel.kernel.run("%route experiments").text
        assert all(said in text for said in ("labels", "starling", "mistral-7b"))
