"""What an attempt asks of the limits, what it is told when there is no room, and what was heard of the limits in the end."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from routebook.messages import Quota, Value


class Scope(Value, frozen=True, kw_only=True):
    """A provider or a model of one, with its own limits; `None` for no limit."""

    name: str
    """`groq`, or `groq/llama-3.3-70b` by the provider's own name for the model: the same in every kernel's `routing.toml`."""
    label: str
    """As the user calls it."""
    max_concurrent: int | None = None
    rpm: int | None = None
    rpd: int | None = None
    tpm: int | None = None
    tpd: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether anything must be counted for it."""
        return any((self.max_concurrent, self.rpm, self.rpd, self.tpm, self.tpd))


class Memory(Value, frozen=True, kw_only=True):
    """What a call asks of the machine's memory, and what was seen there."""

    place: str
    """The provider's scope: all its models share the memory."""
    model: str
    """By the provider's own id, as are all models here."""
    label: str
    """The provider, as the user calls it."""
    loaded: Mapping[str, int]
    """What was in memory, each with its bytes; what would leave it first comes first."""
    looked: int
    """When that was asked, by the steady clock."""
    sizes: Mapping[str, int]
    """What models take that may be loaded, in bytes; 0 for unknown."""
    max_loaded: int | None = None
    max_bytes: int | None = None
    spared: tuple[str, ...] = ()
    """These stay, busy or not."""
    is_patient: bool = True
    """False: where there is no room it does not wait."""


class Claim(Value, frozen=True, kw_only=True):
    """What one attempt needs."""

    scopes: tuple[Scope, ...]
    """The model first, then what it shares limits with."""
    input_tokens: int
    tokens: int
    """The most it may use, input and output."""
    rank_s: float = 0.0
    """Where it stands among those of other kernels, in seconds from now: lower goes first."""
    cell_usd: Decimal | None = None
    """The cap of the cell's own `--budget`, for all attempts of its request together."""
    memory: Memory | None = None
    """Where the provider loads models within a limit."""


class Wait(Value, frozen=True, kw_only=True):
    """There is no room now."""

    kind: Literal["places", "turn", "window", "quota", "cooldown", "probe"]
    reason: str
    until_s: float | None = None
    """Seconds until there is room at the soonest; `None` when nobody can know."""
    is_stated: bool = False
    """The provider said so: looking again before is of no use."""
    is_day: bool = False
    """A day's quota is spent, for any request."""


class Admitted(Value, frozen=True, kw_only=True):
    """There is room, and it is taken."""

    row: int
    """Of the ledger."""
    is_probe: bool = False
    """It is the first to try a model whose cooldown is over; the others wait for its first word."""
    unload: tuple[str, ...] = ()
    """By the provider's own ids: these must leave the machine's memory before the call is sent."""


class Heard(Value, frozen=True, kw_only=True):
    """What the end of an attempt says of the limits."""

    scope: str
    """Of what was said."""
    quotas: tuple[Quota, ...] = ()
    cool_s: float | None = None
    """Nobody may ask again before so many seconds."""
    is_day: bool = False
    day_whole_s: float | None = None
    """Seconds until a spent day's quota is whole again, as the provider stated it."""
    reason: str = ""
    is_answer: bool = False
    """The model answered: a cooldown that this attempt tried the end of is over."""
