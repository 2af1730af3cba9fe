"""`%route models NAME`: what is known of one model, as `routing.toml` says it and as it was seen."""

from __future__ import annotations

from collections.abc import Mapping

from routebook.config.values import Model
from routebook.engine.runtime import Runtime
from routebook.engine.survey import ModelLine
from routebook.engine.survey import models as survey_models
from routebook.errors import UsageError
from routebook.near import did_you_mean
from routebook.notebook import figures
from routebook.notebook.report import Heading, Part
from routebook.notebook.table import Table


def profile_parts(runtime: Runtime, name: str) -> list[Part]:
    """The parts of a model's page.

    Raises:
        UsageError: there is no such model.
    """
    model = runtime.config.models.get(name)
    if model is None:
        raise UsageError(f"There is no model {name!r}. {did_you_mean(name, list(runtime.config.models))}".rstrip())
    line = next(line for line in survey_models(runtime) if line.name == name)
    return [Heading(f"{name}: {model.id} of {model.provider}, {line.tier}"), Table(("", ""), _rows(model, line))]


def _rows(model: Model, line: ModelLine) -> list[tuple[str, str]]:
    """What is known, line by line; what is not is left out."""
    price = line.price
    said = {
        "parameters": _parameters(model),
        "memory": figures.gigabytes(model.memory_gb) if model.memory_gb else "",
        "window": f"{figures.count(model.context)} tokens" if model.context else "",
        "handles well": f"{figures.count(model.practical_context)} tokens" if model.practical_context else "",
        "price": f"${figures.price(price.input)} in, ${figures.price(price.output)} out, a million tokens" if price else "unknown",
        "speed": f"{model.speed:g} of 10" if model.speed is not None else "",
        "seen here": f"{figures.count(line.tokens_per_s)} tokens/s, first after {figures.seconds(line.ttft_s)}"
        if line.tokens_per_s
        else "",
        "rubric, of 10": _scores(model.rubric),
        "benchmarks, %": _scores(model.benchmarks),
        "strengths": ", ".join(model.strengths),
        "weaknesses": ", ".join(model.weaknesses),
        "thinking": model.thinking or "",
        "calls tools well": {True: "yes", False: "no", None: ""}[model.tools],
        "state": line.state,
    }
    return [(title, text) for title, text in said.items() if text]


def _parameters(model: Model) -> str:
    if model.parameters_b is None:
        return ""
    active = f", {model.active_b:g} billion of them for each token" if model.active_b else ""
    return f"{model.parameters_b:g} billion{active}"


def _scores(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {score:g}" for name, score in sorted(scores.items(), key=lambda item: -item[1]))
