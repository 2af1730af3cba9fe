"""How the llama.cpp server of a model is started: its command line, and what must be there first."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

from routebook.config.values import Model
from routebook.errors import SetupNeeded

COMMAND: Final = "llama-server"
_RUNNER: Final = "routebook.backends.llamacpp_runner"
_GET: Final = "Install llama.cpp (brew install llama.cpp, or a release of github.com/ggml-org/llama.cpp), or type: pip install xllamacpp"


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One model's server."""

    name: str
    """Of the model in `routing.toml`."""
    model: Model
    command: str | None
    """As the provider names it."""

    @property
    def port(self) -> int:
        """Where it listens; `config/servers.py` has seen that there is one."""
        return self.model.port or 0

    @property
    def gguf(self) -> Path:
        """Its file, which need not be there."""
        return Path(self.model.gguf or "")

    def argv(self) -> list[str]:
        """The command line.

        Raises:
            SetupNeeded: the file or the program is not there; says what to type.
        """
        if not self.gguf.is_file():
            raise SetupNeeded(
                f"{self.name}: there is no file {self.gguf}. Put the GGUF file there, correct gguf in [models.{self.name}] of routing.toml, "
                f"or start a llama.cpp server on port {self.port} yourself."
            )
        model, parallel = self.model, self.model.max_concurrent or 1
        said = ["-m", str(self.gguf), "--alias", model.id, "--host", "127.0.0.1", "--port", str(self.port), "-np", str(parallel)]
        said += ["-c", str(model.context * parallel)] if model.context else []  # the server's window is shared by those that it answers
        said += ["--jinja"] if model.tools else []
        return [*self._program(), *said, *model.args]

    def record(self) -> Path:
        """Where the keeper of this port says how to reach it; by host, because homes are shared between machines."""
        folder = platformdirs.user_cache_path("routebook", appauthor=False) / "servers"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{platform.node() or 'here'}-{self.port}.json"

    def _program(self) -> list[str]:
        """What the provider names, else llama.cpp's own server, else ours."""
        found = shutil.which(str(Path(self.command or COMMAND).expanduser()))
        if found is not None:
            return [found]
        if self.command is not None:
            raise SetupNeeded(
                f"{self.name}: there is no program {self.command!r}. Correct command of [providers.{self.model.provider}], or remove it. {_GET}"
            )
        if importlib.util.find_spec("xllamacpp") is None:
            raise SetupNeeded(f"{self.name} needs a llama.cpp server, and {COMMAND} is not on PATH. {_GET}")
        return [sys.executable, "-P", "-m", _RUNNER]
