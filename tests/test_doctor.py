"""The doctor finds what is wrong at real servers that misbehave, says what to type, and shows no key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cells import running_shell
from ports import free_port
from rawserver import raw, response
from served import loaded, rows

from routebook.config.read import load
from routebook.engine.health.doctor import examine, problems
from routebook.engine.health.finding import Finding
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.testing import Chaos, Fault, ScriptedServer

KEY = "sk-secret-0123456789"


@contextlib.contextmanager
def closing(router: Router) -> Iterator[Router]:
    """Close a router at the end of a block."""
    try:
        yield router
    finally:
        router.close()


def entry(server: ScriptedServer, wire: Any = "openai", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A provider that is the scripted server."""
    return {"kind": wire, "base_url": server.url_for(wire), "tier": "free", **more}


def checked(
    provider: dict[str, Any], *, models: dict[str, str] | None = None, patience_s: float = 5.0, is_each: bool = False, **tables: Any  # noqa: ANN401
) -> list[Finding]:  # fmt: skip
    """What the doctor says about a provider `p` and its models, by name and id."""
    names = {"m": "m"} if models is None else models
    given: dict[str, Any] = {
        "providers": {"p": provider},
        "models": {name: {"provider": "p", "id": id_} for name, id_ in names.items()},
        "routes": [{"name": "chat", "try": list(names) or ["p"]}],
    }
    with closing(Router(loaded(**(given | tables)))) as router:
        findings = examine(lambda: router, patience_s=patience_s, is_each=is_each)
    return [finding for finding in findings if finding.about.startswith(("provider", "model", "answers"))]


def test_a_provider_that_answers_is_well_and_its_word_has_a_row() -> None:
    """The check is a real attempt: within the caps, in the books, of kind `health`, and of a few tokens."""
    with ScriptedServer(wire="openai", models={"m": Chaos()}) as server:
        tables: dict[str, Any] = {
            "providers": {"p": entry(server)},
            "models": {"m": {"provider": "p", "id": "m"}},
            "routes": [{"name": "chat", "try": ["m"]}],
        }
        with closing(Router(loaded(**tables))) as router:
            findings = examine(lambda: router)
            (row,) = rows(router)
    assert problems(findings) == 0
    said = next(finding for finding in findings if finding.about == "provider p").said
    assert said.startswith("1 model; m answered, first token after 0.")
    assert (row.kind, row.status, row.model) == ("health", "ok", "m")
    assert (row.output_tokens or 0) <= 8
    assert server.seen.attempts == 1


@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini", "ollama"])
def test_every_wire_format_can_be_checked(wire: Any) -> None:  # noqa: ANN401
    """The doctor goes through the same pipeline as a cell, so it finds what a cell would."""
    with ScriptedServer(wire=wire, models={"m": Chaos()}) as server:
        (finding,) = checked(entry(server, wire))
    assert finding.state == "ok"


def test_one_model_of_a_provider_is_asked_not_all() -> None:
    """Free tiers count requests."""
    with ScriptedServer(models={"a": Chaos(), "b": Chaos(), "c": Chaos()}) as server:
        checked(entry(server), models={"a": "a", "b": "b", "c": "c"})
        assert server.seen.attempts == 1


def test_each_model_is_asked_where_that_is_asked_for_and_each_has_its_word() -> None:
    """A preset of nineteen models behind one gateway: which of them work is what one wants to know before a long night."""
    broken = Chaos(faults=(Fault(kind="not_found"),))
    with ScriptedServer(models={"a": Chaos(), "b": broken, "c": Chaos()}) as server:
        found = checked(entry(server, discover=True), models={"a": "a", "b": "b", "typo": "cc"}, is_each=True)
        assert server.seen.attempts_by_model == {"a": 1, "b": 1, "cc": 1}, "a discovered one is not asked: there may be hundreds"
    states = {finding.about: finding.state for finding in found}
    assert states == {"provider p": "ok", "model b": "problem", "model typo": "ok"}, "what answers is there, whatever the list says"


def test_a_model_without_room_in_its_limits_is_not_asked_and_that_is_said(tmp_path: Path) -> None:
    """The doctor is not what spends the last request of a day."""
    with ScriptedServer(models={"a": Chaos(), "b": Chaos(), "c": Chaos()}) as server:
        tables: dict[str, Any] = {
            "providers": {"p": entry(server)},
            "models": {"a": {"provider": "p", "id": "a"}, "b": {"provider": "p", "id": "b", "rpd": 1}, "c": {"provider": "p", "id": "c"}},
            "routes": [{"name": "chat", "try": ["b"]}],
        }
        with closing(Router(loaded(books=tmp_path / "books.db", **tables))) as router:
            router.ask_sync("hello")
            findings = examine(lambda: router, is_each=True)
        assert server.seen.attempts_by_model == {"a": 1, "b": 1, "c": 1}
    (left_out,) = [finding for finding in findings if finding.about == "model b"]
    assert left_out.state == "left out"
    assert "the 1 requests a day of b are spent" in left_out.said


def test_with_a_wrong_key_one_model_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nineteen refusals say no more than one, and some providers lock a key out for them."""
    monkeypatch.setenv("P_KEY", KEY)
    with ScriptedServer(faults=(Fault(kind="auth"),)) as server:
        checked(entry(server, api_key_env="P_KEY"), models={"a": "a", "b": "b", "c": "c"}, is_each=True)
        assert server.seen.attempts == 1


def test_the_line_in_a_cell_asks_each_too(tmp_path: Path) -> None:
    """And says so while it does."""
    with running_shell(tmp_path) as shell:
        shell.run("%route doctor")
        assert "riddle answered" not in shell.text
        shell.run("%route doctor --all")
        assert "model riddle: riddle answered" in shell.text
        assert "tiny answered" in shell.text
        assert "provider groq: no key: A_KEY_THAT_NOBODY_HAS is not set" in shell.text
        shell.attempt("%route doctor --everything")
        assert isinstance(shell.error, UsageError)


def test_a_wrong_key_is_named_by_its_variable_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to mend is the variable; the key itself belongs in no output."""
    monkeypatch.setenv("P_KEY", KEY)
    with ScriptedServer(key="another") as server:
        found = checked(entry(server, api_key_env="P_KEY"))
    finding = found[0]
    assert finding.state == "problem"
    assert finding.hint == "Check the key in P_KEY."
    assert not any(KEY in str(one) for one in found)


def test_a_missing_key_is_left_out_and_nothing_is_sent() -> None:
    """A file for ten providers is normal with keys for two; it is no problem, and no reason to knock."""
    with ScriptedServer() as server:
        found = checked(entry(server, api_key_env="P_KEY"))
        assert server.seen.attempts == 0
    assert found[0].state == "left out"
    assert "P_KEY is not set" in found[0].said
    assert found[0].hint.startswith("P_KEY=… as a line in ~/.env")


def test_a_model_that_the_provider_does_not_have_is_named_with_the_nearest() -> None:
    """A wrong id fails with a 404 that says nothing; the list of models says more."""
    with ScriptedServer(models={"llama-3.3-70b": Chaos(), "qwen": Chaos()}) as server:
        missing, word = checked(entry(server), models={"typo": "llama-3.3-70v", "good": "qwen"})
    assert (missing.about, missing.state) == ("model typo", "problem")
    assert "'llama-3.3-70b'" in missing.hint
    assert word.said.startswith("2 models; good answered")


def test_the_short_name_of_a_dated_edition_is_no_mistake() -> None:
    """`claude-sonnet-5` is listed as `claude-sonnet-5-20260929`, and is right all the same."""
    with ScriptedServer(models={"sonnet-5-20260929": Chaos()}) as server:
        found = checked(entry(server), models={"sonnet": "sonnet-5"})
    assert "does not list" not in str(found)


def test_a_model_that_answers_is_there_whatever_the_list_says() -> None:
    """Gateways list some of their models, or none; the word tells whether they work."""
    with ScriptedServer(models={"another": Chaos()}) as server:
        (finding,) = checked(entry(server))
    assert finding.state == "ok"
    assert finding.said.startswith("1 model; m answered")


def test_nobody_at_the_address_is_a_problem_and_says_so_at_once() -> None:
    """A refused connection needs no patience."""
    port = free_port()
    found = checked({"kind": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "tier": "free"})
    assert found[0].state == "problem"
    assert found[0].hint == f"Is base_url http://127.0.0.1:{port}/v1 right?"
    assert found[-1].about == "answers"


def test_an_ollama_that_is_not_started_is_left_out_with_what_to_type() -> None:
    """It is the most common trouble of all."""
    found = checked({"kind": "ollama", "base_url": "http://127.0.0.1:9"})
    assert found[0].state == "left out"
    assert "ollama serve" in found[0].hint
    assert found[1] == Finding(about="answers", state="problem", said=found[1].said, hint=found[1].hint)
    assert "%route setup" in found[1].hint


def test_an_ollama_without_the_model_says_how_to_pull_it() -> None:
    """A name in routing.toml does not download anything."""
    unknown = Chaos(faults=(Fault(kind="not_found"),))
    with ScriptedServer(wire="ollama", models={"qwen3:4b": Chaos()}, script=unknown) as server:
        missing, provider, _answers = checked(entry(server, "ollama"), models={"big": "qwen3:32b"})
    assert missing.hint == "ollama pull qwen3:32b"
    assert provider.said == "it answers, but has none of the models configured; it has 1 model"


def test_a_slow_provider_is_given_up_on_after_the_patience() -> None:
    """A doctor that hangs is no help."""
    with ScriptedServer(models={"m": Chaos(latency_s=30)}) as server:
        (finding, _answers) = checked(entry(server), patience_s=0.5)
    assert finding.state == "problem"
    assert "within 0.5 s" in finding.said


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        (Fault(kind="server_error", status=503), "problem", "m: The server had an error"),
        (Fault(kind="rate_limit", retry_after_s=7), "problem", "Wait 7 s."),
        (Fault(kind="not_found"), "problem", "m: "),
        (Fault(kind="cut"), "problem", "m: "),
        (Fault(kind="wrong_content_type"), "problem", "m: "),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_fault_of_the_word_is_told(fault: Fault, state: str, words: str) -> None:
    """A list of models that works says nothing of whether a prompt would be answered."""
    with ScriptedServer(models={"m": Chaos(faults=(fault,))}) as server:
        found = checked(entry(server))
    assert found[0].state == state
    assert words in f"{found[0].said} {found[0].hint}"


def test_a_spent_budget_keeps_the_doctor_from_spending() -> None:
    """A health check counts like any other call."""
    with ScriptedServer(models={"m": Chaos()}) as server:
        models = {"m": {"provider": "p", "id": "m", "price": {"input": 1000, "output": 1000}}}
        tables: dict[str, Any] = {"providers": {"p": entry(server, tier="paid")}, "models": models, "routes": [{"name": "c", "try": ["m"]}]}
        with closing(Router(loaded(**tables, budgets={"total": {"daily": 0.0001}}))) as router:
            found = examine(lambda: router)
        assert server.seen.attempts == 0
    finding = next(finding for finding in found if finding.about == "provider p")
    assert finding.state == "left out"
    assert "the daily budget of 'total'" in finding.said


def test_an_embedded_model_without_weights_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are fetched by a command, which is what the finding names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = checked({"kind": "embedded"})
    assert (found[0].state, found[0].hint) == ("left out", "%route setup")


def test_a_wrong_file_is_a_finding_with_all_its_problems(tmp_path: Path) -> None:
    """The doctor is asked when things are broken, so it must not break with them."""
    (tmp_path / "routing.toml").write_text('[models.a]\nprovider = "nobody"\nid = 3\n', encoding="utf-8")
    findings = examine(lambda: Router(load(tmp_path / "routing.toml")))
    assert findings[-1].about == "routing.toml"
    assert findings[-1].state == "problem"
    assert "problem" in findings[-1].said


def test_books_that_are_no_database_are_a_finding(tmp_path: Path) -> None:
    """As above: said, not raised."""
    (tmp_path / "books.db").write_text("a shopping list, long enough to be taken for a file of another kind", encoding="utf-8")
    findings = examine(lambda: Router(loaded(books=tmp_path / "books.db")))
    assert findings[-1].about == "books"
    assert "not a database" in findings[-1].said


def test_books_that_cannot_be_written_are_a_finding(tmp_path: Path) -> None:
    """Otherwise every cell fails with it. A disk that takes nothing more stops everybody, root too."""
    resource = pytest.importorskip("resource", reason="limits of a process are another thing there")
    with closing(Router(loaded(books=tmp_path / "books.db"))) as router:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            found = examine(lambda: router)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    books = next(finding for finding in found if finding.about == "books")
    assert books.state == "problem"
    assert "disk" in books.said


def test_the_machine_is_looked_at_too() -> None:
    """Python, Jupyter and the books, with the versions a bug report needs."""
    with (
        ScriptedServer(models={"m": Chaos()}) as server,
        closing(
            Router(loaded(providers={"p": entry(server)}, models={"m": {"provider": "p", "id": "m"}}, routes=[{"name": "c", "try": ["m"]}]))
        ) as router,
    ):
        found = {finding.about: finding for finding in examine(lambda: router)}
    assert {"Python", "ipykernel", "anywidget", "routing.toml", "books"} <= found.keys()
    assert found["Python"].state == "ok"
    assert "in memory only" in found["books"].said


def test_what_is_left_of_a_quota_is_said_where_the_provider_tells() -> None:
    """A free tier that is nearly spent is found before the day's work, not in the middle of it."""
    left = "x-ratelimit-limit-requests: 30\r\nx-ratelimit-remaining-requests: 29\r\nx-ratelimit-reset-requests: 2s\r\n"
    word = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'

    async def main() -> list[Finding]:
        models, answer = response(b'{"data": [{"id": "m"}]}'), response(word, content_type="text/event-stream", headers=left)
        async with raw(models, answer) as server:
            return await asyncio.to_thread(checked, {"kind": "openai", "base_url": server.url, "tier": "free"})

    (finding,) = asyncio.run(main())
    assert finding.state == "ok"
    assert "29 of 30 requests left" in finding.said


def test_a_provider_that_is_there_again_is_put_to_use_by_the_doctor() -> None:
    """The user asks the doctor after having mended it."""
    with ScriptedServer(wire="ollama", models={"m": Chaos(reply="Hi.")}) as server:
        providers = {"p": {**entry(server, "ollama"), "discover": True}}
        tables: dict[str, Any] = {"providers": providers, "models": {}, "routes": [{"name": "c", "try": ["p"]}]}
        with closing(Router(loaded(**tables))) as router:
            runtime = router.runtime()
            runtime.known.unusable["p"] = "p did not answer within 1.5 s"
            findings = examine(lambda: router)
            assert runtime.known.unusable == {}
    finding = next(finding for finding in findings if finding.about == "provider p")
    assert (finding.state, finding.hint) == ("ok", "")
