"""The steps of a pipeline in a real JupyterLab: who is at work is seen, what is over is folded away."""

# mypy: disable-error-code="no-untyped-call"
# nbformat and its kind have no types.

from __future__ import annotations

from pathlib import Path

from lab import IN_A_BROWSER, running_lab

from routebook.testing import Chaos, ScriptedServer

pytestmark = IN_A_BROWSER

SCRIPTS = {
    "small": Chaos(reply="A draft with `code` <b id=bad>in it</b>.", tokens_per_s=4),
    "judge": Chaos(tokens=12, tokens_per_s=4, reply="FAIL: it is too short to be of any use."),
    "dear": Chaos(reply="The final answer is here.", tokens_per_s=4),
}
ROUTING = """
[providers.here]
kind = "openai"
base_url = "URL"
tier = "local"
[models]
small = { provider = "here", id = "small" }
judge = { provider = "here", id = "judge" }
dear = { provider = "here", id = "dear" }
[[routes]]
name = "chat"
try = ["small"]
pipeline = "checked"
[pipelines.checked]
steps = [
  { name = "draft", model = "small" },
  { name = "validate", model = "judge", yes = ["PASS"] },
  { name = "polish", model = "dear", input = "{{draft}}" },
]
"""


def test_steps_are_seen_while_they_run_and_folded_when_they_are_over(tmp_path: Path) -> None:
    """The draft is read while it comes; then the answer stands in front, and each step behind a line of its own."""
    with ScriptedServer(models=SCRIPTS) as server:
        (tmp_path / "routing.toml").write_text(ROUTING.replace("URL", server.url))
        with running_lab(tmp_path) as lab:
            lab.open("steps.ipynb", ["%load_ext routebook", "%%route\nWrite a line."])
            lab.start_all()
            stages = lab.output(1).locator(".routebook-cell .routebook-stage")
            stages.nth(0).filter(has_text="A draft").wait_for()
            assert stages.nth(0).get_attribute("open") is not None
            lab.output(1).locator(".routebook-state").filter(has_text="step 1 of 3: draft").wait_for()
            stages.nth(1).filter(has_text="FAIL").wait_for()
            first = stages.nth(0)
            assert first.get_attribute("open") is None  # folded, and rendered
            assert first.locator("summary").inner_text().startswith("draft · small")
            assert first.locator("code").count() == 1
            first.locator("summary").click()
            first.locator("code").wait_for()
            assert lab.page.locator("#bad").count() == 0
            lab.output(1).locator(".routebook-cell .routebook-text", has_text="The final").wait_for()
            answer = lab.output(1).locator(".routebook-answer")
            answer.filter(has_text="The final answer is here.").wait_for()
            folded = answer.locator("details.routebook-stage")
            assert folded.count() == 3
            assert "said no" in folded.nth(1).inner_text()
            assert [folded.nth(at).get_attribute("open") for at in range(3)] == [None, None, None]
            assert lab.page.locator("#bad").count() == 0
            assert not lab.outside
