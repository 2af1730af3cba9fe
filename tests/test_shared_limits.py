"""Limits hold for all kernels of the machine together: real processes, one SQLite file, a server that counts for itself."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from askers import Asker
from served import wait_until

from routebook.testing import Chaos, Fault, ScriptedServer

FIRST = b"kernel 0 "
"""What stands in each prompt of the first kernel."""


@contextmanager
def kernels(
    server: ScriptedServer,
    books: Path,
    *,
    count: int = 5,
    prompts: int,
    tries: Sequence[str] = ("m",),
    model: Mapping[str, Any] | None = None,
    provider: Mapping[str, Any] | None = None,
    **options: Any,  # noqa: ANN401  of every prompt
) -> Iterator[list[Asker]]:
    """So many kernels, ready to ask."""
    tables = {
        "providers": {"p": {"kind": "openai", "base_url": server.url_for("openai"), "tier": "free", **(provider or {})}},
        "models": {name: {"provider": "p", "id": name, **(model or {})} for name in ("m", "n")},
        "routes": [{"name": "chat", "try": tries}],
    }
    with ExitStack() as stack:
        started = []
        for number in range(count):
            asks = [(f"kernel {number} {at}", {"deadline_s": 60, **options}) for at in range(prompts)]
            started.append(Asker(books, asks, **tables))
            stack.callback(started[-1].close)
        for kernel in started:
            assert kernel.line() == "ready"
        yield started


def asked(started: list[Asker]) -> Counter[str]:
    """Let all ask; how often each result came."""
    for kernel in started:
        kernel.go()
    return sum((kernel.results() for kernel in started), Counter())


def is_told(books: Path) -> bool:
    """Whether the books say, to all kernels, that a model is to be left alone."""
    with closing(sqlite3.connect(books)) as connection:
        return bool(connection.execute("SELECT count(*) FROM cooldowns").fetchone()[0])


def test_five_kernels_send_no_more_a_minute_than_allowed(tmp_path: Path) -> None:
    """Five notebooks share one key: the sixth request of a free tier's minute answers 429 to all of them."""
    with (
        ScriptedServer(script=Chaos(tokens=3), rpm=20) as server,
        kernels(server, tmp_path / "books.db", model={"rpm": 20}, prompts=8, deadline_s=5) as started,
    ):
        results = asked(started)
        assert server.seen.over_limit == 0
        assert (results["ok"], server.seen.attempts) == (20, 20)
        assert results.total() == 40  # the others could not be served before their deadline, and were told so


@pytest.mark.slow
def test_the_next_minute_is_shared_as_well(tmp_path: Path) -> None:
    """Wherever the provider's minute begins, it sees no more than its limit: also when all kernels wait for the same moment."""
    with (
        ScriptedServer(script=Chaos(tokens=3), rpm=12) as server,
        kernels(server, tmp_path / "books.db", model={"rpm": 12}, prompts=4, deadline_s=100) as started,
    ):
        results = asked(started)
    assert (server.seen.over_limit, results) == (0, Counter(ok=20))


def test_five_kernels_share_a_day_and_stop_when_it_is_spent(tmp_path: Path) -> None:
    """Retrying all day is what today's routers do; here nothing more is sent, and nobody waits until tomorrow."""
    with (
        ScriptedServer(script=Chaos(tokens=3)) as server,
        kernels(server, tmp_path / "books.db", model={"rpd": 10}, prompts=5) as started,
    ):
        begun = time.monotonic()
        results = asked(started)
        assert time.monotonic() - begun < 30
    assert (server.seen.attempts, results["ok"], results.total()) == (10, 10, 25)


def test_tokens_are_shared_too(tmp_path: Path) -> None:
    """Reserved before, so that calls at the same time cannot exceed the limit together; what was not used comes back."""
    model = {"tpm": 1000, "params": {"max_tokens": 50}}
    with (
        ScriptedServer(script=Chaos(tokens=50)) as server,
        kernels(server, tmp_path / "books.db", model=model, prompts=8, deadline_s=6) as started,
    ):
        results = asked(started)
    assert server.seen.input_tokens + server.seen.output_tokens <= 1000
    assert 12 <= results["ok"] == server.seen.attempts


def test_five_kernels_are_never_more_at_once_than_allowed(tmp_path: Path) -> None:
    """A local server thrashes, a free tier answers 429; and whoever waits comes in as soon as there is room, in whatever kernel."""
    with (
        ScriptedServer(script=Chaos(tokens=3, latency_s=0.05), max_concurrent=3) as server,
        kernels(server, tmp_path / "books.db", provider={"max_concurrent": 3}, prompts=8) as started,
    ):
        results = asked(started)
    assert (server.seen.peak_concurrent, server.seen.over_limit, results) == (3, 0, Counter(ok=40))


def test_what_one_kernel_was_told_holds_for_all_and_one_tries_first(tmp_path: Path) -> None:
    """The provider asked for two seconds: nobody comes sooner, and then not all at once."""
    script = Chaos(tokens=3, latency_s=0.5, faults=(Fault(kind="rate_limit", first=1, retry_after_s=2),))
    with (
        ScriptedServer(script=script) as server,
        kernels(server, tmp_path / "books.db", prompts=3) as started,
    ):
        first, *others = started
        first.go()
        wait_until(lambda: is_told(tmp_path / "books.db") or server.seen.attempts > 3)  # more than its own three: the rest is over already
        results = asked(others) + first.results()
    calls = list(server.seen.calls)
    told = min(call.not_before_s for call in calls if call.not_before_s is not None)
    after = sorted(call.time_s for call in calls if call.time_s >= told)
    assert results == Counter(ok=15)
    assert all(call.time_s >= told for call in calls if FIRST not in call.body), "its own other two were on their way"
    assert after[1] >= after[0] + 0.5
    assert server.seen.early_retries == 0


def test_a_429_that_states_no_time_rests_the_model_for_all_kernels(tmp_path: Path) -> None:
    """Each of five kernels would have to be told by an answer of its own, and a free tier counts those too."""
    limited = Chaos(tokens=3, faults=(Fault(kind="rate_limit"),))
    with (
        ScriptedServer(models={"m": limited, "n": Chaos(tokens=3)}) as server,
        kernels(server, tmp_path / "books.db", count=3, prompts=1, tries=("m", "n")) as started,
    ):
        first, *others = started
        results = asked([first]) + asked(others)
    assert results == Counter(ok=3)
    assert server.seen.attempts_by_model == Counter(m=1, n=3)


def test_after_a_429_that_states_no_time_all_wait_and_one_tries_first(tmp_path: Path) -> None:
    """Where there is no other model, the wait is short, and its end is no signal to come all at once."""
    script = Chaos(tokens=3, latency_s=0.5, faults=(Fault(kind="rate_limit", first=1),))
    with (
        ScriptedServer(script=script) as server,
        kernels(server, tmp_path / "books.db", count=3, prompts=2) as started,
    ):
        first, *others = started
        first.go()
        wait_until(lambda: is_told(tmp_path / "books.db") or server.seen.attempts > 2)  # more than its own two: the rest is over already
        results = asked(others) + first.results()
    assert results == Counter(ok=6)
    limited = next(call for call in server.seen.calls if call.outcome == "rate_limit")
    calls = [call for call in server.seen.calls if call is not limited]
    rested = (limited.ended_s or 0.0) + 0.45
    bound = [call.time_s for call in calls if FIRST not in call.body or call.body == limited.body]  # its other call was on its way
    assert min(bound) > rested, "nobody came before the rest was over"
    after = sorted(call.time_s for call in calls if call.time_s > rested)
    assert all(begun > after[0] + 0.45 for begun in after[1:]), "one tried, and the others waited for its first word"


def test_while_one_kernel_tries_the_others_go_elsewhere_where_they_can(tmp_path: Path) -> None:
    """As within one kernel: nobody waits for a slow first word who has another model at hand."""
    script = Chaos(tokens=3, latency_s=3, faults=(Fault(kind="rate_limit", first=1, retry_after_s=0.5),))
    with (
        ScriptedServer(models={"m": script, "n": Chaos(tokens=3)}) as server,
        kernels(server, tmp_path / "books.db", count=1, prompts=1) as (first,),
        kernels(server, tmp_path / "books.db", count=1, prompts=1, tries=("m", "n")) as (second,),
    ):
        first.go()
        while server.seen.attempts_by_model["m"] < 2:
            time.sleep(0.01)
        results = asked([second])
        assert server.seen.concurrent_by_model["m"] == 1, "it waited for the other's first word"
        results += first.results()
    assert results == Counter(ok=2)
    assert server.seen.attempts_by_model == Counter(m=2, n=1)


def test_a_kernel_that_asks_all_day_lets_the_others_have_their_turn(tmp_path: Path) -> None:
    """Three prompts beside a batch of forty in another notebook: they come in turns, not behind it, and not when it happens to pause."""
    told: dict[str, Any] = {"model": {"max_concurrent": 1}, "count": 1}
    with (
        ScriptedServer(script=Chaos(tokens=2, latency_s=0.5), max_concurrent=1) as server,
        kernels(server, tmp_path / "books.db", prompts=40, **told) as (batch,),
        kernels(server, tmp_path / "books.db", prompts=3, stream=False, **told) as (few,),
    ):
        batch.go()
        while server.seen.attempts < 5:
            time.sleep(0.01)
        assert asked([few]) == Counter(ok=3)
        of_few = [place for place, call in enumerate(server.seen.calls) if not call.json().get("stream")]
        assert server.seen.over_limit == 0
    assert len(of_few) == 3
    assert of_few[-1] - of_few[0] <= 2 + 4, "between two of them comes one of the batch, now and then another"
    assert of_few[-1] < 30, "they did not wait for the batch to be done"


@pytest.mark.slow
def test_a_lower_priority_of_another_kernel_is_overtaken_for_its_handicap_and_then_served(tmp_path: Path) -> None:
    """Notebooks that ask P0 all day hold a P1 of another one up for twenty seconds, a P3 for a minute, and not for ever.

    There are two of them, so that one always waits: where nobody does, the P1 is served at once, and should be.
    """
    told: dict[str, Any] = {"model": {"max_concurrent": 1}, "deadline_s": 300}
    with (
        ScriptedServer(script=Chaos(tokens=2, latency_s=0.15), max_concurrent=1) as server,
        kernels(server, tmp_path / "books.db", count=2, prompts=150, priority="P0", **told) as urgent,
        kernels(server, tmp_path / "books.db", count=1, prompts=1, priority="P1", stream=False, **told) as (patient,),
    ):
        for kernel in urgent:
            kernel.go()
        while server.seen.attempts < 5:
            time.sleep(0.01)
        begun = time.monotonic()
        assert asked([patient]) == Counter(ok=1)
        waited_s = time.monotonic() - begun
        assert server.seen.attempts < 300, "it was served when the others were done"
        (place,) = [place for place, call in enumerate(server.seen.calls) if not call.json().get("stream")]
    assert place > 20, "it was not overtaken"
    assert 19 < waited_s < 45


def test_a_killed_kernel_gives_its_places_back(tmp_path: Path) -> None:
    """`kill -9` in the middle of an answer; the other kernel is waiting for the place."""
    with (
        ScriptedServer(script=Chaos(tokens=1000, tokens_per_s=10), max_concurrent=2) as server,
        kernels(server, tmp_path / "books.db", count=2, model={"max_concurrent": 2}, prompts=2, deadline_s=30) as started,
    ):
        held, waiting = started
        held.go()
        while server.seen.concurrent < 2:
            time.sleep(0.005)
        waiting.go()
        time.sleep(1)
        assert server.seen.attempts == 2
        held.close()
        begun = time.monotonic()
        while server.seen.attempts < 4:
            assert time.monotonic() - begun < 10, "the places of the dead are still taken"
            time.sleep(0.005)
    assert server.seen.over_limit == 0
