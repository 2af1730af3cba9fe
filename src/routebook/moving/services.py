"""Public services under the names that other tools give them, and how Routebook calls the same."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit


class Service(NamedTuple):
    """A public service."""

    kind: str
    base_url: str | None
    """`None` where the kind knows it."""
    key: str | None
    """The usual variable of its key."""


_OPENAI: Final = "openai"
SERVICES: Final = {
    "openai": Service(_OPENAI, None, "OPENAI_API_KEY"),
    "anthropic": Service("anthropic", None, "ANTHROPIC_API_KEY"),
    "gemini": Service("gemini", None, "GEMINI_API_KEY"),
    "google": Service("gemini", None, "GEMINI_API_KEY"),
    "ollama": Service("ollama", None, None),
    "ollama_chat": Service("ollama", None, None),
    "groq": Service(_OPENAI, "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "cerebras": Service(_OPENAI, "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "mistral": Service(_OPENAI, "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "openrouter": Service(_OPENAI, "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "deepseek": Service(_OPENAI, "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "xai": Service(_OPENAI, "https://api.x.ai/v1", "XAI_API_KEY"),
    "nvidia": Service(_OPENAI, "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
    "nvidia_nim": Service(_OPENAI, "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "together_ai": Service(_OPENAI, "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "fireworks_ai": Service(_OPENAI, "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    "huggingface": Service(_OPENAI, "https://router.huggingface.co/v1", "HF_TOKEN"),
    "opencode": Service(_OPENAI, "https://opencode.ai/zen/v1", "OPENCODE_API_KEY"),
    "lmstudio": Service(_OPENAI, "http://127.0.0.1:1234/v1", None),
}
"""By the prefix of a LiteLLM model, or the id of an OpenCode provider."""


def is_here(base_url: str | None) -> bool:
    """True for an address on this machine."""
    return (urlsplit(base_url or "").hostname or "") in ("localhost", "127.0.0.1", "::1")


def tier_of(kind: str, base_url: str | None, *, is_free: bool = False) -> str:
    """The tier that a provider of this kind at this address most likely is."""
    if is_here(base_url) or (kind == "ollama" and base_url is None):
        return "local"
    return "free" if is_free else "paid"
