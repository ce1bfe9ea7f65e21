"""From the rows of a table to samples: which position a row means, and what is not believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.loader import Station, load_station
from soilco2.storage.tidy.rows import Place
from soilco2.storage.tidy.samples import STRETCH, Moment, find_channel, read_samples

MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
NOW = Moment(MARCH + 10 * 86_400_000_000, 5, "boot")

STATION = """
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[[profile]]
id = "p1"
position = [{ id = "d10", depth_m = 0.10 }, { id = "d30", depth_m = 0.30 }]
surface = [{ from = 2026-03-01T08:00:00+08:00, change_m = 0.02 }]
[[profile]]
id = "p2"
position = [{ id = "d30", depth_m = 0.30 }, { id = "a", depth_m = 0.5, replicate = "a" },
            { id = "b", depth_m = 0.5, replicate = "b" }]
"""


@pytest.fixture
def station(tmp_path: Path) -> Station:
    path = tmp_path / "yulin.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


def place(profile: str = "", position: str = "", depth_m: float | None = None, variable: str = "co2",
          station: str = "") -> Place:  # fmt: skip
    return Place(station, profile, position, depth_m, variable)


@pytest.mark.parametrize(
    ("row", "serial"),
    [
        (place("p1", "d10"), "import/p1/d10"),
        (place("p1", "d10", 0.1), "import/p1/d10"),
        (place("p1", "d10", 0.12), "import/p1/d10"),  # after 2 cm of sand
        (place("", "d10"), "import/p1/d10"),
        (place("", "", 0.1), "import/p1/d10"),
        (place("p2", "", 0.3), "import/p2/d30"),
        (place("p1", "d10", station="yulin"), "import/p1/d10"),
        (place("site", "", None, "air_pressure"), "import/site/"),
        (place("", "", None, "rain"), "import/site/"),
        (place("", "", None, "air_temperature"), "import/site/"),
    ],
)
def test_the_position_that_a_row_means(station: Station, row: Place, serial: str) -> None:
    assert find_channel(station.deployments, row) == (serial, row.variable)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (place("p1", "d99"), "p1/d99 is no position of the station; there are p1/d10, p1/d30"),
        (place("p9", "d10"), "p9/d10 is no position"),
        (place("", "", 0.77), "depth 0.77 m is no position"),
        (place("", "d30"), "more than one position (p1/d30, p2/d30)"),
        (place("p2", "", 0.5), "more than one position (p2/a, p2/b)"),
        (place("p1", "d10", 0.2), "lies at 0.12 m by the station file, not at 0.2 m"),
        (place(), "needs a position"),
        (place("p1", "d10", station="other"), "station 'other' is not 'yulin'"),
    ],
)
def test_rows_that_mean_no_position(station: Station, row: Place, words: str) -> None:
    found = find_channel(station.deployments, row)
    assert isinstance(found, str)
    assert words in found


def test_samples_of_a_table(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "logger 1.csv"
    path.write_text(
        "time_utc,profile,position,variable,value,unit,flag\n"
        "2026-03-01T00:00:00Z,p1,d10,soil_temperature,293.15,K,1\n"
        "2026-03-01T00:00:00Z,p1,d99,co2,400,ppm,1\n"
        "2026-03-01T00:01:00Z,p1,d10,co2,401,ppm,3\n"
        "2026-03-01T00:02:00Z,p1,d10,co2,402,ppm,4\n"
        "2026-03-01T00:03:00Z,p1,d10,co2,403,ppm,9\n"
        "2026-03-01T00:04:00Z,p1,d10,co2,,ppm,\n"
        "2027-03-01T00:04:00Z,p1,d10,co2,400,ppm,1\n",
        encoding="utf-8",
    )
    (stretch,) = read_samples(station, path, NOW)
    first = stretch.samples[0]
    assert first[:3] == ("import/p1/d10", "soil_temperature", MARCH)
    assert first.raw == pytest.approx(20.0, abs=1e-12)
    assert first[4:] == ("", None, NOW.now_us, 5, "boot", "import:logger 1.csv", None)
    # a flag of the table stays known: bits that the pseudo-instrument's status names
    assert [(s.raw, s.status) for s in stretch.samples[1:]] == [
        (401.0, "source=0x1"), (402.0, "source=0x2"), (None, ""), (None, ""),
    ]  # fmt: skip
    assert [(fault.line, fault.text.split(",")[2]) for fault in stretch.faults] == [(3, "d99"), (8, "d10")]
    assert "future" in stretch.faults[1].reason


def test_stretches_are_bounded_and_count_every_row(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        f"2026-03-01T{i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z,d10,{i},ppm,co2\n"
        for i in range(12_345)
    ]
    rows[100] = "nonsense\n"
    path.write_text("time_utc,position,value,unit,variable\n" + "".join(rows), encoding="utf-8")
    stretches = list(read_samples(station, path, NOW))
    assert [len(s.samples) + len(s.faults) for s in stretches] == [STRETCH, STRETCH, 2345]
    assert sum(len(s.faults) for s in stretches) == 1
    assert stretches[-1].line == 12_346
