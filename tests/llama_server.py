"""A program that takes the arguments of llama.cpp's `llama-server` and answers as one does, without a model; tests name it as `command`.

Beside them it takes `--load-s S` (so long it says that it loads), `--die-loading TEXT`, `--token-s S` (between tokens),
`--die-at N` (tokens) and `--linger-s S` (so long it goes on after it was told to end).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKENS = 40
BUSY: list[int] = []


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    asked: argparse.Namespace
    begun = time.monotonic()

    def log_message(self, *_: Any) -> None:  # noqa: ANN401  as the base has it
        """Say nothing."""

    def do_GET(self) -> None:
        """Health to everybody, the rest to who has the key."""
        if self.path == "/health":
            is_loading = time.monotonic() < self.begun + self.asked.load_s
            self.say(503 if is_loading else 200, {"status": "ok"})
        elif self.is_let_in():
            pages = {"/props": {"model_path": self.asked.model}, "/slots": [{"is_processing": bool(BUSY)}]}
            self.say(200, pages.get(self.path, {}))

    def do_POST(self) -> None:
        """A stream of numbers."""
        self.rfile.read(int(self.headers["content-length"]))
        if not self.is_let_in():
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        BUSY.append(1)
        try:
            for n in range(TOKENS):
                if n == self.asked.die_at:
                    os._exit(9)
                self.event({"choices": [{"index": 0, "delta": {"content": f"{n} "}, "finish_reason": None}]})
                time.sleep(self.asked.token_s)
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass
        finally:
            BUSY.pop()

    def event(self, what: Any) -> None:  # noqa: ANN401  JSON
        """One event of a stream."""
        self.wfile.write(f"data: {json.dumps(what)}\n\n".encode())
        self.wfile.flush()

    def say(self, status: int, what: Any) -> None:  # noqa: ANN401  JSON
        """A whole answer."""
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_let_in(self) -> bool:
        """Whether the request has the key."""
        if self.headers.get("authorization") == f"Bearer {os.environ['LLAMA_API_KEY']}":
            return True
        self.say(401, {"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}})
        return False


def main() -> None:
    """Serve for ever."""
    parser = argparse.ArgumentParser()
    for name in ("-m", "--model"), ("--alias",), ("--host",), ("-np",), ("-c",), ("--die-loading",):
        parser.add_argument(*name)
    parser.add_argument("--port", type=int)
    parser.add_argument("--jinja", action="store_true")
    for number in ("--load-s", "--token-s", "--linger-s"):
        parser.add_argument(number, type=float, default=0.0)
    parser.add_argument("--die-at", type=int)
    Handler.asked = parser.parse_args()
    if Handler.asked.die_loading:
        sys.exit(Handler.asked.die_loading)
    if Handler.asked.linger_s:
        signal.signal(signal.SIGTERM, lambda *_: threading.Timer(Handler.asked.linger_s, os._exit, (0,)).start())
    ThreadingHTTPServer((Handler.asked.host, Handler.asked.port), Handler).serve_forever()


def program(folder: Path) -> str:
    """Write this as a program, and return its path."""
    file = folder / "llama-server"
    file.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).resolve()} "$@"\n', encoding="utf-8")
    file.chmod(0o755)
    return str(file)


if __name__ == "__main__":
    main()
