"""Train the shipped weights: `python training/train.py [--data DIR]`, deterministic, a few minutes on two cores.

Trains on `training/prompts/*.jsonl`; with `--data`, also on the rows of the tuning data whose licence allows it (the model card lists them).
Writes `src/routebook/classifier/weights.npz`. Needs the extra `train` (scikit-learn, scipy).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import fitting
import numpy as np
import rows

from routebook.classifier.features import N_BUCKETS
from routebook.classifier.model import HEADS
from routebook.labels import TASKS

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "src" / "routebook" / "classifier" / "weights.npz"
SHARPNESS = 1.4
"""Chosen on validation prompts so that confidence is calibrated there; see MODEL_CARD.md."""


def main() -> None:
    """Read, fit the four heads, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path, default=HERE / "prompts")
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--without", nargs="*", default=(), help="sources to leave out, to measure on them")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    began = time.monotonic()
    found = [row for row in rows.read(args.prompts, data=args.data) if row.source.partition(":")[0] not in args.without]
    model = fitting.fit_all(found)
    fitting.save(model, args.out, sharpness=SHARPNESS)
    n_tasks = sum(row.task in TASKS for row in found)
    print(f"{len(found)} rows ({n_tasks} with a task), {len(HEADS)} heads, {N_BUCKETS} buckets, {time.monotonic() - began:.0f} s")
    print(f"{args.out.name}: {args.out.stat().st_size / 1e6:.2f} MB, {np.count_nonzero(model.rarity)} buckets in use")


if __name__ == "__main__":
    main()
