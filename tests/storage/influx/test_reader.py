"""What is read from InfluxDB is what was written, whatever it is called."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

import soilco2.storage.influx.reader
from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.storage.errors import SinkDenied, SinkRefused, SinkUnavailable
from soilco2.storage.influx.line_protocol import encode, point
from soilco2.storage.influx.reader import InfluxReader, identifier
from soilco2.storage.influx.sink import InfluxSink
from tests.paths import ROOT
from tests.servers import TOKEN_VARIABLE, InfluxBucket, free_port

pytestmark = pytest.mark.influx

MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
KEY = SeriesKey("yulin", "p1", "d10", "co2")
HOSTILE = [
    SeriesKey("x' OR 'a' = 'a", "p1", "d10", "co2"),
    SeriesKey("yulin", '"; DROP MEASUREMENT "soil"; --', "d10", "co2"),
    SeriesKey("榆林", "$station", "a b,c=d", "soil_water"),
    SeriesKey("yulin", "p1", "é'\"", "soil_temperature"),
    SeriesKey("time", "null", "SELECT *", "co2"),
]


def seen(key: SeriesKey, time_us: int, value: float | None, flag: Flag = Flag.GOOD) -> Observation:
    return Observation(key, time_us, value, value, flag, "", "", "0123456789ab")


@pytest.fixture
def reader(influx: InfluxBucket) -> Iterator[InfluxReader]:
    made = InfluxReader(influx.table())
    yield made
    made.close()


@pytest.fixture
def sink(influx: InfluxBucket) -> Iterator[InfluxSink]:
    made = InfluxSink(influx.table())
    yield made
    made.close()


def test_an_empty_bucket_has_no_series(reader: InfluxReader) -> None:
    assert reader.series() == []
    assert list(reader.read([KEY])) == []


def test_hostile_names_come_back_and_find_only_themselves(reader: InfluxReader, sink: InfluxSink) -> None:
    sink.write(encode([seen(key, MARCH + n, 100.0 + n) for n, key in enumerate(HOSTILE)]))
    assert {info.key for info in reader.series()} == set(HOSTILE)
    for n, key in enumerate(HOSTILE):
        (piece,) = reader.read([key])
        assert piece.key == key
        assert (list(piece.times), list(piece.values)) == ([MARCH + n], [100.0 + n])


def test_a_series_without_position_is_found_and_not_mixed_with_others(
    reader: InfluxReader, sink: InfluxSink
) -> None:
    site, other = (
        SeriesKey("yulin", "site", "", "air_pressure"),
        SeriesKey("yulin", "site", "x", "air_pressure"),
    )
    sink.write(encode([seen(site, MARCH, 885.25), seen(other, MARCH + 1, 900.0)]))
    assert {info.key for info in reader.series()} == {site, other}
    (piece,) = reader.read([site])
    assert list(piece.values) == [885.25]


def test_missing_values_and_overwritten_ones(reader: InfluxReader, sink: InfluxSink) -> None:
    sink.write(encode([seen(KEY, MARCH, None, Flag.MISSING), seen(KEY, MARCH + 1, 400.0)]))
    sink.write(encode([seen(KEY, MARCH + 1, None, Flag.MISSING), seen(KEY, MARCH + 2, 5.0, Flag.BAD)]))
    (piece,) = reader.read([KEY])
    assert list(piece.flags) == [9, 9, 4]
    assert math.isnan(piece.values[0])
    assert math.isnan(piece.values[1])
    assert piece.values[2] == 5.0


def test_windows_pages_and_order(
    reader: InfluxReader, sink: InfluxSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soilco2.storage.influx.reader, "PIECE", 7)
    times = [MARCH + n * 1_000_000 for n in range(50)]
    sink.write(encode(seen(KEY, t, float(t)) for t in reversed(times)))
    pieces = list(reader.read([KEY], times[3], times[40]))
    assert max(len(piece.times) for piece in pieces) == 7
    assert [t for piece in pieces for t in piece.times] == times[3:40]
    assert [v for piece in pieces for v in piece.values] == [float(t) for t in times[3:40]]


def test_first_and_last_are_told_also_before_1970_and_in_the_future(
    reader: InfluxReader, sink: InfluxSink
) -> None:
    late = 4_102_444_800_000_000  # 2100-01-01
    sink.write(encode([seen(KEY, -5_000_000, 1.0), seen(KEY, MARCH, 2.0), seen(KEY, late, 3.0)]))
    (info,) = reader.series()
    assert (info.first_us, info.last_us, info.unit) == (-5_000_000, late, "ppm")
    (piece,) = reader.read([KEY])
    assert list(piece.times) == [-5_000_000, MARCH, late]


def test_numbers_come_back_to_the_last_bit(reader: InfluxReader, sink: InfluxSink) -> None:
    numbers = [math.pi * 10.0**power for power in range(-300, 300, 7)] + [0.1 + 0.2, 5e-324, -0.0, 1e22]
    sink.write(encode(seen(KEY, MARCH + n, number) for n, number in enumerate(numbers)))
    (piece,) = reader.read([KEY])
    assert list(piece.values) == numbers


def test_errors_of_reading(influx: InfluxBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SinkDenied, match="nowhere"):
        InfluxReader(influx.table(bucket="nowhere")).series()
    with pytest.raises(SinkUnavailable, match="connection refused"):
        InfluxReader(influx.table(url=f"http://127.0.0.1:{free_port()}")).series()
    with pytest.raises(SinkRefused, match="parse"):
        InfluxReader(influx.table()).query("SELECT FROM")
    with pytest.raises(SinkRefused, match="control character"):
        identifier("a\nb")
    monkeypatch.setenv(TOKEN_VARIABLE, "a-wrong-token")
    with pytest.raises(SinkDenied) as caught:
        InfluxReader(influx.table()).series()
    assert "a-wrong-token" not in str(caught.value)


def test_depth_period_and_remark_come_from_the_station(influx: InfluxBucket, sink: InfluxSink) -> None:
    from soilco2.station_config.loader import load_station

    station = load_station(ROOT / "teaching" / "demo" / "sjer.toml")
    key = SeriesKey(*next(s for s in station.deployments.series() if s[3] == "bulk_ec"))
    sink.write(encode([seen(key, MARCH, 0.5), seen(KEY, MARCH, 400.0)]))
    reader = InfluxReader(influx.table(), station)
    (info,) = reader.series()
    reader.close()
    assert info.key == key
    assert info.depth_m == station.deployments.depth_at(key.profile, key.position)
    assert info.period_s == station.deployments.period_s(key)
    assert info.note.startswith("modelled")


def test_results_in_time_come_with_their_limits(reader: InfluxReader, sink: InfluxSink) -> None:
    flux = SeriesKey("yulin", "p1", "", "co2_flux")
    tags = {"station": "yulin", "profile": "p1", "variable": "co2_flux", "method": "gradient"}
    lines = [
        point("soil_derived", tags, {"value": 1.5, "lower": 1.0, "upper": 2.0}, MARCH),
        point("soil_derived", tags, {"value": 2.5, "flag": 1.0}, MARCH + 1),
        point("soil_derived", tags, {"value": 3.5}, MARCH + 2),
        point("soil_derived", tags, {"flag": 9.0}, MARCH + 2),
    ]
    sink.write(b"\n".join(lines))
    sink.write(encode([seen(KEY, MARCH, 400.0)]))
    assert {info.key: info.unit for info in reader.series()} == {flux: "umol m-2 s-1", KEY: "ppm"}
    (piece,) = reader.read([flux])
    assert list(piece.times) == [MARCH, MARCH + 1, MARCH + 2]
    assert repr(piece.values.tolist()) == "[1.5, 2.5, nan]"
    assert repr([piece.lower.tolist(), piece.upper.tolist()]) == "[[1.0, nan, nan], [2.0, nan, nan]]"
    assert list(piece.flags) == [1, 1, 9]
    newer = {**tags, "method": "a newer way"}
    sink.write(
        b"\n".join(
            point("soil_derived", newer, {"value": 7.0 + n, "flag": 1.0}, MARCH + 4 * n) for n in (0, 1)
        )
    )
    (piece,) = reader.read([flux])
    assert list(piece.values) == [7.0, 8.0], "the method with the newest value, and nothing of the other"
