"""A simulated logger: appends measured data to a TOA5 file, a row each slot, as LoggerNet does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.errors import SimulationError
from soilco2.station_config.deployments import IMPORT
from soilco2.station_config.mapping import Column, Mapping
from soilco2.station_config.message import Message, system
from soilco2.station_config.units import conversion

USUAL_S = 900.0
"""Time between rows where the connection does not say it [s]."""


class SimulatedLogger:
    """The logger of one connection.

    Parameters
    ----------
    bench : Bench
    """

    def __init__(self, bench: Bench) -> None:
        mapping: Mapping = bench.connection
        self.failure: Exception | None = None
        self._bench, self._mapping = bench, mapping
        self._every_us = round((mapping.period or USUAL_S) * 1e6)
        self._file = _file_of(bench.connection.path)
        self._record = 0
        self._next_us = -(-bench.clock.now_us() // self._every_us) * self._every_us
        if mapping.format not in ("auto", "TOA5") or any(
            isinstance(row.column, int) for row in mapping.column
        ):
            raise SimulationError(
                Message(
                    "{connection}: a logger is simulated with files of TOA5 whose columns are named; take it out of "
                    "the station file that is simulated",
                    connection=bench.connection.id,
                )
            )

    @property
    def place(self) -> tuple[str, str]:
        """The file it writes."""
        return "files", str(self._file)

    def start(self) -> None:
        """Write the header, where the file is not there yet."""
        if self._file.exists():
            return
        rows = self._mapping.column
        units = [row.unit or self._variable(row)[1] for row in rows]
        head = [
            [
                "TOA5",
                self._bench.station.file.station.id,
                "CR1000X",
                "0",
                "simulated",
                "soilco2",
                "0",
                "Soil",
            ],
            ["TIMESTAMP", "RECORD", *(str(row.column) for row in rows)],
            ["TS", "RN", *units],
            ["", "", *("Smp" for _ in rows)],
        ]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(
                "".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in head),
                encoding="utf-8",
                newline="",
            )
        except OSError as error:
            raise SimulationError(
                Message("{path} cannot be written: {why}", path=self._file, why=system(error))
            ) from error

    def tick(self) -> None:
        """Append the rows that are due."""
        now = self._bench.clock.now_us()
        due = []
        while self._next_us <= now:
            due.append(self._row(self._next_us))
            self._next_us += self._every_us
        if due:
            try:
                with self._file.open("a", encoding="utf-8", newline="") as file:
                    file.writelines(due)
            except OSError as error:
                self.failure = error

    def stop(self) -> None:
        """What was written stays."""
        with contextlib.suppress(OSError):
            self._file.touch()

    def _row(self, time_us: int) -> str:
        zone = self._mapping.zone or UTC
        at = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).astimezone(zone)
        self._record += 1
        cells = ",".join(self._cells(time_us))
        return f'"{at:%Y-%m-%d %H:%M:%S}",{self._record - 1},{cells}\r\n'

    def _cells(self, time_us: int) -> Iterator[str]:
        variables = self._bench.station.variables
        for row in self._mapping.column:
            serial, channel = self._channel(row)
            value = self._bench.feed.value(serial, channel, time_us)
            name, unit = self._variable(row)
            a, b = conversion(row.unit or unit, name, variables)
            yield '"NAN"' if value is None else f"{(value - b) / a:.7g}"

    def _channel(self, row: Column) -> tuple[str, str]:
        if row.serial is not None and row.channel is not None:
            return row.serial, row.channel
        return f"{IMPORT}{row.position if row.position != 'site' else 'site/'}", row.variable or ""

    def _variable(self, row: Column) -> tuple[str, str]:
        """The variable of a column, and its canonical unit."""
        known = self._bench.station.deployments.channel(*self._channel(row))
        name = known.variable if known is not None else row.variable or ""
        return name, self._bench.station.variables[name].unit


def _file_of(path: Path) -> Path:
    """The file itself, or one of the pattern."""
    name = path.name.replace("*", "simulated").replace("?", "0")
    return path.with_name(name)
