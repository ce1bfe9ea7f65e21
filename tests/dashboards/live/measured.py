"""Two days of measured data (SJER, June 2022) as a page."""

from __future__ import annotations

from pathlib import Path

from soilco2.dashboards.live.queries import PageStation
from soilco2.dashboards.live.stations import pages_of
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.station_config.loader import load_station
from soilco2.storage.journal.writer import Writer
from soilco2.teaching.demo import station_text

START = 1_654_041_600_000_000
DAY = 86_400_000_000


def measured(folder: Path) -> PageStation:
    """The page of a station whose journal lies in a folder."""
    path = folder / "sjer.toml"
    path.write_text(station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n', encoding="utf-8")
    station = load_station(path)
    with Writer.open(station, now_us=lambda: START + 2 * DAY) as writer:
        writer.commit([s for batch in backfill_samples(station, START, START + 2 * DAY) for s in batch])
        writer.note("field", "<script>alert(1)</script> lid opened", START + DAY)
    clock = folder / "clock"
    clock.write_bytes((START + 2 * DAY).to_bytes(8, "little"))
    return pages_of([station], clock_file=clock)[0]
