"""The most that one call may cost and use: what is reserved for it before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from routebook.config.prices import cost
from routebook.config.values import Model, Price
from routebook.engine.runtime import Runtime
from routebook.messages import Call, Message, Usage
from routebook.tokens import most_tokens

MOST_OUTPUT: Final = 4096
"""Output tokens reserved for when neither the request nor the model says how long an answer may be."""
CALL_TOKENS: Final = 128
"""A provider's own words around a conversation: some add a whole system message."""
MESSAGE_TOKENS: Final = 16
"""Its marks around each message."""
SCHEMA_TOKENS: Final = 512
"""Its instructions to keep to a JSON schema."""
_LENGTHS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict")


def most_input(call: Call) -> int:
    """Tokens that the input of a call takes at most, whatever the tokenizer and the provider's own words around it."""
    schema = call.params.json_schema
    asked = most_tokens(msgspec.json.encode(schema).decode()) + SCHEMA_TOKENS if schema else 0
    tools = SCHEMA_TOKENS + most_tokens(msgspec.json.encode(call.tools).decode()) if call.tools else 0
    return CALL_TOKENS + tools + asked + sum(map(_message, call.messages))


def most_output(call: Call, model: Model) -> int:
    """Tokens that the answer, or all answers together where more than one is asked for, may take."""
    count = call.params.extra.get("n")
    longest = max(_lengths(call), default=0) or call.params.max_tokens or model.max_output or MOST_OUTPUT
    return longest * (count if isinstance(count, int) and count > 1 else 1)


def most_usd(runtime: Runtime, name: str, call: Call) -> Decimal | None:
    """US dollars that a call of a model may cost; `None` when its price is unknown."""
    price = runtime.price(name, input_tokens=None)
    if price is None or _is_free(price):
        return None if price is None else Decimal(0)
    tokens = most_input(call)
    usage = Usage(input_tokens=tokens, output_tokens=most_output(call, runtime.config.models[name]))
    price = runtime.price(name, input_tokens=tokens) or price
    return cost(msgspec.structs.replace(price, input=max(price.input, price.cached_input or price.input), cached_input=None), usage)


def bounded(call: Call, model: Model, *, need_usd: Decimal | None, is_capped: bool, is_pooled: bool) -> Call:
    """The call as it is sent: where money or tokens are capped and the request does not say how long the answer may be, the model is told what was reserved."""
    if not (is_pooled or (is_capped and need_usd)) or call.params.max_tokens is not None or _lengths(call):
        return call
    return msgspec.structs.replace(call, params=msgspec.structs.replace(call.params, max_tokens=model.max_output or MOST_OUTPUT))


def _lengths(call: Call) -> list[int]:
    """How long the answer may be in a provider's own words, at the top of its `extra` or where Gemini and Ollama have theirs."""
    extra = call.params.extra
    inner = [found for name in ("generationConfig", "options") if isinstance(found := extra.get(name), Mapping)]
    return [found for words in (extra, *inner) for name in _LENGTHS if isinstance(found := words.get(name), int)]


def _message(message: Message) -> int:
    thought = most_tokens(msgspec.json.encode(message.echo).decode()) if message.echo else 0
    asked = sum(most_tokens(call.name + call.arguments) + MESSAGE_TOKENS for call in message.calls)
    return most_tokens(message.content) + thought + asked + MESSAGE_TOKENS


def _is_free(price: Price) -> bool:
    return not (price.input or price.output)
