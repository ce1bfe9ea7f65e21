"""The contract of drivers of files: how a file is laid out, its rows in pieces, a thread that reads as they grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from soilco2.ingest.drivers.sample import Arrival
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message


class Rows(NamedTuple):
    """Some rows of a file.

    Parameters
    ----------
    samples : sequence of Sample
    faults : list
        Rows that cannot be used, each with `line`, `reason`, `text`.
    line : int
        The last line that was read, from which a later reading goes on.
    lines : sequence of int, optional
        Line of each sample, so that it can be named.
    units : mapping of (str, str) to set of str, optional
        Units as written, by serial number and channel, so that they can be named.
    told : sequence of Message, optional
        What is worth saying about the file.
    place : mapping, optional
        Where a later reading goes on, for drivers of files that grow: numbers of the driver's own.
    """

    samples: Sequence[Sample]
    faults: list[Any]
    line: int
    lines: Sequence[int] = ()
    units: Mapping[tuple[str, str], set[str]] = {}
    told: Sequence[Message] = ()
    place: Mapping[str, int] = {}


class FileLayout(Protocol):
    """How a file is laid out, as its driver found it; what else it holds is the driver's own."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def open_line(self) -> int | None:
        """The last line where it has no line end and is held back; None when the file ends as it should."""
        ...


class FileDriver(Protocol):
    """A driver of files.

    One whose kind has a table in the station file is given the mapping of the file's columns, as that table or a
    mapping file has it: `sniff` then takes it as its second argument.
    """

    def sniff(self, path: Path, mapping: Any = None) -> Any:
        """How a file is laid out, a `FileLayout`.

        Raises
        ------
        StorageError
            When it is not one of this kind, or cannot be read.
        """
        ...

    def rows(
        self, station: Station, layout: Any, zone: tzinfo | None, arrival: Arrival, after_line: int = 0
    ) -> Iterator[Rows]:
        """Rows behind a line, in bounded pieces, as samples."""
        ...


class FileWatch:
    """A thread that reads files as they grow, and has the writer keep rows and place together (`Host.submit`)."""

    def status(self) -> dict[str, Any]:
        """How it is doing."""
        raise NotImplementedError
