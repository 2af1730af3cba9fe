"""Whether the steps of each pipeline can be gone through, and come to an end: names, templates, verdicts, ways back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from routebook.config.lines import KeyPath
from routebook.config.pipelines import Pipeline, Step
from routebook.config.problems import Problems
from routebook.config.refer import Names
from routebook.config.sense import check_problem, name_problem
from routebook.config.template import is_name, names_in
from routebook.config.values import Config
from routebook.config.wording import shown
from routebook.near import did_you_mean

GIVEN: Final = ("prompt", "question", "previous", "verdict")
"""What every step can use."""
OF_CHUNKS: Final = ("chunk", "number", "count")
"""What a step over chunks can use besides."""


def check_pipelines(config: Config, *, problems: Problems) -> None:
    """Add a problem for each pipeline that leads nowhere or round in a circle, and for each route that names one that is not there."""
    names = Names(config, problems)
    for at, route in enumerate(config.routes):
        for key, name in (("pipeline", route.pipeline), ("long", route.long)):
            if name is not None:
                names.known(("routes", at, key), name, config.pipelines, what="pipeline", where="[pipelines.NAME]")
    for name, pipeline in config.pipelines.items():
        path: KeyPath = ("pipelines", name)
        if what := name_problem(name):
            problems.add(path, what)
        if problems.is_told((*path, "steps")):
            continue
        steps = _Steps(path, pipeline, names)
        for at, step in enumerate(pipeline.steps):
            steps.check(at, step)
        if pipeline.answer is not None:
            names.known((*path, "answer"), pipeline.answer, steps.places, what="step", where="")


class _Steps:
    """The steps of one pipeline."""

    def __init__(self, path: KeyPath, pipeline: Pipeline, names: Names) -> None:
        self.path, self.steps, self.names, self.problems = path, pipeline.steps, names, names.problems
        self.places: dict[str, int] = {}
        for at, step in enumerate(self.steps):
            self.places.setdefault(step.name, at)
        self.loops = [(self.places[step.then], at) for at, step in enumerate(self.steps) if step.then in self.places]
        """From where to where each way back leads."""

    def check(self, at: int, step: Step) -> None:
        """Everything about one step."""
        path: KeyPath = (*self.path, "steps", at)
        self.name(path, at, step)
        self.target(path, step)
        if step.then is not None:
            self.way_back((*path, "then"), at, step, step.then)
        if "low_quality" in step.conditions and not any(_judges(one, self.routes) for one in self.steps[: at + 1]):
            what = "asks for a verdict, and no step up to here gives one."
            self.problems.add((*path, "when"), what, hint='Give one yes = ["PASS"] or check = "json".')
        for key in ("input", "again"):
            if (template := getattr(step, key)) is not None:
                self.template((*path, key), at, step, template)
        if step.check is not None and (what := check_problem(step.check)):
            self.problems.add((*path, "check"), what)
        for place, tool in enumerate(step.tools or ()):
            self.names.known((*path, "tools", place), tool, self.names.config.tools, what="tool", where="[tools.NAME]")
        if step.chunk_tokens is not None and step.over is None:
            self.problems.add((*path, "chunk_tokens"), "counts for nothing without over.", hint='Write over = "chunks".')

    @property
    def routes(self) -> Mapping[str, bool]:
        """Whether each route checks its answers."""
        return {route.name: route.on_low_quality is not None for route in self.names.config.routes}

    def name(self, path: KeyPath, at: int, step: Step) -> None:
        """A name that templates can use, and only this step has."""
        if self.problems.is_told((*path, "name")):
            return
        if not is_name(step.name):
            self.problems.add((*path, "name"), f"{shown(step.name)} cannot stand in {{{{…}}}}.", hint="Letters, digits and _ only.")
        elif step.name in (*GIVEN, *OF_CHUNKS):
            self.problems.add((*path, "name"), f"{shown(step.name)} is what every template has already.", hint="Give it another name.")
        elif self.places[step.name] != at:
            line = self.problems.line((*self.path, "steps", self.places[step.name]))
            self.problems.add((*path, "name"), f"another step is called {shown(step.name)} (line {line}).", hint="Give each its own name.")

    def target(self, path: KeyPath, step: Step) -> None:
        """The model or route that it takes; not a route that runs a pipeline itself."""
        config = self.names.config
        if step.model is not None and step.route is not None:
            self.problems.add((*path, "model"), "stands beside route.", hint="Keep one of them.")
        if step.model is not None:
            self.names.target((*path, "model"), step.model, is_in_pool=False, is_avoided=False)
        if step.route is None:
            return
        routes = {route.name: route for route in config.routes}
        self.names.known((*path, "route"), step.route, routes, what="route", where="[[routes]]")
        runs = routes[step.route].pipeline if step.route in routes else None
        if runs is not None:
            what = (
                f"route {shown(step.route)} runs pipeline {shown(runs)}{', this one' if runs == self.path[-1] else ''}: a step is one call."
            )
            self.problems.add((*path, "route"), what, hint="Name another route, or a model or pool with model = …")

    def way_back(self, path: KeyPath, at: int, step: Step, name: str) -> None:
        """`then` goes back, and only where something is wrong."""
        self.names.known(path, name, self.places, what="step", where="")
        if self.places.get(name, -1) > at:
            self.problems.add(path, f"{shown(name)} comes behind it anyway.", hint="then goes back, to a step that is to be done again.")
        elif name in self.places and "low_quality" not in step.conditions and not self.problems.is_told((*path[:-1], "when")):
            self.problems.add(path, "goes back in every case, so the steps would go round in a circle.", hint='Write when = "low_quality".')

    def template(self, path: KeyPath, at: int, step: Step, template: str) -> None:
        """Each name must be there by then."""
        known: Sequence[str] = [
            *GIVEN,
            *(OF_CHUNKS if step.over else ()),
            *(name for name in self.places if self.may_come_before(name, at)),
        ]
        for name in names_in(template):
            if name in known:
                continue
            what = f"{{{{{name}}}}} comes behind it." if name in self.places else f"there is no {{{{{name}}}}}."
            if name in OF_CHUNKS:
                what = f'{{{{{name}}}}} belongs to a step with over = "chunks".'
            self.problems.add(path, what, hint=did_you_mean(name, known))
        if step.over and "chunk" not in names_in(template):
            self.problems.add(path, "is over chunks, and does not say where the chunk goes.", hint="Put {{chunk}} into it.")

    def may_come_before(self, name: str, at: int) -> bool:
        """Whether a step may have run when this one does: it stands before it, or in a loop with it."""
        place = self.places[name]
        return place < at or any(first <= at and place <= last for first, last in self.loops)


def _judges(step: Step, routes: Mapping[str, bool]) -> bool:
    return bool(step.yes) or step.check is not None or routes.get(step.route or "", False)
