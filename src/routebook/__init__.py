"""Routebook routes every prompt in a notebook to the right model, local first, free second, paid last, and keeps the books.

In a notebook: `%load_ext routebook`, then a `%%route` cell. In Python: `rb.Router`, `rb.classify`. Names load when first used, so that
importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from routebook.arrival import watch

if TYPE_CHECKING:
    from routebook.classifier.classify import classify as classify
    from routebook.engine.learning.what_if import what_if as what_if
    from routebook.engine.router import Router as Router
    from routebook.engine.toolbox.tool import tool as tool
    from routebook.errors import AllAttemptsFailed as AllAttemptsFailed
    from routebook.errors import AuthFailed as AuthFailed
    from routebook.errors import BadRequest as BadRequest
    from routebook.errors import BooksError as BooksError
    from routebook.errors import BudgetExceeded as BudgetExceeded
    from routebook.errors import ConfigError as ConfigError
    from routebook.errors import ContextOverflow as ContextOverflow
    from routebook.errors import DeadlineExceeded as DeadlineExceeded
    from routebook.errors import LocalOnlyViolation as LocalOnlyViolation
    from routebook.errors import LowQuality as LowQuality
    from routebook.errors import NoCandidate as NoCandidate
    from routebook.errors import ProviderError as ProviderError
    from routebook.errors import RateLimited as RateLimited
    from routebook.errors import Refused as Refused
    from routebook.errors import RoutebookError as RoutebookError
    from routebook.errors import SetupNeeded as SetupNeeded
    from routebook.errors import StreamBroken as StreamBroken
    from routebook.errors import SuiteError as SuiteError
    from routebook.errors import Unavailable as Unavailable
    from routebook.errors import UsageError as UsageError
    from routebook.events import Decision as Decision
    from routebook.events import Done as Done
    from routebook.events import Switched as Switched
    from routebook.messages import Answer as Answer
    from routebook.messages import Classification as Classification
    from routebook.messages import Delta as Delta
    from routebook.messages import Message as Message
    from routebook.messages import Plan as Plan
    from routebook.notebook.panels.advice import recommend as recommend
    from routebook.notebook.panels.board import Board as Board
    from routebook.notebook.panels.compare_many import compare as compare
    from routebook.notebook.panels.compare_panel import Compare as Compare
    from routebook.notebook.panels.config_panel import ConfigPanel as ConfigPanel
    from routebook.notebook.panels.evaluation import evaluate_models as evaluate_models
    from routebook.notebook.panels.knob import Knob as Knob
    from routebook.notebook.panels.notes import notes as notes
    from routebook.notebook.panels.plan_card import PlanCard as PlanCard
    from routebook.tables import charts as charts

__version__ = "0.1.0"

_WHERE = {
    "classify": "routebook.classifier.classify",
    "Board": "routebook.notebook.panels.board",
    "Compare": "routebook.notebook.panels.compare_panel",
    "ConfigPanel": "routebook.notebook.panels.config_panel",
    "Knob": "routebook.notebook.panels.knob",
    "evaluate_models": "routebook.notebook.panels.evaluation",
    "PlanCard": "routebook.notebook.panels.plan_card",
    "notes": "routebook.notebook.panels.notes",
    "compare": "routebook.notebook.panels.compare_many",
    "recommend": "routebook.notebook.panels.advice",
    "charts": "routebook.tables",
    "Router": "routebook.engine.router",
    "tool": "routebook.engine.toolbox.tool",
    "what_if": "routebook.engine.learning.what_if",
    **dict.fromkeys(("Answer", "Classification", "Delta", "Message", "Plan"), "routebook.messages"),
    **dict.fromkeys(("Decision", "Done", "Switched"), "routebook.events"),
    **dict.fromkeys(
        (
            "AllAttemptsFailed", "AuthFailed", "BadRequest", "BooksError", "BudgetExceeded", "ConfigError", "ContextOverflow",
            "DeadlineExceeded", "LocalOnlyViolation", "LowQuality", "NoCandidate", "ProviderError", "RateLimited", "Refused", "RoutebookError",
            "SetupNeeded", "StreamBroken", "SuiteError", "Unavailable", "UsageError",
        ),
        "routebook.errors",
    ),
}  # fmt: skip

__all__ = ["load_ipython_extension", "unload_ipython_extension", *sorted(_WHERE)]  # noqa: PLE0604  all are strings


def __getattr__(name: str) -> Any:  # noqa: ANN401  any public name
    if name not in _WHERE:
        msg = f"module 'routebook' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})


watch()


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401  IPython has no types
    """`%load_ext routebook`."""
    from routebook.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401
    """`%unload_ext routebook`."""
    from routebook.notebook.extension import unload

    unload(shell)
