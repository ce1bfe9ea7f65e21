"""Files of loggers: brought in by hand with a mapping, or watched in a folder as the station file says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Mapping_
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from soilco2.ingest.drivers.driver import Batch, Bench, Driver, FarEnd, Host
from soilco2.ingest.drivers.file_driver import Rows
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.files.recognise import sniff
from soilco2.ingest.files.watching import FolderWatch
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.supervisor import Managed
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.logger_file import LoggerFileConnection
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message


class _LoggerFileDriver(Driver):
    def sniff(self, path: Path, mapping: Any = None) -> Any:
        """How a file is laid out, by its content and the mapping."""
        return sniff(path, mapping if mapping is not None else Mapping())

    def rows(
        self, station: Station, layout: Any, zone: tzinfo | None, arrival: Arrival, after_line: int = 0
    ) -> Iterator[Rows]:
        """Rows behind a line, as samples."""
        for piece in layout.rows(station, zone, arrival):
            if piece.line > after_line or piece.told:
                yield piece if not after_line else _behind(piece, after_line)

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping_[str, Managed]:
        found: dict[str, Managed] = {}
        file = host.station().file
        for row in connections:
            assert isinstance(row, LoggerFileConnection)
            key = (row, file.profile, file.instrument)
            found[f"files {row.id}"] = Managed(
                partial(FolderWatch, host, row), key, patience_s=row.every + 300.0
            )
        return found

    def retry(self, station: Station, source: str, payload: bytes, arrival_us: int) -> Batch:
        batch = Batch()
        reason = Message(
            "it came out of a file, which is read again by itself when the mapping in the station file has changed"
        )
        batch.refuse(source, reason, payload, None, arrival_us)
        return batch

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.logger import SimulatedLogger

        return SimulatedLogger(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping_[str, float | None]
    ) -> list[Reading]:
        return [Reading(name, raw, "") for name, raw in raws.items()]


def _behind(piece: Rows, line: int) -> Rows:
    """What of some rows lies behind a line."""
    kept = [at for at, number in enumerate(piece.lines) if number > line]
    if len(kept) == len(piece.lines):
        return piece
    return piece._replace(
        samples=[piece.samples[at] for at in kept],
        lines=[piece.lines[at] for at in kept],
        faults=[fault for fault in piece.faults if fault.line > line],
    )


DRIVER = _LoggerFileDriver()
