"""What to expect of `strength` and `needs_tools` on unseen prompts of the sources that train them: `python training/crossvalidate.py --data DIR`.

Three folds; every figure is of prompts whose fold was left out. The shipped weights are trained on all of them, so that
`benchmarks/routing_quality.py` can only show the fit there.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path

import fitting
import numpy as np
import pandas as pd
import rows
import scipy.sparse as sp

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "benchmarks"))
from curves import apgr, spearman  # noqa: E402  the benchmarks lie beside this folder

FOLDS = 3
LEAST_GAP = 0.03
"""A strong model that gains less than this on a bench cannot be routed to well or badly."""


def main() -> None:
    """Fit two heads three times and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path, default=HERE / "prompts")
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    found = rows.read(args.prompts, data=args.data)
    raw = fitting.matrix([row.prompt for row in found])
    rarity = fitting.rarities(raw, own=np.array([row.source == "own" for row in found]))
    x = fitting.weighed(raw, rarity)[:, np.flatnonzero(rarity)]
    fold = np.array([zlib.crc32(row.prompt.encode("utf-8", "surrogatepass")) % FOLDS for row in found])
    said = {head: np.zeros(len(found)) for head in ("strength", "needs_tools")}
    for left_out in range(FOLDS):
        at, unseen = np.flatnonzero(fold != left_out), fold == left_out
        trained = [found[i] for i in at]
        for head, (weights, bias) in {
            "strength": fitting._fit_figure(x[at], trained, "strength"),  # noqa: SLF001  the two scripts are one program
            "needs_tools": fitting._fit_tools(x[at], trained),  # noqa: SLF001  the two scripts are one program
        }.items():
            said[head][unseen] = (x[unseen] @ sp.csr_matrix(weights)).toarray().ravel() + bias
    _strength(args.data, found, said["strength"])
    _tools(found, said["needs_tools"])


def _strength(data: Path, found: list[rows.Row], said: np.ndarray) -> None:
    source = np.array([row.source.partition(":")[0] for row in found])
    mmlu, many = pd.read_parquet(data / "routellm_mmlu_tune.parquet"), pd.read_parquet(data / "llmrouter_train.parquet")
    print(f"MMLU, GPT-4 / Mixtral: APGR {apgr(said[source == 'mmlu'], mmlu.strong_correct, mmlu.weak_correct):.3f}")
    strong, weak = many[list(rows.STRONG)].mean(axis=1), many[list(rows.WEAK)].mean(axis=1)
    ours = said[source == "llmrouter"]
    print(f"nine open models: APGR {apgr(ours, strong, weak):.3f}")
    within = [
        apgr(ours[part.index], strong[part.index], weak[part.index])
        for _, part in many.groupby("task")
        if strong[part.index].mean() - weak[part.index].mean() > LEAST_GAP
    ]
    print(f"nine open models, mean within a task: APGR {np.mean(within):.3f}")
    steps = pd.read_parquet(data / "gsm8k_train_steps.parquet").steps
    print(f"GSM8K steps: Spearman {spearman(said[source == 'gsm8k'], steps):.3f}")


def _tools(found: list[rows.Row], said: np.ndarray) -> None:
    for source in sorted({row.source for row in found if row.needs_tools is not None}):
        at = [i for i, row in enumerate(found) if row.source == source and row.needs_tools is not None]
        right = np.mean([(said[i] > 0) == found[i].needs_tools for i in at])
        print(f"needs_tools, {source}: accuracy {right:.3f} of {len(at)}")


if __name__ == "__main__":
    main()
