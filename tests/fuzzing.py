"""Everything that reads what others write, under fuzz: each target with its inputs, what must hold, and how many cases it gets.

The long version is `benchmarks/fuzz.py`, the short one `test_fuzz.py`; both read `TARGETS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from types import FrameType
from typing import Any, Final

import fuzz_inputs as inputs
import fuzz_written as written
import ollama  # noqa: F401  the first case must not wait for its import
import pandas as pd
from calls import call
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from rawserver import raw, response

from routebook.backends.answer import Answer
from routebook.backends.anthropic_answer import AnthropicAnswer
from routebook.backends.gemini_answer import GeminiAnswer
from routebook.backends.openai_answer import OpenAIAnswer
from routebook.backends.quotas import quotas_in
from routebook.backends.registry import open_backend
from routebook.backends.sse import SseParser
from routebook.backends.translate import Translator
from routebook.backends.waits import LONGEST_S, duration_s, reset_s, stated_s
from routebook.classifier.classify import classify
from routebook.config.read import parse
from routebook.config.values import Provider
from routebook.errors import ConfigError, ProviderError, RoutebookError, StreamBroken, UsageError
from routebook.messages import Delta, Finish
from routebook.notebook.interpolate import interpolate
from routebook.notebook.markdown import SCHEMES, render
from routebook.notebook.options import overrides
from routebook.notebook.options import parse as parse_options

PATIENCE_S: Final = 20.0
"""The longest that one case may take, on a busy machine."""
_KEY: Final = "sk-fuzz-0123456789abcdef"
_NOW: Final = 1_795_000_000.0


class Hangs(Exception):
    """A case took too long."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of foreign words."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    """Raises when something that must hold does not."""
    cases: int
    """In the long version."""


# ---- what must hold


def _config(text: str) -> None:
    try:
        parse(text, file="routing.toml")
    except ConfigError as error:
        assert error.problems  # noqa: PT017  no error is right too
        assert str(error)  # noqa: PT017  as above


def _interpolated(prompt: str) -> None:
    names = {"a": "x {{a}} y", "table": _TABLE, "n": 3, "none": None}
    try:
        text = interpolate(prompt, names)
    except UsageError:
        assert "{{" in prompt
        return
    if "{{" not in prompt:
        assert text == prompt


_TABLE: Final = pd.DataFrame({"x": [1, 2], "y,": ["a", '"b"']})


def _sse(given_: tuple[bytes, list[int]]) -> None:
    data, cuts = given_
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    assert _events(data, [0, len(data)]) == _events(data, places), "an event depends on where the stream is cut"


def _events(data: bytes, places: list[int]) -> list[bytes] | None:
    parser, found = SseParser(max_bytes=1 << 20), []
    try:
        for start, end in itertools.pairwise(places):
            found += parser.feed(data[start:end])
    except StreamBroken:
        return None
    return found + parser.close()


def _answer(kind: Callable[[Translator], Answer]) -> Callable[[tuple[bytes, bytes]], None]:
    def check(given_: tuple[bytes, bytes]) -> None:
        stream, body = given_
        for takes, data in (("feed", SseParser().feed(stream)), ("whole", [body])):
            answer = kind(_translator())
            with contextlib.suppress(ProviderError):
                for one in data:
                    assert all(isinstance(delta, Delta) and delta.text for delta in getattr(answer, takes)(one))
                _finished(answer.finish())

    return check


def _finished(finish: Finish) -> None:
    usage = finish.usage
    counts = (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.thinking_tokens)
    assert all(count is None or (isinstance(count, int) and 0 <= count < 1 << 62) for count in counts), counts
    assert usage.cost_usd is None or (usage.cost_usd.is_finite() and usage.cost_usd >= 0), usage.cost_usd
    assert all(math.isfinite(time_s) and time_s >= 0 for time_s in finish.timings.values()), finish.timings


def _translator() -> Translator:
    return Translator("acme", clock=lambda: _NOW, secret=_KEY)


def _waits(given_: tuple[dict[str, str], str, str]) -> None:
    headers, text, delay = given_
    for time_s in (stated_s(headers, text=text, delay=delay, clock=lambda: _NOW), reset_s(delay, clock=lambda: _NOW), duration_s(delay)):
        assert time_s is None or (math.isfinite(time_s) and time_s >= 0), time_s
    assert (stated_s(headers, text=text, delay=delay, clock=lambda: _NOW) or 0) <= LONGEST_S
    for quota in quotas_in(headers, clock=lambda: _NOW):
        assert 0 <= quota.left < 1 << 62
        assert 0 <= quota.resets_s <= LONGEST_S


def _error(given_: tuple[int, dict[str, str], bytes, Any]) -> None:
    status, headers, body, event = given_
    body += _KEY.encode()
    errors = _translator()
    for error in (errors.response(status, headers=headers, body=body), errors.event(event, headers=headers, has_started=status % 2 == 0)):
        assert isinstance(error, ProviderError)
        assert _KEY not in str(error), "the key is shown"
        assert error.retry_after_s is None or (math.isfinite(error.retry_after_s) and error.retry_after_s >= 0)
        assert len(str(error)) < 10_000, "a whole page in an error"


def _options(line: str) -> None:
    with contextlib.suppress(UsageError):
        overrides(parse_options(line))


class _Page(HTMLParser):
    """Sees every tag."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        for name, value in attrs:
            assert name in _ATTRIBUTES, name
            if name in ("href", "src"):
                assert SCHEMES.match((value or "").strip()) or not value, value


_TAGS: Final = frozenset(
    [
        "a",
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "code",
        "em",
        "strong",
        "s",
        "del",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "div",
    ]
)
_ATTRIBUTES: Final = frozenset(["href", "title", "rel", "target", "class", "style", "start"])


def _markdown(text: str) -> None:
    page = _Page()
    page.feed(render(text))
    page.close()


def _classified(text: str) -> None:
    seen = classify(text or " ")
    assert 0 <= seen.complexity <= 10
    assert 0 <= seen.confidence <= 1
    assert 0 <= seen.strength <= 1


def _served(wire: str) -> Callable[[tuple[bytes, bytes, str, bool, int]], None]:
    """A whole response, over a real socket: whatever a server says ends in an answer or in one of our errors."""

    def check(given_: tuple[bytes, bytes, str, bool, int]) -> None:
        stream, body, content_type, is_stream, status = given_
        content_type = "".join(filter(str.isprintable, content_type.encode("ascii", "ignore").decode()))
        asyncio.run(_asked(wire, response(stream if is_stream else body, status=status, content_type=content_type), stream=is_stream))

    return check


async def _asked(wire: Any, said: bytes, *, stream: bool) -> None:  # noqa: ANN401  the name of a wire
    async with raw(said) as server:
        backend = open_backend("acme", Provider(kind=wire, base_url=server.url), key=_KEY, models={})
        try:
            async with asyncio.timeout(PATIENCE_S / 2), contextlib.aclosing(backend.stream(call(stream=stream))) as events:
                async for event in events:
                    if isinstance(event, Finish):
                        _finished(event)
        except RoutebookError as error:
            assert _KEY not in str(error)  # noqa: PT017  no error is right too
        finally:
            await backend.aclose()


# ---- the targets

_cuts = st.lists(st.integers(0, 400), max_size=6)
_statuses = st.sampled_from([200, 200, 200, 204, 301, 400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 529, 599])
_types = st.sampled_from(
    ["application/json", "text/event-stream", "application/x-ndjson", "text/html", "", "text/event-stream; charset=utf-8", "image/png"]
)
_streams = st.one_of(*(inputs.streams(wire) for wire in ("openai", "anthropic", "gemini", "ollama")))
_bodies = st.one_of(*(inputs.bodies(wire) for wire in ("openai", "anthropic", "gemini", "ollama")))


def _of(wire: str) -> st.SearchStrategy[tuple[bytes, bytes]]:
    return st.tuples(inputs.streams(wire), inputs.bodies(wire))


def _response_of(wire: str) -> st.SearchStrategy[tuple[bytes, bytes, str, bool, int]]:
    return st.tuples(inputs.streams(wire), inputs.bodies(wire), _types, st.booleans(), _statuses)


TARGETS: Final[dict[str, Target]] = {
    "routing.toml": Target(written.configs, _config, 20_000),
    "{{name}}": Target(written.prompts, _interpolated, 10_000),
    "options of a cell": Target(written.option_lines, _options, 8_000),
    "prompts to classify": Target(written.prompts | written.markdown, _classified, 4_000),
    "event streams": Target(st.tuples(_streams | st.binary(max_size=80), _cuts), _sse, 20_000),
    "answers of openai": Target(_of("openai"), _answer(OpenAIAnswer), 12_000),
    "answers of anthropic": Target(_of("anthropic"), _answer(AnthropicAnswer), 8_000),
    "answers of gemini": Target(_of("gemini"), _answer(GeminiAnswer), 8_000),
    "headers that state a wait": Target(st.tuples(inputs.headers, inputs.said, inputs.times), _waits, 10_000),
    "bodies of errors": Target(st.tuples(_statuses, inputs.headers, _bodies, inputs.values_of_json), _error, 12_000),
    "answers as Markdown": Target(written.markdown, _markdown, 8_000),
    "lines of ollama, over a socket": Target(_response_of("ollama"), _served("ollama"), 3_000),
    "responses of openai, over a socket": Target(_response_of("openai"), _served("openai"), 1_000),
    "responses of anthropic, over a socket": Target(_response_of("anthropic"), _served("anthropic"), 1_000),
    "responses of gemini, over a socket": Target(_response_of("gemini"), _served("gemini"), 1_000),
}


BENDS: Final = 9
"""Each input that hypothesis makes is also tried so often with a few bytes or letters changed: making inputs is what takes the time."""


def fuzz(name: str, *, cases: int, seed: int) -> tuple[int, float]:
    """Run a target; return how many cases ran and the seconds of the slowest. Raises what a case raised, with the smallest input that does."""
    target = TARGETS[name]
    count, slowest_s = 0, 0.0

    @seeded(seed)
    @settings(
        max_examples=-(-cases // (BENDS + 1)), deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink], print_blob=False,
    )  # fmt: skip
    @given(target.inputs, st.integers(0, 1 << 30))
    def run(value: Any, bends: int) -> None:  # noqa: ANN401  each target has its own
        nonlocal count, slowest_s
        rng = random.Random(bends)
        for one in (value, *(inputs.bend(value, rng) for _ in range(BENDS))):
            count += 1
            begun = time.perf_counter()
            with _named(one), _bounded():
                target.check(one)
            slowest_s = max(slowest_s, time.perf_counter() - begun)

    run()
    return count, slowest_s


@contextlib.contextmanager
def _named(case: Any) -> Iterator[None]:  # noqa: ANN401  each target has its own
    try:
        yield
    except Exception as error:
        error.add_note(f"the case: {case!r}"[:3000])
        raise


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """End a case that takes too long, in the main thread."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise Hangs(f"a case took longer than {PATIENCE_S:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
