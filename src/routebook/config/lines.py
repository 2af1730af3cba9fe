"""Where each key and table of a TOML source stands. tomli parses but does not tell; this lexer tells but does not judge.

It reads text that tomli accepted, and on any other text it gives what it found so far: it never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import tomli

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of the file: `("routes", 2, "try")`."""

# Long strings come before short ones; a long one may end with up to two quotes more than its three.
_TOKEN: Final = re.compile(
    r"""
      (?P<newline>\n)
    | (?P<space>[ \t\r]+|\#[^\n]*)
    | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    | (?P<mark>[\[\]{}=,.])
    | (?P<bare>[^\s\[\]{}=,."'\#]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int
    start: int
    """Letters before it."""


def positions(text: str) -> dict[KeyPath, int]:
    """Map the path of every key, table and list item to its line, counted from 1.

    A table that is only implied (`a` in `[a.b]`) stands where it is first implied. The items of an array of tables stand at their headers.
    """
    return _Reader(text).read()


def spans(text: str) -> dict[KeyPath, tuple[int, int]]:
    """Map the path of every value that is written behind a key or in a list to where it begins and ends, in letters from the start."""
    reader = _Reader(text)
    reader.read()
    return reader.spans


def headers(text: str) -> list[tuple[KeyPath, int]]:
    """The tables with a header of their own, in the order of the file, each with the line of its header; items of arrays with their place."""
    reader = _Reader(text)
    reader.read()
    return reader.headers


def line_of(path: KeyPath, *, lines: Mapping[KeyPath, int]) -> int | None:
    """The line of a path, or of the nearest table around it; `None` when the file says nothing of either."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def unclosed_quote(text: str) -> int | None:
    """The line of the first quote that is never closed; parsers notice it only at the end of the file."""
    return next((token.line for token in _tokens(text) if token.kind == "bare" and token.text in ("'", '"')), None)


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup or "bare", match[0]
        if kind != "space":
            yield _Token(kind, found, line, match.start())
        line += found.count("\n")


def _key(token: _Token) -> str:
    """A part of a key without its quotes."""
    text = token.text
    if token.kind != "string":
        return text
    if text[0] == "'" or "\\" not in text:
        return text[1:-1]
    try:
        return str(tomli.loads(f"k = {text}")["k"])
    except ValueError:
        return text[1:-1]


class _Open:
    """A list or inline table whose end has not come yet."""

    __slots__ = ("at", "awaits_key", "is_list", "path")

    def __init__(self, path: KeyPath, *, is_list: bool) -> None:
        self.path, self.is_list, self.at, self.awaits_key = path, is_list, 0, not is_list

    def comma(self) -> None:
        self.at += 1
        self.awaits_key = not self.is_list


class _Reader:
    """One pass over the tokens, without recursion, so that deep nesting cannot overflow the stack."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.table: KeyPath = ()
        self.headers: list[tuple[KeyPath, int]] = []
        self.spans: dict[KeyPath, tuple[int, int]] = {}
        self.counts: dict[KeyPath, int] = {}
        """How many items each array of tables has so far."""

    def read(self) -> dict[KeyPath, int]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "newline":
                self.at += 1
            elif token.text == "[" and token.kind == "mark":
                self.header()
            else:
                self.value(self.setting(self.table))
        return self.lines

    def next(self) -> _Token | None:
        """The token here, and one step on; `None` at the end."""
        if self.at >= len(self.tokens):
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def header(self) -> None:
        """Read `[a.b]` or `[[a.b]]`; the keys that follow belong to it."""
        line = self.tokens[self.at].line
        is_list = [token.text for token in self.tokens[self.at : self.at + 2]] == ["[", "["]
        parts: list[str] = []
        while (token := self.next()) is not None and token.kind != "newline":
            if token.kind != "mark":
                parts.append(_key(token))
        path: KeyPath = ()
        for part in parts[:-1]:
            path = (*path, part)
            self.lines.setdefault(path, line)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        path = (*path, *parts[-1:])
        if is_list:
            self.lines.setdefault(path, line)
            self.counts[path] = self.counts.get(path, 0) + 1
            path = (*path, self.counts[path] - 1)
        self.lines[path] = line
        self.headers.append((path, line))
        self.table = path

    def setting(self, table: KeyPath) -> KeyPath:
        """Read `a.b =` and note where each part stands; return the whole path."""
        path = table
        while (token := self.next()) is not None and token.text != "=":
            if token.kind in ("string", "bare"):
                path = (*path, _key(token))
                self.lines.setdefault(path, token.line)
            elif token.text in "}],":
                self.at -= 1
                break
        return path

    def value(self, path: KeyPath) -> None:
        """Read what follows `=`, to the end of the line, with every list and inline table in it."""
        stack: list[_Open] = []
        while (token := self.next()) is not None:
            if token.kind == "newline":
                if not stack:
                    return
            elif token.kind != "mark":
                if stack and stack[-1].awaits_key:
                    self.at -= 1
                    path = self.setting(stack[-1].path)
                    stack[-1].awaits_key = False
                else:
                    self.span(self.item(stack, path, token.line), token)
            elif token.text in "[{":
                path = self.item(stack, path, token.line)
                self.span(path, token)
                stack.append(_Open(path, is_list=token.text == "["))
            elif token.text in "]}" and stack:
                path = stack.pop().path
                self.span(path, token)
            elif token.text == ".":  # of a number
                self.span(self.item(stack, path, token.line), token)
            elif token.text == "," and stack:
                stack[-1].comma()

    def span(self, path: KeyPath, token: _Token) -> None:
        """A value begins with this token, or goes on to its end."""
        self.spans[path] = self.spans.get(path, (token.start, 0))[0], token.start + len(token.text)

    def item(self, stack: list[_Open], path: KeyPath, line: int) -> KeyPath:
        """The path of the value that starts here: a list's item, noted with its line, or the key before it."""
        if not stack or not stack[-1].is_list:
            return path
        path = (*stack[-1].path, stack[-1].at)
        self.lines.setdefault(path, line)
        return path
