"""What a model costs: as `routing.toml` says, else nothing for what runs here or is free, else the price list, else unknown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from routebook.config.values import Config, Price, Provider, is_cloud_model, provider_tier
from routebook.messages import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

FREE: Final = Price(input=Decimal(0), output=Decimal(0), cached_input=Decimal(0))
_MILLION: Final = Decimal(1_000_000)
_KIND_IDS: Final = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
"""The price list's name of each kind's own public service."""
_DATED: Final = re.compile(r"[-@](\d{4}-?\d{2}-?\d{2}|\d{4}|\d{3}|preview(-\d{2}-\d{2,4})?)")
"""What a provider adds to a model's name to mark one edition of it; the price is the model's."""


def price_of(config: Config, model: str, *, input_tokens: int = 0, now: dt.datetime | None = None) -> Price | None:
    """The price of a model of the config, or of `provider/model-id`; `None` when it is unknown.

    Some providers charge more for long prompts: `input_tokens` says how long this one is.
    """
    entry = config.models.get(model)
    if entry is not None and entry.price is not None:
        return entry.price
    provider_name, _, listed_id = model.partition("/")
    if entry is not None:
        provider_name, listed_id = entry.provider, entry.id
    provider = config.providers.get(provider_name)
    if provider is None or not listed_id:
        return None
    if _is_free(provider, listed_id):
        return FREE
    if provider.kind == "ollama":  # a cloud model behind a local Ollama: billed, and in no list
        return None
    return _listed_price(provider, listed_id, input_tokens=input_tokens, now=now or dt.datetime.now(dt.UTC))


def cost(price: Price | None, usage: Usage) -> Decimal | None:
    """US dollars of one call: as the provider reported, else by the price; `None` when price or tokens are unknown.

    Cached tokens are part of the input and cost `cached_input`, where the price says it.
    """
    return usage.cost_usd if usage.cost_usd is not None else _by_tokens(price, usage)


def baseline(prices: Iterable[Price | None], *, usage: Usage) -> Decimal | None:
    """What the same tokens would have cost at the dearest of some prices; `None` when none is known."""
    return max((usd for price in prices if (usd := _by_tokens(price, usage)) is not None), default=None)


def highest(prices: Iterable[Price | None]) -> tuple[Price, ...]:
    """Those of some prices of which one is the dearest whatever the tokens: the `baseline` of all is that of these few."""
    found: list[Price] = []
    free = False
    for price in prices:
        if price is not None and not (price.input or price.output):
            free = True
        elif price is not None and not any(_covers(other, price) for other in found):
            found = [other for other in found if not _covers(price, other)] + [price]
    return (*found, *((FREE,) if free else ()))


def _covers(price: Price, other: Price) -> bool:
    """Whether no tokens cost less at a price than at another."""
    return price.input >= other.input and price.output >= other.output and _cached(price) >= _cached(other)


def _cached(price: Price) -> Decimal:
    return price.input if price.cached_input is None else price.cached_input


def _by_tokens(price: Price | None, usage: Usage) -> Decimal | None:
    if price is None:
        return None
    if not (price.input or price.output):
        return Decimal(0)
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    return ((usage.input_tokens - cached) * price.input + cached * _cached(price) + usage.output_tokens * price.output) / _MILLION


def _is_free(provider: Provider, model_id: str) -> bool:
    if is_cloud_model(provider, model_id):
        return False
    return provider_tier(provider) != "paid" or (model_id.endswith(":free") and "openrouter.ai" in (provider.base_url or ""))


def _listed_price(provider: Provider, model_id: str, *, input_tokens: int, now: dt.datetime) -> Price | None:
    info = _look_up(model_id, _price_id(provider), provider.base_url)
    if info is None:
        return None
    prices = info.get_prices(now)
    per_million = [_at_size(getattr(prices, name), input_tokens) for name in ("input_mtok", "output_mtok", "cache_read_mtok")]
    if per_million[0] is None or per_million[1] is None:
        return None
    return Price(input=per_million[0], output=per_million[1], cached_input=per_million[2])


def _price_id(provider: Provider) -> str | None:
    """The provider's name in the price list; `None` when its address must tell."""
    return provider.price_id or (_KIND_IDS.get(provider.kind) if provider.base_url is None else None)


@lru_cache(maxsize=4096)
def _look_up(model_id: str, price_id: str | None, base_url: str | None) -> ModelInfo | None:
    """The price list's entry of a model, if it is this model's: the list also answers with a relative when it lacks the model."""
    from genai_prices.data_snapshot import get_snapshot

    if price_id is None and base_url is None:
        return None
    try:
        _, info = get_snapshot().find_provider_model(model_id, None, price_id, None if price_id else base_url)
    except LookupError:
        return None
    return info if _is_same(model_id, info.id) else None


def _is_same(model_id: str, listed_id: str) -> bool:
    asked, listed = model_id.lower(), listed_id.lower()
    return asked == listed or (asked.startswith(listed) and bool(_DATED.fullmatch(asked[len(listed) :])))


def _at_size(price: object, input_tokens: int) -> Decimal | None:
    """A price of the list; one with steps is taken at the size of the prompt, for all its tokens."""
    if price is None or isinstance(price, Decimal):
        return price
    steps = [step.price for step in getattr(price, "tiers", ()) if input_tokens > step.start]
    found = steps[-1] if steps else getattr(price, "base", None)
    return found if isinstance(found, Decimal) else None
