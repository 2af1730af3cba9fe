"""Many kernels with many cells each, one dollar, and a server that reports as much as it likes within what it was allowed."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from spender import begin, spawn

from routebook.books.connect import connect_reader
from routebook.books.money import from_pico
from routebook.testing import Chaos, ScriptedServer

INPUT, OUTPUT = Decimal(3), Decimal(20)
"""US dollars per million tokens."""
CONFIG = """
[books]
path = "books.db"
[budgets]
total = {{ daily = 1.00 }}
[providers.p]
kind = "openai"
base_url = "{url}"
tier = "paid"
api_key_env = "SPENDER_KEY"
[models.dear]
provider = "p"
id = "dear"
price = {{ input = 3, output = 20 }}
params = {{ max_tokens = 1000 }}
[[routes]]
name = "chat"
try = ["dear"]
"""


class Spent(NamedTuple):
    """What it came to."""

    outcomes: Counter[str]
    """`answer`, or the error's name."""
    said: set[str]
    """What the errors say."""
    in_books: Decimal
    """Over all rows."""
    in_budget: Decimal
    """As the cap counts it."""
    at_server: Decimal
    """By the tokens that the server reported."""
    reserved: int


def overspend(folder: Path, *, kernels: int, cells: int, seed: int = 0) -> Spent:
    """Let all of them spend; return what they spent."""
    with ScriptedServer(script=Chaos(seed=seed, latency_s=0.02, tokens=5), random_usage=True) as server:
        config = folder / "routing.toml"
        config.write_text(CONFIG.format(url=server.url_for("openai")), encoding="utf-8")
        (folder / ".env").write_text("SPENDER_KEY=none\n", encoding="utf-8")
        running = [spawn(config, cells=cells) for _ in range(kernels)]
        begin(running)
        lines = [json.loads(line) for kernel in running for line in kernel.communicate(timeout=300)[0].splitlines()]
        at_server = (server.seen.input_tokens * INPUT + server.seen.output_tokens * OUTPUT) / 1_000_000
    connection = connect_reader(str(folder / "books.db"))
    try:
        rows, reserved = connection.execute("SELECT sum(cost_pusd), sum(reserved_pusd) FROM attempts").fetchone()
        (budget,) = connection.execute("SELECT sum(cost_pusd) FROM spending WHERE scope = 'total'").fetchone()
    finally:
        connection.close()
    return Spent(
        outcomes=Counter(line.get("error", "answer") for line in lines), said={line["said"] for line in lines if "said" in line},
        in_books=from_pico(rows), in_budget=from_pico(budget), at_server=at_server, reserved=reserved,
    )  # fmt: skip
