"""Which backend a provider gets, and what that costs."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from routebook.backends.registry import open_backend
from routebook.config.values import Provider, ProviderKind
from routebook.errors import UsageError


@pytest.mark.parametrize("kind", get_args(ProviderKind))
def test_every_kind_has_a_backend(kind: ProviderKind) -> None:
    """And opening one sends nothing."""
    backend = open_backend("acme", Provider(kind=kind), key="sk-secret-0123456789", models={})
    assert {"stream", "list_models", "aclose"} <= set(dir(backend))
    assert "sk-secret" not in repr(backend) + str(vars(backend))


def loaded(program: str) -> set[str]:
    """The modules that a program leaves loaded."""
    done = subprocess.run([sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    """Loading the extension must stay free of charge."""
    heavy = {"httpx", "httpcore", "ollama", "xllamacpp", "pydantic", "platformdirs"}
    assert not heavy & loaded("import routebook.backends.registry")
    opening = "from routebook.backends.registry import open_backend; from routebook.config.values import Provider; open_backend('a', Provider(kind={!r}), key=None, models={{}})"
    for kind in ("openai", "ollama"):
        assert not {"ollama", "pydantic", "xllamacpp"} & loaded(opening.format(kind))
    assert "xllamacpp" not in loaded(opening.format("embedded"))


def test_a_wrong_address_is_refused_with_the_provider_s_name() -> None:
    """It is found before the first prompt is sent."""
    with pytest.raises(UsageError, match="acme"):
        open_backend("acme", Provider(kind="openai", base_url="localhost:8080"), key=None, models={})
