"""What servers say, for fuzzing: right things, bent. What is made of noise alone never gets past the first check."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from typing import Any, Final

from hypothesis import strategies as st

from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.server import _WIRES
from routebook.backends.chaos.wire import Wait
from routebook.config.scripted import Fault

_ACT: Final = Act(
    fault=None, tokens=["żółw ", "🐢", "\n"], is_cut=False, input_tokens=7, output_tokens=3, latency_s=0, interval_s=0, number=0
)

# ---- bytes and JSON

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["", "stop", "length", "refusal", "error", 429, 503, 10**400, -1, "429", "rate_limit_exceeded", "Please try again in 1m2.5s."])
)  # fmt: skip
keys = st.sampled_from(
    [
        "error", "errors", "message", "type", "code", "status", "details", "detail", "msg", "metadata", "raw", "headers", "param", "choices", "delta",
        "content", "refusal", "tool_calls", "finish_reason", "usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens",
        "cost", "x_groq", "index", "text", "thinking", "stop_reason", "stop_details", "content_block", "input_tokens", "output_tokens", "candidates",
        "parts", "finishReason", "promptFeedback", "blockReason", "usageMetadata", "promptTokenCount", "candidatesTokenCount", "violations", "quotaId",
        "quotaMetric", "retryDelay", "@type", "done", "done_reason", "eval_count", "prompt_eval_count", "total_duration", "load_duration", "role",
        "reasoning", "reasoning_content", "thought", "category", "explanation", "service_tier", "timings", "model", "id", "data", "models",
    ]
) | st.text(max_size=6)  # fmt: skip
values_of_json = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12)


def encoded(value: Any) -> bytes:  # noqa: ANN401  any JSON
    """JSON as Python writes it: NaN and infinity included, which is a fault too."""
    return json.dumps(value, default=str).encode("utf-8", "surrogatepass")


@st.composite
def bent(draw: st.DrawFn, of: st.SearchStrategy[bytes]) -> bytes:
    """Bytes with some cut out, doubled or replaced."""
    data = bytearray(draw(of))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 30)))
        data[start:end] = draw(st.binary(max_size=8) | st.sampled_from([b"", b"\n\n", b"\r", b"data: ", b'"', b"}", b"null", b"0", b"\xff", bytes(data[start:end]) * 2]))  # fmt: skip
    return bytes(data)


def bend(value: Any, rng: random.Random) -> Any:  # noqa: ANN401  as it came
    """A value whose texts and bytes have some letters cut out, doubled or replaced."""
    match value:
        case tuple():
            return tuple(bend(one, rng) for one in value)
        case bytes():
            return bend(value.decode("latin-1"), rng).encode("latin-1")
        case str():
            start = rng.randint(0, len(value))
            end = min(len(value), start + rng.randint(0, 12))
            new = value[start:end] * 2 if rng.random() < 0.2 else rng.choice(_PIECES)
            return value[:start] + new + value[end:]
        case _:
            return value


_PIECES: Final = (
    "\n",
    "\n\n",
    "\r",
    "data: ",
    '"',
    "'",
    "}",
    "{",
    "[",
    "]",
    "null",
    "0",
    "-1",
    "1e999",
    "\xff",
    "\x00",
    "=",
    ",",
    ":",
    "\\",
    "\\ud800",
    "{{",
    "}}",
    "#",
)


@st.composite
def altered(draw: st.DrawFn, of: st.SearchStrategy[Any]) -> Any:  # noqa: ANN401  JSON
    """JSON in which one value somewhere is another."""
    value = draw(of)
    spot: Any = value
    while isinstance(spot, dict | list) and spot:
        key = draw(st.sampled_from(sorted(spot))) if isinstance(spot, dict) else draw(st.integers(0, len(spot) - 1))
        if not isinstance(spot[key], dict | list) or draw(st.booleans()):
            spot[key] = draw(values_of_json)
            break
        spot = spot[key]
    return value


def _asked(*, stream: bool) -> Asked:
    return Asked(model="m", is_stream=stream)


def bodies(wire: str) -> st.SearchStrategy[bytes]:
    """What a provider says in one piece: answers and errors, right, altered, and bent."""
    speaks = _WIRES[wire]
    errors = [speaks.error(Fault(kind=kind), status=status, wait=Wait({}, 2.5, is_in_body=True)) for kind, status in _KINDS]
    refusals = speaks.refusal(_asked(stream=False), _ACT)
    right = st.sampled_from([speaks.whole(_asked(stream=False), _ACT), *errors, *refusals])
    changed = altered(right.map(json.loads)).map(encoded)
    return right | changed | bent(right) | values_of_json.map(encoded) | st.binary(max_size=60) | st.sampled_from(_PAGES)


_KINDS: Final[tuple[tuple[Any, int], ...]] = (
    ("rate_limit", 429),
    ("server_error", 500),
    ("context_overflow", 400),
    ("auth", 401),
    ("not_found", 404),
)
_PAGES: Final = (
    b"",
    b"<html><head><title>502 Bad Gateway</title></head></html>",
    b"\x1f\x8b\x08\x00garbage",
    b"[]",
    b"null",
    b"0",
    b'"x"',
    b"[" * 100_000,
    b'{"error":' * 5000,
)


def streams(wire: str) -> st.SearchStrategy[bytes]:
    """The events of a stream, right, altered, in any order, and bent."""
    speaks = _WIRES[wire]
    asked = _asked(stream=True)
    tokens = [speaks.token(asked, text) for text in _ACT.tokens]
    right = [speaks.opening(asked, _ACT), *tokens, *speaks.closing(asked, _ACT)]
    others = [
        *speaks.refusal(asked, _ACT),
        speaks.inside("An error inside."),
        speaks.malformed(),
        b": ping\n\n",
        b"\n",
        b"event: x\n\n",
        b"data: [DONE]\n\n",
    ]
    shuffled = st.lists(st.sampled_from([*right, *others]) | altered_event([*right, *others]), max_size=8).map(b"".join)
    whole = st.just(b"".join(right))
    return whole | shuffled | bent(whole) | bent(shuffled)


def altered_event(of: list[bytes]) -> st.SearchStrategy[bytes]:
    """One event with another value somewhere in its JSON."""
    found = [match for event in of if (match := re.search(rb"\{.*\}", event)) and _is_json(match[0])]

    def put_back(pair: tuple[int, Any]) -> bytes:
        match = found[pair[0]]
        return match.string[: match.start()] + encoded(pair[1]) + match.string[match.end() :]

    return st.integers(0, len(found) - 1).flatmap(
        lambda at: st.tuples(st.just(at), altered(st.builds(json.loads, st.just(found[at][0]))))
    ).map(put_back)  # fmt: skip


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


# ---- headers

_SECONDS = (
    st.floats(-10, 1e12).map(str)
    | st.integers(-5, 10**20).map(str)
    | st.sampled_from(["", "0", "-0", "nan", "inf", "1e999", "٣", "1_000", " 5 ", "+3"])
)
_DURATIONS = st.from_regex(r"(\d{1,4}(\.\d{1,3})?\s?(ms|s|m|h|d|seconds?|minutes)){1,4}", fullmatch=True)
_DATES = st.datetimes(timezones=st.none() | st.just(dt.UTC)).map(str) | st.datetimes().map(
    lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S} GMT"
) | st.sampled_from(["Mon, 31 Feb 2026 25:61:61 GMT", "0000-00-00T00:00:00Z", "2026-11-21T12:00:00+99:99", "Thu, 01 Jan 1970 00:00:00 -9999"])  # fmt: skip
times = _SECONDS | _DURATIONS | _DATES | st.text(max_size=20)
"""A time as a header may state it."""
headers = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "retry-after-ms",
            "date",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
            "x-ratelimit-limit-requests",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
            "x-ratelimit-remaining-requests-day",
            "x-ratelimit-reset-requests-day",
            "x-ratelimit-reset",
            "x-ratelimit-remaining",
            "x-ratelimit-limit",
        ]
    ),
    times | st.sampled_from(["0", "1", "0.0", "-1"]),
    max_size=5,
)
said = st.text(max_size=60) | st.builds("{} {} {}".format, st.sampled_from(["Please try again in", "retry after", "Wait for", "resets in:"]), times, st.text(max_size=9))  # fmt: skip
"""What an error says in words."""
