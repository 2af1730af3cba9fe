"""A preset as a team would run it: its own text, with its providers' addresses on loopback, in a real kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kernels import Kernel, running_kernel

from routebook.config.preset import preset


def written(folder: Path, name: str, *, urls: Mapping[str, str], keys: Mapping[str, str]) -> Path:
    """Write a preset where a kernel in `folder` finds it: providers at other addresses, keys in `.env`, books beside it. Nothing else is changed."""
    text = preset(name)
    for provider, url in urls.items():
        text, count = re.subn(
            rf'(\[providers\.{re.escape(provider)}\]\nkind = "\w+"\n)(base_url = "[^"]*"\n)?', rf'\1base_url = "{url}"\n', text
        )
        assert count == 1, provider
    file = folder / "routing.toml"
    file.write_text(f'{text}\n[books]\npath = "books.db"\n', encoding="utf-8")
    (folder / ".env").write_text("".join(f"{variable}={key}\n" for variable, key in keys.items()), encoding="utf-8")
    return file


@contextmanager
def kernel_with(folder: Path, name: str, *, urls: Mapping[str, str], keys: Mapping[str, str]) -> Iterator[Kernel]:
    """A kernel with the extension loaded, in the folder of the preset."""
    written(folder, name, urls=urls, keys=keys)
    with running_kernel(folder) as kernel:
        assert kernel.run("%load_ext routebook").status == "ok"
        yield kernel


def frame_says(kernel: Kernel, expression: str) -> str:
    """What an expression over the frame `df` gives, as text."""
    run = kernel.run(f"%route frame -o df\nprint({expression})")
    assert run.status == "ok", run.text
    return run.text.strip().splitlines()[-1]
