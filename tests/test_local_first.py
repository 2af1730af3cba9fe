"""Local models first; an API only when all of them failed, and only so often a day: through cells."""

from __future__ import annotations

import re
from pathlib import Path

from cells import running_shell

from routebook.errors import DeadlineExceeded
from routebook.testing import Chaos, Fault, ScriptedServer

ROUTING = """
[books]
path = "books.db"
[providers.one]
kind = "openai"
base_url = "ONE"
tier = "local"
[providers.two]
kind = "openai"
base_url = "TWO"
tier = "local"
[providers.api]
kind = "openai"
base_url = "API"
tier = "paid"
rpd = 2
[models.small]
provider = "one"
id = "small"
[models.large]
provider = "two"
id = "large"
[models.api]
provider = "api"
id = "api"
price = { input = 1, output = 1 }
[[routes]]
name = "chat"
try = ["small", "large", "api"]
"""


def test_an_api_is_asked_only_after_every_local_model_failed_and_so_often_a_day(tmp_path: Path) -> None:
    """A monthly bill is what the daily number is for: the third time the cell says so, and nothing is sent."""
    broken = Chaos(faults=(Fault(kind="server_error", first=1_000),))
    with ScriptedServer(reply="from small") as one, ScriptedServer(reply="from large") as two, ScriptedServer(reply="from afar") as api:
        urls = {"ONE": one.url, "TWO": two.url, "API": api.url}
        with running_shell(tmp_path, re.sub("ONE|TWO|API", lambda match: urls[match[0]], ROUTING)) as shell:
            shell.run("%%route -o answer\nhello")
            assert shell.names["answer"].model == "small"
    with ScriptedServer(script=broken) as one, ScriptedServer(script=broken) as two, ScriptedServer(reply="from afar") as api:
        urls = {"ONE": one.url, "TWO": two.url, "API": api.url}
        with running_shell(tmp_path, re.sub("ONE|TWO|API", lambda match: urls[match[0]], ROUTING)) as shell:
            for number in range(2):
                shell.run(f"%%route -o answer\nhello, number {number}")
                tried = [attempt.model for attempt in shell.names["answer"].attempts]
                assert list(dict.fromkeys(tried)) == ["small", "large", "api"], "every local one failed first"
            shell.attempt("%%route --deadline 8\nhello once more")
            assert shell.error is not None
            assert api.seen.attempts == 2
            shell.run("%route status")
            assert re.search(r"api +requests a day +2 +2 +0", shell.text)
        with running_shell(tmp_path, None) as shell:
            shell.attempt("%%route --deadline 8\nin another kernel")
            assert isinstance(shell.error, DeadlineExceeded | Exception)
            assert api.seen.attempts == 2, "the day is spent for all kernels"
