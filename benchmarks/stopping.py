"""From the stop button, and from Cancel, to the closed connection, in real kernels of several versions of ipykernel.

    python benchmarks/stopping.py [--versions 6.31.0 7.0.1 7.3.0 newest] [--rounds 5]

Each version is put in front of this environment's packages, so that one wheel each is fetched. A cell streams from a scripted server, is
stopped in the middle, and the server says when its client left. Cancel is the message that the button in the page sends; ipykernel 6 hears it
only when the cell has ended, so there the stop button is the one that counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from pressing import Missing, measure

VERSIONS = ("6.31.0", "7.0.1", "7.3.0", "newest")


def main() -> None:
    """Print the median and the worst of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", nargs="*", default=VERSIONS)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    for version in args.versions:
        try:
            found = measure(version, rounds=args.rounds)
        except Missing as error:
            print(f"ipykernel {version:8} left out: {error}")
            continue
        for button, took in found.items():
            print(f"ipykernel {version:8} {button:7} median {statistics.median(took) * 1e3:4.0f} ms   worst {max(took) * 1e3:4.0f} ms")
    print(f"load of the machine {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
