"""Texts that are known to take parsers very long."""

from __future__ import annotations


def bombs(size: int) -> dict[str, str]:
    """Texts of about `size` characters that are known to take parsers very long, by name."""
    return {
        "open brackets": "[" * size,
        "open images": "![" * (size // 2),
        "links in links": "[a](" * (size // 4),
        "brackets both ways": "[" * (size // 2) + "]" * (size // 2),
        "references": "[a][" * (size // 4),
        "emphasis": "*a_ " * (size // 4),
        "stars": "*" * size,
        "mixed stars": "a**b" + "c* " * (size // 3),
        "backticks": " ".join("`" * (1 + n % 60) for n in range(size // 31)),
        "angle brackets": "<" * size,
        "autolinks": "<http:" * (size // 6),
        "comments": "<!--" * (size // 4),
        "declarations": "<!A " * (size // 4),
        "entities": "&" * size,
        "quotes": ">" * size,
        "quotes a line": "> " * (size // 2) + "x",
        "lists": "- " * (size // 2),
        "deep lists": "".join("  " * min(n, 90) + "- x\n" for n in range(size // 180)),
        "tables": "|a" * (size // 4) + "\n" + "|-" * (size // 4),
        "wide table": "|a|b|c|\n|-|-|-|\n" + "|\n" * (size // 2),
        "backslashes": "\\" * size,
        "dollars": "$" * size,
        "commands": "\\href" * (size // 5),
        "lines": "\n" * size,
        "setext": "a\n" * (size // 4) + "=",
        "definitions": "".join(f"[{n}]: x\n" for n in range(size // 9)),
        "one definition": "[a]: " + "b" * size,
        "strikes": "~~a" * (size // 3),
        "fences": "```\n" * (size // 4),
        "titles": "[a](<b" * (size // 6),
        "null bytes": "\x00" * size,
        "tabs": "\t" * size + "x",
        "astral": "\U0001f600" * size,
    }
