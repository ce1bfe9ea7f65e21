"""Which layout and which way belong to a platform of the station file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soilco2.ingest.forward.layout import Layout
from soilco2.ingest.forward.sink import Sink
from soilco2.station_config.loader import Station
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.station_config.tables.platform import CsvPlatform, HttpPlatform, Platform
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.reader import JournalReader


def layout_of(table: Platform, station: Station) -> Layout:
    """How readings are written for a platform."""
    if isinstance(table, CsvPlatform):
        from soilco2.ingest.forward.platforms.daily_csv import DailyTemplate

        return DailyTemplate(table, station)
    from soilco2.ingest.forward.platforms.template import Template

    return Template(table, station)


def open_platform(table: Platform, station: Station, whole: Callable[[], JournalReader]) -> Sink:
    """The way to a platform; what it needs is loaded here, not before."""
    if isinstance(table, CsvPlatform):
        from soilco2.ingest.forward.platforms.daily_csv import CsvSink

        return CsvSink(table, station, whole)
    if isinstance(table, HttpPlatform):
        from soilco2.ingest.forward.platforms.http import HttpSink

        return HttpSink(table)
    from soilco2.ingest.forward.platforms.mqtt import MqttSink

    return MqttSink(table, station.file.brokers[table.broker or ""], station.file.station.id)


def means(table: InfluxdbTable | Platform, station: Station, *, once: bool) -> dict[str, Any]:
    """What a forwarder to a platform is made with, in no haste unless it runs once; nothing for a database."""
    if isinstance(table, InfluxdbTable):
        return {}
    return {
        "open_sink": lambda _: open_platform(table, station, lambda: open_journal(station)),
        "layout": layout_of(table, station),
        "linger_s": 0.0 if once else table.interval,
    }
