"""A llama.cpp server for machines without `llama-server`: takes the arguments that Routebook gives that one, and serves by xllamacpp.

Run as a module in a process of its own. It ends when its standard input does. The key is in `$LLAMA_API_KEY`, as `llama-server` has it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any

from routebook.backends.embedded_child import threads_for, usable_cpus

_UNKNOWN = "the built-in runner knows no {rest}: install llama.cpp's own llama-server, or take it out of args"


def parsed(argv: list[str]) -> argparse.Namespace:
    """The arguments; those that only `llama-server` knows end the program with what to do."""
    parser = argparse.ArgumentParser(prog="routebook's llama.cpp runner", allow_abbrev=False)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("-c", "--ctx-size", type=int, default=4096)
    parser.add_argument("-np", "--parallel", type=int, default=2)
    parser.add_argument("-ngl", "--n-gpu-layers", "--gpu-layers", type=int)
    parser.add_argument("-t", "--threads", type=int)
    parser.add_argument("-b", "--batch-size", type=int, default=256)
    parser.add_argument("--jinja", action="store_true")
    parser.add_argument("-cb", "--cont-batching", action="store_true")
    found, rest = parser.parse_known_args(argv)
    if rest:
        parser.error(_UNKNOWN.format(rest=" ".join(rest)))
    return found


def serve(asked: argparse.Namespace) -> Any:  # noqa: ANN401 - xllamacpp is loaded in here and has no types
    """Start the server and return it. Raises `RuntimeError` for a bad file and a port that is taken."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = asked.model
    params.model_alias = {asked.alias}
    params.hostnames, params.port = [asked.host], asked.port
    params.n_parallel, params.n_ctx = asked.parallel, asked.ctx_size
    params.n_batch = params.n_ubatch = asked.batch_size  # a request that is cancelled while its prompt is read ends with its batch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = asked.threads or threads_for(usable_cpus())
    if asked.n_gpu_layers is not None:
        params.n_gpu_layers = asked.n_gpu_layers
    params.cache_ram_mib, params.verbosity, params.ui = 0, -1, False
    if key := os.environ.get("LLAMA_API_KEY"):
        params.api_keys = [key]
    return xllamacpp.Server(params)


def main() -> None:
    """Serve until the end of the input."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before the library is loaded: spinning threads starve each other
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        server = serve(parsed(sys.argv[1:]))
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.stdin.buffer.read()
    del server
    os._exit(0)  # its threads would keep the process


if __name__ == "__main__":
    main()
