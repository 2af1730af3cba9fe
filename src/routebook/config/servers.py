"""Providers of `kind = "llamacpp"` and their models: each model a file and a port of its own."""

from __future__ import annotations

from typing import Final

from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.values import Config, Model
from routebook.config.wording import shown

KIND: Final = "llamacpp"
_SAID_ELSEWHERE: Final = {
    "-m": "gguf", "--model": "gguf", "--port": "port", "-a": "id", "--alias": "id", "-c": "context", "--ctx-size": "context",
    "-np": "max_concurrent", "--parallel": "max_concurrent", "--api-key": "api_key_env of the provider",
}  # fmt: skip
"""What Routebook gives the server itself, by the key that says it."""


def check_servers(config: Config, *, problems: Problems) -> None:
    """Add a problem for each model that no server can be started for, and for two that would need the same one."""
    for name, provider in config.providers.items():
        if provider.kind != KIND and provider.command is not None and not problems.is_told(("providers", name, "kind")):
            problems.add(("providers", name, "command"), f'belongs to kind = "llamacpp"; this one is {shown(provider.kind)}.')
        if provider.kind == KIND and provider.discover:
            what = "means nothing for kind = 'llamacpp': each of its models is a [models.NAME] with a gguf and a port."
            problems.add(("providers", name, "discover"), what, hint="Remove it.")
    for name, model in config.models.items():
        if problems.is_clean(("providers", model.provider)) and model.provider in config.providers:
            _model(("models", name), model, config.providers[model.provider].kind, problems)
    _apart(config, problems)


def _model(path: KeyPath, model: Model, kind: str, problems: Problems) -> None:
    if kind != KIND:
        for key in ("gguf", "port", "args"):
            if getattr(model, key):
                hint = "There gguf stands on the provider." if key == "gguf" and kind == "embedded" else "Remove it."
                problems.add(
                    (*path, key), f'belongs to models of a kind = "llamacpp" provider; {shown(model.provider)} is {shown(kind)}.', hint=hint
                )
        return
    for key, example in (("gguf", '"~/models/NAME.gguf"'), ("port", "8081")):
        if getattr(model, key) is None and not problems.is_told((*path, key)):
            problems.add((*path, key), "is missing: a llama.cpp server serves one file on one port.", hint=f"Write {key} = {example}.")
    for at, word in enumerate(model.args):
        if said := _SAID_ELSEWHERE.get(word.partition("=")[0]):
            problems.add(
                (*path, "args", at), f"{shown(word.partition('=')[0])} is given to the server by Routebook.", hint=f"Say it in {said}."
            )


def _apart(config: Config, problems: Problems) -> None:
    """Two models may share a server, but then they are one file; and a server's id leads to one model."""
    ports: dict[int, str] = {}
    ids: dict[tuple[str, str], str] = {}
    for name, model in config.models.items():
        provider = config.providers.get(model.provider)
        if provider is None or provider.kind != KIND or model.port is None:
            continue
        first = ports.setdefault(model.port, name)
        if config.models[first].gguf != model.gguf and problems.is_clean(("models", name)):
            problems.add(
                ("models", name, "port"), f"{model.port} is the port of {shown(first)}, with another file.", hint="Give it another."
            )
        same = ids.setdefault((model.provider, model.id), name)
        if same != name and problems.is_clean(("models", name)):
            problems.add(
                ("models", name, "id"), f"{shown(model.id)} is the id of {shown(same)} too.", hint="Give each its own: any name will do."
            )
