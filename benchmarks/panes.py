"""Ten panes at fifty tokens a second each, in a real JupyterLab: frames, the kernel's work, how late the last word is, and the first paint.

    python benchmarks/panes.py [--panes 10] [--seconds 30] [--paints 7]

A scripted server in this process answers; Chromium and the kernel have processes of their own. Frames are those the page is asked to draw
(`requestAnimationFrame`); the kernel's work is its CPU time, of all its threads; late is from the end of a request on the server to the
frame that shows its last word; the first paint is from running a cell to the frame that shows its header. The load of the machine
stands beside the figures: a busy one takes frames from the page that this program did not.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from routebook.testing import Chaos, ScriptedServer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from lab import Lab, running_lab
from pages import FIRST_HEADER

RATE = 50
"""Tokens a second, of each pane."""
PROSE = """A list keeps what it is given in order, a set keeps one of each, and a dictionary does both since its keys are unique.

```python
def unique(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))
```

- the **first** of each word stays where it was
- looking one up takes `O(1)`, however many there are

"""
WATCH = """marks => {
  const seen = window.seen = {}, started = performance.now();
  window.frames60 = [];
  const frame = now => { window.frames60.push(now); window.counting = requestAnimationFrame(frame) };
  window.counting = requestAnimationFrame(frame);
  const look = text => { for (const mark of marks) if (!(mark in seen) && text.includes(mark)) { seen[mark] = 0;
    requestAnimationFrame(() => setTimeout(() => { seen[mark] = Date.now() })) } };
  new MutationObserver(records => records.forEach(record => { look(record.target.data ?? '');
    record.addedNodes.forEach(node => look(node.textContent)) })).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Counts frames, and notes when the last word of each pane was painted."""


def routing(url: str, panes: int) -> str:
    """A model for each pane, and a quick one."""
    models = "".join(f'm{number} = {{ provider = "p", id = "m{number}" }}\n' for number in range(panes))
    return (
        f'[books]\npath = "books.db"\n[providers.p]\nkind = "openai"\nbase_url = "{url}"\ntier = "local"\n'
        f'[models]\nquick = {{ provider = "p", id = "quick" }}\n{models}[[routes]]\nname = "chat"\ntry = ["quick"]\n'
    )


def reply(mark: str, tokens: int) -> str:
    """So many tokens of Markdown that end with a mark."""
    words = re.findall(r"\s*\S+", PROSE * (tokens // 50 + 1))  # a token of the scripted server is a word
    return "".join(words[: tokens - 1]) + f"\n\n{mark}"


def cpu_s(pid: int) -> float:
    """Processor time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kernel_pid(lab: Lab) -> int:
    """The number of the kernel's process, as its first cell printed it."""
    return int(lab.output(0).inner_text().split()[-1])


def race(lab: Lab, server: ScriptedServer, panes: int) -> None:
    """Run all panes at once and print the figures."""
    models = ",".join(f"m{number}" for number in range(panes))
    marks = [f"END-{number}-HERE" for number in range(panes)]
    lab.open("race.ipynb", ["%load_ext routebook\nimport os\nos.getpid()", "%%route\nHello?", f"%%route --compare {models}\nTell a story."])
    lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    for _ in range(2):
        lab.command("notebook:run-cell")
        lab.command("notebook:move-cursor-down")
    pid = kernel_pid(lab)
    lab.page.wait_for_timeout(2000)
    lab.page.evaluate(WATCH, marks)
    before = len(server.seen.calls)
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell') }")
    lab.page.wait_for_function("n => document.querySelectorAll('.routebook-pane .routebook-text').length >= n", arg=panes)
    lab.page.wait_for_timeout(1000)
    began, cpu, frames = time.monotonic(), cpu_s(pid), lab.page.evaluate("() => window.frames60.length")
    lab.page.wait_for_function("marks => marks.every(mark => window.seen[mark])", arg=marks, timeout=180_000, polling=500)
    ended = max(call.ended_s or 0 for call in list(server.seen.calls)[before:])
    took, used = time.monotonic() - began, cpu_s(pid) - cpu
    times = lab.page.evaluate("() => window.frames60")[frames:]
    gaps = [after - first for first, after in itertools.pairwise(times)]
    late = lateness(lab, server, before, marks)
    rate = 1000 * len(gaps) / sum(gaps)
    tokens = sum(call.output_tokens or 0 for call in list(server.seen.calls)[before:])
    print(f"{panes} panes, {tokens / (ended - began + 1):.0f} tokens a second for {took:.0f} s")
    print(f"frames a second {rate:5.1f}   longest gap {max(gaps):4.0f} ms   over 50 ms: {sum(gap > 50 for gap in gaps)}")
    print(f"kernel {used / took:6.1%} of a core   last word {max(late):.2f} s late, median {statistics.median(late):.2f} s")


def lateness(lab: Lab, server: ScriptedServer, before: int, marks: list[str]) -> list[float]:
    """Seconds from the end of each request on the server to the frame that shows its last word."""
    seen = lab.page.evaluate("() => window.seen")
    ends = {call.model: call.ended_s or 0.0 for call in list(server.seen.calls)[before:]}
    to_wall = time.time() - time.monotonic()
    return [seen[mark] / 1000 - (ends[f"m{number}"] + to_wall) for number, mark in enumerate(marks)]


def paints(lab: Lab, rounds: int) -> None:
    """Print the milliseconds to the first paint of a header, of cells behind the first one."""
    lab.open("paint.ipynb", ["%load_ext routebook", "%%route\nHello?", *["%%route\nHello?"] * rounds])
    times = []
    for number in range(rounds + 2):
        lab.page.evaluate("at => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = at }", number)
        lab.page.wait_for_timeout(700)
        if number == 0:
            lab.command("notebook:run-cell")
        else:
            lab.page.evaluate("() => document.querySelectorAll('.routebook-cell').forEach(node => node.remove())")
            times.append(lab.page.evaluate(FIRST_HEADER))
    print(
        f"first paint of the header: first cell {times[0]:4.0f} ms   others: median {statistics.median(times[1:]):4.0f}, worst {max(times[1:]):4.0f} ms"
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panes", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--paints", type=int, default=7)
    args = parser.parse_args()
    tokens = args.seconds * RATE
    scripts = {f"m{number}": Chaos(reply=reply(f"END-{number}-HERE", tokens), tokens_per_s=RATE) for number in range(args.panes)}
    with tempfile.TemporaryDirectory() as folder, ScriptedServer(models={**scripts, "quick": Chaos(tokens=20, tokens_per_s=40)}) as server:
        root = Path(folder)
        (root / "routing.toml").write_text(routing(server.url, args.panes))
        with running_lab(root) as lab:
            print(f"load of the machine {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
            paints(lab, args.paints)
            race(lab, server, args.panes)
            print(f"load of the machine {os.getloadavg()[0]:.1f}; asked outside the page's own server: {len(lab.outside)}")


if __name__ == "__main__":
    main()
