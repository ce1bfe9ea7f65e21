"""From what a user names as data to a reader: a station file, a journal, an InfluxDB, tidy tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from soilco2.station_config.loader import load_station
from soilco2.station_config.message import Message
from soilco2.storage.errors import SourceError
from soilco2.storage.reader import Reader

Source = Literal["journal", "influx", "auto"]

_STATION_FILES = (".toml",)
_JOURNALS = (".sqlite", ".db")


def open_reader(
    data: str | Path | Sequence[str | Path], *, source: Source = "auto", go_on: bool = False
) -> Reader:
    """A reader on `data`.

    Parameters
    ----------
    data : path or sequence of paths
        A station file (its journal, or its InfluxDB), a journal's file, or tidy tables.
    source : {"auto", "journal", "influx"}
        For a station file: which of the two; ``"auto"`` is the journal.
    go_on : bool
        Of tidy tables: leave out the few rows that cannot be used (:class:`soilco2.storage.tidy.reader.TidyReader`).

    Raises
    ------
    SourceError
        When `data` is none of these, or has no such source.
    TidyFileError, StationConfigError, SinkError
        When it is, and cannot be used.
    """
    paths = [Path(data)] if isinstance(data, str | Path) else [Path(part) for part in data]
    if not paths:
        raise SourceError(
            Message("no data were named; expected a station file or tidy tables (CSV or Parquet)")
        )
    stations = [path for path in paths if path.suffix.lower() in _STATION_FILES or path.is_dir()]
    if stations:
        if len(paths) > 1:
            raise SourceError(
                Message(
                    "{path} is a station file; it cannot be read together with other data",
                    path=stations[0],
                )
            )
        return _station_reader(stations[0], source)
    if source == "influx":
        raise SourceError(
            Message(
                "{path} is no station file; only a station's data can be read from InfluxDB", path=paths[0]
            )
        )
    if len(paths) == 1 and paths[0].suffix.lower() in _JOURNALS:
        from soilco2.storage.journal.reader import JournalReader

        return JournalReader(paths[0])
    if source == "journal":
        raise SourceError(Message("{path} is neither a station file nor a journal", path=paths[0]))
    from soilco2.storage.tidy.reader import TidyReader

    return TidyReader(paths, go_on=go_on)


def _station_reader(path: Path, source: Source) -> Reader:
    station = load_station(path)
    if source == "influx":
        if not station.file.influxdb:
            raise SourceError(Message("{path} has no table [influxdb]; read the journal instead", path=path))
        from soilco2.storage.influx.reader import InfluxReader

        return InfluxReader(station.file.influxdb[0], station)
    if not station.journal_path.is_file():
        raise SourceError(
            Message(
                "the journal {journal} of {path} is not there yet; run 'soilco2 collect' or 'soilco2 "
                "import' first",
                journal=station.journal_path,
                path=path,
            )
        )
    from soilco2.storage.journal.archive import open_journal

    return open_journal(station)
