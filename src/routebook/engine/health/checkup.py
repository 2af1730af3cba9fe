"""The doctor's look at one provider: key, address, models, and a word from one of them."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from routebook.backends.base import Found
from routebook.backends.quotas import quotas_in
from routebook.config.keys import key_variable
from routebook.config.values import Provider
from routebook.engine.health.finding import Finding, State
from routebook.engine.health.word import word
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Outcome
from routebook.errors import (
    AuthFailed,
    BadRequest,
    BudgetExceeded,
    LimitReached,
    ProviderError,
    RateLimited,
    RoutebookError,
    SetupNeeded,
    StreamBroken,
    Unavailable,
)  # fmt: skip
from routebook.near import did_you_mean

MOST_TOKENS: Final = 8


@dataclass(slots=True)
class Checkup:
    """One provider's."""

    runtime: Runtime
    name: str
    patience_s: float
    named: Sequence[str] = ()
    """Models that are all asked, where they are this provider's; else one is."""
    is_well: bool = False
    """A model of it answered."""
    findings: list[Finding] = field(default_factory=list)
    is_shut: bool = False
    """Nobody answers there, or not with this key."""
    asked: str = ""
    """The first model that was asked."""

    @property
    def provider(self) -> Provider:
        """As configured."""
        return self.runtime.config.providers[self.name]

    @property
    def is_local(self) -> bool:
        """Whether it says that it may only be called on this machine."""
        return self.provider.tier == "local"

    async def run(self) -> list[Finding]:
        """Look at one thing after the other, and stop where the next would make no sense."""
        if (reason := self.runtime.keys.missing.get(self.name)) is not None:
            variable = key_variable(self.provider)
            self.note("left out", reason, hint=f"{variable}=… as a line in ~/.env, then %route reload")
            return self.findings
        listed = await self.list_models()
        if listed is None:
            return self.findings
        if self.name in self.runtime.known.unusable:
            await self.runtime.comeback.look(now=True)  # it is there again: put it to use
        ids = [found.id for found in listed]
        self.findings.extend(self.missing(ids))
        await self.ask_one(ids)
        await self.ask_others(ids)
        return self.findings

    async def list_models(self) -> list[Found] | None:
        """What the provider has; empty when it does not say, `None` when it is of no use to go on."""
        try:
            async with asyncio.timeout(self.patience_s):
                return await self.runtime.backend(self.name).list_models(local=self.is_local)
        except TimeoutError:
            self.note("problem", f"no list of models within {self.patience_s:g} s", hint=self.where())
        except BadRequest:
            return []  # it has no such address; the word below tells whether it is well
        except RoutebookError as error:
            self.failed(error)
        return None

    def missing(self, ids: list[str]) -> Iterator[Finding]:
        """The configured models that the provider does not list; an edition of a listed model counts as listed."""
        for name, model in self.runtime.config.models.items():
            if model.provider == self.name and ids and not _is_listed(model.id, ids):
                hint = f"ollama pull {model.id}" if self.provider.kind == "ollama" else f"{did_you_mean(model.id, ids)} Set the id of it."
                said = f"{self.name} does not list its id {model.id!r}"
                yield Finding(about=f"model {name}", state="problem", said=said, hint=hint)

    async def ask_one(self, ids: list[str]) -> None:
        """Ask one model for a word: a listed one rather than another, but not every list is complete."""
        config = self.runtime.config
        names = [name for name, model in config.models.items() if model.provider == self.name]
        listed = [name for name in names if _is_listed(config.models[name].id, ids)]
        if names:
            await self.ask((listed or names)[0], ids, is_listed=bool(listed) or not ids)
        else:
            self.note(
                "ok" if ids else "problem", f"it answers, but no model of it is in use; it has {_count(ids)}", hint=self.first_model()
            )

    async def ask_others(self, ids: list[str]) -> None:
        """Ask the other models that are to be asked, one after the other: a provider that is checked is not to be flooded."""
        config = self.runtime.config
        for model in self.named:
            if config.models[model].provider == self.name and model != self.asked and not self.is_shut:
                await self.ask(model, ids, is_listed=not ids or _is_listed(config.models[model].id, ids))

    async def ask(self, model: str, ids: list[str], *, is_listed: bool) -> None:
        """Ask a model for a word, as an attempt like any other."""
        self.asked = self.asked or model
        try:
            outcome = await word(
                self.runtime, model, kind="health", reason="%route doctor asks for a word", max_tokens=MOST_TOKENS, is_local=self.is_local,
                patience_s=self.patience_s,
            )  # fmt: skip
        except BudgetExceeded as error:
            said = f"not asked for a word: the {error.period} budget of {error.scope!r} has too little left"
            self.note("left out", said if model != self.asked else f"{_count(ids)}; {said}", model=model)
        except LimitReached as error:
            self.note("left out", f"not asked for a word: {error}", model=model)
        except RoutebookError as error:
            self.failed(error, model)
        else:
            is_thought = isinstance(outcome.error, StreamBroken) and outcome.thoughts  # so few tokens may all go into thinking
            if outcome.error is None or is_thought:
                self.answered(model, ids, outcome)
            elif isinstance(outcome.error, BadRequest) and not is_listed:
                self.absent(model, ids)
            else:
                self.failed(outcome.error, model)

    def answered(self, model: str, ids: list[str], outcome: Outcome) -> None:
        """Say how it went; a model that answers is there, whatever the list says."""
        self.is_well = True
        self.findings = [finding for finding in self.findings if finding.about != f"model {model}"]
        first_s = outcome.attempt.ttft_s
        first = f", first token after {first_s:.2f} s" if first_s is not None else ""
        first += _left(outcome)
        reload = "%route reload puts it to use" if self.name in self.runtime.known.unusable else ""
        said = f"{model} answered{first}"
        self.note("ok", said if model != self.asked else f"{_count(ids)}; {said}", hint=reload, model=model)

    def absent(self, model: str, ids: list[str]) -> None:
        """Say that a model is not there; of one that is not listed it is said already."""
        if model == self.asked:
            self.note("problem", f"it answers, but has none of the models configured; it has {_count(ids)}")

    def failed(self, error: RoutebookError, model: str = "") -> None:
        """Say what went wrong and what to do about it."""
        self.is_shut = isinstance(error, AuthFailed) or (isinstance(error, Unavailable) and error.status is None)
        hint = error.hint if isinstance(error, ProviderError) else ""
        said = str(error).removesuffix(hint).rstrip().removeprefix(f"{self.name}: ")
        said = f"{model}: {said}" if model else said
        is_absent = not model and (
            (self.provider.kind in ("embedded", "llamacpp") and isinstance(error, SetupNeeded))
            or (self.provider.kind == "ollama" and isinstance(error, Unavailable) and error.status is None)
        )
        self.note("left out" if is_absent else "problem", said, hint=self.remedy(error) or hint, model=model)

    def remedy(self, error: RoutebookError) -> str:
        """What to do about an error, where we know better than the error itself."""
        match error:
            case AuthFailed():
                return (
                    f"Check the key in {key_variable(self.provider)}."
                    if key_variable(self.provider)
                    else "Name its key's variable in api_key_env."
                )
            case RateLimited(retry_after_s=wait_s) if wait_s is not None:
                return f"Wait {wait_s:.0f} s."
            case Unavailable(status=None) if self.provider.kind == "ollama":
                return "ollama serve" if shutil.which("ollama") else "Install it from ollama.com, then: ollama serve"
            case Unavailable(status=None) if self.provider.kind == "llamacpp":
                return error.hint
            case Unavailable(status=None):
                return self.where()
            case SetupNeeded() if self.provider.kind == "embedded":
                return "%route setup"
            case _:
                return ""

    def where(self) -> str:
        """What to check about its address."""
        return f"Is base_url {self.provider.base_url} right?" if self.provider.base_url else "Is this machine online?"

    def first_model(self) -> str:
        """How to put a provider without models to use."""
        return "ollama pull qwen3:4b" if self.provider.kind == "ollama" else f'Add a [models.NAME] with provider = "{self.name}".'

    def note(self, state: State, said: str, *, hint: str = "", model: str = "") -> None:
        """Add a finding about the provider, or about one of its models that was asked besides the first."""
        about = f"model {model}" if model not in ("", self.asked) else f"provider {self.name}"
        self.findings.append(Finding(about=about, state=state, said=said, hint=hint))


def _is_listed(model_id: str, ids: list[str]) -> bool:
    """Whether a provider has a model: by its id, Ollama's `:latest` understood, or as the short name of a dated edition."""
    return any(listed in (model_id, f"{model_id}:latest") or listed.startswith(f"{model_id}-") for listed in ids)


def _left(outcome: Outcome) -> str:
    """What is left of each limit that the answer's headers tell."""
    quotas = quotas_in(outcome.finish.headers, clock=time.time) if outcome.finish is not None else ()
    return "".join(
        f"; {quota.left:,}{f' of {quota.most:,}' if quota.most else ''} {quota.kind} left this {quota.period}" for quota in quotas
    )


def _count(ids: list[str]) -> str:
    if not ids:
        return "it does not list its models"
    return "1 model" if len(ids) == 1 else f"{len(ids)} models"
