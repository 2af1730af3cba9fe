"""A kernel that is killed in the middle of fifty requests leaves whole books, and holds nothing back."""

from __future__ import annotations

from pathlib import Path

from killing import Crashes, slow_server


def test_a_kernel_killed_at_any_moment_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    """Every answer that was given is in the books, what ran is marked lost, and its money, tokens and places go to the next kernel."""
    with slow_server(seed=4) as server:
        crashes = Crashes(tmp_path, server, seed=4)
        wrecks = [crashes.kill() for _ in range(6)]
    assert [wreck.integrity for wreck in wrecks] == ["ok"] * 6
    assert [wreck.missing for wreck in wrecks] == [0] * 6
    assert [wreck.uncounted for wreck in wrecks] == [0] * 6
    assert [wreck.held for wreck in wrecks] == [(0, 0, 0, 0)] * 6
    assert wrecks[-1].lost > 0
    assert max(wreck.start_s for wreck in wrecks) < 20  # 0.3 on a machine with nothing else to do: see benchmarks/kill9.py
