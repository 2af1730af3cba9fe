"""The parameters of a call: what the request says, over what the model's entry says."""

from __future__ import annotations

import msgspec

from routebook.config.values import Model
from routebook.messages import Params


def merged(asked: Params, model: Model) -> Params:
    """Return the request's parameters, with the model's own where the request says nothing. `max_tokens` never passes `max_output`."""
    own = model.params
    max_tokens = asked.max_tokens if asked.max_tokens is not None else own.max_tokens
    if max_tokens is not None and model.max_output is not None:
        max_tokens = min(max_tokens, model.max_output)
    return msgspec.structs.replace(
        asked,
        max_tokens=max_tokens,
        temperature=asked.temperature if asked.temperature is not None else own.temperature,
        top_p=asked.top_p if asked.top_p is not None else own.top_p,
        stop=asked.stop or own.stop,
        seed=asked.seed if asked.seed is not None else own.seed,
        think=asked.think or model.thinking,
        extra={**own.extra, **asked.extra},
    )
