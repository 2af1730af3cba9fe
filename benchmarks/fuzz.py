"""Fuzzes everything that reads what others write: configs, cells, streams, headers, errors, answers.

    python benchmarks/fuzz.py [--share 1.0] [--seed 1] [--only WORD]

The targets are those of `tests/fuzzing.py`; all together 100,000 cases and more, no unexpected exception and no hang. `--share 0.1` runs a
tenth of each. A failure prints the smallest input that leads to it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fuzzing import TARGETS, fuzz


def main() -> None:
    """Print one line for each target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    total, failed = 0, []
    print(f"seed {given.seed}")
    for name in (name for name in TARGETS if given.only in name):
        begun = time.monotonic()
        try:
            count, slowest_s = fuzz(name, cases=max(1, int(TARGETS[name].cases * given.share)), seed=given.seed)
        except Exception as error:  # noqa: BLE001  whatever a target let through is what is looked for
            failed.append(name)
            said = "\n".join(one[:2000] for one in getattr(error, "__notes__", ())[-2:])
            print(f"{name:40} FAILED: {type(error).__name__}: {error}\n{said}", flush=True)
            continue
        total += count
        print(f"{name:40} {count:7,} cases, the slowest {slowest_s * 1e3:6.0f} ms, {time.monotonic() - begun:5.0f} s", flush=True)
    print(f"{total:,} cases, {len(failed)} of {len(TARGETS)} targets failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
