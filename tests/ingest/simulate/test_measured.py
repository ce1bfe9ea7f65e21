"""Measured data by slot; expected numbers are lines of the published files, read by eye."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from soilco2.ingest.errors import SimulationError
from soilco2.ingest.simulate.measured import SITE, Measured, SensorKey, load_measured

HALF_HOUR = 1_800_000_000
START = 1_654_041_600_000_000  # 2022-06-01T00:00Z


@pytest.fixture(scope="module")
def sjer() -> Measured:
    return load_measured()


def test_values_are_those_of_the_files(sjer: Measured) -> None:
    # soil_co2.csv: 2022-06-01T00:00:00Z,"001","501",-0.03,677.81 and "001","502",-0.09,1022.13
    assert sjer.value(SensorKey("001", "co2", 0.03), START) == 677.81
    assert sjer.value(SensorKey("001", "co2", 0.09), START) == 1022.13
    # soil_water_content.csv: "002","501",-0.065,0.0111 ; soil_temperature.csv: "001","501",-0.02,25.189
    assert sjer.value(SensorKey("002", "soil_water", 0.065), START) == 0.0111
    assert sjer.value(SensorKey("001", "soil_temperature", 0.02), START) == 25.189
    # barometric_pressure.csv: 96.3943 kPa, then 96.38474 kPa
    assert sjer.value(SensorKey(SITE, "air_pressure", 0.0), START) == 963.943
    assert sjer.value(SensorKey(SITE, "air_pressure", 0.0), START + HALF_HOUR) == 963.8474


def test_a_value_stands_for_its_half_hour_and_a_gap_for_nothing(sjer: Measured) -> None:
    key = SensorKey("001", "co2", 0.03)
    assert sjer.value(key, START + HALF_HOUR - 1) == 677.81
    assert sjer.value(key, START - 1) is None
    assert sjer.value(key, sjer.end_us) is None
    missing = [n for n in range(1440) if sjer.value(key, START + n * HALF_HOUR) is None]
    assert len(missing) == 32  # 1440 rows, 1408 with a value
    assert not sjer.has(SensorKey("004", "soil_temperature", 1.17)), "a thermometer that was dead all month"


def test_step_and_span(sjer: Measured) -> None:
    assert (sjer.first_us, sjer.step_us) == (START, HALF_HOUR)
    assert sjer.end_us - sjer.first_us == 30 * 86_400_000_000
    assert sjer.profiles == ["001", "002", "003", "004", "005"]


def test_the_nearest_sensor_within_a_centimetre(sjer: Measured) -> None:
    assert sjer.find("004", "soil_temperature", 0.06, exact=True) == ("004", "soil_temperature", 0.07)
    assert sjer.find("004", "soil_water", 0.08, exact=True) is None
    assert sjer.find("004", "soil_water", 0.10, exact=False) == ("004", "soil_water", 0.06)
    assert sjer.find("004", "wind_speed", 0.06, exact=False) is None


def test_a_tidy_table(tmp_path: Path) -> None:
    table = tmp_path / "soil.csv.gz"
    with gzip.open(table, "wt", encoding="utf-8") as handle:
        handle.write(
            "time_utc,profile,position,depth_m,variable,value,unit\n"
            "2026-01-01T00:00:00Z,p1,d10,0.1,soil_water,12.5,%\n"
            "2026-01-01T08:10:00+08:00,p1,d10,0.1,soil_water,,%\n"
            "2026-01-01T00:00:00Z,,,,air_pressure,88.1,kPa\n"
        )
    data = load_measured(table)
    midnight = 1_767_225_600_000_000
    assert data.value(SensorKey("p1", "soil_water", 0.1), midnight) == pytest.approx(0.125)
    assert data.value(SensorKey("p1", "soil_water", 0.1), midnight + 600_000_000) is None
    assert data.value(SensorKey(SITE, "air_pressure", 0.0), midnight) == pytest.approx(881.0)
    assert data.step_us == 600_000_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time_utc,value\n2026-01-01T00:00:00Z,1\n", "2: column 'variable' is missing"),
        ("time_utc,variable,value\n2026-01-01T00:00:00,co2,1\n", "2: time .* has no zone"),
        ("time_utc,variable,value\n2026-01-01T00:00:00Z,co2,wet\n", "2: could not convert"),
        (
            "time_utc,variable,value,unit\n2026-01-01T00:00:00Z,co2,1,kPa\n",
            "2: unit 'kPa' does not fit co2",
        ),
        ("time_utc,variable,value\n", "there is no value"),
    ],
)
def test_bad_tables_name_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    table = tmp_path / "soil.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(SimulationError, match=rf"soil\.csv:?\s?{words}"):
        load_measured(table)


def test_bad_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="none of soil_co2"):
        load_measured(tmp_path)
    (tmp_path / "soil_co2.csv").write_text("time_utc,plot,depth_m\n", encoding="utf-8")
    with pytest.raises(SimulationError, match=r"soil_co2\.csv:1: 'value' is not in list"):
        load_measured(tmp_path)
    with pytest.raises(SimulationError, match="cannot be read"):
        load_measured(tmp_path / "missing.csv")
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8b\x08\x00junk")
    with pytest.raises(SimulationError, match="cannot be read"):
        load_measured(tmp_path / "broken.csv.gz")
