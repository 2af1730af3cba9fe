"""Answers that are checked: what fails goes to another model, is booked, and is never passed off as good."""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydantic
import pytest
from served import brief, faulty, heard, outcome, router, rows

from routebook.engine import quality
from routebook.engine.router import Router
from routebook.engine.turn import Outcome
from routebook.errors import AllAttemptsFailed, LowQuality, RoutebookError, UsageError
from routebook.events import Done, Event, Switched
from routebook.messages import Answer, Delta
from routebook.testing import Chaos, ScriptedServer

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class City(pydantic.BaseModel):
    """A model with a rule that its schema does not say."""

    city: str

    @pydantic.field_validator("city")
    @classmethod
    def _has_no_digits(cls, city: str) -> str:
        if any(sign.isdigit() for sign in city):
            raise ValueError("a city has no digits")
        return city


@contextmanager
def served(*replies: str, route: dict[str, Any] | None = None) -> Iterator[tuple[ScriptedServer, Router]]:
    """Models `a`, `b`, … in order, each with its reply."""
    names = "abcdef"[: len(replies)]
    with ScriptedServer(models={name: Chaos(reply=reply) for name, reply in zip(names, replies, strict=True)}) as server:
        yield server, router(server, models=tuple(names), route=route)


def asked(of: Router, **overrides: Any) -> Answer | RoutebookError:  # noqa: ANN401
    """What one request comes to."""

    async def main() -> Answer | RoutebookError:
        async with of:
            return await outcome(of, **overrides)

    return asyncio.run(main())


def told(of: Router, **overrides: Any) -> list[Event]:  # noqa: ANN401
    """The events of a request that ends well."""

    async def main() -> list[Event]:
        async with of:
            seen, error = await heard(of, **overrides)
            assert error is None
            return seen

    return asyncio.run(main())


@pytest.fixture
def own_checks(tmp_path: Path) -> Iterator[str]:
    """A module of the user's own, importable from where the notebook is."""
    source = """
import time
def has_x(text): return "x" in text
def says_why(text): return "" if "x" in text else "there is no x in it"
def asserts(text): assert "x" in text, "x is missing"
def is_broken(text): return {}["x"]
def leaves(text): raise SystemExit(3)
def hangs(text): time.sleep(30)
async def waits(text): return "x" in text
number = 3
"""
    (tmp_path / "own_checks.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    yield "own_checks"
    sys.path.remove(str(tmp_path))
    sys.modules.pop("own_checks", None)


def test_an_answer_that_fails_a_check_goes_to_the_model_the_route_names() -> None:
    """The first one is paid for and in the books; the stream says why another follows."""
    with served("no json here", "not this", '{"ok": 1}', route={"try": ["a", "b"], "on_low_quality": {"check": "json", "try": ["c"]}}) as (
        server,
        of,
    ):
        events = told(of)
        assert server.seen.attempts_by_model == {"a": 1, "c": 1}
    done = events[-1]
    assert isinstance(done, Done)
    first, second = done.answer.attempts
    assert (done.answer.text, done.answer.notes) == ('{"ok": 1}', ())
    assert brief([first, second]) == [("a", "answer", "error"), ("c", "fallback", "ok")]
    assert (first.error_type, first.finish_reason) == ("LowQuality", "stop")
    assert (first.output_tokens or 0) > 0
    assert (first.cost_usd or 0) > 0
    (switched,) = [event for event in events if isinstance(event, Switched)]
    assert (switched.from_model, switched.to_model) == ("a", "c")
    assert switched.reason.startswith("The answer fails the check 'json': it is not JSON")
    assert second.reason.startswith("a: The answer fails the check 'json'")


def test_without_models_of_its_own_a_failed_check_goes_to_the_next_candidate() -> None:
    """As any other failure does."""
    with served("   words", "[1]", route={"on_low_quality": {"check": "json"}}) as (_, of):
        answer = asked(of)
    assert isinstance(answer, Answer)
    assert (answer.model, answer.json()) == ("b", [1])


def test_json_in_a_fence_is_json() -> None:
    """Models like to wrap it, and `.json()` reads it so."""
    with served('Here you are:\n```json\n{"a": 1}\n```\n', route={"on_low_quality": {"check": "json"}}) as (_, of):
        answer = asked(of)
    assert isinstance(answer, Answer)
    assert answer.json() == {"a": 1}


def test_an_answer_cut_by_length_is_not_complete() -> None:
    """Half of a function is worse than none; a model with a longer breath gets the prompt."""
    long = "one two three four five six seven eight nine ten eleven twelve"
    with ScriptedServer(models={"a": Chaos(reply=long), "b": Chaos(reply=long)}) as server:
        of = router(server, models={"a": {"params": {"max_tokens": 3}}, "b": {}}, route={"on_low_quality": {"check": "complete"}})
        answer = asked(of)
    assert isinstance(answer, Answer)
    assert (answer.model, answer.text) == ("b", long)
    assert answer.attempts[0].finish_reason == "length"


def test_when_nobody_does_better_the_answer_is_shown_and_marked() -> None:
    """It was paid for, and may do; but nobody is to take it for a good one."""
    with served("words", "more words", route={"on_low_quality": {"check": "json"}}) as (_, of):
        answer = asked(of)
    assert isinstance(answer, Answer)
    assert (answer.text, answer.model) == ("more words", "b")
    assert [attempt.status for attempt in answer.attempts] == ["error", "error"]
    (note,) = answer.notes
    assert note.startswith("The answer fails the check 'json'")
    assert note.endswith("There was no better one.")


def test_when_the_better_model_is_down_the_first_answer_is_said_again() -> None:
    """Its text was called void on the stream, so the stream must say it anew."""
    with ScriptedServer(models={"a": Chaos(reply="words"), "b": faulty("auth")}) as server:
        route = {"try": ["a"], "on_low_quality": {"check": "json", "try": ["b"]}}
        events = told(router(server, models=("a", "b"), route=route))
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.answer.text, done.answer.model, done.answer.attempt.attempt) == ("words", "a", 1)
    assert brief(done.answer.attempts) == [("a", "answer", "error"), ("b", "fallback", "error")]
    last_switch = max(at for at, event in enumerate(events) if isinstance(event, Switched))
    assert "".join(event.text for event in events[last_switch:] if isinstance(event, Delta)) == "words"


@pytest.mark.parametrize("function", ["has_x", "says_why", "asserts", "is_broken", "leaves", "waits"])
def test_a_function_of_the_user_s_own_is_asked(function: str, own_checks: str) -> None:
    """Whatever it does with a bad answer: say no, say why, raise, or leave."""
    good = "is_broken" if function in ("is_broken", "leaves") else "x"
    with served("no", good, route={"on_low_quality": {"check": f"{own_checks}:{function}"}}) as (_, of):
        answer = asked(of)
    assert isinstance(answer, Answer)
    assert answer.attempts[0].error_type == "LowQuality"
    says = {"has_x": "it says no", "says_why": "there is no x in it", "asserts": "AssertionError: x is missing", "is_broken": "KeyError: 'x'",
            "leaves": "it left with exit code 3", "waits": "it says no"}  # fmt: skip
    assert says[function] in (answer.attempts[0].error or "")
    assert answer.attempts[1].status == ("ok" if good == "x" else "error")


def test_a_check_that_hangs_counts_as_failed_and_holds_nobody_up(own_checks: str) -> None:
    """It often runs code of the answer; the loop serves the other cells meanwhile."""

    async def main() -> float:
        look = quality.Quality(phrases=(), looks=[("hangs", _slow(own_checks))], limit_s=0.2)
        begun = time.monotonic()
        with served("a") as (_, of):
            async with of:
                answer = await of.ask("hello")
        found = await look(Outcome(attempt=answer.attempt))
        assert isinstance(found, LowQuality)
        assert found.flaw == "the check 'hangs' did not end within 0.2 s."
        return time.monotonic() - begun

    assert asyncio.run(main()) < 5


def _slow(module: str) -> Any:  # noqa: ANN401
    return importlib.import_module(module).hangs


@pytest.mark.parametrize(
    ("check", "says"), [("own_checks:nobody", "nobody"), ("own_checks:number", "is no function"), ("not_there_at_all:f", "not_there")]
)
def test_a_function_that_cannot_be_found_is_said_before_anything_is_sent(check: str, says: str, own_checks: str) -> None:  # noqa: ARG001
    """An answer that cannot be checked must not be paid for."""
    with served("x", route={"on_low_quality": {"check": check}}) as (server, of):
        error = asked(of)
        assert server.seen.attempts == 0
    assert isinstance(error, UsageError)
    assert check in str(error)
    assert says in str(error)


# ---- schemas


@pytest.mark.parametrize("schema", [CITY, City])
def test_an_answer_that_fails_the_schema_goes_to_the_next_model(schema: Any) -> None:  # noqa: ANN401
    """`--schema` is a promise to the code that reads the answer."""
    with served('{"town": "Rome"}', '{"city": "Rome"}') as (_, of):
        answer = asked(of, schema=schema)
    assert isinstance(answer, Answer)
    assert answer.json() == {"city": "Rome"}
    first = answer.attempts[0]
    assert (first.status, first.error_type) == ("error", "LowQuality")
    assert "The answer fails the check 'schema': " in (first.error or "")
    assert "city" in (first.error or "")


def test_a_pydantic_model_s_own_rules_count() -> None:
    """They are why people write one."""
    with served('{"city": "R0me"}', '{"city": "Rome"}') as (_, of):
        answer = asked(of, schema=City)
    assert isinstance(answer, Answer)
    assert answer.json() == {"city": "Rome"}
    assert "a city has no digits" in (answer.attempts[0].error or "")


def test_an_answer_that_fails_the_schema_is_never_given_out() -> None:
    """An error, with what was tried and, for a person, the last text."""
    with served('{"town": 1}', "no json", route={"on_low_quality": {"check": "json"}}) as (_, of):
        error = asked(of, schema=CITY)
    assert isinstance(error, AllAttemptsFailed)
    assert len(error.attempts) == 2
    assert isinstance(error.__cause__, LowQuality)
    assert error.__cause__.text == "no json"


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": object()}, "cannot be written as JSON"),
        ([1], "This is a list"),
        ("city", "This is a str"),
        (int, "the class int, which is no pydantic model"),
        (City(city="Rome"), "give the class itself"),
        ({"type": "objekt"}, "The schema is no JSON schema: type: 'objekt'"),
        ({"properties": 3}, "properties: 3"),
    ],
)
def test_a_schema_that_is_none_is_said_before_anything_is_sent(schema: Any, says: str) -> None:  # noqa: ANN401
    """In our words, with what it should be."""
    with served("x") as (server, of):
        error = asked(of, schema=schema)
        assert server.seen.attempts == 0
    assert isinstance(error, UsageError)
    assert says in str(error)


def test_a_schema_that_points_elsewhere_fetches_nothing() -> None:
    """A reference is no reason to open a connection, behind the wall or not."""
    with ScriptedServer() as elsewhere, served('{"a": 1}', '{"a": 1}') as (server, of):
        error = asked(of, schema={"$ref": f"{elsewhere.url}/schema.json"})
        assert elsewhere.seen.connections == 0
        assert server.seen.attempts == 1
    assert isinstance(error, UsageError)
    assert "cannot be applied" in str(error)


# ---- refusals by phrase


def test_words_of_refusal_are_a_guess_and_the_answer_is_shown() -> None:
    """Without `try` nobody else is asked; that it is a guess stands in the notes and in the row."""
    route = {"on_refusal": {"phrases": ["I cannot generate that"]}}
    with served("I\u2019m sorry, but I CANNOT  generate that.", "gladly", route=route) as (server, of):
        answer = asked(of)
        assert server.seen.attempts_by_model == {"a": 1}
    assert isinstance(answer, Answer)
    assert answer.is_refusal
    assert answer.text.startswith("I\u2019m sorry")
    assert "this is a guess" in answer.notes[0]
    assert (answer.attempt.status, answer.attempt.error_type) == ("refused", "Refused")
    assert answer.attempt.reason.endswith("that it declined is a guess by its words")
    assert (answer.attempt.cost_usd or 0) > 0


def test_a_guessed_refusal_goes_elsewhere_only_where_the_route_says_so_and_is_seen_to() -> None:
    """Never silently."""
    route = {"try": ["a"], "on_refusal": {"phrases": ["I cannot generate that"], "try": ["b"]}}
    with served("I cannot generate that.", "gladly", route=route) as (_, of):
        events = told(of)
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.answer.text, done.answer.finish_reason) == ("gladly", "stop")
    assert "a declined, as its words say" in done.answer.notes[0]
    (switched,) = [event for event in events if isinstance(event, Switched)]
    assert "guess" in switched.reason


def test_words_of_refusal_that_an_answer_only_quotes_are_none() -> None:
    """A text about refusals is no refusal."""
    long = "A model may decline in many ways. " * 12 + "One of them says: I cannot generate that."
    with served(long, route={"on_refusal": {"phrases": ["I cannot generate that"]}}) as (_, of):
        answer = asked(of)
    assert isinstance(answer, Answer)
    assert not answer.is_refusal


def test_the_books_have_every_answer_that_was_checked() -> None:
    """Failed checks count like all calls."""

    async def main(of: Router) -> int:
        async with of:
            await outcome(of)
            return len(rows(of))

    with served("words", "words", "[]", route={"on_low_quality": {"check": "json"}}) as (server, of):
        assert asyncio.run(main(of)) == server.seen.attempts == 3
