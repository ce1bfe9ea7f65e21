"""Trying out instruments by hand: reading them once with every byte shown, looking for them, changing their address.

The same whether a command does it, or the collector in its place: what it gives are plain values that go through the
collector's socket, and `answer_of` and `read_of` make of them again what they were.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from soilco2.ingest.drivers.driver import Driver, Line
from soilco2.ingest.drivers.registry import driver_of
from soilco2.ingest.drivers.search import Answer, Guess, Search, Step
from soilco2.ingest.errors import BusError, IngestError, PortBusy, PortGone
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.transports.trace import untraced
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.registry import kind_of, kinds
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.variables import VARIABLES, Variables

Part = dict[str, Any]

_FRAMES = 200
"""Pieces of bytes that are kept of one reading, at most."""


class Read(NamedTuple):
    """One reading of an instrument.

    Parameters
    ----------
    serial : str
    time_us : int
        When it answered, or did not [µs UTC].
    readings : tuple of Reading
        Empty when it failed.
    frames : tuple of (str, bytes)
        ``"out"`` or ``"in"`` and bytes, in their order.
    error : str
        Why it failed.
    """

    serial: str
    time_us: int
    readings: tuple[Reading, ...]
    frames: tuple[tuple[str, bytes], ...]
    error: str


class _Frames:
    """What goes over the line; bytes that follow in one direction are one frame."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []

    def take(self) -> tuple[tuple[str, bytes], ...]:
        """What went over the line since."""
        kept, self.kept = self.kept, []
        return tuple(kept)

    def __call__(self, direction: str, data: bytes) -> None:
        if self.kept and self.kept[-1][0] == direction == "in":
            self.kept[-1] = (direction, self.kept[-1][1] + data)
        elif len(self.kept) < _FRAMES:
            self.kept.append((direction, data))


def connections_at(place: str, settings: LineSettings | None = None) -> list[Connection]:
    """The connection that a place is, for every kind that it can be of."""
    found = []
    for kind in kinds().values():
        if kind.contract != "file":
            driver = driver_of(kind)
            one = driver.at(place, settings) if isinstance(driver, Driver) else None
            if one is not None:
                found.append(one)
    return found


def models_for(
    connection: Connection, catalogue: Sequence[Path] = (), variables: Variables = VARIABLES
) -> list[ProbeModel]:
    """The models of the catalogue that a connection can carry."""
    spoken = kind_of(connection).models
    return [
        model
        for model in load_catalogue(*catalogue, variables=variables).values()
        if isinstance(model, spoken)
    ]


def _read(line: Line, frames: _Frames, rows: Sequence[tuple[Instrument, ProbeModel]]) -> Iterator[Read]:
    """Read instruments of a line, one after the other; a line that cannot be opened is an error of all."""
    for instrument, model in rows:
        readings: list[Reading] = []
        why: Message | str = ""
        try:
            if not line.is_open:
                line.open()
            timeout = instrument.timeout if instrument.timeout is not None else model.timeout
            readings = line.read(line.plan(instrument, model), timeout, lambda _error: None)
        except (PortGone, PortBusy):
            raise
        except BusError as error:
            why = Message.of(error)
        yield Read(instrument.serial, time.time_ns() // 1000, tuple(readings), frames.take(), why)


def scan(connection: Connection, search: Search) -> Iterator[Step | Answer | Message]:
    """Look for instruments on a line that nobody holds."""
    driver: Driver = driver_of(kind_of(connection))
    yield from driver.scan(connection, search, untraced)


def carry_out(
    station: Station, connection: str, line: Line | None, task: str, arguments: dict[str, Any]
) -> Iterator[Part]:
    """Do a task on a line of a station; what it gives as plain values.

    Parameters
    ----------
    station : Station
    connection : str
        Id of the connection.
    line : Line or None
        Its line where somebody has it already; it is left open or closed, and opened again by whoever needs it.
    task : str
        ``read``, ``scan``, ``address`` or ``line``.
    arguments : dict
        Of the task.

    Raises
    ------
    IngestError
        When the line cannot be used, or nothing was changed.
    """
    row = next(one for one in station.file.connection if one.id == connection)
    driver: Driver = driver_of(kind_of(row))
    if task == "read":
        wanted = set(arguments["serials"])
        rows = [
            (one, station.models[one.model_key])
            for one in station.file.instrument
            if one.connection == connection and one.serial in wanted
        ]
        yield from _read_on(driver, row, rows, line)
        return
    if line is not None:
        line.close()
    if task == "scan":
        yield from map(plain, scan(row, _search(station, row, arguments)))
    else:
        models = load_catalogue(*station.file.catalogue, variables=station.variables)
        yield {"changed": _change(driver, row, models | station.models, task, arguments)}


def _read_on(
    driver: Driver, row: Connection, rows: Sequence[tuple[Instrument, ProbeModel]], line: Line | None
) -> Iterator[Part]:
    """Read on the line that somebody has, if it shows its bytes; else on one of our own."""
    frames = _Frames()
    listen = getattr(line, "listen", None)
    if line is not None and listen is None:
        line.close()
    held = driver.line(row, rows, frames) if line is None or listen is None else line
    if listen is not None:
        listen(frames)
    try:
        for found in _read(held, frames, rows):
            yield {"read": _plain_read(found)}
    finally:
        if listen is not None:
            listen(untraced)
        else:
            held.close()


def _search(station: Station, row: Connection, arguments: dict[str, Any]) -> Search:
    return Search(
        models_for(row, station.file.catalogue, station.variables),
        tuple(LineSettings.of(text) for text in arguments["lines"]),
        tuple(arguments["addresses"]),
        arguments["everything"],
        tuple(
            one.address
            for one in station.file.instrument
            if one.connection == row.id and one.address is not None
        ),
    )


def _change(
    driver: Driver, row: Connection, models: dict[str, ProbeModel], task: str, arguments: dict[str, Any]
) -> Message:
    model = models[arguments["model"]]
    if task == "address":
        return driver.set_address(row, model, arguments["old"], arguments["new"], untraced)
    if task == "line":
        settings = LineSettings.of(arguments["settings"])
        return driver.set_line(row, model, arguments["address"], settings, untraced)
    raise IngestError(Message("the collector does not know the task {task!r}", task=task))


def plain(item: Step | Answer | Message) -> Part:
    """What a scan found, as plain values."""
    if isinstance(item, Message):
        return {"remark": item}
    if isinstance(item, Step):
        return {"step": item._asdict()}
    return {
        "answer": {**item._asdict(), "heard": item.heard.hex(), "models": [list(one) for one in item.models]}
    }


def answer_of(part: Part) -> Answer:
    """The answer that `plain` was given."""
    row = part["answer"]
    return Answer(
        row["kind"],
        row["line"],
        row["address"],
        tuple(Guess(*one) for one in row["models"]),
        bytes.fromhex(row["heard"]),
        tuple(row["doubts"]),
    )


def _plain_read(found: Read) -> Part:
    return {
        **found._asdict(),
        "readings": [[*row[:3], None if row.said is None else row.said.hex()] for row in found.readings],
        "frames": [[direction, data.hex()] for direction, data in found.frames],
    }


def read_of(part: Part) -> Read:
    """The reading of a part."""
    row = part["read"]
    return Read(
        row["serial"],
        row["time_us"],
        tuple(
            Reading(channel, raw, status, None if said is None else bytes.fromhex(said))
            for channel, raw, status, said in row["readings"]
        ),
        tuple((direction, bytes.fromhex(data)) for direction, data in row["frames"]),
        row["error"],
    )
