"""Where the names of points in a plane are written, so that none hides another."""

from __future__ import annotations

from typing import Final

import pandas as pd

from routebook.tables.style import HEIGHT, WIDTH

LETTER: Final = 6.2
"""Pixels of a letter across, at the size of the labels."""
LINE: Final = 13
ABOVE, BELOW = -8, 13
"""Pixels down from a point to its name."""
_Box = tuple[float, float, float]


def placed(points: pd.DataFrame, *, name: str, x: str, y: tuple[str, str, str]) -> pd.DataFrame:
    """Return the points with `label` (the name, or empty where there is no room) and `below` (whether it stands under its point).

    The first points come first. `y` names the columns of the point and of the ends of its line, by which the height is scaled.
    """
    across = (points[x] / (points[x].max() or 1.0) * WIDTH).to_numpy()
    bottom, top = points[y[1]].min(), points[y[2]].max()
    down = ((top - points[y[0]]) / ((top - bottom) or 1.0) * HEIGHT).to_numpy()
    taken: list[_Box] = []
    found = [_place(text, float(left), float(height), taken) for text, left, height in zip(points[name], across, down, strict=True)]
    return points.assign(label=[label for label, _ in found], below=[is_below for _, is_below in found])


def _place(text: str, left: float, height: float, taken: list[_Box]) -> tuple[str, bool]:
    """The label and whether it goes below; what it covers is taken then."""
    for is_below, shift in ((False, ABOVE), (True, BELOW)):
        box = (left, left + LETTER * len(text) + LINE, height + shift)
        if not any(box[0] < end and begin < box[1] and abs(box[2] - line) < LINE for begin, end, line in taken):
            taken.append(box)
            return text, is_below
    return "", False
