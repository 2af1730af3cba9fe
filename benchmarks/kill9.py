"""Kills a kernel at random moments of fifty requests, again and again over the same books, and looks at what is left.

python benchmarks/kill9.py [--kills 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from killing import Crashes, Wreck, slow_server


def main() -> None:
    """Print what was found, and the slowest start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wrecks: list[Wreck] = []
    with tempfile.TemporaryDirectory() as folder, slow_server(given.seed) as server:
        crashes = Crashes(Path(folder), server, seed=given.seed)
        for _ in range(given.kills):
            wrecks.append(crashes.kill())
            if wrecks[-1].missing or wrecks[-1].uncounted or any(wrecks[-1].held) or wrecks[-1].integrity != "ok":
                print(f"kill {len(wrecks)}: {wrecks[-1]}", flush=True)
    starts = sorted(wreck.start_s for wreck in wrecks)
    print(f"seed {given.seed}, {given.kills} kills, {sum(wreck.finished for wreck in wrecks)} requests finished before one")
    print(f"books broken: {sum(wreck.integrity != 'ok' for wreck in wrecks)}")
    print(f"finished attempts lost: {sum(wreck.missing for wreck in wrecks)}, not counted: {wrecks[-1].uncounted}")
    print(f"marked lost: {wrecks[-1].lost}; still held in the end (running, money, tokens, places): {wrecks[-1].held}")
    print(f"next start: median {starts[len(starts) // 2]:.3f} s, slowest {starts[-1]:.3f} s")


if __name__ == "__main__":
    main()
