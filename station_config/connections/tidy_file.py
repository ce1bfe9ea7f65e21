"""Tidy tables that are brought in by hand: pseudo-instruments at every position, nothing in the station file."""

from __future__ import annotations

from typing import ClassVar, Literal

from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Kind


class TableModel(ProbeModel):
    """What a table may hold."""

    protocols: ClassVar[tuple[str, ...]] = ("table",)

    protocol: Literal["table"]
    """How it is read."""


class _TidyFile(Kind):
    name = "tidy-file"
    label = ("tidy table", "整洁数据表")
    contract = "file"
    models = (TableModel,)
    driver = "soilco2.ingest.drivers.tidy_file:DRIVER"


KIND = _TidyFile()
