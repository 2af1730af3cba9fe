"""The pictures of the documentation, taken of the real thing: `ROUTEBOOK_IMAGES=1 scripts/test -k pictures` takes them anew."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from lab import ARE_PICTURES_WANTED, IN_A_BROWSER, Lab, running_lab
from making import attempt

from routebook.books.books import Books
from routebook.testing import Chaos, ScriptedServer

pytestmark = [*IN_A_BROWSER, pytest.mark.skipif(not ARE_PICTURES_WANTED, reason="ROUTEBOOK_IMAGES=1 takes the pictures anew")]

ANSWER = """A `dict` keeps the order of its keys and each of them once:

```python
def unique(words: list[str]) -> list[str]:
    \"\"\"Keep the first of each word, in order.\"\"\"
    return list(dict.fromkeys(words))
```

| structure | one of each | keeps order | lookup |
|:--|:-:|:-:|--:|
| `list` | no | yes | $O(n)$ |
| `set` | yes | no | $O(1)$ |
| `dict` | yes | yes | $O(1)$ |
"""
ROUTING = """
[books]
path = "books.db"
[providers.ollama]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.groq]
kind = "openai"
base_url = "URL"
tier = "free"
[providers.anthropic]
kind = "anthropic"
api_key_env = "ANTHROPIC_API_KEY"
[models]
"qwen2.5-coder:7b" = { provider = "ollama", id = "coder" }
llama-70b = { provider = "groq", id = "coder", price = { input = 0, output = 0 } }
claude-sonnet = { provider = "anthropic", id = "claude-sonnet", price = { input = 3, output = 15 } }
[[routes]]
name = "code"
tasks = ["code_generation", "bug_fix", "refactoring", "data_analysis"]
try = ["qwen2.5-coder:7b", "llama-70b", "claude-sonnet"]
[[routes]]
name = "chat"
try = ["qwen2.5-coder:7b", "llama-70b", "claude-sonnet"]
"""
MODELS = {
    "qwen2.5-coder:7b": ("ollama", "local", 2.4, 0.35),
    "llama-70b": ("groq", "free", 1.1, 0.2),
    "claude-sonnet": ("anthropic", "paid", 4.8, 0.9),
}
"""Provider, tier, seconds to answer and to the first token."""
TASKS = {
    "code_generation": (5, 3, 2), "bug_fix": (3, 3, 3), "chat_qa": (9, 2, 0), "data_analysis": (2, 4, 2), "testing": (4, 2, 1), "writing": (3, 4, 1),
    "summarization": (2, 3, 0), "architecture": (0, 1, 3),
}  # fmt: skip
"""Prompts of a day by task, for each of the models."""


def a_day(path: Path) -> None:
    """Write a working day of prompts into the books."""
    chance = random.Random(4)
    prompts = [(task, name) for task, counts in TASKS.items() for name, count in zip(MODELS, counts, strict=True) for _ in range(count)]
    chance.shuffle(prompts)
    evening = dt.datetime.now().astimezone().replace(hour=17, minute=40)
    moments = sorted(evening - dt.timedelta(hours=8.5 * chance.random()) for _ in prompts)

    async def write() -> None:
        for number, ((task, name), moment) in enumerate(zip(prompts, moments, strict=True)):
            provider, tier, whole_s, first_s = MODELS[name]
            slower = chance.lognormvariate(0, 0.4)
            tokens_in, tokens_out = chance.randint(200, 3000), chance.randint(150, 900)
            dear = Decimal(3 * tokens_in + 15 * tokens_out) / 1_000_000
            row = attempt(
                time=moment.astimezone(dt.UTC), request_id=f"d{number}", task=task, model=name, provider=provider, tier=tier, route="code",
                input_tokens=tokens_in, output_tokens=tokens_out, cost_usd=dear if tier == "paid" else Decimal(0), baseline_usd=dear,
                ttft_s=first_s * slower, latency_s=whole_s * slower, queue_s=0.0,
            )  # fmt: skip
            await books.finish(await books.start(row, need_usd=Decimal(0)), row)

    books = Books(str(path), budgets={})
    asyncio.run(write())
    books.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A JupyterLab of its own."""
    (tmp_path / "lab").mkdir()
    a_day(tmp_path / "lab" / "books.db")
    with ScriptedServer(models={"coder": Chaos(reply=ANSWER, tokens_per_s=60)}) as server:
        (tmp_path / "lab" / "routing.toml").write_text(ROUTING.replace("URL", server.url))
        with running_lab(tmp_path / "lab") as running:
            running.page.set_viewport_size({"width": 1060, "height": 1500})
            yield running


def test_pictures_for_the_documentation(lab: Lab) -> None:
    """They come from the real thing, so they are never stale."""
    lab.open("pictures.ipynb", ["%load_ext routebook", "%route cost", "%%route\nHow do I keep one of each word in a list?"])
    lab.command("application:toggle-left-area")
    assert lab.run_all()
    lab.output(2).locator("summary").click()
    lab.output(1).locator("canvas, svg.marks").last.wait_for()
    lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    lab.picture("cost", 1)
    lab.cell(2).scroll_into_view_if_needed()
    lab.picture("routed-cell", 2)
