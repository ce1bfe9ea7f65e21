"""From a kind of connection to its driver, which is imported when it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from soilco2.ingest.drivers.driver import Driver, Host
from soilco2.ingest.drivers.file_driver import FileDriver
from soilco2.ingest.errors import CollectorError
from soilco2.ingest.supervisor import Managed
from soilco2.station_config.connections.kind import Connection, Kind
from soilco2.station_config.connections.registry import in_a_line, kind_named, kind_of, kinds
from soilco2.station_config.message import Message
from soilco2.storage.errors import StorageError


def driver_of(kind: Kind) -> Any:
    """The driver of a kind.

    Raises
    ------
    CollectorError
        When the module that should hold it cannot be used.
    """
    module, _, name = kind.driver.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:
        raise CollectorError(
            Message(
                "the driver of connections of kind {kind!r} cannot be used: {why}",
                kind=kind.name,
                why=in_a_line(error),
            )
        ) from error


def services(host: Host, connections: Sequence[Connection]) -> dict[str, Managed]:
    """The threads that serve a station's connections, by name."""
    together: dict[str, list[Connection]] = {}
    for row in connections:
        together.setdefault(kind_of(row).session or row.kind, []).append(row)
    found: dict[str, Managed] = {}
    for rows in together.values():
        driver: Driver = driver_of(kind_of(rows[0]))
        found |= driver.services(host, rows)
    return found


def driver_at(connections: Sequence[Connection], source: str) -> Driver | None:
    """The driver of the connection that a source names; None when there is none."""
    connection = next((row for row in connections if row.id == source), None)
    return None if connection is None else driver_of(kind_of(connection))


def _file_kinds(tidy: bool) -> Iterator[Kind]:
    """Kinds that read files, our own first: mostly it knows the file, and the others need not be imported."""
    own = kind_named("tidy-file" if tidy else "logger-file")
    assert own is not None
    yield own
    for kind in kinds().values():
        if kind is not own and kind.contract == "file" and (kind.table is None) == tidy:
            yield kind


def recognise(path: Path, mapping: Any = None) -> tuple[FileDriver, Any]:
    """The driver that knows a file by its content, and how the file is laid out.

    Parameters
    ----------
    path : Path
    mapping : Mapping, optional
        Which column of the file is which series; left out: the file says it itself.

    Raises
    ------
    StorageError
        What the first driver, that of tidy tables, says when none knows it.
    """
    refusal: StorageError | None = None
    for kind in _file_kinds(tidy=mapping is None):
        driver: FileDriver = driver_of(kind)
        try:
            return driver, driver.sniff(path) if mapping is None else driver.sniff(path, mapping)
        except StorageError as error:
            refusal = refusal or error
    assert refusal is not None  # tidy tables and logger files are always there
    raise refusal
