"""Tidy tables: CSV, plain or gzipped."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

from soilco2.ingest.drivers.file_driver import Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.errors import cause
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.storage.errors import TidyFileError
from soilco2.storage.tidy.samples import Moment, read_samples
from soilco2.storage.tidy.text import Layout, find_layout


class _TidyFileDriver:
    def sniff(self, path: Path, mapping: Any = None) -> Layout:
        """How a table is laid out."""
        return find_layout(path)

    def rows(
        self, station: Station, layout: Layout, zone: tzinfo | None, arrival: Arrival, after_line: int = 0
    ) -> Iterator[Rows]:
        """Rows behind a line, as samples."""
        moment = Moment(arrival.arrival_us, arrival.mono_us, arrival.boot_id)
        behind = replace(layout, first_line=max(layout.first_line, after_line + 1))
        try:
            for stretch in read_samples(station, layout.path, moment, zone, behind, arrival.source):
                if stretch.line > after_line:
                    yield Rows(*stretch)
        except (EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
            # it could be read when it was sniffed
            raise TidyFileError(
                str(layout.path),
                Message(
                    "changed while it was read: {why}",
                    why=cause(error),
                ),
            ) from error


DRIVER = _TidyFileDriver()
