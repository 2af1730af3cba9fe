"""What `router.fit` is worth on questions it never saw: `python benchmarks/fit.py --data DIR [--folds 10] [--repeats 1]`.

Two public sets of prompts with outcomes: 1,533 MMLU questions answered by two models, and 2,070 RouterBench prompts answered by eleven with
their costs. Each question is judged by a fit of the other folds, which chose everything for itself. Beside it: chance, the length of the prompt,
the topic that the set names (which a router is not told), the single models and the oracle.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from routebook.learn.evaluate import Evaluation, evaluate
from routebook.learn.fitted import learn
from routebook.learn.measures import Floats, choices, recovery

COST = "|total_cost"


def crossed(frame: pd.DataFrame, models: list[str], *, folds: int, seed: int, priced: bool) -> tuple[Floats, Floats]:
    """Outcomes and costs expected of each prompt by a fit of the other folds."""
    place = np.random.default_rng(seed).permutation(len(frame)) % folds
    outcomes = np.zeros((len(frame), len(models)))
    costs = np.zeros((len(frame), len(models) if priced else 0))
    for fold in range(folds):
        rest, here = frame[place != fold], place == fold
        told = {model: rest[model].tolist() for model in models}
        spent = {model: rest[model + COST].tolist() for model in models} if priced else None
        fitted = learn(list(rest.prompt), told, costs=spent, seed=seed).fitted
        outcomes[here], costs[here] = fitted.expected(list(frame.prompt[here]))
    return outcomes, costs


def judged(frame: pd.DataFrame, models: list[str], expected: tuple[Floats, Floats], *, priced: bool) -> Evaluation:
    """The figures of one round."""
    costs = frame[[model + COST for model in models]].to_numpy(float) if priced else None
    return evaluate(
        tuple(models), frame[models].to_numpy(float), expected[0], costs=costs, expected_costs=expected[1] if priced else None,
        strength=None, how="each judged by a fit of the other folds", decide_ms=(0.0, 0.0),
    )  # fmt: skip


def pair(data: Path, *, folds: int, repeats: int) -> None:
    """APGR and CPT50 on MMLU."""
    frame = pd.read_parquet(data / "routellm_mmlu_tune.parquet").drop_duplicates("prompt").reset_index(drop=True)
    models = ["strong_correct", "weak_correct"]
    print(f"MMLU, GPT-4 against Mixtral, {len(frame)} questions, {folds} folds")
    found = []
    for seed in range(repeats):
        worth = judged(frame, models, crossed(frame, models, folds=folds, seed=seed, priced=False), priced=False)
        assert worth.pair is not None
        found.append((worth.pair.apgr.value, worth.pair.cpt50.value))
        print(f"  round {seed + 1}: APGR {worth.pair.apgr}, CPT50 {worth.pair.cpt50.value:.1f} %, CPT80 {worth.pair.cpt80.value:.1f} %")
    mean = np.mean(found, axis=0)
    print(f"  fit             APGR {mean[0]:.3f}  CPT50 {mean[1]:.1f} %   (wanted 0.655, 30 %)")
    strong, weak = frame.strong_correct.to_numpy(float), frame.weak_correct.to_numpy(float)
    others = {
        "chance": np.zeros(len(frame)),
        "length": frame.prompt.str.len().to_numpy(float),
        "subject, told": _by_topic(frame, "subject", strong - weak, folds=folds),
        "oracle": strong - weak,
    }
    for name, score in others.items():
        curve = recovery(score, strong, weak)
        print(f"  {name:15} APGR {curve.apgr:.3f}  CPT50 {curve.cpt(0.5):.1f} %")


def _by_topic(frame: pd.DataFrame, column: str, gain: Floats, *, folds: int) -> Floats:
    """The mean gain of a question's topic in the other folds, held back towards the mean of all."""
    place = np.random.default_rng(0).permutation(len(frame)) % folds
    score = np.zeros(len(frame))
    for fold in range(folds):
        rest = place != fold
        whole = gain[rest].mean()
        by = pd.Series(gain[rest]).groupby(frame[column][rest].to_numpy()).agg(["sum", "count"])
        held = (by["sum"] + 20 * whole) / (by["count"] + 20)
        score[~rest] = frame[column][~rest].map(held).fillna(whole)
    return score


def money(data: Path, *, folds: int, repeats: int) -> None:
    """Area under quality over cost on RouterBench."""
    frame = pd.read_parquet(data / "routerbench_train.parquet").drop_duplicates("prompt").reset_index(drop=True)
    models = [name.removesuffix(COST) for name in frame.columns if name.endswith(COST)]
    print(f"RouterBench, {len(models)} models, {len(frame)} prompts, {folds} folds")
    outcomes, costs = frame[models].to_numpy(float), frame[[model + COST for model in models]].to_numpy(float)
    areas = []
    for seed in range(repeats):
        expected = crossed(frame, models, folds=folds, seed=seed, priced=True)
        worth = judged(frame, models, expected, priced=True)
        assert worth.money is not None
        areas.append(worth.money.area.value)
        print(f"  round {seed + 1}: area {worth.money.area}; without the hull {_plain(expected, outcomes, costs):.3f}; {worth.lines()[-2]}")
    assert worth.money is not None
    print(f"  fit             area {np.mean(areas):.3f}   (wanted 0.85)")
    print(f"  single models   area {worth.money.singles:.3f}, the hull of their mixtures")
    print(f"  chance          area {worth.money.chance:.3f}")
    print(f"  oracle          area {worth.money.oracle:.3f}")


def _plain(expected: tuple[Floats, Floats], outcomes: Floats, costs: Floats) -> float:
    """The area below the settings themselves, mixing none of them."""
    chosen, rows = choices(*expected), np.arange(len(outcomes))
    reached = np.array([(costs[rows, row].mean(), outcomes[rows, row].mean()) for row in chosen])
    reached = reached[np.argsort(reached[:, 0], kind="stable")]
    ends = costs.mean(axis=0)
    marks = np.linspace(ends.min(), ends.max(), 5001)
    return float(np.trapezoid(np.interp(marks, reached[:, 0], reached[:, 1]), marks) / np.ptp(ends))


def main() -> None:
    """Print the figures of both sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tuning data (parquet files)")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=1)
    args = parser.parse_args()
    for part in (money, pair):
        began = time.process_time()
        part(args.data, folds=args.folds, repeats=args.repeats)
        print(f"  {(time.process_time() - began) / args.folds / args.repeats:.1f} s of processor time a fit")


if __name__ == "__main__":
    main()
