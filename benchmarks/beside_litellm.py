"""The same fault script for LiteLLM's Router and for Routebook: what ends well, what comes too early, what is overspent.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install litellm      (an environment of its own)
    python benchmarks/beside_litellm.py --python /tmp/peers/bin/python [--requests 400] [--seed 1] [--rounds 3]

Two misbehaving models and a good one behind them, streamed requests, 60 at once, at most 4 at once a model. Both routers get the same order of
models, the same cap, two retries, and 2 s without a word before a call is given up. Then a cap of $0.05 on a model that reports random
usage, 50 at once. Servers are on loopback, in this process, and count what reaches them; each router runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

REPLY = " ".join(f"word{number}" for number in range(20))
AT_ONCE, CAP_AT_ONCE, SILENCE_S, DEADLINE_S = 60, 4, 2.0, 60.0
BUDGET_USD, BUDGET_AT_ONCE, PRICE = 0.05, 50, {"input": 10, "output": 100}
FAULTS = [
    {"kind": "rate_limit", "p": 0.1, "retry_after_s": 3},
    {"kind": "server_error", "p": 0.08, "status": 503},
    {"kind": "server_error", "p": 0.05},
    {"kind": "refused_connection", "p": 0.05},
    {"kind": "empty", "p": 0.05},
    {"kind": "wrong_content_type", "p": 0.04},
    {"kind": "context_overflow", "p": 0.03},
    {"kind": "stall", "p": 0.03},
    {"kind": "cut", "p": 0.07},
    {"kind": "malformed", "p": 0.04},
    {"kind": "error_inside", "p": 0.05},
]
Ask = Callable[[str], Awaitable[str]]


# ---- the two routers, each in a process of its own


def litellm_ask(url: str, *, is_capped: bool, is_limited: bool = True) -> Ask:
    """A Router as its documentation says: fallbacks, retries, a cap at once if `is_limited`, a budget for the deployment."""
    import litellm  # type: ignore[import-not-found]  # in the other environment

    litellm.suppress_debug_info = True

    def entry(name: str) -> dict[str, Any]:
        params: dict[str, Any] = {
            "model": f"openai/{name}", "api_base": url, "api_key": "none", "timeout": 20, "stream_timeout": SILENCE_S, "max_tokens": 200,
            "input_cost_per_token": PRICE["input"] / 1e6, "output_cost_per_token": PRICE["output"] / 1e6,
        }  # fmt: skip
        if is_capped:
            params |= {"max_budget": BUDGET_USD, "budget_duration": "1d"}
        elif is_limited:
            params["max_parallel_requests"] = CAP_AT_ONCE
        return {"model_name": name, "litellm_params": params}

    names = ["capped"] if is_capped else ["flaky-1", "flaky-2", "good"]
    fallbacks = [] if is_capped else [{"flaky-1": ["flaky-2", "good"]}, {"flaky-2": ["good"]}]
    router = litellm.Router(model_list=[entry(name) for name in names], fallbacks=fallbacks, num_retries=2)

    async def ask(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        reply = await router.acompletion(model=names[0], messages=messages, stream=True, stream_options={"include_usage": True})
        return "".join([chunk.choices[0].delta.content or "" async for chunk in reply if chunk.choices])

    return ask


def routebook_ask(url: str, *, is_capped: bool) -> Ask:
    """A routing.toml that says the same."""
    from routebook.engine.router import Router

    names = ["capped"] if is_capped else ["flaky-1", "flaky-2", "good"]
    times = f"timeout = {{ first_token_s = {SILENCE_S}, idle_s = {SILENCE_S}, total_s = 20 }}"
    price = f"price = {{ input = {PRICE['input']}, output = {PRICE['output']} }}"
    limit = "" if is_capped else f"max_concurrent = {CAP_AT_ONCE}"
    models = "\n".join(f'[models."{name}"]\nprovider = "p"\nid = "{name}"\n{times}\n{price}\n{limit}' for name in names)
    budget = f"[budgets]\np = {{ daily = {BUDGET_USD} }}" if is_capped else ""
    folder = Path(tempfile.mkdtemp())
    (folder / "routing.toml").write_text(
        f'[books]\npath = "books.db"\n[defaults]\ndeadline_s = {DEADLINE_S}\n{budget}\n[providers.p]\nkind = "openai"\nbase_url = "{url}"\n'
        f'tier = "paid"\n{models}\n[[routes]]\nname = "chat"\ntry = {json.dumps(names)}\n'
    )
    router = Router.load(folder / "routing.toml")

    async def ask(prompt: str) -> str:
        return (await router.ask(prompt, max_tokens=200)).text

    return ask


async def client(make: Callable[..., Ask], url: str, *, is_capped: bool, requests: int, at_once: int) -> dict[str, Any]:
    """Ask all and say how each ended."""
    ask = make(url, is_capped=is_capped)
    ended: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            try:
                async with asyncio.timeout(DEADLINE_S + 5):
                    text = await ask(f"Question number {number}: say twenty words.")
            except TimeoutError:
                ended["hangs"] += 1
            except Exception as error:  # noqa: BLE001  each router has its own errors
                ended["error"] += 1
                errors[f"{type(error).__name__}: {error}"[:160]] += 1
            else:
                ended["whole" if text == REPLY else "empty" if not text else "cut short" if REPLY.startswith(text) else "garbled"] += 1

    begun = time.monotonic()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return {"ended": ended, "errors": errors.most_common(5), "seconds": time.monotonic() - begun}


# ---- the servers and the comparison


def compare(python: str, router: str, *, requests: int, seed: int) -> dict[str, Any]:
    """Run one router through both parts and return its figures."""
    from routebook.testing import Chaos, Fault, ScriptedServer

    flaky = Chaos(seed=seed, reply=REPLY, tokens_per_s=200, latency_s=0.02, faults=tuple(Fault(**fault) for fault in FAULTS))
    good = Chaos(reply=REPLY, tokens_per_s=200, latency_s=0.02)
    with ScriptedServer(models={"flaky-1": flaky, "flaky-2": flaky, "good": good}, keep=1_000_000) as server:
        said = run(python, router, server.url, requests=requests, at_once=AT_ONCE)
        seen = server.seen
        print(f"{router}, seed {seed}: {said['ended']} {said['errors']}", file=sys.stderr)
        figures = {
            "whole": said["ended"].get("whole", 0) / requests,
            "empty, called a success": said["ended"].get("empty", 0) / requests,
            "cut short or garbled, called a success": sum(said["ended"].get(name, 0) for name in ("cut short", "garbled")) / requests,
            "errors": (said["ended"].get("error", 0) + said["ended"].get("hangs", 0)) / requests,
            "retries before the stated time": seen.early_retries,
            "calls to a model before the time it stated": too_early(list(seen.calls)),
            f"most at once at a model (cap {CAP_AT_ONCE})": max(seen.peak_by_model.values()),
            "attempts": seen.attempts,
            "seconds": round(said["seconds"], 1),
        }
    with ScriptedServer(models={"capped": Chaos(seed=seed, reply=REPLY, latency_s=0.05)}, random_usage=True) as server:
        run(python, f"{router}+budget", server.url, requests=requests, at_once=BUDGET_AT_ONCE)
        spent = (server.seen.input_tokens * PRICE["input"] + server.seen.output_tokens * PRICE["output"]) / 1e6
        figures[f"spent of ${BUDGET_USD}"] = round(spent, 4)
    return figures


def run(python: str, router: str, url: str, *, requests: int, at_once: int) -> dict[str, Any]:
    """Run a router in its process."""
    command = [python, __file__, "--client", router, "--url", url, "--requests", str(requests), "--at-once", str(at_once)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def too_early(calls: list[Any]) -> int:
    """Calls that reached a model more than 0.3 s after it had stated a time and before that time."""
    told = [(call.model, call.ended_s + 0.3, call.not_before_s) for call in calls if call.not_before_s is not None]
    return sum(any(model == call.model and known < call.time_s < until for model, known, until in told) for call in calls)


CLIENTS: dict[str, Callable[..., Ask]] = {
    "LiteLLM": litellm_ask,
    "LiteLLM without max_parallel_requests": partial(litellm_ask, is_limited=False),
    "Routebook": routebook_ask,
}


def main() -> None:
    """Print a table, from the least to the most of the rounds, or be the client of one router."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="of the environment that has LiteLLM; without it only Routebook runs")
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        name, _, part = given.client.partition("+")
        made = client(CLIENTS[name], given.url, is_capped=part == "budget", requests=given.requests, at_once=given.at_once)
        print(json.dumps(asyncio.run(made)))
        return
    pythons = {name: given.python if name.startswith("LiteLLM") else sys.executable for name in CLIENTS}
    print(f"{given.requests} requests, seeds {given.seed} to {given.seed + given.rounds - 1}")
    table: dict[str, dict[str, list[float]]] = {}
    for seed in range(given.seed, given.seed + given.rounds):
        for router, python in pythons.items():
            for name, figure in compare(python, router, requests=given.requests, seed=seed).items() if python else ():
                table.setdefault(name, {}).setdefault(router, []).append(figure)
    print(f"| | {' | '.join(router for router, python in pythons.items() if python)} |\n|---|{'---|' * sum(map(bool, pythons.values()))}")
    for name, row in table.items():
        is_share = name in ("whole", "empty, called a success", "cut short or garbled, called a success", "errors")
        print(f"| {name} | {' | '.join(shown(figures, is_share=is_share) for figures in row.values())} |")


def shown(figures: list[float], *, is_share: bool) -> str:
    """The least and the most of the rounds, one number when they are the same."""
    words = [f"{figure:.0%}" if is_share else f"{figure:g}" for figure in (min(figures), max(figures))]
    return words[0] if words[0] == words[1] else " to ".join(words)


if __name__ == "__main__":
    main()
