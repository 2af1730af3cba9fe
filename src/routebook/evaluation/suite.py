"""A suite: prompts, each with the task it stands for and the check that its answer must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from routebook.messages import Value

CheckKind = Literal["exact", "regex", "schema", "python", "judge"]
KINDS: Final[tuple[CheckKind, ...]] = ("exact", "regex", "schema", "python", "judge")
MAX_TOKENS: Final = 2048
"""Of an answer where the suite does not say: enough to think before it, and a bound for what a call may cost."""
Check = Callable[..., object]


class Item(Value, frozen=True, kw_only=True):
    """One prompt and its check."""

    id: str
    task: str
    prompt: str
    kind: CheckKind
    expected: Any
    """`exact`: the answers that are right; `regex`, `judge` (what the judge is to look for), `python` (the function's name): a text;
    `schema`: a JSON schema."""
    args: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Of a Python check."""
    function: Check | None = None
    """Behind a Python check."""
    system: str | None = None
    max_tokens: int = MAX_TOKENS

    @property
    def key(self) -> bytes:
        """The same for the same prompt with the same check, 16 bytes."""
        parts = (self.id, self.task, self.prompt, self.kind, self.expected, self.args, self.system, self.max_tokens)
        return blake2b(msgspec.json.encode(parts, order="deterministic", enc_hook=repr), digest_size=16).digest()


class Suite(Value, frozen=True, kw_only=True):
    """Prompts with checks."""

    name: str
    items: tuple[Item, ...]
    judge: str | None = None
    """The model that judges where the caller names none."""
    is_local: bool = False
    """Its prompts never leave the machine."""

    @property
    def key(self) -> bytes:
        """The same for the same items in any order, 16 bytes."""
        return blake2b(b"".join(sorted(item.key for item in self.items)), digest_size=16).digest()

    def only(self, tasks: tuple[str, ...]) -> Suite:
        """The part of it that is of some tasks; all of it where none is named."""
        kept = tuple(item for item in self.items if item.task in tasks)
        return msgspec.structs.replace(self, items=kept) if tasks else self
