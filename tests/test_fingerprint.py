"""Two requests share a key when they are the same, and only then."""

from __future__ import annotations

import copy
import random
import time
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from making import config, request, seen

from routebook.config.values import Config
from routebook.engine.cache.fingerprint import fingerprint
from routebook.messages import Message, Params, Request
from routebook.plan.known import Known
from routebook.plan.planner import make_plan

CONFIG = config(
    pools={"both": {"models": ["small", "fast"]}},
    agents={"dev": {"primary": ["fast"], "backup": ["dear"]}, "boss": {"primary": ["fast", "dear"]}},
)


def key(asked: Request, of: Config = CONFIG) -> bytes | None:
    """The key of a request."""
    plan = make_plan(of, asked, seen(), known=Known(clock=time.monotonic), rng=random.Random(0))
    return fingerprint(of, plan, next(route for route in of.routes if route.name == plan.route))


# ---- whatever is asked

TEXTS = st.text(max_size=6, alphabet=st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=4
)
MESSAGES = st.builds(Message, role=st.sampled_from(["system", "user", "assistant", "tool"]), content=TEXTS)
PARAMS = st.builds(
    Params,
    max_tokens=st.none() | st.integers(1, 20),
    temperature=st.none() | st.sampled_from([0, 0.0, 0.5, 1, 1.0]),
    top_p=st.none() | st.sampled_from([0.5, 1, 1.0]),
    stop=st.lists(TEXTS, max_size=2).map(tuple),
    seed=st.none() | st.integers(0, 3),
    think=st.none() | st.sampled_from(["on", "off"]),
    json_schema=st.none() | st.dictionaries(TEXTS, JSON, max_size=2),
    extra=st.dictionaries(TEXTS, JSON, max_size=2),
)
REQUESTS = st.builds(
    request,
    messages=st.lists(MESSAGES, min_size=1, max_size=3).map(tuple),
    params=PARAMS,
    model=st.none() | st.sampled_from(["small", "dear", "both"]),
    agent=st.none() | st.sampled_from(["dev", "boss"]),
    tier=st.none() | st.sampled_from(["local", "free", "paid"]),
    local=st.booleans(),
)


def essence(asked: Request) -> Any:  # noqa: ANN401  compared only
    """What of a request an answer depends on, told independently of the key: an agent means nothing to one who names the model."""
    params = asked.params
    plain = (params.max_tokens, params.temperature, params.top_p, params.stop, params.seed, params.think)
    free = (as_json(params.json_schema), as_json(params.extra))  # 1 and True are equal in Python, not in JSON
    where = (asked.model, None if asked.model else asked.agent, asked.tier, asked.local or asked.tier == "local")
    return asked.messages, plain, free, where


def as_json(value: Any) -> str:  # noqa: ANN401
    """A JSON value in one form, whatever the order of its keys."""
    return msgspec.json.encode(value, order="sorted").decode()


@settings(max_examples=150)
@given(REQUESTS, REQUESTS)
def test_two_requests_share_a_key_exactly_when_they_are_the_same(one: Request, other: Request) -> None:
    """A shared key of two is a wrong answer; two keys of one are a call too many."""
    assert (key(one) == key(other)) == (essence(one) == essence(other))


@settings(max_examples=80)
@given(REQUESTS)
def test_a_request_that_is_built_again_has_the_same_key(asked: Request) -> None:
    """After a restart nothing is the same object, and dicts may come in another order."""

    def turned(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            return {name: turned(inner) for name, inner in reversed(value.items())}
        return [turned(inner) for inner in value] if isinstance(value, list) else copy.copy(value)

    params = msgspec.structs.replace(asked.params, json_schema=turned(asked.params.json_schema), extra=turned(asked.params.extra))
    again = msgspec.structs.replace(asked, params=params, id="another", notebook="other.ipynb", cell_id="c9", deadline_s=5.0, stream=False)
    found = key(asked)
    assert found is not None
    assert key(again) == found


@settings(max_examples=80)
@given(REQUESTS, st.data())
def test_any_one_change_changes_the_key(asked: Request, data: st.DataObject) -> None:
    """Two requests drawn at random differ in all; those of a notebook differ in a word."""
    last, more = asked.messages[-1], data.draw(st.sampled_from("ab \n"))
    changes: list[dict[str, Any]] = [
        {"messages": (*asked.messages[:-1], msgspec.structs.replace(last, content=last.content + more))},
        {"messages": (*asked.messages, last)},
        {"messages": (*asked.messages[:-1], msgspec.structs.replace(last, role="user" if last.role != "user" else "assistant"))},
        {"params": msgspec.structs.replace(asked.params, max_tokens=(asked.params.max_tokens or 0) + 1)},
        {"params": msgspec.structs.replace(asked.params, stop=(*asked.params.stop, "x"))},
        {"params": msgspec.structs.replace(asked.params, extra={**asked.params.extra, "another": 1})},
    ]
    change = data.draw(st.sampled_from(changes))
    assert key(msgspec.structs.replace(asked, **change)) != key(asked)


# ---- borders


def test_texts_do_not_run_into_each_other() -> None:
    """Where one message ends and the next begins is part of what is asked."""

    def of(*texts: str) -> bytes | None:
        return key(request(messages=tuple(Message(role="user", content=text) for text in texts)))

    assert len({of("ab", "c"), of("a", "bc"), of("abc"), of("", "abc"), of('ab","c')}) == 5


def test_what_is_no_json_has_no_key() -> None:
    """Such a request is not cached; whether it can be sent is for others to say."""
    assert key(request(params=Params(extra={"what": object()}))) is None
    assert key(request(params=Params(extra={"half": "\ud800"}))) is None


def test_the_order_in_a_file_counts_and_what_has_nothing_to_do_with_it_does_not() -> None:
    """One who edits a price or a limit keeps the answers."""
    plain = key(request())

    def of(*, route: dict[str, Any] | None = None, **fast: Any) -> bytes | None:  # noqa: ANN401
        models = {
            "small": {"provider": "mac", "id": "small:1b"},
            "fast": {"provider": "groq", "id": "llama", **fast},
            "dear": {"provider": "claude", "id": "opus", "price": {"input": 15, "output": 75}},
        }
        return key(request(), config(models=models, routes=[{"name": "chat", "try": ["small", "fast", "dear"], **(route or {})}]))

    assert of(rpm=3, price={"input": 1, "output": 2}) == plain
    assert of(route={"name": "renamed", "priority": "P0"}) == plain
    assert of(route={"try": ["small", "dear", "fast"]}) != plain
    assert of(id="llama-2") != plain
    assert of(thinking="off") != plain


def test_what_a_provider_lists_today_makes_no_difference() -> None:
    """An Ollama that is off, or has one model more, must not make a notebook ask again."""
    providers = {"mac": {"kind": "ollama", "discover": True}}
    routes = [{"name": "chat", "try": ["mac", "mac/qwen:8b"]}]
    listed = {name: {"provider": "mac", "id": name.partition("/")[2]} for name in ("mac/qwen:8b", "mac/llama:1b")}
    off, on = (config(providers=providers, models=models, routes=routes) for models in ({}, listed))
    assert key(request(), off) == key(request(), on)
    assert key(request(params=Params(max_tokens=9)), off) != key(request(), off)


def test_what_the_file_says_of_a_model_counts_also_where_its_provider_is_named() -> None:
    """Whoever edits its parameters wants a new answer."""
    providers = {"mac": {"kind": "ollama", "discover": True}}

    def of(**own: Any) -> bytes | None:  # noqa: ANN401
        return key(
            request(),
            config(
                providers=providers, models={"qwen": {"provider": "mac", "id": "qwen:8b", **own}}, routes=[{"name": "chat", "try": ["mac"]}]
            ),
        )

    assert len({of(), of(thinking="on"), of(params={"temperature": 1.5})}) == 3
    assert of(rpm=3) == of()


def test_the_knob_between_quality_and_cost_counts() -> None:
    """One who turns it up does not want the cheap answer of before."""

    def of(*, route: float | None = None, pool: float = 0.5, pick: str = "best") -> bytes | None:
        pools = {"both": {"models": ["small", "fast"], "pick": pick, **({"quality": pool} if pick == "best" else {})}}
        return key(
            request(), config(pools=pools, routes=[{"name": "chat", "try": ["both"], **({} if route is None else {"quality": route})}])
        )

    assert len({of(), of(route=0.2), of(route=0.9), of(pool=0.9), of(pick="random")}) == 5
