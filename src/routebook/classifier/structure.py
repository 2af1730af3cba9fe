"""What a prompt is made of: the lines a person wrote, and the kinds of what was pasted beside them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

HEAD: Final = 900
TAIL: Final = 600
"""Characters read of a long prompt: the question stands before or after what is pasted, and reading is bounded."""
_MOST_LINES: Final = 75
_LINE: Final = 200
"""Characters that decide of what kind a line is."""
PASTED: Final = frozenset({"fence", "trace", "log", "diff", "table", "markup", "config", "code"})
CODE: Final = frozenset({"fence", "diff", "code"})

_KIND: Final = re.compile(
    r"""
 (?P<fence>\s{0,3}(?:```|~~~))
|(?P<trace>\s*(?:Traceback\ \(most|File\ "[^"]*",\ line\ \d|at\ [\w.$<>/]+\(.*\)|Caused\ by:|(?=[\w.]{5,89}+:)[\w.]{0,80}(?:Error|Exception|Warning):|panicked\ at
   |npm\ ERR|error(?:\[E\d+\])?:|[\w./-]{1,80}+:\d+:\d*:?\ (?:error|warning))|thread\ '|FAILED\ |Segmentation\ fault)
|(?P<log>\s*\[?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d:\d\d:\d\d|[A-Z][a-z]{2}\ +\d{1,2}\ \d\d:\d\d:\d\d|(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|TRACE)\b)
   |\d{1,3}(?:\.\d{1,3}){3}\ )
|(?P<diff>diff\ --git|@@\ -\d|[+]{3}\ |---\ [ab]/|[+-](?:\s{2,}\S|\w+\s*[(=]))
|(?P<table>\s*\|.*\||[^\t]*+\t[^\t]++\t|\s*[+]-{3,}|(?:[^,;.?!]{0,40}+[,;]){3,}[^,;.?!\s]{0,24}$|(?:[\w.$%€-]++\s{2,}){2,})
|(?P<markup>\s*(?:[{\[]\s*$|[}\]],?\s*$|"[\w\ $@./-]+"\s*:|[{\[]\s*["{\[]|</?\w[^>]*>))
|(?P<config>\s*(?:-\ )?[\w.-]++:\ *(?:["'\d\[{|>]|true|false|[^\s:]+$)|\s*[\w.-]++\s*=\s*\S+$|\s{2,}[\w-]++:\s)
|(?P<code>\s*(?:def|class|import|from\s+\S+\s+import|function|const|let|var|public|private|protected|static|return|if\s*\(|for\s*\(|while\s*\(|elif|try:
   |except|\#include|using|namespace|fn|func|pub|impl|struct|enum|SELECT|INSERT|UPDATE|CREATE|FROM|WHERE|WITH|JOIN|package|@\w+|\#!|RUN\s|\$\s|>>>\s|sudo\s)
   \b[^\n]*[;{}():=]|[^\n]*[;{}]\s*$|\s*(?://|/\*|\*/|--\s)|\s*[\w.\[\]]++\s*(?:=|\+=|:=|<-|->|=>)\s*\S|\s*[\w.]++\([^\n]*\)\s*;?\s*$|\s{4,}\S)
|(?P<latex>(?=[^\\$]*+[\\$])[^\n]*(?:\\(?:frac|int|sum|begin|sqrt|alpha|mathbb|left|cdot|lim|partial)\b|\$[^$\n]{2,}\$))
|(?P<quote>\s*>\s)
|(?P<option>\s*\(?[A-Ja-j][).:]\s)
|(?P<bullet>\s*(?:[-*•]|\d{1,2}[.)])\s)
|(?P<blank>\s*$)
""",
    re.VERBOSE,
)
_PROSE: Final = re.compile(
    r"(?![A-Ja-j]\.|Traceback|panicked|npm|thread|FAILED|Segmentation|INFO|WARN|ERROR|DEBUG|FATAL|TRACE|diff|error|Caused|[A-Z][a-z]{2}\ +\d"
    r"|(?:at|def|class|import|from|function|const|let|var|public|private|protected|static|return|if|for|while|elif|try|except|using|namespace|fn|func"
    r"|pub|impl|struct|enum|SELECT|INSERT|UPDATE|CREATE|FROM|WHERE|WITH|JOIN|package|RUN|sudo)\b)"
    r"[^\W\d_][\w.?!'\u2019-]*+(?: [\w .?!'\u2019():-]*+)?(?:,[\w .?!'\u2019():-]*+){0,2}$"
)
"""A line of words and few marks, none of them one that another kind needs: most of what people write, known in a fraction of the time."""


class Line(NamedTuple):
    """One line and its kind: `prose`, `bullet`, `option`, `quote`, `latex`, `blank`, or one of `PASTED`."""

    kind: str
    text: str


def read_lines(prompt: str) -> list[Line]:
    """Split a prompt into lines of known kinds; of a long prompt the beginning and the end."""
    text = prompt if len(prompt) <= HEAD + TAIL else f"{prompt[:HEAD]}\n{prompt[-TAIL:]}"
    lines: list[Line] = []
    is_fenced = False
    split = text.split("\n")
    if len(split) > _MOST_LINES:
        split = split[: _MOST_LINES * 2 // 3] + split[-_MOST_LINES // 3 :]
    for line in split:
        match = None if _PROSE.match(line, 0, _LINE) and "  " not in line[:_LINE] else _KIND.match(line, 0, _LINE)
        kind = (match.lastgroup if match else None) or "prose"
        if kind == "fence":
            is_fenced = not is_fenced
        elif is_fenced and kind not in ("blank", "trace", "log", "diff", "table"):
            kind = "code"
        lines.append(Line(kind, line))
    return _single(lines)


def _single(lines: list[Line]) -> list[Line]:
    """A prompt of one line is what a person wrote, whatever it looks like."""
    said = [line for line in lines if line.kind != "blank"]
    return (
        [Line("prose", said[0].text)]
        if len(said) == 1 and said[0].kind in ("table", "config", "markup", "log", "option", "quote")
        else lines
    )
