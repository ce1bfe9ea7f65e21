"""Clocks that are wrong, as they come from nodes: nothing hides newer values, no cursor is moved by a stamp."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from soilco2.ingest.clock.system import BUILT_US
from soilco2.ingest.protocols.soilco2_json_decode import Decoder
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Parked
from soilco2.storage.journal.writer import Writer
from tests.ingest.conftest import collect
from tests.ingest.running import Collecting, held, sink_of, until
from tests.ingest.station import STATION, make_station
from tests.servers import InfluxBucket, Mosquitto

__all__ = ["collect"]

HOUR = 3_600_000_000
Collect = Callable[..., Collecting]


def stamped(number: int, *stamps: str | None, serial: str = "N1") -> bytes:
    """A message of readings 400, 401 … with these stamps."""
    readings = [
        {"serial": serial, "channel": "co2", "time": stamp, "value": 400.0 + number + n, "unit": "ppm"}
        for n, stamp in enumerate(stamps)
    ]
    return json.dumps({"station": STATION, "node": "n", "sequence": number, "readings": readings}).encode()


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class Managed:
    """A decoder and a journal that go by the clock of the last message."""

    def __init__(self, folder: Path) -> None:
        station = make_station(folder)
        self.decoder = Decoder(station.deployments, "field", "boot")
        self.now_us = BUILT_US
        self.writer = Writer.open(station, now_us=lambda: self.now_us)

    def put(self, payload: bytes, now: datetime, *, trusted: bool = True) -> tuple[int, list[str]]:
        """How many were stored, and for each other one why it was not."""
        self.now_us = round(now.timestamp() * 1e6)
        found = self.decoder.batch([(payload, self.now_us, 5)], trusted=trusted)
        parked = [Parked("message", "field", *row[:4]) for row in found.refusals]
        done = self.writer.commit(found.samples, parked=parked)
        return done.stored, [row.reason for row in found.refusals for _ in range(row.readings)]

    def times(self) -> list[datetime]:
        with JournalReader(self.writer.path) as reader:
            rows = reader.samples(0, 2**62)
            return [datetime.fromtimestamp((row.time_us or 0) / 1e6, UTC) for row in rows]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Managed]:
    made = Managed(tmp_path)
    yield made
    made.writer.close()


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "stamp", ["1970-01-01T00:00:10Z", "2000-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]
)
def test_a_node_with_a_lost_clock_is_parked_and_its_next_values_are_not_hidden(
    kept: Managed, stamp: str
) -> None:
    assert kept.put(stamped(0, stamp), NOW)[0] == 0
    assert kept.put(stamped(1, iso(NOW)), NOW) == (1, [])
    assert kept.times() == [NOW]
    with JournalReader(kept.writer.path) as reader:
        assert [row.value for _, row in reader.observations_after(0, 10)] == [401.0]
        assert len(reader.accounting.parked()) == 1


@pytest.mark.parametrize("hours", [1, -1])
def test_a_node_that_is_an_hour_off(kept: Managed, hours: int) -> None:
    """Ahead is not believed; behind is late data, which is normal."""
    stored, reasons = kept.put(stamped(0, iso(NOW + timedelta(hours=hours))), NOW)
    assert (stored, len(reasons)) == ((0, 1) if hours > 0 else (1, 0))
    assert kept.put(stamped(1, iso(NOW)), NOW) == (1, [])
    assert kept.times()[-1] == NOW


def test_a_leap_day_is_a_day(kept: Managed) -> None:
    now = datetime(2028, 3, 1, 0, 0, tzinfo=UTC)
    moments = [now - timedelta(hours=h) for h in (36, 24, 12, 0)]
    assert kept.put(stamped(0, *map(iso, moments)), now) == (4, [])
    assert kept.times() == moments
    assert moments[1].day == 29
    stored, reasons = kept.put(stamped(1, "2027-02-29T00:00:00Z"), now)
    assert stored == 0
    assert len(reasons) == 1


def test_a_logger_in_daylight_saving_time(kept: Managed) -> None:
    """The hour that comes twice cannot be told by wall time: such stamps are parked, UTC stamps are kept."""
    zone = ZoneInfo("Europe/Madrid")
    begin = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    moments = [begin + timedelta(minutes=30 * n) for n in range(6)]
    wall = [moment.astimezone(zone).replace(tzinfo=None).isoformat() for moment in moments]
    assert len(set(wall)) == 4, "wall times repeat"
    stored, reasons = kept.put(stamped(0, *wall), NOW)
    assert (stored, len(reasons)) == (0, 6)
    assert all("Z" in reason for reason in reasons), "the reason says what is expected"
    assert kept.put(stamped(1, *map(iso, moments)), NOW) == (6, [])
    assert kept.times() == moments


def test_two_devices_with_different_clocks(kept: Managed) -> None:
    """One is eleven minutes behind: each keeps its own time, and neither is a duplicate of the other."""
    behind = NOW - timedelta(minutes=11)
    assert kept.put(stamped(0, iso(NOW)), NOW) == (1, [])
    other = json.loads(stamped(0, iso(behind)))
    other["node"] = "m"
    other["readings"][0]["channel"] = "soil_temperature"
    other["readings"][0] |= {"value": 20.0, "unit": "degC"}
    assert kept.put(json.dumps(other).encode(), NOW) == (1, [])
    assert kept.times() == [behind, NOW]


def test_a_node_that_drifts_is_kept_by_its_own_stamps(kept: Managed) -> None:
    """Two seconds a day behind: a month of daily values gives a month of different times."""
    for day in range(30):
        now = NOW + timedelta(days=day)
        assert kept.put(stamped(day, iso(now - timedelta(seconds=2 * day))), now) == (1, [])
    assert len(set(kept.times())) == 30


@pytest.mark.mosquitto
@pytest.mark.influx
def test_a_stamp_from_the_future_moves_no_cursor(
    collect: Collect, mosquitto: Mosquitto, influx: InfluxBucket
) -> None:
    """Through the collector to the database: the one before it, the one after it, and not itself."""
    station = collect(mosquitto.port, sinks=(sink_of(influx),))
    station.start()
    begin = datetime.fromtimestamp(BUILT_US / 1e6, UTC)
    stamps = (iso(begin), "2098-01-01T00:00:00Z", "1970-01-01T00:00:00Z", iso(begin + timedelta(hours=1)))
    station.publish([stamped(n, stamp) for n, stamp in enumerate(stamps)])
    until(lambda: held(influx) == [400.0, 403.0], lambda: (held(influx), station.said()))
    assert station.stored() == [400.0, 403.0]
    assert station.counters()["rejected"] == 2
    station.publish([stamped(4, iso(begin + timedelta(hours=2)))])
    until(lambda: held(influx) == [400.0, 403.0, 404.0], lambda: (held(influx), station.said()))
    assert station.balanced()
