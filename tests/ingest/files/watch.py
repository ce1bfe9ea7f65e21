"""A station that watches a folder, its journal, and looks at the folder when a test says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soilco2.ingest.clock.replay import ReplayClock
from soilco2.ingest.drivers.driver import Host
from soilco2.ingest.files.watching import FolderWatch
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.times import iso
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer

NOW_US = 1_796_000_000_000_000
HEAD = """\
[station]
id = "dune"
name = "Dune"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[journal]
path = "journal.sqlite"
"""
STATION = (
    HEAD
    + """\
[[connection]]
id = "cr1000"
kind = "logger-file"
path = "logger/*.dat"
timezone = "UTC+08:00"
every = "0.1s"
[[connection.column]]
column = "CO2"
position = "p1/d10"
variable = "co2"
[[connection.column]]
column = "T"
position = "p1/d10"
variable = "soil_temperature"
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
"""
)
HEADER = (
    '"TOA5","Dune","CR1000","1","OS","CPU:soil.CR1","1","Soil"\r\n"TIMESTAMP","RECORD","CO2","T"\r\n'
    '"TS","RN","ppm","Deg C"\r\n"","","Avg","Avg"\r\n'
)


def row(number: int, co2: float | str | None = None) -> str:
    """A minute of the logger's table: 400 ppm and the number."""
    day, hour, minute = number // 1440, number // 60 % 24, number % 60
    value = 400 + number if co2 is None else co2
    return f'"2026-04-{11 + day} {hour:02}:{minute:02}:00",{number},{value},14.2\r\n'


def rows(*numbers: int) -> str:
    return "".join(map(row, numbers))


class Clock(ReplayClock):
    """One that stands."""

    def __init__(self) -> None:
        self.boot_id = "boot"
        self.right = True

    def trusted(self) -> bool:
        return self.right

    def now_us(self) -> int:
        return NOW_US

    def mono_us(self) -> int:
        return 1


class Watching:
    """A folder, a journal and the watch over them."""

    def __init__(self, folder: Path, text: str = STATION) -> None:
        self.folder = folder / "logger"
        self.folder.mkdir(exist_ok=True)
        self.file = folder / "station.toml"
        self.file.write_text(text, encoding="utf-8")
        self.said: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Open the journal and start anew, as after a restart."""
        self.station: Station = load_station(self.file)
        self.writer = Writer.open(self.station, now_us=lambda: NOW_US)
        self.watch = self.started()

    def started(self) -> FolderWatch:
        self.clock = Clock()
        host = Host(
            station=lambda: self.station, clock=self.clock, deliver=lambda *_: None, beat=lambda _name: None,
            happened=lambda _kind, _subject, text: self.said.append(str(text)), attach=lambda _source: None,
            wake=lambda: None, submit=self.submit,
        )  # fmt: skip
        watch = FolderWatch(host, self.station.file.connection[0])
        watch._load()
        return watch

    def submit(self, op: str, **arguments: Any) -> Any:
        return run(self.writer, op, arguments)

    def again(self) -> None:
        self.close()
        self.begin()

    def close(self) -> None:
        self.writer.close()

    def write(self, text: str | bytes, name: str = "soil.dat") -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def append(self, text: str, name: str = "soil.dat") -> None:
        with (self.folder / name).open("ab") as file:
            file.write(text.encode())

    def look(self) -> None:
        self.watch.look()
        assert self.watch.status()["error"] == ""

    def reader(self) -> JournalReader:
        return JournalReader(self.station.journal_path)

    def values(self, variable: str = "co2") -> dict[str, float | None]:
        """What stands in the series at p1/d10, by minute."""
        with self.reader() as reader:
            key = next((i.key for i in reader.series() if i.key.variable == variable), None)
            pieces = [] if key is None else list(reader.read([key]))
            return {
                iso(time_us)[5:16]: None if value != value else value
                for piece in pieces
                for time_us, value in zip(piece.times, piece.values, strict=True)
            }

    def counters(self) -> dict[str, int]:
        with self.reader() as reader:
            return reader.accounting.counters().get("cr1000", {})

    def imports(self) -> list[tuple[str, str, dict[str, int]]]:
        with self.reader() as reader:
            return [(row.file, row.state, row.counts) for row in reader.accounting.imports()]

    def parked(self) -> list[str]:
        with self.reader() as reader:
            return [row.reason for row in reader.accounting.parked("waiting")]
