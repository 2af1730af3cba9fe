"""The shipped weights: their size, their shape, and what they cost to load."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from routebook.classifier.features import N_PLACES, features
from routebook.classifier.model import HEADS, score, shares, weights


def test_the_weights_are_small() -> None:
    """Everybody who installs Routebook downloads them."""
    assert len(files("routebook.classifier").joinpath("weights.npz").read_bytes()) < 8_000_000


def test_the_weights_fit_the_features() -> None:
    """A table of another shape would score at random."""
    held = weights()
    assert held.table.shape == (N_PLACES, len(HEADS))
    assert held.scale.shape == held.bias.shape == (len(HEADS),)
    assert held.rarity.shape == (N_PLACES,)


def test_parts_add_up_to_the_scores() -> None:
    """Reasons are taken from the parts, so the parts must be what decided."""
    scores = score(features("Summarize the minutes of the meeting"))
    assert scores.parts.sum(axis=0) + weights().bias == pytest.approx(scores.logits, abs=1e-4)
    assert len(scores.parts) == len(scores.names)


def test_shares_add_up_to_one() -> None:
    """They are beliefs."""
    assert sum(shares((3.0, -800.0, 5.0), sharpness=1.2)) == pytest.approx(1.0)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_loading_is_cheap_in_memory() -> None:
    """A notebook's kernel is shared with the user's data: less than 60 MB for numpy and the weights together."""
    code = (
        "import re, pathlib, routebook.classifier.classify as c\n"
        "def rss(): return int(re.search(r'VmRSS:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])\n"
        "before = rss(); c.classify('hi'); print((rss() - before) / 1024)"
    )
    used_mb = float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert 1 < used_mb < 60
