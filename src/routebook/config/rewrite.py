"""One value of a `routing.toml` set in its text, so that everything else stays as it was written.

What is written is read again, and kept only when it says what it said before but for that value. No library that writes TOML is needed.
"""

from __future__ import annotations

from itertools import chain

from routebook.config.insert import inserted
from routebook.config.lines import KeyPath
from routebook.config.literal import key, literal
from routebook.config.replace import replaced
from routebook.config.reread import changed, loaded, says
from routebook.errors import UsageError


def with_value(text: str, path: KeyPath, value: object) -> str:
    """Return the text with a value set: in the place of the one that is there, or as a new key at the end of its table; comments and order stay.

    Args:
        text: of the file.
        path: keys and places from the top: `("models", "qwen", "rpm")`, `("routes", 2, "try")`.
        value: texts, numbers, truths, and lists and tables of them. A list of the same items in another order, each on a line of its own, is
            moved by lines, so that their comments go with them.

    Raises:
        UsageError: the text is not right, has no such table, or is written in a way that is better changed by hand.
    """
    before = loaded(text)
    wanted = changed(before, path, value)
    if before == wanted:
        return text
    for way in chain(replaced(text, path, value), inserted(text, path, value)):
        if says(way, wanted):
            return way
    setting = f"{key(path[-1:])} = {literal(value)}"
    where = ".".join(map(str, path[:-1])) or "the file"
    raise UsageError(f"{path[-1]} of {where} cannot be written here without changing more; write {setting} by hand.")
