"""Keys are told from other text: a missed one leaks, and a model's name taken for one cannot be used."""

from __future__ import annotations

import random
import string

import pytest

from routebook.config.keylike import HIDDEN, is_keylike, masked

KEYS = [
    "sk-proj-AbC1dEf2GhI3jKl4MnO5pQr6",
    "sk-ant-api03-x1Y2z3A4b5C6d7E8f9",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "sk-0123456789abcdef0123456789abcdef",
    "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz",
    "AIzaSyA1B2C3D4E5F6G7H8I9J0KlMnOpQrStU",
    "hf_AbCdEf1GhIjKl2MnOpQr3StUvWx",
    "nvapi-AbC-dEf_1GhIjKlMnOp",
    "csk-a1b2c3d4e5f6g7h8i9j0k1l2m3",
    "xai-a1b2c3d4e5f6g7h8i9j0k1l2m3",
    "tvly-dev-a1b2c3d4e5f6g7h8i9",
    "github_pat_11ABCDEFG0123456789",
    "ghp_a1b2c3d4e5f6g7h8i9j0",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
    "Bearer abcdefgh1jklmnop",
    "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b.AbC1dEf2GhI3jKl4",
]
NAMES = [
    "llama-3.3-70b-versatile",
    "meta-llama/llama-4-maverick-17b-128e-instruct",
    "accounts/fireworks/models/qwen3-235b-a22b-instruct-2507",
    "hf.co/unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:Q4_K_M",
    "qwen/qwen3.5-397b-a17b",
    "ep-20250301123456789-abcde",
    "xai-grok-4-1-fast-reasoning",
    "claude-haiku-4-5-20251001",
    "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "https://api.cloudflare.com/client/v4/accounts/0a1b2c3d4e5f60718293a4b5c6d7e8f9/ai/v1",
    "/home/me/.ollama/models/blobs/sha256-0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "sha256-0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "OPENROUTER_API_KEY_FOR_MY_PROJECT_2",
    "You are a task-oriented assistant; ask-first, risk-averse.",
    "org-support-team",
    "add Bearer authentication to this API",
    "what does sk-... mean in an API key?",
    "frontend-developer-who-writes-css-2",
    "code_generation",
    "MyVeryLongCamelCaseNameOfAModel2",
    "antidisestablishmentarianism",
    "",
]


@pytest.mark.parametrize("key", KEYS)
def test_key_is_seen_and_hidden(key: str) -> None:
    """Wherever it stands, it must neither pass nor be shown."""
    assert is_keylike(key)
    assert is_keylike(f" {key}\n")
    assert masked(f"Cannot declare ('{key}',) twice").count(HIDDEN) >= 1
    assert key not in masked(f"Cannot declare ('{key}',) twice")


@pytest.mark.parametrize("name", NAMES)
def test_name_is_no_key(name: str) -> None:
    """A file whose names are refused is of no use."""
    assert not is_keylike(name)


def test_random_words_of_a_keys_length_are_seen() -> None:
    """Some providers' keys have no mark at all: 32 letters and digits."""
    draw = random.Random(7)
    words = ["".join(draw.choices(string.ascii_letters + string.digits, k=32)) for _ in range(500)]
    assert sum(map(is_keylike, words)) >= 450
