"""What a row of a tidy table says of its value besides, as the journal keeps it with the sample (`Sample.said`).

JSON with the value as it was taken, so that two rows that differ in anything are never the same to the journal.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from soilco2.storage.reader import PIECE

STAMPS = ("instant", "start", "end")
"""What a time may mark."""
BESIDE = ("lower", "upper", "method", "period_s", "stamp")
"""The columns."""


class Beside(NamedTuple):
    """What a row says of its value besides.

    Parameters
    ----------
    lower, upper : float or None
        Interval of the value, in the canonical unit of its variable.
    method : str
        How it was made.
    period_s : float or None
        Time between values [s].
    stamp : str
        What its time marks, one of `STAMPS`; empty where the row does not say.
    """

    lower: float | None = None
    upper: float | None = None
    method: str = ""
    period_s: float | None = None
    stamp: str = ""


def write(*cells: float | str | None) -> str:
    """The cells of `BESIDE` as members of an object; empty when they say nothing."""
    there = {name: cell for name, cell in zip(BESIDE, cells, strict=True) if cell not in ("", None)}
    return json.dumps(there, ensure_ascii=False, separators=(",", ":"))[1:-1]


def said(beside: str, value: float | None) -> bytes:
    """What the journal keeps of a row that says something besides."""
    return f'{{"value":{json.dumps(value)},{beside}}}'.encode()


def read(kept: bytes) -> Beside:
    """What the journal kept of a row; nothing where it is something else."""
    try:
        found = json.loads(kept)
        return Beside(**{name: found[name] for name in BESIDE if name in found})
    except (ValueError, TypeError):
        return Beside()


def alike(told: array[int], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Stretches of at most `PIECE` rows that say the same, from where to where."""
    import numpy as np

    cuts = np.flatnonzero(np.diff(np.frombuffer(told, dtype="int32")[low:high])) + low + 1
    for begin, end in pairwise([low, *map(int, cuts), high]):
        for at in range(begin, end, PIECE):
            yield at, min(at + PIECE, end)
