"""Loading and unloading: quick, light, and without traces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from shells import complete, shell

HEAVY = ("pandas", "altair", "ollama", "httpx", "httpcore", "anywidget", "ipywidgets", "numpy", "xllamacpp", "genai_prices", "markdown_it", "sqlite3.dbapi2", "ssl")  # fmt: skip
MOST_CPU_S = 0.5
"""Of the processor, which no neighbour makes slower by much. The figure is 0.1 s (`benchmarks/startup.py`); pandas or httpx alone would add this much."""

SCRIPT = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from IPython.core import completer, magic, error  # what a kernel has loaded anyway
import argparse, traitlets.config
config = traitlets.config.Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
before = set(sys.modules)
started = time.process_time()
shell.run_line_magic("load_ext", "routebook")
took = time.process_time() - started
assert "route" in shell.magics_manager.magics["cell"]
print(json.dumps([took, sorted(set(sys.modules) - before)]))
"""


def state(ip: Any) -> dict[str, Any]:  # noqa: ANN401  IPython has no types
    """Everything of a shell that an extension could leave something in."""
    return {
        "cell": set(ip.magics_manager.magics["cell"]),
        "line": set(ip.magics_manager.magics["line"]),
        "matchers": list(ip.Completer.custom_matchers),
        "before": [list(ip.input_transformers_cleanup), list(ip.input_transformers_post), list(ip.ast_transformers)],
        "events": {name: list(callbacks) for name, callbacks in ip.events.callbacks.items()},
        "names": set(ip.user_ns),
        "configurables": sum(type(one).__module__.startswith("routebook") for one in ip.configurables),
        "registry": {name for name in ip.magics_manager.registry if "Route" in name},
    }


def test_loading_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    """People put it in every notebook, and into their profile."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    took_s, loaded = json.loads(done.stdout)
    assert [name for name in HEAVY if name in loaded] == []
    assert took_s < MOST_CPU_S


def test_unloading_leaves_nothing_behind() -> None:
    """What is not taken back works on with an old session."""
    with shell() as ip:
        before = state(ip)
        ip.run_line_magic("load_ext", "routebook")
        assert state(ip) != before
        ip.run_line_magic("unload_ext", "routebook")
        assert state(ip) == before


def test_loading_twice_is_loading_once() -> None:
    """A notebook's first cell is run again and again."""
    with shell() as ip:
        ip.run_line_magic("load_ext", "routebook")
        once = state(ip)
        session = ip.magics_manager.magics["cell"]["route"].__self__.session
        ip.run_line_magic("load_ext", "routebook")
        __import__("routebook").load_ipython_extension(ip)
        assert state(ip) == once
        assert ip.magics_manager.magics["cell"]["route"].__self__.session is session
        assert len(complete(ip, "%%route --loc|")) == 1


def test_reloading_gives_a_new_session() -> None:
    """`%reload_ext` is what people try when something is odd."""
    with shell() as ip:
        ip.run_line_magic("load_ext", "routebook")
        once = state(ip)
        session = ip.magics_manager.magics["cell"]["route"].__self__.session
        ip.run_line_magic("reload_ext", "routebook")
        anew = {"matchers": 1, "events": 1}  # other objects, as many
        assert {**state(ip), **anew} == {**once, **anew}
        assert len(state(ip)["matchers"]) == len(once["matchers"])
        assert {name: len(told) for name, told in state(ip)["events"].items()} == {name: len(told) for name, told in once["events"].items()}
        assert ip.magics_manager.magics["cell"]["route"].__self__.session is not session


def test_unloading_without_loading_does_nothing() -> None:
    """`%unload_ext` calls it as it likes."""
    with shell() as ip:
        __import__("routebook").unload_ipython_extension(ip)


def test_a_magic_of_the_same_name_from_elsewhere_is_not_taken_away() -> None:
    """Whoever defined it later still wants it."""
    with shell() as ip:
        ip.run_line_magic("load_ext", "routebook")
        ip.register_magic_function(print, "cell", "route")
        ip.run_line_magic("unload_ext", "routebook")
        assert ip.magics_manager.magics["cell"]["route"] is print
        assert "route" not in ip.magics_manager.magics["line"]
