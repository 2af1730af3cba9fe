"""Makes frames of prompts with outcomes, where what a prompt is about decides which model does well."""

from __future__ import annotations

import random

import pandas as pd

TOPICS = {
    "cook": [
        "simmer",
        "sauce",
        "onion",
        "garlic",
        "roast",
        "oven",
        "butter",
        "flour",
        "dough",
        "whisk",
        "pepper",
        "stew",
        "lamb",
        "basil",
        "broth",
    ],
    "prove": [
        "lemma",
        "theorem",
        "integer",
        "prime",
        "modulo",
        "group",
        "ring",
        "finite",
        "proof",
        "converge",
        "metric",
        "series",
        "bounded",
        "matrix",
        "kernel",
    ],
}


def prompts(n: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of topic and prompt, all different."""
    rng = random.Random(seed)
    names = list(TOPICS)
    return [
        ((topic := names[i % len(names)]), f"Tell me {i * 7919 + seed}: " + " ".join(rng.choices(TOPICS[topic], k=8))) for i in range(n)
    ]


def labelled(n: int = 120, *, seed: int = 0, names: tuple[str, str] = ("dear", "small"), costs: bool = False) -> pd.DataFrame:
    """`names[0]` is right about both topics nine times of ten, `names[1]` about cooking only."""
    rng = random.Random(seed + 1)
    rows = []
    for topic, prompt in prompts(n, seed=seed):
        strong, weak = float(rng.random() < 0.9), float(rng.random() < (0.9 if topic == "cook" else 0.15))
        rows.append({"prompt": prompt, "topic": topic, names[0]: strong, names[1]: weak})
        if costs:
            rows[-1] |= {f"{names[0]}|total_cost": 0.01, f"{names[1]}|total_cost": 0.0001}
    return pd.DataFrame(rows)
