"""What the journal takes and gives, beside samples and observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from soilco2.quality.records import SeriesKey
from soilco2.station_config.message import Message
from soilco2.storage.errors import StorageError
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
    import_ : int, optional
        Number of the import that it came by.
    """

    kind: str
    source: str
    reason: str
    payload: bytes
    time_us: int | None
    arrival_us: int
    import_: int | None = None


PLACE = "place:"
"""How keys of the table `meta` begin that say how far a source has been read."""
PARKED_KINDS = ("message", "conflict", "point", "stretch")
"""What can be parked."""
PARKED_STATES = ("waiting", "retried", "dropped", "decided", "settled")
"""What can become of it."""
IMPORT_STATES = ("running", "done", "undone")
"""What an import can be; one that was cut short stays ``running``."""


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


class ImportRow(NamedTuple):
    """An import as the journal keeps it.

    Parameters
    ----------
    id : int
    file, sha256, source : str
    time_us : int
        When it began [µs UTC].
    state : {"running", "done", "undone"}
        One that was cut short stays ``running``.
    counts : dict of str to int
        What became of its rows.
    """

    id: int
    file: str
    sha256: str
    source: str
    time_us: int
    state: str
    counts: dict[str, int]


class Effect(NamedTuple):
    """What undoing or redoing an import does: samples that come or go, and those that another import delivers too."""

    samples: int
    stay: int


def imported(rows: Sequence[ImportRow], number: int, undo: bool) -> ImportRow:
    """The import that is meant.

    Raises
    ------
    StorageError
        When there is none of that number, or it is undone or not undone already.
    """
    row = next((row for row in rows if row.id == number), None)
    if row is None:
        raise StorageError(
            Message(
                "import {number} is not among the {count} imports of the journal; 'soilco2 import STATION "
                "--list' shows them",
                number=number,
                count=len(rows),
            )
        )
    if undo and row.state == "undone":
        raise StorageError(Message("import {number} is undone already; nothing was changed", number=number))
    if not undo and row.state != "undone":
        raise StorageError(Message("import {number} is not undone; nothing was changed", number=number))
    return row
