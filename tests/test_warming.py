"""Models that are slow the first time are asked for a word before they are needed, when the user says so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cells import running_shell
from served import left_reserved, loaded, router, rows, until

from routebook.config.read import parse
from routebook.engine.health.warming import warm
from routebook.engine.loop import engine_loop
from routebook.engine.router import Router
from routebook.errors import ConfigError, UsageError
from routebook.testing import Chaos, ScriptedServer

LOCAL = {"tier": "local"}


def test_models_that_ask_for_it_are_warmed_up_beside_the_first_prompt() -> None:
    """The prompt does not wait for it, and the word is a row of its own kind."""
    with ScriptedServer(models={"a": Chaos(), "slow": Chaos(latency_s=0.6)}) as server:

        async def main() -> None:
            async with router(server, models={"a": {}, "slow": {"warm": True}}, provider=LOCAL) as of:
                answer = await of.ask("hello")
                assert answer.model == "a"
                await until(lambda: len(rows(of)) == 2 and all(row.status == "ok" for row in rows(of)), within_s=20)
                (word,) = [row for row in rows(of) if row.model == "slow"]
                assert (word.kind, word.reason) == ("warmup", "warm = true in routing.toml")
                assert (word.output_tokens or 0) <= 1
                assert of.runtime().known.state("slow").ttft_s is not None

        asyncio.run(main())
        assert server.seen.attempts_by_model == {"a": 1, "slow": 1}


def test_closing_does_not_wait_for_a_model_that_loads() -> None:
    """The word is cancelled, and booked as such."""
    with ScriptedServer(models={"slow": Chaos(latency_s=60)}) as server:

        async def main() -> None:
            of = router(server, models={"slow": {"warm": True}}, provider=LOCAL)
            of.runtime()
            await until(lambda: server.seen.attempts, within_s=20)
            await asyncio.wait_for(of.__aexit__(None, None, None), 20)
            await until(lambda: server.seen.disconnects)

        asyncio.run(main())
        assert len(server.seen.disconnects) == 1


def test_a_model_a_pool_or_a_provider_is_warmed_up_by_name() -> None:
    """One after the other: on one machine they share its disk."""
    with ScriptedServer(models={"a": Chaos(latency_s=0.1), "b": Chaos(latency_s=0.1), "c": Chaos()}) as server:
        of = router(server, models=("a", "b", "c"), provider=LOCAL, pools={"two": {"models": ["a", "b"]}})
        try:
            found = engine_loop().run_sync(warm(of.runtime(), "two"))
            assert [one.model for one in found] == ["a", "b"]
            assert all(one.ready_s is not None and one.ready_s >= 0.1 for one in found)
            assert [one.model for one in engine_loop().run_sync(warm(of.runtime(), "p"))] == ["a", "b", "c"]
            assert {row.kind for row in rows(of)} == {"warmup"}
            assert left_reserved(of) == (0, 0)
            with pytest.raises(UsageError, match="There is no model, pool or provider 'aa'"):
                engine_loop().run_sync(warm(of.runtime(), "aa"))
        finally:
            of.close()
        assert server.seen.peak_concurrent == 1


def test_a_model_that_cannot_be_warmed_up_is_told_with_the_reason() -> None:
    """And the next is warmed up all the same."""
    with ScriptedServer(models={"a": Chaos(), "b": Chaos()}) as server:
        tables: dict[str, Any] = {
            "providers": {
                "p": {"kind": "openai", "base_url": server.url_for("openai"), "tier": "local"},
                "q": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "tier": "local"},
            },
            "models": {"down": {"provider": "q", "id": "x"}, "a": {"provider": "p", "id": "a"}},
            "pools": {"both": {"models": ["down", "a"]}},
        }
        of = Router(loaded(routes=[{"name": "chat", "try": ["both"]}], **tables))
        try:
            down, well = engine_loop().run_sync(warm(of.runtime(), "both"))
        finally:
            of.close()
    assert (down.ready_s, well.trouble) == (None, "")
    assert down.trouble
    assert well.ready_s is not None


def test_only_a_model_on_this_machine_may_ask_for_it() -> None:
    """Opening a router is no reason to send anything anywhere, or to pay."""
    with pytest.raises(ConfigError, match=r"models\.m\.warm: is for models on this machine; the tier of 'p' is paid"):
        parse(
            '[providers.p]\nkind = "openai"\n[models.m]\nprovider = "p"\nid = "m"\nwarm = true\n[[routes]]\nname = "c"\ntry = ["m"]\n',
            file="x",
        )


def test_the_command_says_how_long_it_took(tmp_path: Path) -> None:
    """And what it takes, when it is given nothing."""
    with running_shell(tmp_path) as shell:
        shell.run("%route warm tiny")
        assert "tiny" in shell.text
        assert "ready, first word after" in shell.text
        shell.attempt("%route warm")
        assert "takes the name of a model" in str(shell.error)
        shell.attempt("%route warm tinny")
        assert "'tiny'" in str(shell.error)
        shell.run("%route warm shut")
        assert "not ready: " in shell.text
