"""API keys: from the environment, then `.env` beside `routing.toml`, then `~/.env`. They go nowhere but to the backend."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from routebook.config.values import Config, Provider

_USUAL: Final = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY"}
"""The variable of each kind's own public service."""


class Secret:
    """A key. It shows itself as `***`; `reveal()` gives the text to the one who sends it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self._text = text

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def __repr__(self) -> str:
        """Never the key."""
        return "Secret('***')"

    def __str__(self) -> str:
        """Never the key."""
        return "***"

    def __eq__(self, other: object) -> bool:
        """Whether both are the same key."""
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        """By the key."""
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into something that is kept."""
        msg = "A Secret is not pickled: it would leave this process."
        raise TypeError(msg)


class Keys:
    """The keys of a config's providers. `.env` files are read once, the environment each time."""

    def __init__(
        self, config: Config, *, folder: Path | None = None, home: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        """`folder` holds `routing.toml` (the working folder if not given); `home` and `environ` are the user's own if not given."""
        self._providers = config.providers
        self._variables = {name: model.api_key_env for name, model in config.models.items() if model.api_key_env}
        self._environ = os.environ if environ is None else environ
        self._notes: list[str] = []
        files = ((folder or Path()) / ".env", (home or _home()) / ".env")
        self._files = [self._read(file) for file in files]

    def __repr__(self) -> str:
        """Names of providers only."""
        return f"Keys({', '.join(self._providers)})"

    def get(self, provider: str) -> Secret | None:
        """The key of a provider; `None` when it needs none or has none."""
        entry = self._providers.get(provider)
        return self._secret(key_variable(entry) if entry else None)

    def of_model(self, model: str) -> Secret | None:
        """The key that a model has of its own; `None` when it has none."""
        return self._secret(self._variables.get(model))

    def variable(self, name: str) -> str:
        """The text of any variable, from where keys are kept; empty when it is not set."""
        return self._find(name)

    def named(self, variable: str) -> Secret | None:
        """The key in a variable; `None` when it is not set, or holds what cannot be one."""
        return self._secret(variable)

    def _secret(self, variable: str | None) -> Secret | None:
        text = self._find(variable) if variable else ""
        return Secret(text) if text and not _flaw(text) else None

    @property
    def missing_models(self) -> dict[str, str]:
        """The models that need a key of their own and have none, each with the reason, for people to read."""
        reasons = {name: self._reason(variable) for name, variable in self._variables.items()}
        return {name: reason for name, reason in reasons.items() if reason}

    @property
    def missing(self) -> dict[str, str]:
        """The providers that need a key and have none, each with the reason, for people to read."""
        reasons = {name: self._reason(key_variable(provider)) for name, provider in self._providers.items()}
        return {name: reason for name, reason in reasons.items() if reason}

    def _reason(self, variable: str | None) -> str:
        if variable is None:
            return ""
        text = self._find(variable)
        if flaw := _flaw(text):
            return f"the key in {variable} {flaw}"
        if text:
            return ""
        notes = f" ({'; '.join(self._notes)})" if self._notes else ""
        return f"no key: {variable} is not set; set it in the environment, or in .env beside routing.toml or in ~/.env{notes}"

    def _find(self, variable: str) -> str:
        """The first value that is not empty."""
        places = (self._environ, *self._files)
        return next((text for place in places if (text := (place.get(variable) or "").strip())), "")

    def _read(self, file: Path) -> dict[str, str]:
        """The variables of a `.env` file; nothing is put into the environment."""
        from dotenv import dotenv_values

        try:
            if not file.is_file():
                return {}
            return {name: text for name, text in dotenv_values(file, encoding="utf-8-sig").items() if text}
        except UnicodeDecodeError:
            self._notes.append(f"{file} is not UTF-8, so it was not read")
        except OSError as error:
            self._notes.append(f"{file} could not be read: {error.strerror or error}")
        return {}


def key_variable(provider: Provider) -> str | None:
    """The variable that holds a provider's key: the one it names, else the usual one of the public service it calls; `None` for no key."""
    if provider.api_key_env is not None:
        return provider.api_key_env
    return _USUAL.get(provider.kind) if provider.base_url is None else None


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # an account without one
        return Path()


def _flaw(text: str) -> str:
    """What keeps a text from being a key; empty when nothing does."""
    if text.isascii() and text.isprintable() and " " not in text:
        return ""
    return "has a space, a line break or a letter that no key has; copy it again"
