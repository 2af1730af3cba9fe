"""A preset as a team would run it: its own text, with its providers' addresses on loopback, in a real kernel."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kernels import Kernel, Run, running_kernel

from routebook.config.preset import preset

TIMES = re.compile(r"\b((?:first_token|idle|soft|total|waits|queue)_s = )(\[[^\]]*\]|[\d.]+)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
LEAST_S = 1.2
"""No attempt gets less: a machine at work with other tests must keep it."""


def shortened(text: str, *, by: float) -> str:
    """The same with every time limit and every wait so many times shorter: what takes minutes at a provider takes seconds in a test."""

    def short(found: re.Match[str]) -> str:
        least_s = LEAST_S if by > 1 and found[1].startswith(("first_token", "idle", "total")) else 0.0
        return found[1] + NUMBER.sub(lambda number: f"{max(least_s, float(number[0]) / by):g}", found[2])

    return TIMES.sub(short, text)


def written(
    folder: Path,
    name: str,
    *,
    urls: Mapping[str, str],
    keys: Mapping[str, str],
    books: str = "books.db",
    faster: float = 1,
    changes: Mapping[str, str] | None = None,
) -> Path:
    """Write a preset where a kernel in `folder` finds it: providers at other addresses, keys in `.env`, books beside it. Nothing else is changed.

    Args:
        folder: of the kernel.
        name: of the preset.
        urls: addresses by provider.
        keys: what the variables of the environment hold.
        books: the file of the books.
        faster: time limits and waits are so many times shorter.
        changes: lines that the team has put in the place of others; each of the others stands in the preset.
    """
    text = preset(name)
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    for provider, url in urls.items():
        text, count = re.subn(
            rf'(\[providers\.{re.escape(provider)}\]\nkind = "\w+"\n)(base_url = "[^"]*"\n)?', rf'\1base_url = "{url}"\n', text
        )
        assert count == 1, provider
    file = folder / "routing.toml"
    file.write_text(f'{shortened(text, by=faster)}\n[books]\npath = "{books}"\n', encoding="utf-8")
    (folder / ".env").write_text("".join(f"{variable}={key}\n" for variable, key in keys.items()), encoding="utf-8")
    return file


@contextmanager
def kernel_with(folder: Path, name: str, *, urls: Mapping[str, str], keys: Mapping[str, str]) -> Iterator[Kernel]:
    """A kernel with the extension loaded, in the folder of the preset."""
    written(folder, name, urls=urls, keys=keys)
    with running_kernel(folder) as kernel:
        assert kernel.run("%load_ext routebook").status == "ok"
        yield kernel


class Bench:
    """One kernel in which preset after preset is tried, each with books of its own: a kernel takes longer to start than a test to run."""

    def __init__(self, folder: Path, kernel: Kernel) -> None:
        """The extension is loaded."""
        self.folder, self.kernel = folder, kernel
        self.books = ""
        """The file of the books in use."""
        self._numbers = itertools.count(1)

    def load(
        self,
        name: str,
        *,
        urls: Mapping[str, str],
        keys: Mapping[str, str],
        faster: float = 1,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        """Put a preset in the place of the last one, as `written` does; nothing is known of what was before."""
        self.books = f"books-{next(self._numbers)}.db"
        written(self.folder, name, urls=urls, keys=keys, books=self.books, faster=faster, changes=changes)
        run = self.kernel.run("%route reload")
        assert run.status == "ok", run.text

    def cell(self, options: str, prompt: str, *, seconds: float = 60) -> Run:
        """Run a `%%route` cell that ends well."""
        run = self.kernel.run(f"%%route {options}\n{prompt}", seconds=seconds)
        assert run.status == "ok", run.text
        return run

    def python(self, code: str, *, seconds: float = 60) -> str:
        """What a cell of Python prints; `router` is the one of the cells."""
        run = self.kernel.run(f"router = get_ipython()._routebook[0].session.router\n{code}", seconds=seconds)
        assert run.status == "ok", run.text
        return run.text.strip()

    def frame(self, expression: str) -> str:
        """What an expression over the frame `df` of all attempts gives, as text."""
        return frame_says(self.kernel, expression)


@contextmanager
def bench(folder: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Bench]:
    """A kernel with the extension loaded and no preset yet."""
    with running_kernel(folder, environ=environ) as kernel:
        assert kernel.run("%load_ext routebook").status == "ok"
        yield Bench(folder, kernel)


def frame_says(kernel: Kernel, expression: str) -> str:
    """What an expression over the frame `df` gives, as text."""
    run = kernel.run(f"%route frame -o df\nprint({expression})")
    assert run.status == "ok", run.text
    return run.text.strip().splitlines()[-1]
