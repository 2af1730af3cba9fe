"""Each preset on a machine with nothing: no key, no server, no network; the small built-in model answers for real, and the cell says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from as_preset import Bench, bench
from weights_here import real_weights

from routebook.config.preset import PRESETS


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One kernel for all presets, with the model's file."""
    with bench(tmp_path_factory.mktemp("nothing"), environ={"ROUTEBOOK_GGUF": str(real_weights())}) as running:
        yield running


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_answers_with_nothing_but_the_built_in_model_and_says_so(kernel: Bench, name: str) -> None:
    """Whoever tries a preset before they have any key sees an answer, who gave it, and what is missing."""
    kernel.load(name, urls={}, keys={})
    run = kernel.cell("--max-tokens 6 --no-cache", "What is the capital of France?", seconds=150)
    assert "smollm2 is the small built-in model, and nobody else could answer (" in run.text
    assert "_API_KEY" in run.text
    assert kernel.python("print(len(_route.text) > 3, _route.model, _route.attempts[-1].tier, _route.finish_reason)") in (
        "True smollm2 local length", "True smollm2 local stop",
    )  # fmt: skip
