"""The embedded model's process: serves one GGUF file over HTTP on loopback, and ends when its standard input does.

Run as a file of its own, with nothing but the standard library and xllamacpp: the first line of its input is its task as JSON, the first
line of its output says where it listens, or what is missing. A crash or an out-of-memory stays in here.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import sys
from typing import Any

_CPU_MAX = "/sys/fs/cgroup/cpu.max"
_MAX_THREADS = 8


def usable_cpus(cpu_max: str = _CPU_MAX) -> float:
    """Return how many CPUs this process may use: by its affinity, and by the quota of its container (cgroup v2)."""
    cpus = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with contextlib.suppress(OSError, ValueError):
        quota, period = pathlib.Path(cpu_max).read_text().split()
        cpus = min(cpus, int(quota) / int(period))
    return cpus


def threads_for(cpus: float) -> int:
    """Return the threads to compute with: one on two CPUs and fewer, where more wait for each other; half of more, at most eight."""
    return max(1, min(_MAX_THREADS, int(cpus / 2)))


def serve(task: dict[str, Any]) -> Any:  # noqa: ANN401 - xllamacpp is loaded in here and has no types
    """Start the server and return it; it serves until it is collected. Raises `ImportError` without xllamacpp or its libraries, `RuntimeError` for a bad file."""
    import xllamacpp

    n_threads = threads_for(usable_cpus())
    params = xllamacpp.CommonParams()
    params.model.path = task["gguf"]
    params.model_alias = {task["alias"]}
    params.n_parallel = task["parallel"]
    params.n_ctx = task["context"] * task["parallel"]
    params.n_batch = params.n_ubatch = 256  # a request that is cancelled while its prompt is read ends with its batch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = n_threads
    params.cache_ram_mib = 0
    params.verbosity = -1
    params.ui = False
    params.port = 0
    params.api_keys = [task["key"]]
    return xllamacpp.Server(params)


def main() -> None:
    """Take the task, serve, and wait for the end of the input."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before the library is loaded: spinning threads starve each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.loads(sys.stdin.readline())
    try:
        server = serve(task)
        said = {"url": str(server.listening_address)}
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        said = {"error": str(error), "kind": type(error).__name__, "missing": getattr(error, "name", None) or ""}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    if "url" in said:
        sys.stdin.read()
    os._exit(0)  # the server's threads would keep the process


if __name__ == "__main__":
    main()
