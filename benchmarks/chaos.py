"""The storm of `tests/test_storm.py`, long: 100,000 requests through servers of all wire formats that misbehave in every way.

    python benchmarks/chaos.py --requests 100000 [--seed 1] [--log chaos.jsonl]

Runs storms of 2,000 requests, each with a seed of its own and in a process of its own, prints one line for each, and at the end a table over all. With
`--log` each storm is written down as it ends; the same command goes on where it stopped. `python tests/storm.py --seed N --requests 2000`
plays one of them again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

STORM = Path(__file__).parent.parent / "tests" / "storm.py"
EACH = 2000


def play(seed: int, requests: int) -> dict[str, Any]:
    """One storm, in a process of its own."""
    command = [sys.executable, str(STORM), "--seed", str(seed), "--requests", str(requests), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise RuntimeError(done.stderr[-3000:])
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def known(log: Path | None) -> dict[int, dict[str, Any]]:
    """The storms of an earlier run, by seed."""
    if log is None or not log.exists():
        return {}
    return {storm["seed"]: storm for storm in map(json.loads, log.read_text(encoding="utf-8").splitlines())}


def table(storms: list[dict[str, Any]]) -> str:
    """All storms together."""
    sums: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for storm in storms:
        sums.update({name: storm[name] for name in ("requests", "rows", "seen", "unsent", "early_retries", "early_others", "outside")})
        outcomes.update(storm["outcomes"])
        faults.update(storm["by_fault"])
    lines = [f"{name:<40} {count:,}" for name, count in sums.items()]
    lines += [f"{name:<40} {max(storm[name] for storm in storms):.2f}" for name in ("latest_s", "peak_provider", "peak_model")]
    for what in storms[0]["caps"]:
        used, most = max(storm["caps"][what] for storm in storms)
        lines.append(f"{f'most {what}':<40} {used:g}, and the cap is {most:g}")
    lines += [f"wrong{'':35} {sum(len(storm['wrongs']) for storm in storms)}"]
    return "\n".join([*lines, f"ended in  {dict(outcomes.most_common())}", f"met with  {dict(faults.most_common())}"])


def main() -> None:
    """Play what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    here = known(given.log)
    storms = []
    for seed in range(given.seed, given.seed + -(-given.requests // EACH)):
        storm = here.get(seed) or play(seed, min(EACH, given.requests))
        if given.log is not None and seed not in here:
            with given.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(storm) + "\n")
        storms.append(storm)
        print(f"seed {seed}: {storm['requests']} requests, {storm['seconds']:.0f} s, {len(storm['wrongs'])} wrong", flush=True)
        for wrong in storm["wrongs"][:10]:
            print(f"  {wrong}", flush=True)
    print(table(storms))
    sys.exit(any(storm["wrongs"] for storm in storms))


if __name__ == "__main__":
    main()
