"""From stations to what the page shows: their journals and their clocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from soilco2.dashboards.errors import ServeError
from soilco2.dashboards.live.queries import PageStation
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.reader import Reader


def pages_of(
    stations: Sequence[Station], *, clock_file: Path | None = None, influx: bool = False
) -> list[PageStation]:
    """The pages of some stations.

    Parameters
    ----------
    stations : sequence of Station
    clock_file : Path, optional
        The replay clock of a demonstration; the system's clock when left out.
    influx : bool
        Read series from InfluxDB; the journal stands in while it does not answer.

    Raises
    ------
    ServeError
        When a station has no InfluxDB to read from.
    """
    now_us = _system_us if clock_file is None else _replayed(clock_file)
    return [
        PageStation(station, _opener(station), now_us, _database(station) if influx else None)
        for station in stations
    ]


def _database(station: Station) -> Callable[[], Reader]:
    if not station.file.influxdb:
        raise ServeError(
            Message(
                "station {station} has no table [influxdb]; leave out --source to read its journal",
                station=station.file.station.id,
            )
        )
    from soilco2.storage.influx.reader import InfluxReader

    return lambda: InfluxReader(station.file.influxdb[0], station)


def _opener(station: Station) -> Callable[[], JournalReader]:
    own = station.file.station.id

    def open_reader() -> JournalReader:
        reader = open_journal(station)
        try:
            reader.check_station(own)
        except BaseException:
            reader.close()
            raise
        return reader

    return open_reader


def _system_us() -> int:
    return time.time_ns() // 1000


def _replayed(path: Path) -> Callable[[], int]:
    """The moment of a replay clock: the first eight bytes of its file [µs UTC]."""

    def now_us() -> int:
        try:
            with path.open("rb") as file:
                found = int.from_bytes(file.read(8), "little", signed=True)
        except OSError:
            found = 0
        return found or _system_us()

    return now_us
