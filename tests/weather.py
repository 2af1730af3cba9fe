"""Bad weather: servers of all wire formats that misbehave in every way there is a name for, and a router in front of them.

Each model has a character, so that one fault's long cooldown does not hide the others: what is cooling down is not asked.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import msgspec
from calls import WIRES
from caps import BUDGETS, LIMITS, POOL, POOL_TOKENS

from routebook.backends.chaos.wire import WaitForm
from routebook.testing import Chaos, Fault, ScriptedServer

FORMS: Final[tuple[WaitForm, ...]] = ("seconds", "ms", "date", "body", "reset", "page")
LOCAL_WIRES: Final = ("ollama",)
"""Those whose provider counts as this machine; the others must see nothing of what is asked behind the wall."""
MOST: Final = {"provider": 8, "model": 3}
"""`max_concurrent`."""
TIMES: Final = {"connect_s": 1, "first_token_s": 0.6, "idle_s": 0.5, "total_s": 3}
PRICE: Final = {"input": 1, "output": 2}

_FAR: Final = {
    "far": {"base_url": "http://192.0.2.1:9/v1", "tier": "paid"},
    "liar": {"base_url": "http://192.0.2.2:9/v1", "tier": "local"},
    "named-liar": {"base_url": "http://models.example.invalid/v1", "tier": "local"},
}
"""Two that call themselves local and are not: no plan can see it, only the sockets."""
_STATED: Final = tuple(Fault(kind="rate_limit", p=0.06, retry_after_s=wait_s) for wait_s in (0.05, 0.2, 0.55, 1.3, 3.0))
_BROKEN: Final = tuple(Fault(kind="server_error", p=0.05, status=status) for status in (500, 502, 503, 529))
CHARACTERS: Final[dict[str, tuple[Fault, ...]]] = {
    "limited": _STATED,
    "failing": (*_BROKEN, Fault(kind="overloaded", p=0.08, retry_after_s=0.3), Fault(kind="overloaded", p=0.05)),
    "breaking": (
        Fault(kind="cut", p=0.08), Fault(kind="cut", p=0.04, after_tokens=0), Fault(kind="malformed", p=0.06), Fault(kind="oversized", p=0.01),
        Fault(kind="bad_framing", p=0.04), Fault(kind="error_inside", p=0.06), Fault(kind="error_inside", p=0.03, after_tokens=0),
        Fault(kind="refused_connection", p=0.05),
    ),
    "slow": (
        Fault(kind="slow_first_token", p=0.1, delay_s=0.2), Fault(kind="slow_first_token", p=0.04, delay_s=5), Fault(kind="stall", p=0.06),
        Fault(kind="stall", p=0.03, after_tokens=0),
    ),
    "odd": (
        Fault(kind="wrong_content_type", p=0.05), Fault(kind="empty", p=0.05), Fault(kind="refusal", p=0.06),
        Fault(kind="context_overflow", p=0.05), Fault(kind="redirect", p=0.03),
    ),
    "doomed": (Fault(kind="auth", p=0.05), Fault(kind="not_found", p=0.1), Fault(kind="rate_limit", p=0.1)),
}  # fmt: skip
CHARACTERS["mixed"] = tuple(msgspec.structs.replace(fault, p=fault.p / 5) for faults in CHARACTERS.values() for fault in faults)
CHARACTERS["capped"] = CHARACTERS["mixed"]
CHARACTERS["calm"] = ()


class Weather:
    """The servers, one for each wire format, and the tables of a `routing.toml` that names them."""

    def __init__(self, seed: int, stack: ExitStack, *, has_far: bool = False) -> None:
        """The servers close with the stack; the seed decides which call meets which fault; `has_far` adds models that are not on this machine."""
        self._far = _FAR if has_far else {}
        self.rng = random.Random(seed)
        self.skew_s = 0.0
        """How wrong the servers' clocks are."""
        self.servers = {wire: stack.enter_context(self._server(wire, seed=seed)) for wire in WIRES}
        self._gone_port = stack.enter_context(_closed_port())

    def _server(self, wire: Any, *, seed: int) -> ScriptedServer:  # noqa: ANN401  the name of a wire
        scripts = {
            f"{wire}-{name}": Chaos(seed=seed, tokens=8, latency_s=0.01, tokens_per_s=400, faults=faults)
            for name, faults in CHARACTERS.items()
        }
        forms = self.rng.sample(FORMS, len(FORMS))
        return ScriptedServer(wire=wire, models=scripts, random_usage=True, wait_forms=forms, keep=1_000_000, clock=self._clock)

    def _clock(self) -> float:
        return time.time() + self.skew_s

    def tables(self) -> dict[str, Any]:
        """Everything `routing.toml` would say: each server a provider, a provider that is not there, and routes with every reaction."""
        models = {
            f"{wire}-{name}": {"provider": wire, "id": f"{wire}-{name}", "max_concurrent": MOST["model"], "timeout": TIMES, "price": PRICE, "max_output": 500, **LIMITS.get(f"{wire}-{name}", {})}
            for wire in WIRES
            for name in CHARACTERS
        }  # fmt: skip
        return {
            "providers": {
                **{
                    wire: {"kind": wire, "base_url": server.url, "tier": _tier(wire), "max_concurrent": MOST["provider"]}
                    for wire, server in self.servers.items()
                },
                **{name: {"kind": "openai", **entry} for name, entry in self._far.items()},
                "gone": {"kind": "openai", "base_url": f"http://127.0.0.1:{self._gone_port}/v1", "tier": "local"},
            },
            "models": {
                **models,
                **{name: {"provider": name, "id": name, "timeout": TIMES} for name in self._far},
                "nobody": {"provider": "gone", "id": "nobody", "timeout": TIMES},
            },
            "pools": {
                **{name: {"models": [f"{wire}-{name}" for wire in WIRES], "pick": "round-robin"} for name in CHARACTERS},
                POOL: {"models": [f"{wire}-{POOL}" for wire in WIRES], "pick": "round-robin", "tokens": POOL_TOKENS, "per": "month"},
                "any": {"models": [*self._far, *models], "pick": "random"},
                "busy": {"models": list(models), "pick": "least-busy"},
            },
            "routes": self.routes(),
            "defaults": {"max_attempts": 6},
            "budgets": BUDGETS,
        }

    def routes(self) -> list[dict[str, Any]]:
        """One for each character, and some that mix them; every kind of reaction is in one of them."""
        own = [{"name": name, "try": [name, "calm", *self._far]} for name in CHARACTERS if name != "calm"]
        return [
            *own,
            {"name": "alone", "try": ["openai-mixed"]},
            {"name": "waits", "try": ["gemini-limited"], "on_rate_limit": {"waits_s": [0.05, 0.1], "then": "raise"}},
            {"name": "retries", "try": ["slow"], "on_timeout": {"retries": 2, "then": "next"}},
            {"name": "rerouted", "try": ["odd"], "on_refusal": {"try": [*self._far, "calm"]}},
            {"name": "kept", "try": ["breaking"], "on_stream_break": "keep"},
            {"name": "raised", "try": ["breaking"], "on_stream_break": "raise"},
            {"name": "absent", "try": ["nobody", "mixed"]},
            {"name": "at-all-costs", "try": ["any"]},
            {"name": "hedged", "try": ["slow"], "hedge": True},
            {"name": "spread", "try": ["busy"]},
        ]


def _tier(wire: str) -> str:
    return "local" if wire in LOCAL_WIRES else {"openai": "free"}.get(wire, "paid")


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port that stays taken and answers nobody: connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
