"""The one read interface: these series between these times, oldest first, in bounded pieces.

Live page, export and analysis read through it, whether the data lie in the journal, in InfluxDB or in a
tidy file.
"""

from __future__ import annotations

import difflib
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from soilco2.quality.records import SeriesKey
from soilco2.station_config.message import Message
from soilco2.station_config.variables import Variables

PIECE = 100_000
"""Rows in one piece at most."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What is known of a series besides its values.

    Parameters
    ----------
    key : SeriesKey
    unit : str
        Canonical unit of the variable.
    depth_m : float or None
        Depth of the position below the surface [m], positive downward; None without depth.
    first_us, last_us : int or None
        Times of the oldest and newest value [µs UTC], None when there is none.
    period_s : float or None
        The interval between values that the source declares [s].
    stamp : str
        What a time stamp marks: ``"instant"``, ``"start"`` or ``"end"`` of `period_s`.
    note : str
        A remark that must follow the data, such as how a modelled series was made.
    method : str
        How its values were made, where the source says so of the newest or the oldest.
    """

    key: SeriesKey
    unit: str
    depth_m: float | None = None
    first_us: int | None = None
    last_us: int | None = None
    period_s: float | None = None
    stamp: str = "instant"
    note: str = ""
    method: str = ""


@dataclass(slots=True)
class Piece:
    """A stretch of one series, oldest first; ``numpy.frombuffer`` takes each array without copying.

    Parameters
    ----------
    key : SeriesKey
    times : array of int64 ('q')
        [µs UTC], strictly increasing.
    values : array of float64 ('d')
        In the canonical unit; NaN where there is none.
    flags : array of int8 ('b')
        QARTOD flags.
    lower, upper : array of float64 ('d')
        Interval where the source gives one, else empty.
    method : str
        How all of them were made, where the source says so.
    period_s : float or None
    stamp : str
        Where `stamp` is not empty, the stretch says of its times what in other places its `SeriesInfo` says.
    """

    key: SeriesKey
    times: array[int]
    values: array[float]
    flags: array[int]
    lower: array[float] = field(default_factory=lambda: array("d"))
    upper: array[float] = field(default_factory=lambda: array("d"))
    method: str = ""
    period_s: float | None = None
    stamp: str = ""


class Reader(Protocol):
    """Anything that holds series."""

    @property
    def variables(self) -> Variables:
        """The registry of the station that the series are of, where it is known."""
        ...

    def series(self) -> list[SeriesInfo]:
        """Every series, sorted by profile, depth and variable."""
        ...

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        """Pieces of these series with ``start_us <= time < end_us``, series by series, oldest first."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def nearest(key: SeriesKey, known: Collection[SeriesKey], shown: int = 8) -> Message:
    """What there is in place of a series that there is not: those of its variable, the most alike first.

    Of a variable that there is not, the variables.
    """
    same = [other for other in known if other.variable == key.variable]
    if not same:
        variables = sorted({other.variable for other in known})
        close = difflib.get_close_matches(key.variable, variables, n=1)
        if close:
            return Message("did you mean {name}?", name=close[0])
        return (
            Message("it has {names}", names=", ".join(variables)) if variables else Message("it has none yet")
        )
    place = f"{key.profile}/{key.position}"

    def alike(other: SeriesKey) -> tuple[bool, float, SeriesKey]:
        likeness = difflib.SequenceMatcher(None, place, f"{other.profile}/{other.position}").ratio()
        return other.profile != key.profile, -likeness, other

    names = ["/".join(other[1:]) for other in sorted(same, key=alike)]
    listed = ", ".join(names[:shown]) + (" …" if names[shown:] else "")
    return Message("of {variable} it has {names}", variable=key.variable, names=listed)
