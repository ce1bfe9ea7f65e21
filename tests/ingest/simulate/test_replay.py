"""What simulated instruments say: the measured value to the register's resolution, at its slot."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from soilco2.ingest.simulate.measured import Measured, load_measured
from soilco2.ingest.simulate.replay import Feed, backfill_samples, modelled_ec
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.teaching.demo import TEMPLATE, station_text
from tests.paths import ROOT

HALF_HOUR = 1_800_000_000
START = 1_654_041_600_000_000  # 2022-06-01T00:00Z
FOLDER = ROOT / "teaching" / "data" / "neon_sjer_2022_06"


@pytest.fixture(scope="module")
def station() -> Station:
    return load_station(TEMPLATE)


@pytest.fixture(scope="module")
def sjer() -> Measured:
    return load_measured()


@pytest.fixture(scope="module")
def month(station: Station) -> list[Sample]:
    end = START + 1440 * HALF_HOUR
    return list(itertools.chain.from_iterable(backfill_samples(station, START, end)))


def published(name: str, plot: str) -> Iterator[tuple[int, float, float | None]]:
    """(time [µs UTC], depth [m], value) of a file, read here and by nothing under test."""
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["plot"] == plot:
                moment = datetime.fromisoformat(row["time_utc"])
                value = float(row["value"]) if row["value"] else None
                yield round(moment.timestamp() * 1e6), -float(row["depth_m"]), value


def by_serial(month: list[Sample], serial: str, channel: str) -> dict[int, float | None]:
    return {
        row.time_us: row.raw
        for row in month
        if (row.serial, row.channel) == (serial, channel) and row.time_us is not None
    }


# serial, channel, file, plot, depth in the file, canonical value of the raw number, resolution:
# GMP252 is float32 (24 bits: 1.2e-4 at 2000 ppm), family B 0.01 degC and 0.01 %, the barometer float32 hPa
CHECKS = [
    ("SJER-004-CO2-501", "co2", "soil_co2", "004", 0.03, 1.0, 1.3e-4),
    ("SJER-004-CO2-503", "co2", "soil_co2", "004", 0.21, 1.0, 1.3e-4),
    ("SJER-004-S-501", "soil_temperature", "soil_temperature", "004", 0.07, 0.01, 0.005),
    ("SJER-004-S-501", "soil_water", "soil_water_content", "004", 0.06, 0.0001, 0.00005),
    ("SJER-004-S-508", "soil_temperature", "soil_temperature", "004", 1.67, 0.01, 0.005),
    ("SJER-004-W-507", "soil_water", "soil_water_content", "004", 1.16, 0.0001, 0.00005),
    ("SJER-004-T-501", "soil_temperature", "soil_temperature", "004", 0.03, 0.01, 0.005),
    ("SJER-000-P-035", "air_pressure", "barometric_pressure", "000", -6.03, 0.1, 3.1e-6),
    ("SJER-003-CO2-502", "co2", "soil_co2", "003", 0.09, 1.0, 0.0),
    ("SJER-003-S-502", "soil_water", "soil_water_content", "003", 0.1625, 1.0, 0.0),
    ("SJER-003-S-508", "soil_temperature", "soil_temperature", "003", 1.66, 1.0, 0.0),
]


@pytest.mark.parametrize(("serial", "channel", "name", "plot", "depth", "scale", "resolution"), CHECKS)
def test_every_value_of_the_month_comes_back(
    month: list[Sample],
    serial: str,
    channel: str,
    name: str,
    plot: str,
    depth: float,
    scale: float,
    resolution: float,
) -> None:
    said = by_serial(month, serial, channel)
    checked = missing = 0
    for time_us, where, value in published(name, plot):
        if where != depth:
            continue
        raw = said[time_us]
        if value is None:
            assert raw is None or raw in (32767, 65535), "a gap is told as such"
            missing += 1
        else:
            assert raw is not None
            assert abs(raw * scale - value) <= resolution * 1.0001
            checked += 1
    assert checked + missing == 1440
    assert missing >= 11


def test_every_channel_of_the_demonstration_has_data(station: Station, sjer: Measured) -> None:
    feed = Feed(station.deployments, sjer)
    for span in station.deployments.spans:
        assert feed.told_by(span.serial, span.channel, START), (span.serial, span.channel)
    assert feed.told_by("SJER-004-S-503", "soil_temperature", START) == "soil_temperature of 004 at 0.27 m"
    assert feed.told_by("SJER-003-S-501", "bulk_ec", START) == (
        "modelled from soil_water of 003 at 0.0625 m and soil_temperature of 003 at 0.06 m"
    )


def test_what_is_modelled_is_called_so(station: Station, sjer: Measured) -> None:
    """Every conductivity of the demonstration says how it was made, and nothing else does."""
    for instrument in station.file.instrument:
        channels = {span.channel for span in station.deployments.spans if span.serial == instrument.serial}
        assert set(instrument.modelled) == channels & {"bulk_ec"}
        assert all(
            "Mualem & Friedman 1991" in words for words in (both.en for both in instrument.modelled.values())
        )


@pytest.mark.parametrize(
    ("water", "temperature", "expected"),
    [
        (0.0, 25.0, 0.0),
        (0.04, 25.0, 0.01704),  # 2.13 x 0.04^1.5 = 2.13 x 0.008
        (0.09, 25.0, 0.05751),  # 2.13 x 0.027
        (0.25, 35.0, 0.31710375),  # 2.13 x 0.125 x (1 + 0.191)
        (0.25, 15.0, 0.21539625),  # 2.13 x 0.125 x (1 - 0.191)
    ],
)
def test_modelled_conductivity(water: float, temperature: float, expected: float) -> None:
    """Mualem & Friedman (1991): EC = EC_w θ^2.5 / θ_s with EC_w = EC_e θ_s / θ; worked by hand."""
    assert modelled_ec(water, temperature) == pytest.approx(expected, abs=6e-7)


def test_slots_come_in_order_and_only_once(month: list[Sample]) -> None:
    keys = [(row.time_us, row.serial, row.channel) for row in month]
    assert len(set(keys)) == len(keys)
    assert [key[0] for key in keys] == sorted(key[0] for key in keys if key[0] is not None)
    assert {row.source for row in month} == {"backfill"}


def test_a_backfill_in_two_parts_is_the_whole(station: Station, month: list[Sample]) -> None:
    middle, end = START + 7 * HALF_HOUR + 1, START + 20 * HALF_HOUR
    parts = [*backfill_samples(station, START, middle), *backfill_samples(station, middle, end)]
    said = [(row.serial, row.channel, row.time_us, row.raw, row.status) for part in parts for row in part]
    whole = [
        (row.serial, row.channel, row.time_us, row.raw, row.status)
        for row in month
        if row.time_us is not None and row.time_us < end
    ]
    assert said == whole


def test_repeated_data_keep_the_time_of_day(station: Station, sjer: Measured) -> None:
    feed = Feed(station.deployments, sjer, repeat=True)
    later = START + 4 * 30 * 86_400_000_000 + 5 * HALF_HOUR
    assert feed.value("SJER-004-CO2-501", "co2", later) == feed.value(
        "SJER-004-CO2-501", "co2", START + 5 * HALF_HOUR
    )
    once = Feed(station.deployments, sjer)
    assert once.value("SJER-004-CO2-501", "co2", later) is None


def test_a_station_with_names_of_its_own_takes_plots_in_order(tmp_path: Path, sjer: Measured) -> None:
    text = station_text(1883).replace('"p004', '"north').replace('"p003', '"south')
    text = text.replace("depth_m = 0.03", "depth_m = 0.05")
    path = tmp_path / "station.toml"
    path.write_text(text, encoding="utf-8")
    feed = Feed(load_station(path).deployments, sjer)
    assert feed.told_by("SJER-004-CO2-501", "co2", START) == "co2 of 001 at 0.03 m"
    assert feed.told_by("SJER-003-CO2-502", "co2", START) == "co2 of 002 at 0.03 m"
