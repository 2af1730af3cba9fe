"""The static form of an answer: what a saved notebook shows on GitHub, in nbviewer, in nbconvert, and when reopened without a kernel.

Only inline styles and plain elements: JupyterLab drops `<style>` and `<svg>` from notebooks it does not trust.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from routebook.errors import RoutebookError
from routebook.messages import Answer, Plan
from routebook.notebook import wording
from routebook.notebook.inert import inert
from routebook.notebook.markdown import render
from routebook.notebook.stages import stages_of, tool_stage

Bundle = dict[str, str]
"""A MIME bundle: `text/html` and its twin `text/plain`."""
NOTHING = "nothing came"
UNFINISHED = "The answer did not come to its end."


def answer_page(answer: Answer) -> Bundle:
    """The whole answer: headline, text, footline, and why."""
    head, foot = wording.headline(answer.plan, model=answer.model), wording.footline(answer)
    html = template("answer").substitute(
        head=inert(head), stages=_stages(answer), body=_body(answer), foot=inert(foot), notes=_notes(answer.notes),
        why=_why(answer.plan, attempts_of(answer)),
    )  # fmt: skip
    notes = "".join(f"\n! {note}" for note in answer.notes)
    stages = "".join(f"[{stage.title}]\n" for stage in stages_of(answer))
    return {"text/html": html, "text/plain": f"[{head}]\n{stages}\n{answer.text.strip() or NOTHING}\n\n[{foot}]{notes}"}


def unfinished_page(head: str, text: str) -> Bundle:
    """What stays above an error: what was decided, and the text that came before."""
    note = template("note").substitute(text=inert(UNFINISHED)) if text else ""
    html = template("unfinished").substitute(head=inert(head), body=render(text) if text else "", note=note)
    plain = f"[{head}]" + (f"\n\n{text.strip()}\n\n! {UNFINISHED}" if text else "")
    return {"text/html": html, "text/plain": plain}


def failed_page(error: RoutebookError) -> Bundle:
    """What stands where an answer was expected, when the error itself is raised elsewhere."""
    said = f"{type(error).__name__}: {error}"
    return {"text/html": template("note").substitute(text=inert(said)), "text/plain": f"! {said}"}


def plan_page(plan: Plan, *, beside: Iterable[tuple[str, list[str]]] = ()) -> Bundle:
    """A plan that is not carried out: `--dry` and `%route plan`; `beside` are further sections."""
    head, parts = wording.headline(plan), [*wording.reasons(plan), *beside]
    html = template("plan").substitute(head=inert(head), why=_sections(parts))
    return {"text/html": html, "text/plain": f"[{head}]\n{sections_text(parts)}"}


def why_page(answer: Answer) -> Bundle:
    """Why an answer came about."""
    parts = [*wording.reasons(answer.plan), *attempts_of(answer)]
    return {"text/html": template("why").substitute(why=_sections(parts)), "text/plain": sections_text(parts)}


def attempts_of(answer: Answer) -> list[tuple[str, list[str]]]:
    """The attempts, as one more section of the reasons."""
    lines = [f"{attempt.attempt}. {wording.attempt_line(attempt)}" for attempt in answer.attempts]
    tools = [stage.title for stage in map(tool_stage, answer.tools)]
    return [("Attempts", lines), *([("Tools run", tools)] if tools else [])]


def sections_text(parts: list[tuple[str, list[str]]]) -> str:
    """Headings and lines as text."""
    return "\n".join("\n".join([f"{title}:", *(f"  {line}" for line in lines)]) for title, lines in parts)


def _body(answer: Answer) -> str:
    thinking = template("thinking").substitute(text=escape(answer.thinking)) if answer.thinking else ""
    return thinking + (render(answer.text) if answer.text else f"<p><em>{NOTHING}</em></p>")


def _stages(answer: Answer) -> str:
    """The steps of a pipeline, each folded."""
    return "".join(template("stage").substitute(title=inert(stage.title), body=render(stage.text)) for stage in stages_of(answer))


def _notes(notes: tuple[str, ...]) -> str:
    return "".join(template("note").substitute(text=inert(note)) for note in notes)


def _why(plan: Plan, attempts: list[tuple[str, list[str]]]) -> str:
    return _sections([*wording.reasons(plan), *attempts])


def _sections(parts: list[tuple[str, list[str]]]) -> str:
    rows = (template("section").substitute(title=inert(title), lines="<br>".join(map(inert, lines))) for title, lines in parts)
    return "".join(rows)


@cache
def template(name: str) -> Template:
    """A template of `templates/`; what is substituted must be safe HTML already."""
    return Template((files("routebook.notebook") / "templates" / f"{name}.html").read_text(encoding="utf-8"))
