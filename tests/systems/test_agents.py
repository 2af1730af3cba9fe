"""`agents`: nineteen models behind one gateway, seven agents, one grant of tokens."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from as_preset import frame_says, kernel_with
from served import faulty

from routebook.testing import Chaos, ScriptedServer

KEYS = {f"VANCHIN_API_KEY_{number}": f"key-of-{number}" for number in range(1, 20)}
MODELS = [f"ep-{number:02d}" for number in range(1, 20)]
SAID = "Done."


def scripts(*dead: int) -> dict[str, Chaos]:
    """All nineteen; some answer with an error."""
    return {model: faulty("server_error") if number in dead else Chaos(reply=SAID) for number, model in enumerate(MODELS, start=1)}


def count(server: ScriptedServer) -> Counter[str]:
    """How often each endpoint answered well."""
    return Counter(call.model for call in server.seen.calls if call.outcome == "ok")


def test_3_01_nineteen_models_behind_one_gateway_each_with_its_own_key(tmp_path: Path) -> None:
    """Every endpoint id is called with its own key and no other."""
    with ScriptedServer(models=scripts()) as server, kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel:
        for number in range(1, 20):
            run = kernel.run(f"%%route -m m{number} --no-cache\nSay done.")
            assert SAID in run.text, run.text
        seen = {call.model: call.headers["authorization"] for call in server.seen.calls}
    assert seen == {model: f"Bearer key-of-{number}" for number, model in enumerate(MODELS, start=1)}


def test_3_02_an_agent_has_primary_backup_and_tertiary_models(tmp_path: Path) -> None:
    """With the primary models down the backups answer, with those down the built-in one."""
    with (
        ScriptedServer(models=scripts(4, 5, 6)) as server,
        kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel,
    ):
        run = kernel.run("%%route --agent frontend-developer --no-cache\nBuild a button.")
        assert SAID in run.text
        assert count(server).keys() <= {"ep-07", "ep-08"}
        assert "frontend-developer" in frame_says(kernel, "df['agent'].iloc[-1]")


def test_3_03_two_hundred_requests_spread_evenly_and_survive_two_dying_models(tmp_path: Path) -> None:
    """Round-robin over the primary models; two that die are passed over."""
    with ScriptedServer(models=scripts()) as server, kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel:
        code = (
            "import routebook as rb\nrouter = get_ipython()._routebook[0].session.router\n"
            "answers = await router.map([f'task {n}' for n in range(200)], agent='backend-developer', progress=False)\nprint(len(answers))"
        )
        run = kernel.run(code)
        assert run.status == "ok", run.text
        even = count(server)
    assert set(even) == {"ep-09", "ep-10", "ep-11"}
    assert max(even.values()) - min(even.values()) <= 2
    with (
        ScriptedServer(models=scripts(9, 10)) as server,
        kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel,
    ):
        run = kernel.run(code.replace("task {n}", "other task {n}"))
        assert run.status == "ok", run.text
        assert sum(count(server).values()) == 200
        assert set(count(server)) <= {"ep-11", "ep-12", "ep-13"}


def test_3_04_when_all_fail_the_error_says_what_was_tried(tmp_path: Path) -> None:
    """And what to do."""
    with (
        ScriptedServer(models=scripts(*range(1, 20))) as server,
        kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel,
    ):
        run = kernel.run("%%route -m m3 --no-cache\nReview this.")
    assert run.status == "error"
    assert "m3" in run.text
    assert "%route why" in run.text


def test_3_05_one_grant_of_tokens_is_shared_and_told(tmp_path: Path) -> None:
    """Twenty million for all models; what was used is in the status."""
    with ScriptedServer(models=scripts()) as server, kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel:
        kernel.run("%%route --agent code-reviewer --no-cache\nReview this.")
        text = kernel.run("%route status").text
    assert "20,000,000 tokens in all" in text


def test_3_07_the_same_request_is_answered_from_disk(tmp_path: Path) -> None:
    """An hour for what changes, a day for documentation and code."""
    with ScriptedServer(models=scripts()) as server, kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel:
        for _ in range(2):
            assert SAID in kernel.run("%%route -m m2\nWrite the docs of this function.").text
        assert sum(count(server).values()) == 1


def test_3_08_figures_by_model_and_agent(tmp_path: Path) -> None:
    """What each took, from a cell."""
    with ScriptedServer(models=scripts()) as server, kernel_with(tmp_path, "agents", urls={"vanchin": server.url}, keys=KEYS) as kernel:
        kernel.run("%%route --agent deployment --no-cache\nWrite the build script.")
        assert "m19" in kernel.run("%route cost").text
        assert frame_says(kernel, "df.groupby('agent')['request_id'].nunique()['deployment']") == "1"
