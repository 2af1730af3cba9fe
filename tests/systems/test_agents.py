"""`agents`: nineteen models behind one gateway, seven agents, one grant of tokens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Final

import pytest
from as_preset import Bench, bench
from served import faulty

from routebook.testing import Allowance, Chaos, ScriptedServer

KEYS: Final = {f"VANCHIN_API_KEY_{number}": f"key-of-{number}" for number in range(1, 20)}
MODELS: Final = [f"ep-{number:02d}" for number in range(1, 20)]
SAID: Final = "Done."
AGENTS: Final = {
    "project-planner": ([1], [2], [3]),
    "frontend-developer": ([4, 5, 6], [7, 8], []),
    "backend-developer": ([9, 10, 11], [12, 13], []),
    "database-designer": ([14, 15], [16], []),
    "ui-ux-designer": ([17, 18], [19], []),
    "code-reviewer": ([3], [1], [2]),
    "deployment-agent": ([19], [18], [17]),
}
MAP: Final = "answers = await router.map([f'{what} {{n}}' for n in range({count})], {how}, progress=False)\nprint(len(answers))"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all tests."""
    with bench(tmp_path_factory.mktemp("agents")) as running:
        yield running


@contextmanager
def gateway(
    kernel: Bench, *, dead: tuple[int, ...] = (), latency_s: float = 0.0, changes: Mapping[str, str] | None = None
) -> Iterator[ScriptedServer]:
    """The preset before its gateway, which lets five calls at once into each model; some models answer with an error."""
    scripts = {
        model: faulty("server_error") if number in dead else Chaos(reply=SAID, latency_s=latency_s)
        for number, model in enumerate(MODELS, start=1)
    }
    limits = {model: Allowance(max_concurrent=5) for model in MODELS}
    with ScriptedServer(models=scripts, limits=limits) as server:
        kernel.load("agents", urls={"vanchin": server.url}, keys=KEYS, changes=changes)
        yield server
        assert server.seen.over_limit == 0


def answered(server: ScriptedServer) -> Counter[str]:
    """How often each endpoint answered well."""
    return Counter(call.model for call in server.seen.calls if call.outcome == "ok")


def endpoints(numbers: list[int]) -> set[str]:
    """By their numbers."""
    return {MODELS[number - 1] for number in numbers}


def test_3_01_nineteen_models_behind_one_gateway_each_with_its_own_key(kernel: Bench) -> None:
    """Every endpoint id is called with its own key and no other."""
    with gateway(kernel) as server:
        for number in range(1, 20):
            assert SAID in kernel.cell(f"-m m{number} --no-cache", "Say done.").text
        seen = {call.model: call.headers["authorization"] for call in server.seen.calls}
    assert seen == {model: f"Bearer key-of-{number}" for number, model in enumerate(MODELS, start=1)}


def test_3_02_each_agent_has_primary_backup_and_tertiary_models(kernel: Bench) -> None:
    """As the team allotted them: the primary models answer, and who asked is in the frame."""
    with gateway(kernel) as server:
        for name, (primary, _, _) in AGENTS.items():
            before = len(server.seen.calls)
            kernel.cell(f"--agent {name} --no-cache", "Do it.")
            assert {call.model for call in list(server.seen.calls)[before:]} <= endpoints(primary), name
        assert kernel.frame("df.agent.tolist()") == str(list(AGENTS))


@pytest.mark.parametrize(
    ("name", "dead", "expected"),
    [
        ("frontend-developer", (4, 5, 6), [7, 8]),
        ("code-reviewer", (3,), [1]),
        ("code-reviewer", (3, 1), [2]),
        ("deployment-agent", (19, 18), [17]),
    ],
)
def test_3_02_with_the_primary_models_down_the_backups_answer_and_then_the_tertiary(
    kernel: Bench, name: str, dead: tuple[int, ...], expected: list[int]
) -> None:
    """In this order."""
    with gateway(kernel, dead=dead) as server:
        assert SAID in kernel.cell(f"--agent {name} --no-cache", "Do it.").text
        assert answered(server).keys() <= endpoints(expected)


def test_3_03_two_hundred_requests_spread_evenly_and_survive_two_dying_models(kernel: Bench) -> None:
    """Round-robin over the primary models; two that die are passed over."""
    code = MAP.format(what="task", count=200, how="agent='backend-developer'")
    with gateway(kernel) as server:
        assert kernel.python(code) == "200"
        even = answered(server)
    assert set(even) == endpoints([9, 10, 11])
    assert max(even.values()) - min(even.values()) <= 2
    with gateway(kernel, dead=(9, 10)) as server:
        assert kernel.python(code) == "200"
        assert sum(answered(server).values()) == 200
        assert set(answered(server)) <= endpoints([11, 12, 13])


def test_3_03_a_word_in_the_file_makes_it_random_and_a_name_takes_one(kernel: Bench) -> None:
    """Two more ways to choose inside a pool."""
    with gateway(
        kernel, changes={'pick = "round-robin"                    # random': 'pick = "random"                    # random'}
    ) as server:
        assert kernel.python(MAP.format(what="say", count=60, how="cache=False")) == "60"
        order = [call.model for call in server.seen.calls]
        assert len(set(order)) > 9
        turns = sum((MODELS.index(later) - MODELS.index(earlier)) % 19 == 1 for earlier, later in pairwise(order))
        assert turns < 30
        before = len(order)
        kernel.cell("-m m3 --no-cache", "Say it.")
        assert [call.model for call in server.seen.calls][before:] == ["ep-03"]


def test_3_04_when_all_fail_the_error_says_what_was_tried(kernel: Bench) -> None:
    """And what to do."""
    with gateway(kernel, dead=tuple(range(1, 20))) as server:
        run = kernel.kernel.run("%%route --agent code-reviewer --no-cache\nReview this.")
        assert {call.model for call in server.seen.calls} == endpoints([3, 1, 2])
    assert run.ename == "AllAttemptsFailed"
    assert all(name in run.text for name in ("m3: ", "m1: ", "m2: ", "%route why", "add a fallback"))


def test_3_05_one_grant_of_tokens_is_shared_and_told(kernel: Bench) -> None:
    """Twenty million for all models; what was used is in the status, and by model and agent in the frame."""
    with gateway(kernel) as server:
        kernel.cell("--agent code-reviewer --no-cache", "Review this.")
        kernel.cell("--agent ui-ux-designer --no-cache", "Choose the colours.")
        used = server.seen.input_tokens + server.seen.output_tokens
        text = kernel.kernel.run("%route status").text
        assert "20,000,000 tokens in all" in text
        line = next(line for line in text.splitlines() if "20,000,000" in line)
        assert f" {used:,} " in line.replace("  ", " "), line
        assert kernel.frame("int((df.input_tokens + df.output_tokens).groupby(df.agent).sum().sum())") == str(used)
    with gateway(kernel, changes={"tokens = 20_000_000": "tokens = 100"}) as server:
        run = kernel.cell("--agent code-reviewer --no-cache --max-tokens 5", "responsibility " * 23)
        used = server.seen.input_tokens + server.seen.output_tokens
        assert f"The pool 'vanchin' passed 80% of its 100 tokens in all: {used} are used." in run.text
    with gateway(kernel, changes={"tokens = 20_000_000": "tokens = 20"}) as server:
        run = kernel.kernel.run("%%route --agent code-reviewer --no-cache\nReview this.")
        assert "vanchin" in run.text
        assert "20 tokens in all" in run.text
        assert not server.seen.calls


def test_3_06_five_at_once_and_the_rest_in_a_queue_with_a_time_limit(kernel: Bench) -> None:
    """The gateway itself refuses a sixth and never has to; who waits too long is told so."""
    with gateway(kernel, latency_s=0.2) as server:
        assert kernel.python(MAP.format(what="say", count=15, how="model='m1', cache=False")) == "15"
        assert server.seen.peak_by_model["ep-01"] == 5
    with gateway(kernel, latency_s=5.0, changes={"queue_s = 30": "queue_s = 1"}) as server:
        many = "import asyncio\nfound = await asyncio.gather(*(router.ask(f'{n}', model='m1', cache=False) for n in range(7)), return_exceptions=True)"
        assert "within its queue_s of 1 s" in kernel.python(f"{many}\nprint(*[one for one in found if isinstance(one, Exception)])")
        assert server.seen.attempts == 5


def test_3_07_what_changes_is_kept_for_an_hour_and_what_does_not_for_a_day(kernel: Bench) -> None:
    """Here an hour is three seconds; the same request in its life reaches nobody."""
    changing, fixed = "Good morning, how are you?", "Write the documentation for this function: def add(a, b): return a + b"
    short = {"ttl_s = 3600": "ttl_s = 3", "documentation = 86400": "documentation = 72"}
    with gateway(kernel, changes=short) as server:
        for prompt in (changing, changing, fixed, fixed):
            assert SAID in kernel.cell("", prompt).text
        assert server.seen.attempts == 2
        time.sleep(3.1)
        for prompt in (changing, fixed):
            kernel.cell("", prompt)
        assert [call.json()["messages"][-1]["content"] for call in server.seen.calls] == [changing, fixed, changing]


def test_3_08_figures_by_model_and_agent(kernel: Bench) -> None:
    """What each took, and which model was left for another, from a cell."""
    with gateway(kernel, dead=(19,)):
        kernel.cell("--agent deployment-agent --no-cache", "Write the build script.")
        asked = "{('deployment-agent', 'm18'): 1, ('deployment-agent', 'm19'): 1}"
        assert kernel.frame("df.groupby(['agent', 'model']).request_id.nunique().to_dict()") == asked
        assert kernel.frame("df.route.totals()['failovers'].to_dict()") == "{'m18': 0, 'm19': 1, 'all': 1}"
        assert kernel.frame("df.route.totals()['error_rate'].round(2).to_dict()") == "{'m18': 0.0, 'm19': 1.0, 'all': 0.67}"
        assert kernel.frame("df.route.totals('agent')['requests_h'].nunique()") == "1", "there was one agent, so its pace is that of all"
