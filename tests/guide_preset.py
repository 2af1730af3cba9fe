"""The providers of the preset `guide`, each its own server on loopback: as slow as documented but for a factor, and with the documented limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

import msgspec
from as_preset import Bench

from routebook.testing import Allowance, Chaos, Fault, ScriptedServer, Seen, SeenCall

KEYS: Final = {name: f"key-of-{name.lower()}" for name in ("NVIDIA_API_KEY", "OPENCODE_API_KEY", "STREAMLAKE_API_KEY", "XIAOMI_API_KEY")}
QWEN, CODER, LLAMA = "qwen/qwen3.5-397b-a17b", "qwen2.5-coder-32b", "meta/llama-3.3-70b-instruct"
MINIMAX, KIMI, PICKLE, UNCENSORED, ZEN_CODE = "minimax-m2.5-free", "kimi-k2.5-free", "big-pickle", "zen-uncensored", "zen-code"
KAT, MIMO = "kat-coder-pro-v1", "mimo-v2-turbo"
FASTER: Final = 50
"""What takes 80 s there takes 1.6 s here."""
LATENCY_S: Final = {
    QWEN: 80.0, CODER: 15.0, LLAMA: 20.0, KIMI: 15.0, MINIMAX: 7.5, PICKLE: 10.0, UNCENSORED: 10.0, ZEN_CODE: 10.0, KAT: 20.0, MIMO: 12.5,
}  # fmt: skip
LIMITS: Final = {
    QWEN: (40, 1),
    CODER: (40, 2),
    LLAMA: (40, 2),
    KIMI: (100, 3),
    MINIMAX: (None, 10),
    PICKLE: (None, 5),
    UNCENSORED: (None, 5),
}
HOMES: Final = {
    "nvidia": (QWEN, CODER, LLAMA),
    "zen": (MINIMAX, KIMI, PICKLE, UNCENSORED, ZEN_CODE),
    "streamlake": (KAT,),
    "xiaomi": (MIMO,),
}
DOWN: Final = (Fault(kind="server_error", status=503),)


def says(model: str) -> str:
    """What a model answers, so that one sees who did."""
    return f"This is {model}."


class Guide:
    """The four providers."""

    def __init__(
        self, stack: ExitStack, *, faults: Mapping[str, tuple[Fault, ...]], latency_s: Mapping[str, float], scripts: Mapping[str, Chaos]
    ) -> None:  # fmt: skip
        """All by model id; `faults` also by provider, for all its models."""
        self.servers: dict[str, ScriptedServer] = {}
        for provider, models in HOMES.items():
            slow = {model: latency_s.get(model, LATENCY_S[model] / FASTER) for model in models}
            usual = {
                model: Chaos(reply=says(model), latency_s=slow[model], faults=faults.get(model, faults.get(provider, ())))
                for model in models
            }
            own = {model: scripts[model] for model in models if model in scripts}
            key = KEYS[{"zen": "OPENCODE"}.get(provider, provider.upper()) + "_API_KEY"]
            allowed = {model: Allowance(rpm=LIMITS[model][0], max_concurrent=LIMITS[model][1]) for model in models if model in LIMITS}
            self.servers[provider] = stack.enter_context(ScriptedServer(models=usual | own, limits=allowed, key=key))

    @property
    def urls(self) -> dict[str, str]:
        """By provider of the preset."""
        return {provider: server.url_for("openai") for provider, server in self.servers.items()}

    def seen(self, provider: str) -> Seen:
        """What reached a provider."""
        return self.servers[provider].seen

    def calls(self, model: str | None = None) -> list[SeenCall]:
        """The calls of a model, or of all, as they came."""
        found = [call for server in self.servers.values() for call in tuple(server.seen.calls)]
        return sorted((call for call in found if model in (None, call.model)), key=lambda call: call.time_s)

    def asked(self) -> list[str]:
        """Who was asked, in order."""
        return [call.model for call in self.calls()]

    def over_limit(self) -> int:
        """Calls above a documented limit, at all providers."""
        return sum(server.seen.over_limit for server in self.servers.values())


@contextmanager
def guide(
    bench: Bench,
    *,
    faults: Mapping[str, tuple[Fault, ...]] | None = None,
    latency_s: Mapping[str, float] | None = None,
    scripts: Mapping[str, Chaos] | None = None,
    faster: float = 20,
    changes: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
) -> Iterator[Guide]:
    """The preset in a kernel, before its providers; none of them saw a call above its limits at the end.

    Args:
        bench: the kernel.
        faults: by model id or provider, what goes wrong.
        latency_s: by model id, another latency than the documented one.
        scripts: by model id, all that it does.
        faster: time limits and waits are so many times shorter; fewer times than the latencies, so that a busy machine keeps them.
        changes: as `Bench.load`.
        keys: others than all four.
    """
    with ExitStack() as stack:
        providers = Guide(stack, faults=faults or {}, latency_s=latency_s or {}, scripts=scripts or {})
        bench.load("guide", urls=providers.urls, keys=KEYS if keys is None else keys, faster=faster, changes=changes)
        yield providers
        assert providers.over_limit() == 0


def quick(*models: str) -> dict[str, float]:
    """These models, or all, answer at once: for tests of what has nothing to do with time."""
    return dict.fromkeys(models or LATENCY_S, 0.0)


def times(call: SeenCall) -> tuple[float, float]:
    """When a call came and when it ended, on the servers' clock."""
    assert call.ended_s is not None
    return call.time_s, call.ended_s


def prompt_of(call: SeenCall) -> str:
    """The last message of a call."""
    messages: list[dict[str, str]] = msgspec.json.decode(call.body)["messages"]
    return messages[-1]["content"]
