"""What differs among those who speak Chat Completions: a few names, by host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from routebook.messages import Think


def _template(think: Think) -> dict[str, Any]:
    """Servers that fill a chat template themselves: llama.cpp, vLLM, SGLang, NVIDIA NIM, LM Studio and most gateways."""
    kwargs = {"enable_thinking": think != "off"}
    if think == "keep":  # Qwen's name for it, and GLM's: a template takes no notice of what it does not know
        kwargs |= {"preserve_thinking": True, "clear_thinking": False}
    return {"chat_template_kwargs": kwargs}


def _typed(think: Think) -> dict[str, Any]:
    """DeepSeek."""
    return {"thinking": {"type": "disabled" if think == "off" else "enabled"}}


def _zai(think: Think) -> dict[str, Any]:
    """Z.ai drops earlier thoughts unless told otherwise."""
    switch = _typed(think)["thinking"]
    return {"thinking": switch | {"clear_thinking": False} if think == "keep" else switch}


def _effort(think: Think) -> dict[str, Any]:
    return {"reasoning_effort": "none" if think == "off" else "medium"}


def _openrouter(think: Think) -> dict[str, Any]:
    return {"reasoning": {"enabled": think != "off"}}


class Dialect(NamedTuple):
    """The names that one host uses; a user's `params.extra` overrides all of them."""

    max_tokens: str = "max_tokens"
    seed: str = "seed"
    think: Callable[[Think], dict[str, Any]] = _template
    has_short_ids: bool = False
    """The id of a tool call is nine letters and digits."""
    asks_for_usage: bool = True
    """Sends `stream_options.include_usage`."""


_BY_HOST = {
    "api.openai.com": Dialect(max_tokens="max_completion_tokens", think=_effort),
    "openai.azure.com": Dialect(max_tokens="max_completion_tokens", think=_effort),
    "api.groq.com": Dialect(max_tokens="max_completion_tokens", think=_effort),
    "api.cerebras.ai": Dialect(max_tokens="max_completion_tokens", think=_effort),
    "generativelanguage.googleapis.com": Dialect(think=_effort),
    "api.mistral.ai": Dialect(seed="random_seed", think=_effort, asks_for_usage=False, has_short_ids=True),
    "api.deepseek.com": Dialect(think=_typed),
    "api.z.ai": Dialect(think=_zai),
    "open.bigmodel.cn": Dialect(think=_zai),
    "openrouter.ai": Dialect(think=_openrouter),
}


def dialect_of(host: str) -> Dialect:
    """Return the dialect spoken at a host; the plain one where nothing else is known."""
    for name, dialect in _BY_HOST.items():
        if host == name or host.endswith("." + name):
            return dialect
    return Dialect()
