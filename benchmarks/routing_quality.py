"""How well the shipped classifier routes: `python benchmarks/routing_quality.py --data DIR`.

DIR holds the tuning data. Each figure stands beside chance, length, the keyword rules that Routebook began from, and the oracle where there is one.
A figure marked * is measured on prompts (or on a source) that trained the weights: it shows the fit, not what to expect;
`training/train.py --without SOURCE --out FILE` and `--weights FILE` here measure such a source unseen.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keyword_rules
import numpy as np
import pandas as pd
from curves import apgr, calibration_gap, macro_f1, spearman

from routebook.classifier import model
from routebook.classifier.classify import classify
from routebook.classifier.features import features
from routebook.labels import TASKS

Scores = np.ndarray
TOOLS, STRENGTH, COMPLEXITY = (model.HEADS.index(head) for head in ("needs_tools", "strength", "complexity"))
STRONG = ("llama-3.1-nemotron-51b-instruct", "llama-3.3-nemotron-super-49b-v1")
WEAK = ("mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct", "gemma-2-9b-it", "qwen2.5-7b-instruct")
API_PAIRS = (
    ("gpt-4-1106-preview", "mistralai/mixtral-8x7b-chat"),
    ("gpt-4-1106-preview", "gpt-3.5-turbo-1106"),
    ("claude-v1", "claude-instant-v1"),
)
LEAST_ROWS = 60
LEAST_GAP = 0.03
"""A strong model that gains less than this on a bench cannot be routed to well or badly."""


class Bench:
    """Scores prompts with one set of weights and prints rows."""

    def __init__(self, data: Path, held: model.Weights) -> None:
        self.data, self.held = data, held
        self.rng = np.random.default_rng(0)
        self.known: dict[str, tuple[float, ...]] = {}

    def read(self, name: str) -> pd.DataFrame:
        """One table of the tuning data."""
        return pd.read_parquet(self.data / f"{name}.parquet")

    def scores(self, prompts: pd.Series) -> Scores:
        """Prompt by head; each prompt is scored once."""
        for prompt in set(prompts) - self.known.keys():
            self.known[prompt] = model.score(features(prompt), held=self.held).logits
        return np.array([self.known[prompt] for prompt in prompts])

    def routing(self, name: str, prompts: pd.Series, strong: pd.Series, weak: pd.Series) -> None:
        """One row of APGR: ours beside the baselines."""
        gain = (strong - weak).to_numpy(float)
        rows: dict[str, Callable[[], np.ndarray]] = {
            "ours": lambda: self.scores(prompts)[:, STRENGTH],
            "random": lambda: self.rng.random(len(prompts)),
            "length": lambda: prompts.str.len().to_numpy(float),
            "keywords": lambda: prompts.map(keyword_rules.complexity).to_numpy(float),
            "oracle": lambda: gain,
        }
        said = "  ".join(f"{key} {apgr(score(), strong, weak):.3f}" for key, score in rows.items())
        print(f"  {name:34} n={len(prompts):5}  {said}")

    def naming(self, name: str, rows: pd.DataFrame) -> None:
        """One row of task accuracy."""
        logits, true = self.scores(rows.prompt)[:, : len(TASKS)], list(rows.label)
        said, plain = [TASKS[i] for i in logits.argmax(axis=1)], [keyword_rules.task(prompt) for prompt in rows.prompt]
        sure = [max(model.shares(tuple(row), sharpness=self.held.sharpness)) for row in logits]
        right = [t == s for t, s in zip(true, said, strict=True)]
        print(
            f"  {name:26} n={len(rows):5}  {np.mean(right):.3f} / {macro_f1(true, said):.3f}"
            f"  (keywords {np.mean([t == p for t, p in zip(true, plain, strict=True)]):.3f} / {macro_f1(true, plain):.3f}"
            f"  commonest {rows.label.value_counts(normalize=True).iloc[0]:.3f})  gap {calibration_gap(sure, right):.3f}"
        )

    def asking(self, name: str, rows: pd.DataFrame) -> None:
        """One row of whether tools are needed."""
        wanted = rows.needs_tools.to_numpy(bool)
        ours = (self.scores(rows.prompt)[:, TOOLS] > 0) == wanted
        plain = rows.prompt.map(keyword_rules.needs_tools).to_numpy(bool) == wanted
        print(f"  {name:34} n={len(rows):5}  {ours.mean():.3f}  (keywords {plain.mean():.3f})")


def strength(bench: Bench) -> None:
    """APGR on every pair the data can give."""
    print("strength: APGR")
    mmlu = bench.read("routellm_mmlu_tune")
    bench.routing("MMLU, GPT-4 / Mixtral *", mmlu.prompt, mmlu.strong_correct, mmlu.weak_correct)
    many = bench.read("llmrouter_train")
    strong, weak = many[list(STRONG)].mean(axis=1), many[list(WEAK)].mean(axis=1)
    bench.routing("nine open models, all tasks *", many.prompt, strong, weak)
    for task, rows in many.groupby("task"):
        if strong[rows.index].mean() - weak[rows.index].mean() > LEAST_GAP:
            bench.routing(f"  {task} *", rows.prompt, strong[rows.index], weak[rows.index])
    unseen = bench.read("routerbench_train")
    for one, other in API_PAIRS:
        bench.routing(f"{one} / {other.rpartition('/')[2]}", unseen.prompt, unseen[one], unseen[other])
    steps = bench.read("gsm8k_train_steps")
    ours, size = spearman(bench.scores(steps.prompt)[:, STRENGTH], steps.steps), spearman(steps.prompt.str.len(), steps.steps)
    print(f"  GSM8K steps *, Spearman: ours {ours:.3f}  length {size:.3f}")


def tasks(bench: Bench) -> None:
    """Accuracy, macro-F1 and calibration by source, then of all real prompts together."""
    print("task: accuracy / macro-F1 (keyword rules; commonest label of the source) and calibration gap")
    table = bench.read("task_types_tune")
    own = {"clinc150", "gsm8k_train", "mbpp", "metatool_queries", "nq_open_dev", "synthetic_templates"}
    for source, rows in table.groupby("source"):
        if len(rows) >= LEAST_ROWS:
            bench.naming(source + (" *" if source in own else ""), rows)
    bench.naming("all real, none trained", table[table.label_kind == "real"])


def tools(bench: Bench) -> None:
    """Accuracy on both classes, by source, then of the two mixed sets."""
    print("needs_tools: share said rightly (keyword rules; random is 0.5)")
    table, tasks_ = bench.read("needs_tools_tune"), bench.read("task_types_tune")
    live = tasks_[tasks_.source == "bfcl_live_simple"].assign(needs_tools=1)
    trained = {"bfcl_simple_python", "clinc150", "gsm8k_train", "mbpp", "metatool_queries", "nq_open_dev", "synthetic_templates"}
    for (source, wanted), rows in table.groupby(["source", "needs_tools"]):
        bench.asking(f"{source}{' *' if source in trained else ''} {'yes' if wanted else 'no'}", rows)
    bench.asking("bfcl_live_simple yes", live)
    bench.asking("MetaTool * and Auto-J, both", table[table.source.isin(["metatool_queries", "autoj_train"])])
    bench.asking("CLINC150 *, both", table[table.source == "clinc150"])


def complexity(bench: Bench) -> None:
    """Rank correlation with annotated difficulty."""
    table = bench.read("flask_difficulty_tune")
    truth = table.difficulty_0_4
    print("complexity: Spearman with FLASK difficulty")
    print(
        f"  ours {spearman(bench.scores(table.prompt)[:, COMPLEXITY], truth):.3f}  random {spearman(bench.rng.random(len(table)), truth):.3f}"
        f"  length {spearman(table.prompt.str.len(), truth):.3f}"
        f"  keywords {spearman(table.prompt.map(keyword_rules.complexity), truth):.3f}  oracle 1.000"
    )


def cost(bench: Bench) -> None:
    """Time of a call, of the first call, memory and size."""
    prompts = bench.read("task_types_tune").query("source == 'autoj_test'").prompt
    classify("warm up")
    times = []
    for prompt in prompts:
        began = time.perf_counter()
        classify(prompt)
        times.append(1e3 * (time.perf_counter() - began))
    code = (
        "import time, re, pathlib, routebook.classifier.classify as c\n"
        "def rss(): return int(re.search(r'VmRSS:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])\n"
        "m = rss(); t = time.perf_counter(); c.classify('hi'); t = time.perf_counter() - t; print(1e3 * t, (rss() - m) / 1024)"
    )
    first = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    size = Path(model.__file__).with_name("weights.npz").stat().st_size
    p50, p95, most = np.percentile(times, [50, 95, 100])
    print(f"time: classify p50 {p50:.2f} ms, p95 {p95:.2f} ms, max {most:.2f} ms on {len(times)} real prompts")
    print(f"load: first call {float(first[0]):.0f} ms and {float(first[1]):.0f} MB, numpy with it; weights {size / 1e6:.2f} MB")


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tuning data (parquet files)")
    parser.add_argument("--weights", type=Path, default=None, help="other weights than the shipped ones")
    args = parser.parse_args()
    bench = Bench(args.data, model.read_weights(args.weights) if args.weights else model.weights())
    for part in (strength, tasks, tools, complexity, cost):
        part(bench)


if __name__ == "__main__":
    main()
