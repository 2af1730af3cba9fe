"""Two real kernels share one machine's memory, and one that is killed holds nothing for long."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from pathlib import Path

from askers import Asker
from box import box, disk, memory_of

from routebook.testing import Chaos, Memory, ScriptedServer


def kernel(server: ScriptedServer, books: Path, *models: str, prompts: int) -> Asker:
    """A kernel that is ready to ask, the models in turn."""
    started = Asker(
        books,
        [(f"prompt {number}", {"model": models[number % len(models)], "deadline_s": 180}) for number in range(prompts)],
        providers={"mac": {"kind": "ollama", "base_url": server.url, "max_loaded": 2}},
        models={name: {"provider": "mac", "id": f"{name}:1"} for name in models},
        routes=[{"name": "chat", "try": models}],
    )
    assert started.line() == "ready"
    return started


def test_5_06_two_kernels_load_and_unload_within_one_limit(tmp_path: Path) -> None:
    """Each wants models that the other has no use for; all are answered, no busy one leaves, and never are there three."""
    memory = Memory(disk("a", "b", "c", "d", load_s=0.02))
    with ScriptedServer(wire="ollama", script=Chaos(tokens=4, tokens_per_s=50), memory=memory) as server, ExitStack() as ends:
        started = [kernel(server, tmp_path / "books.db", *names, prompts=9) for names in (("a", "b", "c"), ("d", "c", "a"))]
        both = [ends.enter_context(closing(one)) for one in started]
        for one in both:
            one.go()
        assert [one.results() for one in both] == [{"ok": 9}, {"ok": 9}]
        assert (memory.peak_loaded, memory.cut) == (2, 0)
        assert memory.loads.keys() == {"a:1", "b:1", "c:1", "d:1"}


def test_a_killed_kernel_does_not_keep_its_models_busy(tmp_path: Path) -> None:
    """It was in the middle of two long answers; the next kernel finds room as soon as it asks."""
    memory = Memory(disk("a", "b", "c"))
    with ScriptedServer(
        wire="ollama", script=Chaos(tokens=4000, tokens_per_s=20), memory=memory, models={"c:1": Chaos(reply="Four.")}
    ) as server:
        killed = kernel(server, tmp_path / "books.db", "a", "b", prompts=2)
        killed.go()
        until = time.monotonic() + 60
        while server.seen.concurrent < 2 or memory_of(server).peak_loaded < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        killed.close()
        of = box(server, "c", books=tmp_path / "books.db")
        try:
            assert of.ask_sync("hello", deadline_s=60).text == "Four."
            assert memory_of(server).peak_loaded == 2
        finally:
            of.close()
