"""Tidy tables: CSV, plain or gzipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from soilco2.ingest.drivers.driver import Arrival, Rows
from soilco2.station_config.loader import Station
from soilco2.storage.tidy.samples import Moment, read_samples
from soilco2.storage.tidy.text import Layout, find_layout


class _TidyFileDriver:
    def sniff(self, path: Path) -> Layout:
        """How a table is laid out."""
        return find_layout(path)

    def rows(
        self, station: Station, layout: Layout, zone: ZoneInfo | None, arrival: Arrival, after_line: int = 0
    ) -> Iterator[Rows]:
        """Rows behind a line, as samples."""
        moment = Moment(arrival.arrival_us, arrival.mono_us, arrival.boot_id)
        for stretch in read_samples(station, layout.path, moment, zone, layout):
            if stretch.line > after_line:
                yield Rows(*stretch)


DRIVER = _TidyFileDriver()
