"""What `%load_ext routebook` costs a running IPython, beside peers.

    python benchmarks/startup.py [--peers /path/to/python]

Starts IPython in a fresh process, several times, loads one thing, and prints the median of the seconds and of the memory it added
(resident size, megabytes). `--peers` names a Python that has jupyter-ai's magics and LiteLLM; without it only Routebook is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

LOADS = {
    "%load_ext routebook": "shell.run_line_magic('load_ext', 'routebook')",
    "import routebook": "import routebook",
}
PEERS = {
    "%load_ext jupyter_ai_magic_commands": "shell.run_line_magic('load_ext', 'jupyter_ai_magic_commands')",
    "import litellm": "import litellm",
}
SCRIPT = """
import json, resource, sys, time
from IPython.core.interactiveshell import InteractiveShell
import ipykernel.kernelbase, ipykernel.ipkernel
shell = InteractiveShell.instance()
shell.run_cell("1 + 1")
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
before, start = resident(), time.perf_counter()
{load}
print(json.dumps([time.perf_counter() - start, resident() - before]))
"""


def measure(python: str, load: str, rounds: int) -> tuple[float, float]:
    """Median seconds and megabytes over fresh processes, after one that warms the disk."""
    figures = []
    for number in range(rounds + 1):
        done = subprocess.run([python, "-c", SCRIPT.format(load=load)], check=True, capture_output=True, text=True)
        if number:
            figures.append(json.loads(done.stdout.strip().splitlines()[-1]))
    seconds, megabytes = zip(*figures, strict=True)
    return statistics.median(seconds), statistics.median(megabytes)


def main() -> None:
    """Print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    for python, loads in ((sys.executable, LOADS), (given.peers, PEERS)):
        for name, load in loads.items() if python else ():
            seconds, megabytes = measure(python, load, given.rounds)
            print(f"{name:40} {seconds * 1e3:8.1f} ms {megabytes:8.1f} MB")


if __name__ == "__main__":
    main()
