"""The models, keys and routes behind a kernel whose cells ask, and what such a cell shows."""

from __future__ import annotations

from kernels import Kernel, Run

from routebook.testing import Chaos, Fault

SCRIPTS = {
    "quick": Chaos(reply="It is **four**."),
    "steady": Chaos(tokens=60, tokens_per_s=60),
    "slow": Chaos(tokens=2000, tokens_per_s=20),
    "mute": Chaos(faults=(Fault(kind="slow_first_token", delay_s=60),)),
    "broken": Chaos(tokens=40, tokens_per_s=40, faults=(Fault(kind="cut", after_tokens=10),)),
    "down": Chaos(faults=(Fault(kind="server_error"),)),
    "shy": Chaos(faults=(Fault(kind="refusal"),)),
}
ENVIRON = {"A_KEY_THAT_IS_SET": "k-secret"}
ROUTING = """
[books]
path = "books.db"
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[providers.cloud]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_SET"
tier = "paid"
[providers.closed]
kind = "openai"
base_url = "URL"
api_key_env = "A_KEY_THAT_IS_NOT"
tier = "free"
[models]
quick = { provider = "here", id = "quick" }
steady = { provider = "here", id = "steady" }
slow = { provider = "here", id = "slow", price = { input = 1, output = 100 } }
mute = { provider = "here", id = "mute" }
broken = { provider = "here", id = "broken" }
down = { provider = "here", id = "down" }
shy = { provider = "here", id = "shy" }
dear = { provider = "cloud", id = "quick", price = { input = 1000, output = 5000 } }
keyless = { provider = "closed", id = "quick" }
[pools]
shaky = { models = ["broken", "quick"] }
[[routes]]
name = "tests"
tasks = ["testing"]
try = ["dear"]
[[routes]]
name = "chat"
try = ["quick", "dear", "keyless"]
"""


def ask(kernel: Kernel, line: str = "", prompt: str = "What is two and two?") -> Run:
    """Run a `%%route` cell that must succeed."""
    run = kernel.run(f"%%route {line}\n{prompt}")
    assert run.status == "ok", run.text
    return run


def told(run: Run, key: str) -> list[str]:
    """What the cell's one pane was told of a kind: `delta`, `void`."""
    news = (content["data"].get("content", {}).get("", {}) for _, kind, content in run.seen if kind == "comm_msg")
    return [piece[key] for piece in news if key in piece]
