"""How long it takes to classify and plan a prompt with 50 models and 20 routes, and how far the ledger weighs on memory.

python benchmarks/planning.py
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from routebook.engine.router import Router

PROMPTS = (
    "What is the capital of Australia?",
    "Write a Python function that merges two sorted linked lists, with type hints.",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    d['x']\nKeyError: 'x'\n\nWhy does this fail?",
    "Summarize this report in three bullet points:\n" + "The committee met on Tuesday and discussed the budget at length. " * 30,
    "Prove that there are infinitely many primes of the form 4k + 3.",
    "Plan a three-day trip to Lisbon for a family with two small children who dislike museums.",
    "Classify each review as positive or negative:\n1. I love it\n2. Broke after a day",
    "Refactor this code so that it is easier to test:\n" + "def f(a, b):\n    if a:\n        return b\n    return a\n" * 10,
)
TASKS = (
    "bug_fix",
    "code_generation",
    "writing",
    "math_reasoning",
    "summarization",
    "classification",
    "research",
    "testing",
    "security",
    "extraction",
)


def config() -> str:
    """Five providers, 50 models, pools of each strategy, 20 routes."""
    lines = []
    for number in range(5):
        lines.append(
            f'[providers.p{number}]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\ntier = "{("local", "free", "free", "paid", "paid")[number]}"\n'
        )
    for number in range(50):
        lines.append(
            f'[models.m{number}]\nprovider = "p{number % 5}"\nid = "m{number}"\ncontext = {8192 * (1 + number % 4)}\nprice = {{ input = {number}, output = {2 * number} }}\nrubric = {{ writing = {number % 10} }}\n'
        )
    for number, pick in enumerate(("in-order", "round-robin", "random", "weighted", "least-busy", "cheapest", "fastest", "best")):
        lines.append(f'[pools.{pick}]\nmodels = {[f"m{number + 6 * step}" for step in range(6)]}\npick = "{pick}"\n')
    for number in range(20):
        low = (number // 10) * 5
        pools = ["best", "cheapest", "round-robin"]
        condition = f'tasks = ["{TASKS[number % 10]}"]\ncomplexity = [{low}, {low + 5}]\n' if number < 19 else ""
        lines.append(f'[[routes]]\nname = "r{number}"\n{condition}try = {[*pools, f"m{number}", f"m{number + 20}"]}\n')
    return "\n".join(lines)


async def main() -> None:
    """Print medians over many prompts, each a little different, so that nothing is remembered."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "routing.toml"
        file.write_text(config())
        async with Router.load(file, books=":memory:") as router:
            router.plan("warm up")
            seconds: dict[str, list[float]] = {"classify": [], "classify and plan": []}
            for number in range(1600):
                prompt = f"{PROMPTS[number % len(PROMPTS)]} ({number})"
                start = time.perf_counter()
                router.classify(prompt)
                seconds["classify"].append(time.perf_counter() - start)
                start = time.perf_counter()
                plan = router.plan(prompt)
                seconds["classify and plan"].append(time.perf_counter() - start)
                if not plan.candidates:
                    raise RuntimeError("a plan without candidates")
    for name, times in seconds.items():
        cut = statistics.quantiles(times, n=20)
        print(f"{name:20} p50 {statistics.median(times) * 1e3:.2f} ms   p95 {cut[18] * 1e3:.2f} ms")


if __name__ == "__main__":
    asyncio.run(main())
