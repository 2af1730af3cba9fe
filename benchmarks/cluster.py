"""10,000 prompts on a local Dask cluster, one worker killed on the way; and what four workers are worth beside one.

    python benchmarks/cluster.py [--prompts 10000] [--workers 4] [--latency 1] [--only killed|throughput]

The server answers after a fixed time, and lets in no more at once than the config says; each worker has so many requests under way. Prints
whether every prompt was answered once, whether the limits and the cap held, and the throughput of both, as a ratio.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import pandas as pd
from distributed import Client, LocalCluster

from routebook.engine.router import Router
from routebook.testing import Chaos, ScriptedServer

PER_WORKER = 20
"""Requests under way on each worker: the time of the server bounds them, not the machine."""
KILLED_LATENCY_S = 0.2
CAP_USD = 1000.0


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds until an answer, for the throughput")
    parser.add_argument("--only", choices=["killed", "throughput"])
    given = parser.parse_args()
    if given.only != "killed":
        few = max(400, given.prompts // 10)
        one = _run(few, workers=1, latency_s=given.latency)
        many = _run(few, workers=given.workers, latency_s=given.latency)
        ratio = many["rate"] / one["rate"]
        print(
            f"1 worker: {one['rate']:.1f} prompts/s; {given.workers} workers: {many['rate']:.1f} prompts/s; ratio {ratio:.2f}", flush=True
        )
    if given.only != "throughput":
        killed = _run(given.prompts, workers=given.workers, latency_s=KILLED_LATENCY_S, kill=True)
        print(f"{given.prompts} prompts, one of {given.workers} workers killed: {killed['rate']:.1f} prompts/s")
        print({key: value for key, value in killed.items() if key != "rate"})


def _run(prompts: int, *, workers: int, latency_s: float, kill: bool = False) -> dict[str, Any]:
    at_once = workers * PER_WORKER
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedServer(script=Chaos(reply="good", latency_s=latency_s), max_concurrent=at_once) as server,
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        router = _router(Path(folder), server, at_once=at_once)
        frame = dd.from_pandas(pd.DataFrame({"text": [f"review {number}" for number in range(prompts)]}), npartitions=workers)
        frame.head(1).route.map("Classify: {{text}}", out="warm", router=router, progress=False)
        client.run(_imported)
        before = len(server.seen.calls)
        if kill:
            threading.Thread(target=_kill, args=(client, server, prompts // 3), daemon=True).start()
        began = time.perf_counter()
        found = frame.route.map("Classify: {{text}}", router=router, concurrency=PER_WORKER, progress=False)
        took_s = time.perf_counter() - began
        found = found.compute()
        rows = router.frame()
        router.close()
        outcomes = Counter(call.outcome for call in list(server.seen.calls)[before:])
        return {
            "rate": prompts / took_s,
            "answered": int(found["answer"].notna().sum()),
            "answered once": bool(found["answer_request_id"].nunique() == prompts),
            "calls the server saw": sum(outcomes.values()),
            "refused by the server's own limit": outcomes["rate_limited"],
            "rows lost": int((rows["status"] == "lost").sum()),
            "rows still running": int((rows["status"] == "running").sum()),
            "spent": f"${rows['cost_usd'].sum():.4f} of ${CAP_USD}",
        }


def _imported() -> None:
    """Let a worker load what it needs before the clock runs."""
    import routebook.bulk.worker  # noqa: F401


def _kill(client: Client, server: ScriptedServer, calls: int) -> None:
    while len(server.seen.calls) < calls:
        time.sleep(0.05)
    os.kill(next(pid for pid in client.run(os.getpid).values() if pid != os.getpid()), signal.SIGKILL)


def _router(folder: Path, server: ScriptedServer, *, at_once: int) -> Router:
    file = folder / "routing.toml"
    file.write_text(
        f'[books]\npath = "books.db"\n[budgets]\ntotal = {{ daily = {CAP_USD} }}\n'
        f'[providers.p]\nkind = "openai"\nbase_url = "{server.url}"\ntier = "paid"\n'
        f'[models.a]\nprovider = "p"\nid = "a"\nmax_output = 20\nmax_concurrent = {at_once}\nrpm = 60000\n'
        'price = { input = 1, output = 10 }\n[[routes]]\nname = "chat"\ntry = ["a"]\n',
        encoding="utf-8",
    )
    return Router.load(file)


if __name__ == "__main__":
    main()
