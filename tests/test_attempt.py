"""One attempt: its times, its tokens, its price, and what is left of it when it ends badly."""

from __future__ import annotations

import asyncio
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from rawserver import events, raw
from served import PRICE, Running, left_reserved, loaded, outcome, router, rows, until

from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, BudgetExceeded
from routebook.events import Done
from routebook.messages import Answer, Attempt, Delta
from routebook.testing import Chaos, Fault, ScriptedServer
from routebook.text import estimate_tokens

MILLION = Decimal(1_000_000)


async def ask(of: Router, prompt: str = "hello there", **overrides: Any) -> Attempt:  # noqa: ANN401
    """Ask, and return the one row that this left in the books, whether it went well or not."""
    async with of:
        await outcome(of, prompt, **overrides)
        (row,) = of.attempts()
        assert left_reserved(of) == (0, 0)
        return row


def test_tokens_and_price_are_as_the_provider_counted() -> None:
    """The books are compared with the provider's bill at the end of the month."""
    with ScriptedServer(reply="one two three four five") as server:
        row = asyncio.run(ask(router(server), "hello there, you"))
        (call,) = server.seen.calls
    assert (row.status, row.finish_reason, row.tokens_estimated) == ("ok", "stop", False)
    assert (row.input_tokens, row.output_tokens) == (call.input_tokens, 5)
    assert row.cost_usd == (call.input_tokens or 0) * Decimal(1) / MILLION + 5 * Decimal(2) / MILLION
    assert (row.model, row.provider, row.tier, row.route, row.attempt, row.kind) == ("a", "p", "paid", "chat", 1, "answer")


def test_times_are_those_of_the_call() -> None:
    """The choice of the fastest model, and what a user waits for, are read from them."""
    with ScriptedServer(script=Chaos(latency_s=0.5, tokens=10, tokens_per_s=20)) as server:
        row = asyncio.run(ask(router(server)))
    assert row.queue_s is not None
    assert row.ttft_s is not None
    assert row.latency_s is not None
    assert 0 <= row.queue_s < 0.5
    assert 0.5 <= row.ttft_s < 5
    assert row.ttft_s + 0.4 <= row.latency_s < 10


def test_time_in_the_queue_is_not_the_model_s() -> None:
    """A slow model and a busy one are two things."""

    async def main(of: Router) -> list[Attempt]:
        async with of:
            await asyncio.gather(of.ask("first"), of.ask("second"))
            return sorted(rows(of), key=lambda row: row.queue_s or 0)

    with ScriptedServer(script=Chaos(latency_s=1.0)) as server:
        first, second = asyncio.run(main(router(server, models={"a": {"max_concurrent": 1}})))
    assert (first.queue_s or 0) < 0.9 <= (second.queue_s or 0)
    assert 1.0 <= (second.latency_s or 0) < 1.9, "2 s with the queue"


def test_a_price_that_nobody_knows_is_none_and_not_nothing() -> None:
    """A free model and one without a price are two things, also in the sum over attempts and in the frame."""

    async def main(of: Router) -> Answer:
        async with of:
            answer = await of.ask("hello")
            frame = of.frame()
            assert frame["cost_usd"].isna().all()
            assert frame["baseline_usd"].isna().all()
            return answer

    with ScriptedServer() as server:
        answer = asyncio.run(main(router(server, models={"unlisted": {"price": None}})))
        assert answer.cost_usd is None
        free = asyncio.run(ask(router(server, models={"unlisted": {"price": None}}, provider={"tier": "free"})))
    assert free.cost_usd == 0


def test_a_long_prompt_is_reserved_and_booked_at_the_price_of_long_prompts() -> None:
    """Some providers charge twice as much above 200,000 tokens; at the lower price everyone would overspend."""
    with ScriptedServer(reply="ok") as server:

        def listed(cap: str) -> Router:
            models = {"long": {"id": "gemini-2.5-pro", "price": None, "timeout": {"first_token_s": 30}}}
            return router(server, models=models, provider={"price_id": "google"}, budgets={"total": {"daily": cap}})

        short = asyncio.run(ask(listed("10"), "word " * 40_000, max_tokens=1))
        long = asyncio.run(ask(listed("10"), "word " * 200_000, max_tokens=1))
        assert server.seen.attempts == 2
        with closing(listed("0.5")) as of, pytest.raises(BudgetExceeded):  # the lower price would be within the cap
            of.ask_sync("word " * 200_000, max_tokens=1)
        assert server.seen.attempts == 2
    assert (short.input_tokens, long.input_tokens) == (50_000, 250_000)
    assert (short.cost_usd or 0) * 9 < (long.cost_usd or 0) < (short.cost_usd or 0) * 11  # five times the tokens, at twice the price


def test_the_cost_that_the_provider_reports_wins() -> None:
    """It knows its discounts; our list does not."""
    usage = '{"prompt_tokens":10,"completion_tokens":3,"cost":0.0123}'
    stream = events('{"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}', f'{{"choices":[],"usage":{usage}}}', "[DONE]")

    async def main() -> Attempt:
        async with raw(stream) as server:
            unlisted = await ask(_over(server.url, price=None))
            assert (unlisted.cost_usd, unlisted.baseline_usd) == (Decimal("0.0123"), None)
            return await ask(_over(server.url))

    row = asyncio.run(main())
    assert row.cost_usd == Decimal("0.0123")
    assert row.baseline_usd == 10 * Decimal(1) / MILLION + 3 * Decimal(2) / MILLION


def test_tokens_that_nobody_counts_are_estimated_and_a_reported_cost_is_kept_all_the_same() -> None:
    """Some servers send no usage; their calls must not look free."""
    silent = events('{"choices":[{"delta":{"content":"four words of text"},"finish_reason":"stop"}]}', "[DONE]")
    priced = events('{"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}],"usage":{"cost":0.5}}', "[DONE]")

    async def main() -> list[Attempt]:
        async with raw(silent, priced) as server:
            return [await ask(_over(server.url)), await ask(_over(server.url))]

    first, second = asyncio.run(main())
    assert first.tokens_estimated
    assert (first.input_tokens, first.output_tokens) == (estimate_tokens("hello there"), estimate_tokens("four words of text"))
    assert first.cost_usd is not None
    assert first.cost_usd > 0
    assert (second.tokens_estimated, second.cost_usd) == (True, Decimal("0.5"))


def test_thinking_is_no_part_of_the_text() -> None:
    """It is streamed, kept and counted, but it is not the answer."""
    stream = events(
        '{"choices":[{"delta":{"reasoning_content":"hmm"}}]}',
        '{"choices":[{"delta":{"content":"Four."},"finish_reason":"stop"}]}',
        "[DONE]",
    )

    async def main() -> Answer:
        async with raw(stream) as server, _over(server.url) as of:
            return await of.ask("2 + 2?")

    answer = asyncio.run(main())
    assert (answer.text, answer.thinking) == ("Four.", "hmm")
    assert answer.attempt.output_tokens == estimate_tokens("Four.hmm")


def _over(url: str, *, price: dict[str, int] | None = PRICE) -> Router:
    """A router over a server of raw bytes."""
    providers = {"p": {"kind": "openai", "base_url": f"{url}/v1", "tier": "paid"}}
    models = {"a": {"provider": "p", "id": "a", "price": price}}
    return Router(loaded(providers=providers, models=models, routes=[{"name": "chat", "try": ["a"]}]))


def test_the_baseline_is_what_the_dearest_model_of_the_plan_would_have_cost() -> None:
    """What was saved by routing is the difference."""
    with ScriptedServer(reply="one two") as server:
        models = {"cheap": {"price": {"input": 0, "output": 0}}, "dear": {"price": {"input": 15, "output": 75}}}
        row = asyncio.run(ask(router(server, models=models)))
    assert (row.model, row.cost_usd) == ("cheap", Decimal(0))
    assert row.baseline_usd == (row.input_tokens or 0) * Decimal(15) / MILLION + 2 * Decimal(75) / MILLION


def test_the_stop_button_closes_the_connection_keeps_the_text_and_books_the_cost() -> None:
    """Interrupted is not lost, and not free."""

    async def main(of: Router, server: ScriptedServer) -> tuple[Running, Attempt]:
        async with of:
            running = Running(of)
            await until(lambda: running.count(Delta) >= 5)
            at = running.stop()
            await running.over()
            await until(lambda: server.seen.disconnects)
            assert server.seen.disconnects[0] - at < 1.5, "it would speak for two seconds"
            (row,) = of.attempts()
            assert left_reserved(of) == (0, 0)
            return running, row

    with ScriptedServer(script=Chaos(tokens=200, tokens_per_s=100)) as server:
        running, row = asyncio.run(main(router(server, budgets={"total": {"daily": 10}}), server))
    done = running.seen[-1]
    assert isinstance(done, Done)
    text = "".join(event.text for event in running.seen if isinstance(event, Delta))
    assert done.answer.text == text != ""
    assert done.answer.finish_reason == "cancelled"
    assert done.answer.attempts == (row,)
    assert (row.status, row.finish_reason, row.tokens_estimated) == ("cancelled", "cancelled", True)
    assert row.output_tokens == estimate_tokens(text)
    assert row.cost_usd == ((row.input_tokens or 0) * Decimal(1) + estimate_tokens(text) * Decimal(2)) / MILLION


def test_stopping_before_the_first_word_counts_what_was_sent() -> None:
    """The prompt was read and will be billed."""

    async def main(of: Router) -> Attempt:
        async with of:
            running = Running(of, "tell me a story")
            await until(lambda: server.seen.attempts)
            running.stop()
            await running.over()
            (row,) = of.attempts()
            return row

    with ScriptedServer(script=Chaos(latency_s=5)) as server:
        row = asyncio.run(main(router(server)))
    assert (row.status, row.output_tokens, row.tokens_estimated) == ("cancelled", 0, True)
    assert row.cost_usd == estimate_tokens("tell me a story") / MILLION


def test_stopping_again_and_again_loses_nothing() -> None:
    """People press stop until something happens."""

    async def main(of: Router) -> str:
        async with of:
            running = Running(of)
            await until(lambda: running.count(Delta))
            for _ in range(20):
                running.stop()
                await asyncio.sleep(0.0005)
            await running.over()
            await until(lambda: left_reserved(of) == (0, 0))
            return of.attempts()[0].status

    with ScriptedServer(script=Chaos(tokens=200, tokens_per_s=100)) as server:
        assert asyncio.run(main(router(server))) == "cancelled"


@pytest.mark.parametrize(
    ("chaos", "times", "phase"),
    [
        (Chaos(latency_s=9), {"first_token_s": 0.2}, "no first token within 0.2 s"),
        (Chaos(faults=(Fault(kind="stall", after_tokens=2),)), {"idle_s": 0.2}, "the stream stood still within 0.2 s"),
        (Chaos(tokens=1000, tokens_per_s=100), {"total_s": 0.4}, "the answer was not complete within 0.4 s"),
    ],
    ids=["first token", "idle", "total"],
)
def test_a_time_that_ran_out_is_a_row_with_its_phase_and_its_cost(chaos: Chaos, times: dict[str, float], phase: str) -> None:
    """Failed attempts count, and the books say why they failed."""
    with ScriptedServer(script=chaos) as server:
        row = asyncio.run(ask(router(server, models={"a": {"timeout": times}})))
    assert (row.status, row.error_type, row.finish_reason) == ("timeout", "TimedOut", "error")
    assert row.error is not None
    assert phase in row.error
    assert row.cost_usd is not None
    assert row.cost_usd >= estimate_tokens("hello there") / MILLION
    assert row.tokens_estimated


def test_a_deadline_that_cut_an_attempt_is_booked_as_such() -> None:
    """The model was within its own times: to raise those would help nobody."""

    async def main(of: Router) -> Attempt:
        async with of:
            await outcome(of, deadline_s=1.5)
            return of.attempts()[0]

    with ScriptedServer(script=Chaos(tokens=1000, tokens_per_s=100)) as server:
        row = asyncio.run(main(router(server)))
    assert (row.status, row.error_type) == ("timeout", "TimedOut")
    assert row.error is not None
    assert row.error.startswith("p: the request's deadline came before the answer was complete, within ")
    assert " s. Raise --deadline" in row.error
    assert (row.cost_usd or 0) > 0


def test_an_attempt_that_was_never_answered_costs_nothing() -> None:
    """A 500 is not billed."""
    with ScriptedServer(faults=[Fault(kind="server_error")]) as server:
        row = asyncio.run(ask(router(server, defaults={"max_attempts": 1})))
    assert (row.status, row.error_type, row.cost_usd, row.input_tokens) == ("error", "Unavailable", Decimal(0), 0)


def test_what_nobody_foresaw_is_no_success() -> None:
    """An error that is not ours still ends the attempt: as an error, with nothing left reserved and no place taken."""

    async def main(of: Router) -> None:
        async with of:
            for _ in range(3):
                with pytest.raises(TypeError):
                    await asyncio.wait_for(of.ask("hello"), 5)  # it would wait for ever for a place that was not given back
            assert [row.status for row in rows(of)] == ["error"] * 3
            assert {row.error_type for row in rows(of)} == {"TypeError"}
            assert left_reserved(of) == (0, 0)
            assert of.runtime().known.state("a").in_flight == 0

    odd = {"max_concurrent": 1, "params": {"extra": {"odd": object()}}}  # cannot be sent as JSON
    with ScriptedServer() as server:
        asyncio.run(main(router(server, models={"a": odd}, budgets={"total": {"daily": 10}})))


def test_a_cell_s_own_budget_covers_all_its_attempts() -> None:
    """What the first attempt used is not there for the second."""

    async def main(of: Router, budget: float) -> list[str]:
        async with of:
            with pytest.raises(AllAttemptsFailed) as caught:
                await of.ask("hello there", budget_usd=budget, max_tokens=100)
            assert isinstance(caught.value.__cause__, BudgetExceeded)
            assert caught.value.__cause__.scope == "this cell"
            return [attempt.model for attempt in caught.value.attempts]

    broken = {"a": Chaos(faults=(Fault(kind="cut", after_tokens=20),))}
    with ScriptedServer(models=broken) as server:
        of = router(server, models=("a", "b"), route={"on_stream_break": "restart"}, defaults={"max_attempts": 9})
        assert asyncio.run(main(of, 0.0004)) == ["a"]  # it needs 0.000358 at most, and used 0.00007; neither a retry nor "b" fits
        assert server.seen.attempts_by_model == {"a": 1}


def test_a_call_dearer_than_the_cell_s_budget_is_not_sent() -> None:
    """The cap is named, and what the call may need."""
    with ScriptedServer() as server:

        async def main() -> None:
            async with router(server) as of:
                with pytest.raises(BudgetExceeded, match=r"budget of 'this cell' is \$0\.0001; .* may need \$0\.00"):
                    await of.ask("hello there", budget_usd=0.0001)
                assert rows(of) == []

        asyncio.run(main())
        assert server.seen.connections == 0


def test_the_model_s_own_parameters_stand_below_the_request_s() -> None:
    """`params` in the file is a default, and `max_output` a limit."""

    async def main(of: Router) -> None:
        async with of:
            await of.ask("hello")
            await of.ask("hello", temperature=0.9, max_tokens=500, system="Be brief.")

    with ScriptedServer() as server:
        params = {"temperature": 0.1, "max_tokens": 20, "stop": ["END"], "extra": {"user": "me"}}
        asyncio.run(main(router(server, models={"a": {"params": params, "max_output": 100}})))
        first, second = (call.json() for call in server.seen.calls)
    assert (first["temperature"], first["max_tokens"], first["stop"], first["user"]) == (0.1, 20, ["END"], "me")
    assert (second["temperature"], second["max_tokens"], second["stop"]) == (0.9, 100, ["END"])
    assert [message["role"] for message in second["messages"]] == ["system", "user"]
