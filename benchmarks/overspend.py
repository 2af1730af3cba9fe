"""Five kernels with fifty cells each against a cap of one dollar, and a server that reports random usage.

python benchmarks/overspend.py [--rounds 5] [--kernels 5] [--cells 50] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from overspending import overspend


def main() -> None:
    """Print one line for each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"rounds": 5, "kernels": 5, "cells": 50, "seed": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    over = 0
    for seed in range(given.seed, given.seed + given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            spent = overspend(Path(folder), kernels=given.kernels, cells=given.cells, seed=seed)
        over += spent.at_server > 1
        print(f"seed {seed}: billed ${spent.at_server:.4f} of $1, books ${spent.in_books:.4f}, {dict(spent.outcomes)}", flush=True)
    print(f"rounds over the cap: {over} of {given.rounds}")


if __name__ == "__main__":
    main()
