"""Server-sent events, cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.backends.sse import SseParser
from routebook.errors import StreamBroken


def parsed(data: bytes, *, cuts: list[int] | None = None, max_bytes: int = 1 << 20) -> list[bytes]:
    """All events of a stream that comes in pieces."""
    parser = SseParser(max_bytes=max_bytes)
    places = sorted({min(cut, len(data)) for cut in cuts or []} | {0, len(data)})
    found: list[bytes] = []
    for start, end in itertools.pairwise(places):
        found += parser.feed(data[start:end])
    return found + parser.close()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_line_ends_of_the_standard_end_lines(end: bytes) -> None:
    """Servers on different platforms use all three."""
    stream = end.join([b"data: one", b"", b": a comment", b"event: x", b"data: two", b"data:three", b"", b"data: four", b"", b""])
    assert parsed(stream) == [b"one", b"two\nthree", b"four"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_the_same_wherever_the_stream_is_cut(end: bytes) -> None:
    """A network cuts inside of a character, between CR and LF, and anywhere else."""
    stream = end.join(['data: {"text":"żółw 🐢"}'.encode(), b"", b": ping", b"", b"data: x", b"data: y", b"", b""])
    whole = parsed(stream)
    assert len(whole) == 2
    for cut in range(len(stream) + 1):
        assert parsed(stream, cuts=[cut]) == whole
    assert parsed(stream, cuts=list(range(len(stream)))) == whole


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    """A token must not wait for the next one; with CR the second one ends the event, whatever follows."""
    for stream in (b"data: a\n\n", b"data: a\r\n\r\n", b"data: a\r\r"):
        assert SseParser().feed(stream) == [b"a"], stream


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    """Some gateways send one; the first event would be lost."""
    for cut in range(5):
        assert parsed(b"\xef\xbb\xbfdata: a\n\n", cuts=[cut]) == [b"a"]


def test_a_last_event_without_its_blank_line_counts_at_the_end() -> None:
    """Some servers close right after `data: [DONE]`."""
    assert parsed(b"data: a\n\ndata: [DONE]") == [b"a", b"[DONE]"]
    assert parsed(b"data: a\n\ndata: [DONE]\n") == [b"a", b"[DONE]"]


def test_bare_json_between_events_counts() -> None:
    """Gemini reports what goes wrong inside of a stream as JSON over several lines."""
    assert parsed(b'data: {}\n\n{\n  "error": {\n    "code": 503\n  }\n}\n') == [b"{}", b'{\n  "error": {\n    "code": 503\n  }\n}\n']


def test_names_ids_and_unknown_fields_are_passed_over() -> None:
    """Only data carries anything."""
    assert parsed(b"event: e\nid: 1\nretry: 5\nfoo: bar\n\ndata\n\ndata: \n\n:\n\n") == [b"", b""]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_above_the_bound_breaks_the_stream(size: int) -> None:
    """A server that never ends a line must not fill the memory."""
    parser = SseParser(max_bytes=2000, provider="acme")
    for _ in range(2000 // size):
        assert parser.feed(b"x" * size) == []
    with pytest.raises(StreamBroken, match="acme: an event is larger than 2000 bytes"):
        parser.feed(b"x" * size)


def test_many_small_events_may_be_larger_than_the_bound_together() -> None:
    """The bound is an event's, not the stream's."""
    parser = SseParser(max_bytes=100)
    assert len(parser.feed(b"data: 0123456789\n\n" * 50)) == 50
    assert len(parser.feed(b"data: 0123456789\n\n" * 50 + b"data: tail")) == 50
    assert parser.feed(b"\n\n") == [b"tail"]


LINES = st.lists(
    st.sampled_from([b"data: a", b"data:", b"data", b": c", b"event: e", b"", b"", b"{x", b"junk", "data: ż".encode()]), max_size=12
)


@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n", b"\r"]), cuts=st.lists(st.integers(0, 120), max_size=6))
def test_cuts_never_change_what_a_stream_says(lines: list[bytes], end: bytes, cuts: list[int]) -> None:
    """Whatever lines come in whatever pieces, the events are those of the uncut stream."""
    stream = end.join(lines)
    assert parsed(stream, cuts=cuts) == parsed(stream)


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=8))
def test_no_bytes_raise_anything_but_a_broken_stream(data: bytes, cuts: list[int]) -> None:
    """A parser of what strangers send must not fail in ways nobody catches."""
    try:
        found = parsed(data, cuts=cuts, max_bytes=120)
    except StreamBroken:
        return
    assert all(isinstance(one, bytes) for one in found)


def test_more_blank_lines_than_needed_lose_nothing() -> None:
    """Gemini's bare JSON behind one was lost, or not, by where the stream was cut."""
    stream = b': ping\n\n\n{"error":{}}\n\n\n\ndata: x\n\n'
    for cut in range(len(stream) + 1):
        assert parsed(stream, cuts=[cut]) == [b'{"error":{}}', b"x"], cut
