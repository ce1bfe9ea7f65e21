"""Batches into a real InfluxDB: each point is stored or named as refused, exactly once."""

from __future__ import annotations

import itertools

import pytest

from soilco2.ingest.forward.bisect import Point, deliver, points_of
from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.storage.errors import SinkDenied, SinkRefused, SinkTooLarge, SinkUnavailable
from soilco2.storage.influx.sink import InfluxSink
from tests.present import system_us
from tests.servers import InfluxBucket, InfluxServer

MINUTE = 60_000_000
MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
PATTERNS = list(itertools.product("gb", repeat=5))


def observation(
    age_min: int, value: float | None = 400.0, variable: str = "co2", *, now_us: int = MARCH
) -> Observation:
    series = SeriesKey("s", "p1", "d1", variable)
    return Observation(series, now_us - age_min * MINUTE, value, None, Flag.GOOD, "", "", "0")


class Counting:
    """A sink that counts requests."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self.sink = InfluxSink(bucket.table())
        self.requests = 0

    def write(self, lines: bytes) -> None:
        self.requests += 1
        self.sink.write(lines)


@pytest.fixture
def sink(influx: InfluxBucket) -> Counting:
    return Counting(influx)


def stored(bucket: InfluxBucket, field: str = "co2") -> dict[int, float]:
    found: dict[int, float] = {}
    for series in bucket.query(f'SELECT "{field}" FROM soil'):
        for at, value in series["values"]:
            assert at not in found
            found[at] = value
    return found


def numbered(number: int, row: Observation) -> Point:
    return points_of([(number, row)])[0][0]


def text_at(time_us: int) -> bytes:
    """Makes a number in the field soil_water a type conflict; InfluxDB settles types anew in each shard, by time."""
    return f'soil,station=s,profile=p1,position=d2 soil_water="text" {time_us}'.encode()


def good_are_stored_and_bad_are_named(
    rows: list[Point], pattern: tuple[str, ...], bucket: InfluxBucket, sink: Counting
) -> None:
    refused = deliver(rows, sink.write)
    bad = [number for number, kind in enumerate(pattern) if kind == "b"]
    assert sorted(point.rev for one in refused for point in one.points) == bad
    assert all(one.reason for one in refused)
    assert stored(bucket) == {row.time_us: 400.0 + row.rev for row in rows if row.rev not in bad}


@pytest.mark.influx
@pytest.mark.parametrize("pattern", PATTERNS, ids="".join)
@pytest.mark.parametrize("fault", ["type", "line"])
def test_every_pattern_of_good_and_bad(
    influx: InfluxBucket, sink: Counting, now_us: int, fault: str, pattern: tuple[str, ...]
) -> None:
    rows = []
    for number, kind in enumerate(pattern):
        variable = "soil_water" if kind == "b" and fault == "type" else "co2"
        # a quarter of an hour apart: half an hour into a Monday they lie in two shards
        point = numbered(number, observation(15 * number, 400.0 + number, variable, now_us=now_us))
        if kind == "b" and fault == "type":
            sink.write(text_at(point.time_us))
        if kind == "b" and fault == "line":
            point = point._replace(line=point.line.replace(" co2=", " co2=oops"))
        rows.append(point)
    good_are_stored_and_bad_are_named(rows, pattern, influx, sink)


@pytest.mark.influx
@pytest.mark.usefixtures("influx")
@pytest.mark.parametrize("pattern", PATTERNS, ids="".join)
def test_every_pattern_of_kept_and_beyond_the_retention(
    influxd: InfluxServer, pattern: tuple[str, ...]
) -> None:
    now = system_us()  # the database counts the retention from the system's clock
    rows = [
        numbered(n, observation(n if kind == "g" else 600 + n, 400.0 + n, now_us=now))
        for n, kind in enumerate(pattern)
    ]
    bucket = influxd.bucket(retention_s=3600)
    good_are_stored_and_bad_are_named(rows, pattern, bucket, Counting(bucket))


@pytest.mark.influx
@pytest.mark.usefixtures("influx")
def test_a_stretch_beyond_the_retention_is_one_refusal_and_few_requests(influxd: InfluxServer) -> None:
    now = system_us() // MINUTE * MINUTE  # the database counts the retention from the system's clock
    bucket = influxd.bucket(retention_s=3600)
    counting = Counting(bucket)
    rows, _ = points_of([(n, observation(n, now_us=now)) for n in range(5000)])
    mixed = rows[::2] + rows[1::2]  # as revs of late data are: not in the order of time
    refused = deliver(mixed, counting.write)
    (stretch,) = refused
    # the database keeps whole shards of an hour; at the border it decides differently for other batches
    assert len(stretch.points) in range(5000 - 121, 5000 - 58)
    assert counting.requests <= 30
    taken = {point.time_us for point in rows} - {point.time_us for point in stretch.points}
    assert taken <= set(stored(bucket))


@pytest.mark.influx
def test_one_bad_point_among_thousands(sink: Counting, influx: InfluxBucket, now_us: int) -> None:
    rows, _ = points_of(
        [
            (n, observation(n, variable="soil_water" if n == 3210 else "co2", now_us=now_us))
            for n in range(5000)
        ]
    )
    sink.sink.write(text_at(rows[3210].time_us))  # not counted
    (refused,) = deliver(rows, sink.write)
    assert [point.rev for point in refused.points] == [3210]
    assert "type conflict" in refused.reason
    assert sink.requests <= 2 * 13 + 1
    assert len(stored(influx)) == 4999


def test_what_line_protocol_cannot_write_is_refused_alone() -> None:
    points, refused = points_of([(1, observation(1)), (2, observation(2, float("nan"))), (3, observation(3))])
    assert [point.rev for point in points] == [1, 3]
    assert [(one.points[0].rev, "nan" in one.reason) for one in refused] == [(2, True)]


def _points(count: int) -> list[Point]:
    return points_of([(n, observation(n)) for n in range(count)])[0]


def test_too_large_is_sent_by_halves() -> None:
    sent: list[int] = []

    def write(lines: bytes) -> None:
        count = lines.count(b"\n") + 1
        if count > 10:
            raise SinkTooLarge("413")
        sent.append(count)

    assert deliver(_points(100), write) == []
    assert sum(sent) == 100


def test_one_point_that_is_too_large_is_refused() -> None:
    def write(lines: bytes) -> None:
        raise SinkTooLarge("the request is too large")

    assert [len(one.points) for one in deliver(_points(3), write)] == [1, 1, 1]


@pytest.mark.parametrize("error", [SinkUnavailable("503"), SinkDenied("401")])
def test_what_is_no_fault_of_the_points_goes_up(error: Exception) -> None:
    calls = 0

    def write(lines: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise SinkRefused("bad line", 400)
        raise error

    with pytest.raises(type(error)):
        deliver(_points(4), write)


def test_a_server_that_refuses_everything_without_a_count_is_not_asked_ten_thousand_times() -> None:
    calls = 0

    def write(lines: bytes) -> None:
        nonlocal calls
        calls += 1
        raise SinkRefused("no", 400)

    (refused,) = deliver(_points(5000), write)
    assert len(refused.points) == 5000
    assert calls < 10


def test_nothing_to_deliver() -> None:
    assert deliver([], pytest.fail) == []
