"""Keeps one llama.cpp server for all kernels of this machine that use it, and ends it when the last of them has gone.

Run as a file of its own, with nothing but the standard library. Its input is its task as one line of JSON, its output one line too: where
kernels come in, or why not. A kernel comes in with a connection that it holds for as long as it lives, so one that is killed has let go too.
What the server prints is kept only as far as needed to say why it ended.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import hmac
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

ARRIVAL_S = 10.0
"""So long nobody need come in at first."""
GRACE_S = 2.0
"""And so long after the last has gone: a kernel that restarts finds its model loaded."""
_LOOK_S = 0.2
_GOODBYE_S = 5.0
_LINES_KEPT = 20
_MAX_LINE = 1 << 12
_PR_SET_PDEATHSIG = 1


class Keeper:
    """The server, and who uses it."""

    def __init__(self, process: subprocess.Popen[bytes], *, listener: socket.socket, token: str) -> None:
        """`listener` listens on loopback; who comes in says `token` first."""
        self._process, self._token = process, token.encode()
        self._lines: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
        self._users: set[socket.socket] = set()
        self._begun: dict[socket.socket, bytes] = {}
        self._is_told_to_stop = False
        self._selector = selectors.DefaultSelector()
        listener.settimeout(0)
        self._selector.register(listener, selectors.EVENT_READ, None)
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    def run(self) -> None:
        """Wait until the server ends, is told to, or has no user left; then end it and tell the users."""
        until = time.monotonic() + ARRIVAL_S
        while self._process.poll() is None and not self._is_told_to_stop and (self._users or time.monotonic() < until):
            if self._users:
                until = time.monotonic() + GRACE_S
            for key, _ in self._selector.select(_LOOK_S):
                self._hear(key.fileobj) if key.data else self._let_in(key.fileobj)
        code = self._process.poll()
        end(self._process)
        self._reader.join(_LOOK_S)
        said = {"code": code, "said": "\n".join(self._lines)}
        for user in self._users:
            with contextlib.suppress(OSError):
                user.sendall(json.dumps(said).encode() + b"\n")

    def _read(self, output: IO[bytes]) -> None:
        for line in iter(lambda: output.readline(_MAX_LINE), b""):
            if text := line.decode("utf-8", "replace").strip():
                self._lines.append(text)

    def _let_in(self, listener: Any) -> None:  # noqa: ANN401 - as the selector types it
        with contextlib.suppress(OSError):
            user, _ = listener.accept()
            user.settimeout(0)
            self._begun[user] = b""
            self._selector.register(user, selectors.EVENT_READ, self)

    def _hear(self, user: Any) -> None:  # noqa: ANN401 - as above
        """Take what one says, line by line; nothing at all means that it has gone."""
        try:
            data = user.recv(_MAX_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._begun[user] = (self._begun[user] + data).split(b"\n")
        is_wrong = any(not self._take(user, line) for line in lines) or len(self._begun[user]) > _MAX_LINE
        if not data or is_wrong:
            self._selector.unregister(user)
            self._users.discard(user)
            del self._begun[user]
            user.close()

    def _take(self, user: socket.socket, line: bytes) -> bool:
        """Whether the line is one that may be said."""
        if user in self._users:
            self._is_told_to_stop = self._is_told_to_stop or line == b"stop"
            return True
        if not hmac.compare_digest(line, self._token):
            return False
        self._users.add(user)
        with contextlib.suppress(OSError):
            user.sendall(b"{}\n")
        return True


def end(process: subprocess.Popen[bytes]) -> None:
    """End the server, by force if it does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def locked(path: str) -> IO[str] | None:
    """The file, held by this process alone until it ends; `None` when another holds it."""
    file = Path(path).open("a")  # noqa: SIM115 - it is held for as long as this process lives
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def start(task: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the server; on Linux it ends with this process, whatever becomes of that. Raises `OSError`."""
    ends_with_us = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    return subprocess.Popen(  # noqa: S603 - what routing.toml says, as a list
        task["argv"],
        stdin=subprocess.PIPE,  # our own runner ends when it is closed
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **task["environment"]},
        preexec_fn=(lambda: ends_with_us(_PR_SET_PDEATHSIG, signal.SIGKILL)) if ends_with_us else None,  # noqa: PLW1509 - no threads yet
    )


def say(what: dict[str, Any]) -> None:
    """The one line of output; after it nobody is kept waiting for more."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Say where this keeper is to kernels of the same user, and to nobody else: it holds the key."""
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(record, out)
    draft.replace(path)


def main() -> None:
    """Take the task, leave the kernel that started this, start the server and keep it."""
    task = json.loads(sys.stdin.readline())
    if hasattr(os, "fork") and os.fork():
        os._exit(0)  # so that the kernel is not left with a child to bury
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    lock = locked(task["lock"])
    if lock is None:
        say({"is_taken": True})
        return
    record = Path(task["record"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            process = start(task)
        except OSError as error:
            say({"error": str(error)})
            return
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        write_record(record, {**task["record_of"], "door": listener.getsockname()[1], "pid": process.pid})
        say({"door": listener.getsockname()[1]})
        try:
            Keeper(process, listener=listener, token=task["record_of"]["token"]).run()
        finally:
            record.unlink(missing_ok=True)
    lock.close()


if __name__ == "__main__":
    main()
