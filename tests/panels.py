"""Every panel there is, in one list: what shows it and how it is found. Tests of access, of safety and of saved notebooks go through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from lab import Lab
from playwright.sync_api import expect

from routebook.testing import Chaos, Fault

ANSWER = """Use a `set` when you only ask *is it there*, and a `dict` when the order matters. [More](https://docs.python.org).

```python
list(dict.fromkeys(words))
```

| structure | keeps order | lookup |
|:--|:-:|--:|
| `set` | no | $O(1)$ |
| `dict` | yes | $O(1)$ |

> It is as quick either way.
"""
OTHER = ANSWER.replace("is it there", "was it there").replace("As quick", "As slow") + "\nA list is slower: 120 against 3.\n"
ROUTING = """
[defaults]
deadline_s = 900
[books]
path = "books.db"
[budgets]
total = { daily = 10.00, alert = 8.00 }
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
rpm = 600
[providers.claude]
kind = "openai"
base_url = "URL"
tier = "paid"
api_key_env = "A_KEY_THAT_IS_NOT_SET"
[models]
"A" = { provider = "here", id = "a" }
"B" = { provider = "here", id = "b", price = { input = 0.59, output = 0.79 } }
slow = { provider = "here", id = "slow", timeout = { idle_s = 600, total_s = 900 } }
slower = { provider = "here", id = "slower", timeout = { idle_s = 600, total_s = 900 } }
down = { provider = "here", id = "down" }
opus = { provider = "claude", id = "a", price = { input = 5, output = 25 } }
[[routes]]
name = "chat"
try = ["A", "B", "opus"]
"""


@dataclass(frozen=True)
class Panel:
    """A cell that shows a panel. `$a` and `$b` stand for models, `{{prompt}}` for a prompt."""

    name: str
    code: str
    shows: str = ""
    """Finds it in the cell's output; empty for a cell that only does something."""
    left: str = ""
    """What a reader finds there when the notebook is opened again, also when it was saved while the panel lived."""
    waits: bool = False
    """Its cell goes on until it is stopped: the last of its notebook."""


START = """import os
from pathlib import Path
os.environ["ROUTEBOOK_RUN_ALL"] = "run"  # nobody is asked what a run of all cells may cost
%load_ext routebook
import routebook as rb
prompt = Path("prompt.txt").read_text(encoding="utf-8")"""
FINAL = [
    Panel("answer", "%%route\n{{prompt}}", ".routebook-answer", "first token"),
    Panel("plan", "%%route --dry\n{{prompt}}", ".routebook-plan", "A_KEY_THAT_IS_NOT_SET"),
    Panel("compare", "%%route --compare $a,$b,down\n{{prompt}}", ".routebook-compare", "word by word"),
    Panel("ensemble", "%%route --ensemble $a,$b\n{{prompt}}", ".routebook-report", "said by each on average"),
    Panel("judge", "%%route --ensemble $a,$b --judge $a\n{{prompt}}", ".routebook-report", "written by the judge"),
    Panel("table", "rb.compare([prompt, prompt[:50]], ['$a', '$b'], progress=False)", ".routebook-prompts", "2 prompts by 2 models"),
    Panel("background", "%%route -b -o later\n{{prompt}}", ".routebook-answer", "first token"),
    Panel("taken", "len(later.text)"),
    Panel("jobs", "%route jobs", ".routebook-report", "done"),
    Panel("why", "%route why", "[class^=routebook-]", "complexity"),
    Panel("models", "%route models", ".routebook-report", "opus"),
    Panel("status", "%route status", ".routebook-report", "requests a minute"),
    Panel("cost", "%route cost", ".routebook-report", "tier"),
    Panel("board", "%route board\n%route board stop", ".routebook-board", "where the prompts went"),
]
"""What stays of them."""
LIVE = [
    Panel("board", "%route board", ".routebook-board", "attempts a minute"),
    Panel("background", "%%route -b -m slow\n{{prompt}}", ".routebook-cell .routebook-text", "It was under way"),
    Panel("compare panel", "panel = rb.Compare(prompt, ['$a', 'slow'])\npanel", ".routebook-panel", "ended with their kernel"),
    Panel("its answers", "panel.run()"),
    Panel("compare", "%%route --compare slow,slower\n{{prompt}}", ".routebook-panes .routebook-text", "It was under way", waits=True),
]
"""As they are while something runs."""
ASKED = [
    Panel("compare panel", "panel = rb.Compare(prompt, ['$a', '$b'])\npanel", ".routebook-panel", "$b is best"),
    Panel("its answers", "panel.run()\npanel.wait()\npanel._judge(lambda result: result.vote('$b'), 'winner', '$b is best')"),
    Panel("arena", "%%route --arena\n{{prompt}}", ".routebook-ask", "who wrote which is told after the vote", waits=True),
]
"""Where a person is asked."""
CARDS = [
    Panel("answer", "%%route\n{{prompt}}\n", ".routebook-answer", "first token"),
    Panel("vote", "%route good"),
    Panel("plan card", "rb.PlanCard(prompt)", "button", "A_KEY_THAT_IS_NOT_SET"),
    Panel("config panel", "rb.ConfigPanel()", "textarea", "the first that a prompt fits takes it"),
    Panel("knob", "rb.Knob()", "input[type=range]"),
]
"""With controls of their own."""
NOTEBOOKS = {"final": FINAL, "live": LIVE, "asked": ASKED, "cards": CARDS}


def scripts(one: str = ANSWER, other: str = OTHER) -> dict[str, Chaos]:
    """What the models say: two that end, two that do not, one that fails."""
    endless = (Fault(kind="stall", after_tokens=1_000_000, delay_s=600),)
    return {
        "a": Chaos(reply=one), "b": Chaos(reply=other), "slow": Chaos(reply=one, faults=endless), "slower": Chaos(reply=other, faults=endless),
        "down": Chaos(faults=(Fault(kind="auth"),)),
    }  # fmt: skip


def prepare(root: Path, *, url: str, a: str = "quick", b: str = "steady", prompt: str = "How do I keep one of each word?") -> None:
    """Write the folder's `routing.toml` and the prompt."""
    (root / "routing.toml").write_text(ROUTING.replace("URL", url).replace('"A"', f"'{a}'").replace('"B"', f"'{b}'"))
    (root / "prompt.txt").write_text(prompt, encoding="utf-8")


def show(lab: Lab, name: str, panels: Sequence[Panel], *, a: str = "quick", b: str = "steady", seconds: float = 240) -> None:
    """Run them in a notebook of that name and wait until each is there."""
    lab.open(f"{name}.ipynb", [START, *(Template(panel.code).safe_substitute(a=a, b=b) for panel in panels)])
    if panels[-1].waits:
        lab.start_all()
    else:
        assert lab.run_all(seconds=seconds)
    for at, panel in enumerate(panels, start=1):
        if panel.shows:
            expect(lab.output(at).locator(panel.shows).first).to_be_attached(timeout=seconds * 1000)
