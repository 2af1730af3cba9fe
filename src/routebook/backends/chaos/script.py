"""What happens to each call: decided from the seed, the model and the number of the call, so that a run can be repeated."""

from __future__ import annotations

import random
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from routebook.config.scripted import Chaos, Fault, ScriptedCall

_WORDS: Final = [
    "about",
    "above",
    "answer",
    "bridge",
    "calm",
    "clear",
    "cloud",
    "colour",
    "copper",
    "corner",
    "count",
    "dawn",
    "field",
    "first",
    "flour",
    "garden",
    "glass",
    "green",
    "harbour",
    "hill",
    "house",
    "island",
    "kind",
    "lamp",
    "late",
    "leaf",
    "letter",
    "light",
    "line",
    "maple",
    "market",
    "meadow",
    "mill",
    "morning",
    "north",
    "number",
    "ocean",
    "open",
    "orchard",
    "paper",
    "path",
    "pencil",
    "plain",
    "plant",
    "quiet",
    "rain",
    "river",
    "road",
    "roof",
    "sail",
    "salt",
    "sand",
    "second",
    "shade",
    "shore",
    "silver",
    "small",
    "snow",
    "south",
    "spring",
    "square",
    "star",
    "stone",
    "summer",
    "table",
    "timber",
    "train",
    "tree",
    "valley",
    "village",
    "wall",
    "water",
    "west",
    "white",
    "wind",
    "window",
    "winter",
    "wood",
    "year",
]
_TOKEN: Final = re.compile(r"\s*\S+|\s+")
_CHARS_PER_TOKEN: Final = 4


class Asked(msgspec.Struct):
    """What a request asks for, in whatever wire format."""

    model: str
    is_stream: bool
    wants_usage: bool = True
    """A stream is to end with its usage."""
    max_tokens: int | None = None
    n_chars: int = 0
    """Characters of all messages."""
    may_call: bool = False
    """It has tools, and they may be asked for."""
    may_think: bool = True
    """Thinking is not switched off."""
    rounds: int = 0
    """So many answers of the conversation asked for tools."""


class Act(msgspec.Struct):
    """What one call gets."""

    fault: Fault | None
    tokens: list[str]
    is_cut: bool
    """The limit of the request ended the answer."""
    input_tokens: int
    output_tokens: int
    latency_s: float
    interval_s: float
    """Between tokens."""
    number: int
    """Of the call to this model, from 0."""
    calls: tuple[ScriptedCall, ...] = ()
    """The tools that it asks for instead of answering."""
    thoughts: str = ""
    """What it thinks aloud first."""
    thinking_tokens: int = 0
    """Of the output."""
    load_s: float = 0.05
    """What it says loading took."""


class Script:
    """Decides what each call gets."""

    def __init__(self, chaos: Chaos, *, models: Mapping[str, Chaos] | None = None, random_usage: bool = False) -> None:
        """`models` has scripts of their own by model id; with `random_usage` the reported tokens are drawn from the seed."""
        self._chaos, self._models, self._random_usage = chaos, dict(models or {}), random_usage
        self._calls: Counter[str] = Counter()

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a script of their own."""
        return tuple(self._models)

    def act(self, asked: Asked) -> Act:
        """Decide the next call to a model."""
        chaos = self._models.get(asked.model, self._chaos)
        number = self._calls[asked.model]
        self._calls[asked.model] += 1
        chance = random.Random((chaos.seed << 64) ^ (zlib.crc32(asked.model.encode()) << 32) ^ number)
        fault = _fault(chaos, number=number, chance=chance)
        calls = chaos.calls[asked.rounds] if asked.may_call and asked.rounds < len(chaos.calls) else ()
        reply = chaos.preamble if calls else chaos.reply
        tokens = _TOKEN.findall(reply) if reply is not None else _words(chaos.tokens, chance=chance)
        thoughts = (chaos.thoughts or "") if asked.may_think else ""
        n_thinking = len(_TOKEN.findall(thoughts))
        limit = asked.max_tokens if asked.max_tokens is not None else len(tokens)
        n_input, n_output = max(1, asked.n_chars // _CHARS_PER_TOKEN), min(limit, len(tokens))
        if self._random_usage:
            n_input, n_output = chance.randint(1, n_input), chance.randint(1, asked.max_tokens or max(1, n_output))
        return Act(
            fault=fault,
            tokens=tokens[:limit],
            is_cut=limit < len(tokens),
            input_tokens=n_input,
            output_tokens=n_output if self._random_usage else n_output + n_thinking,
            latency_s=chaos.latency_s,
            interval_s=1 / chaos.tokens_per_s if chaos.tokens_per_s else 0.0,
            number=number,
            calls=calls,
            thoughts=thoughts,
            thinking_tokens=0 if self._random_usage else n_thinking,
        )


def _fault(chaos: Chaos, *, number: int, chance: random.Random) -> Fault | None:
    """Return the first fault that hits; each draws its own number, so that one fault more does not change the others."""
    hits = [fault for fault in chaos.faults if chance.random() < fault.p and (fault.first is None or number < fault.first)]
    return hits[0] if hits else None


def _words(n_tokens: int, *, chance: random.Random) -> list[str]:
    words = chance.choices(_WORDS, k=n_tokens)
    return [word if place == 0 else f" {word}" for place, word in enumerate(words)]
