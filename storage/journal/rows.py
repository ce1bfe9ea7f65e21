"""What the journal takes and gives, beside samples and observations."""

from __future__ import annotations

from typing import Any, NamedTuple

from soilco2.quality.records import SeriesKey
from soilco2.storage.journal.schema import EventKind


class NewEvent(NamedTuple):
    """An event to be written."""

    kind: EventKind
    subject: str
    text: str
    data: dict[str, Any] = {}  # noqa: RUF012 - never changed
    time_us: int | None = None


class Event(NamedTuple):
    """Something that happened to the station."""

    id: int
    time_us: int
    kind: str
    subject: str
    text: str
    data: dict[str, Any]


class Parked(NamedTuple):
    """Something to be kept although it cannot be used.

    Parameters
    ----------
    kind : {"message", "conflict", "point", "stretch"}
    source : str
        Connection, file or sink.
    reason : str
        One sentence.
    payload : bytes
    time_us : int or None
        Its time [µs UTC] where it has one.
    arrival_us : int
        [µs UTC]
    """

    kind: str
    source: str
    reason: str
    payload: bytes
    time_us: int | None
    arrival_us: int


class ParkedRow(NamedTuple):
    """Something that could not be used or sent."""

    id: int
    kind: str
    source: str
    reason: str
    payload: bytes
    time_us: int | None
    arrival_us: int
    state: str
    why: str


class Derived(NamedTuple):
    """A result in time.

    Parameters
    ----------
    rev : int
    series : SeriesKey
    method : str
    time_us : int
        [µs UTC]
    value, lower, upper : float or None
        In the variable's canonical unit; no value when it was withheld.
    reason : str
        Why it was withheld.
    """

    rev: int
    series: SeriesKey
    method: str
    time_us: int
    value: float | None
    lower: float | None
    upper: float | None
    reason: str


class Cursor(NamedTuple):
    """How far a database has confirmed."""

    sink: str
    rev: int
    moved_us: int
    error: str
    backlog: int
    oldest_us: int | None
