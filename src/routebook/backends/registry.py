"""Opens the backend of a provider; the code of a kind is loaded when a provider of that kind is first used."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from typing import Final

from routebook.backends.base import Backend
from routebook.backends.waits import Clock
from routebook.config.values import Model, Provider

_CLASSES: Final = {
    "openai": ("openai", "OpenAIBackend"),
    "anthropic": ("anthropic", "AnthropicBackend"),
    "gemini": ("gemini", "GeminiBackend"),
    "ollama": ("ollama", "OllamaBackend"),
    "llamacpp": ("llamacpp", "LlamaCppBackend"),
    "embedded": ("embedded", "EmbeddedBackend"),
    "chaos": ("chaos.backend", "ChaosBackend"),
}


def open_backend(name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock = time.time) -> Backend:
    """Return a backend that speaks to one provider. Nothing is opened or started before its first call.

    Args:
        name: of the provider in `routing.toml`.
        provider: as configured.
        key: the value of the variable that `api_key_env` names.
        models: by name, those of this provider; others are passed over.
        clock: seconds since the epoch.

    Raises:
        UsageError: `base_url` is not an address.
    """
    module, cls = _CLASSES[provider.kind]
    own = {model_name: model for model_name, model in models.items() if model.provider == name}
    backend: Backend = getattr(importlib.import_module(f"routebook.backends.{module}"), cls)(
        name, provider, key=key, models=own, clock=clock
    )
    return backend
