"""Keys never reach a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.backends.redact import MAX_CHARS, redacted

WORD, PLACEHOLDER = "swordfish", "none"
KEYS = [
    "sk-proj-abcdEFGH0123456789abcd", "sk-ant-api03-abcdefgh0123456789", "gsk_abcdefghijklmnop1234567890", "AIzaSyA1234567890abcdefghijklmnopqrs",
    "hf_abcdefghijklmnopqrstuvwx", "nvapi-abcdefghijklmnop123456", "csk-abcdefghijklmnop1234", "sk-or-v1-0123456789abcdef0123456789abcdef",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: {}.",
        "key={}",
        '{{"api_key": "{}"}}',
        "Authorization: Bearer {}",
        "bearer {} is bad",
        "at https://x/y?key={}&z=1",
        "{}",
    ],
)
def test_keys_of_all_shapes_are_hidden(key: str, text: str) -> None:
    """Providers echo what they were sent, and books and notebooks are shared."""
    assert key not in redacted(text.format(key))
    assert key[6:] not in redacted(text.format(key))


def test_the_key_that_was_sent_is_hidden_whatever_its_shape() -> None:
    """A gateway's key may look like any word."""
    assert redacted("no such user: swordfish", secret=WORD) == "no such user: [hidden]"


def test_a_placeholder_key_hides_no_words() -> None:
    """Local servers take `none` for a key; that is no secret."""
    assert redacted("none of the models is loaded", secret=PLACEHOLDER) == "none of the models is loaded"


def test_plain_words_stay() -> None:
    """A message must still say what is wrong."""
    text = "Rate limit reached for model `llama-3.3-70b` in organization `org_01` on tokens per day (TPD): Limit 100000, Used 99800."
    assert redacted(text) == text


def test_the_text_becomes_one_short_line() -> None:
    """An error body may be a page; a row of the books is a line."""
    assert redacted("a\n\n  b\tc\x1b[31m\u2028d") == "a b c [31m d"
    assert len(redacted("word " * 500)) <= MAX_CHARS


@given(st.text(max_size=400), st.text(min_size=6, max_size=20))
def test_the_sent_key_never_survives(text: str, secret: str) -> None:
    """Whatever the body says around it."""
    assert secret not in redacted(text + secret + text, secret=secret) or "[hidden]".find(secret) >= 0
