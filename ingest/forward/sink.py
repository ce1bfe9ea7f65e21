"""A database that is forwarded to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from soilco2.station_config.tables.influxdb import InfluxdbTable


class SinkTable(Protocol):
    """What the station file says of anything that is forwarded to."""

    @property
    def id(self) -> str: ...
    @property
    def batch(self) -> int: ...
    @property
    def tail(self) -> float: ...


class Sink(Protocol):
    """A database."""

    def write(self, lines: bytes) -> None:
        """Store lines, or raise a `SinkError`."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_influx(table: InfluxdbTable) -> Sink:
    """The database of a station file; its library is loaded here, not before."""
    from soilco2.storage.influx.sink import InfluxSink

    with _without("numpy", "pandas"):
        return InfluxSink(table)


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Have these packages not found: the library would load them for tables that are never used here, 14 MB."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
