"""Expected, received, stored, usable, and why the rest is missing, on a real journal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.completeness import Day, completeness, local_days
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent, Parked
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MIDNIGHT = 1_772_294_400_000_000  # 2026-03-01T00:00 in Shanghai: date -u -d 2026-02-28T16:00 +%s

STATION = """
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"
[mqtt]
host = "127.0.0.1"
[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "/dev/ttyUSB0"
baudrate = 9600
[[connection]]
id = "air"
kind = "mqtt"
[[profile]]
id = "p1"
position = [{ id = "d10", depth_m = 0.10 }, { id = "d30", depth_m = 0.30 }]
[[instrument]]
id = "probe"
model = "vaisala-gmp252"
serial = "R1"
connection = "bus1"
address = 11
interval = "10min"
warm_up = "0s"
channels = ["co2"]
installation = [{ position = "p1/d10", from = 2026-01-01T00:00:00+08:00 }]
[[instrument]]
id = "node"
model = "soilco2-node"
serial = "N1"
connection = "air"
interval = "10min"
channels = ["soil_temperature"]
installation = [{ position = "p1/d30", from = 2026-03-01T12:00:00+08:00 }]
"""


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    path = tmp_path / "yulin.toml"
    path.write_text(STATION, encoding="utf-8")
    return load_station(path)


class Field:
    """A station to which things happen."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.now = MIDNIGHT - DAY
        self.writer = Writer.open(station, now_us=lambda: self.now)

    def readings(self, serial: str, channel: str, start: int, end: int, raw: float | None = 15.0) -> None:
        source = "bus1" if serial == "R1" else "air"
        samples = [
            Sample(serial, channel, t, raw, "" if raw is not None else "nan", None, t, t, "boot", source)
            for t in range(start, end, 10 * MINUTE)
        ]
        self.now = end - MINUTE
        self.writer.commit(samples)

    def event(self, kind: EventKind, at: int, subject: str = "") -> None:
        self.writer.commit(events=[NewEvent(kind, subject, "", {}, at)])

    def days(self, start: int = MIDNIGHT, end: int = MIDNIGHT + DAY) -> list[Day]:
        self.writer.close()
        with JournalReader(self.station.journal_path) as journal:
            return list(completeness(self.station, journal, start, end, end))


@pytest.fixture
def field(station: Station) -> Field:
    return Field(station)


def test_a_whole_day(field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, MIDNIGHT + DAY, 400.0)
    field.readings("N1", "soil_temperature", MIDNIGHT + 12 * HOUR, MIDNIGHT + DAY)
    co2, temperature = field.days()
    assert (co2.day, co2.key.variable) == (date(2026, 3, 1), "co2")
    # 24 h at six an hour; the node was there from noon
    assert (co2.expected, co2.received, co2.stored, co2.usable, co2.gaps) == (144, 144, 144, 144, [])
    assert (temperature.expected, temperature.stored, temperature.gaps) == (72, 72, [])


def test_what_came_by_import_was_received_and_counts_once(field: Field) -> None:
    field.readings("import/p1/d10", "co2", MIDNIGHT, MIDNIGHT + 8 * HOUR, 400.0)
    field.readings("R1", "co2", MIDNIGHT + 6 * HOUR, MIDNIGHT + 12 * HOUR, 400.0)
    co2 = field.days()[0]
    # twelve hours at six an hour, two of them from both
    assert (co2.expected, co2.received, co2.stored) == (144, 72, 72)


def test_numbers_that_are_bad_are_stored_and_not_usable_and_none_is_received_only(field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, MIDNIGHT + 20 * HOUR, 400.0)
    field.readings("R1", "co2", MIDNIGHT + 20 * HOUR, MIDNIGHT + 22 * HOUR, -500.0)
    field.readings("R1", "co2", MIDNIGHT + 22 * HOUR, MIDNIGHT + DAY, None)
    co2 = field.days()[0]
    assert (co2.expected, co2.received, co2.stored, co2.usable) == (144, 144, 132, 120)
    assert co2.causes() == {"no value": 12}, "the probe answered: nothing else is to blame"


@pytest.mark.parametrize(
    ("begins", "ends", "subject", "cause"),
    [
        (EventKind.DEVICE_SILENT, EventKind.DEVICE_BACK, "R1", "device silent"),
        (EventKind.DEVICE_SILENT, EventKind.DEVICE_BACK, "probe", "device silent"),
        (EventKind.PORT_GONE, EventKind.PORT_BACK, "bus1", "bus"),
        (EventKind.STOP, EventKind.START, "", "collector down"),
        (EventKind.CLOCK_UNTRUSTED, EventKind.CLOCK_SET, "boot", "clock"),
        (EventKind.LIMIT, EventKind.PRUNED, "journal", "journal full"),
        (EventKind.BROKER_GONE, EventKind.BROKER_BACK, "soilco2-yulin", "unexplained"),  # R1 is on the bus
        (EventKind.DEVICE_SILENT, EventKind.DEVICE_BACK, "another", "unexplained"),
    ],
)
def test_a_gap_has_the_cause_that_the_log_tells(
    field: Field, begins: EventKind, ends: EventKind, subject: str, cause: str
) -> None:
    out, back = MIDNIGHT + 6 * HOUR, MIDNIGHT + 9 * HOUR
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, out, 400.0)
    field.event(begins, out - MINUTE, subject)
    field.event(ends, back - MINUTE, subject)
    field.readings("R1", "co2", back, MIDNIGHT + DAY, 400.0)
    co2 = field.days()[0]
    assert (co2.expected, co2.stored) == (144, 126)
    assert co2.causes() == {cause: 18}
    assert co2.gaps[0].start_us == out
    assert back - MINUTE <= co2.gaps[-1].end_us <= back


def test_the_broker_explains_what_comes_by_it(field: Field) -> None:
    noon = MIDNIGHT + 12 * HOUR
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("N1", "soil_temperature", noon, noon + HOUR)
    field.event(EventKind.BROKER_GONE, noon + HOUR, "soilco2-yulin")
    co2, temperature = field.days()
    assert co2.causes() == {"unexplained": 144}
    assert temperature.causes() == {"broker": 66}


def test_a_killed_collector_is_down_from_its_last_commit(field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, MIDNIGHT + 6 * HOUR, 400.0)  # the last commit is at 05:59
    field.event(EventKind.START, MIDNIGHT + 10 * HOUR)
    field.readings("R1", "co2", MIDNIGHT + 10 * HOUR, MIDNIGHT + DAY, 400.0)
    co2 = field.days()[0]
    assert co2.causes() == {"collector down": 24}


def test_before_the_first_start_nobody_collected(field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT + 2 * HOUR)
    field.readings("R1", "co2", MIDNIGHT + 2 * HOUR, MIDNIGHT + DAY, 400.0)
    assert field.days()[0].causes() == {"collector down": 12}


def test_two_causes_share_a_gap(field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, MIDNIGHT + 6 * HOUR, 400.0)
    field.event(EventKind.PORT_GONE, MIDNIGHT + 6 * HOUR, "bus1")
    field.event(EventKind.STOP, MIDNIGHT + 8 * HOUR)
    field.event(EventKind.START, MIDNIGHT + 9 * HOUR)
    field.readings("R1", "co2", MIDNIGHT + 10 * HOUR, MIDNIGHT + DAY, 400.0)
    co2 = field.days()[0]
    assert co2.causes() == {"bus": 12, "collector down": 6, "unexplained": 6}
    assert [gap.cause for gap in co2.gaps] == ["bus", "collector down", "unexplained"]


def test_what_was_rejected_explains_its_slot(field: Field) -> None:
    noon = MIDNIGHT + 12 * HOUR
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("N1", "soil_temperature", noon, noon + 11 * HOUR)
    missing = noon + 11 * HOUR
    field.writer.commit(parked=[Parked("message", "air", "no JSON", b"{", None, missing + 5_000_000)])
    assert field.days()[1].causes() == {"rejected": 1, "unexplained": 5}


def test_nothing_is_expected_after_now(station: Station, field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, MIDNIGHT + 6 * HOUR, 400.0)
    field.writer.close()
    with JournalReader(station.journal_path) as journal:
        (co2,) = completeness(station, journal, MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT + 6 * HOUR)
    assert (co2.expected, co2.gaps) == (36, [])


def test_days_are_the_stations_also_when_its_clock_changes() -> None:
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    start = 1_774_738_800_000_000  # 2026-03-29T00:00+01:00; the clock goes forward that night
    days = list(local_days(start, start + 2 * DAY, berlin))
    assert [(day.isoformat(), (end - begin) // HOUR) for day, begin, end in days] == [
        ("2026-03-29", 23), ("2026-03-30", 24), ("2026-03-31", 1),
    ]  # fmt: skip


def test_json_names_every_gap(field: Field) -> None:
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.readings("R1", "co2", MIDNIGHT, MIDNIGHT + 23 * HOUR, 400.0)
    found = field.days()[0].as_dict()
    assert found["series"] == "yulin/p1/d10/co2"
    assert found["day"] == "2026-03-01"
    assert found["causes"] == {"unexplained": 6}
    assert found["gaps"] == [
        {"from": "2026-03-01T15:00:00Z", "to": "2026-03-01T16:00:00Z", "cause": "unexplained", "count": 6}
    ]


def test_only_the_broker_of_a_series_explains_its_gap(station: Station, tmp_path: Path) -> None:
    far = STATION.replace('kind = "mqtt"', 'kind = "mqtt"\nbroker = "far"', 1).replace(
        "[mqtt]", '[[broker]]\nid = "far"\n[mqtt]'
    )
    path = tmp_path / "far.toml"
    path.write_text(far, encoding="utf-8")
    field = Field(load_station(path))
    noon = MIDNIGHT + 12 * HOUR
    field.event(EventKind.START, MIDNIGHT - HOUR)
    field.event(EventKind.BROKER_GONE, noon, "soilco2-yulin")
    field.event(EventKind.BROKER_GONE, noon + HOUR, "soilco2-yulin-far")
    field.event(EventKind.BROKER_BACK, noon + 2 * HOUR, "soilco2-yulin")
    field.event(EventKind.BROKER_BACK, noon + 3 * HOUR, "soilco2-yulin-far")
    field.readings("N1", "soil_temperature", noon, noon + HOUR)
    field.readings("N1", "soil_temperature", noon + 3 * HOUR, MIDNIGHT + DAY)
    node = field.days()[1]
    assert node.causes() == {"broker": 12}
