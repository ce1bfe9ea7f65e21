"""Instruments that speak lines of text, in a station file: what is refused, what is placed where."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.station_config.loader import load_station
from tests.station_config.example import MARK, faults_of, marked_line, write

STATION = """\
[station]
id = "yulin"
name = "Yulin"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"

[[connection]]
id = "text1"
kind = "serial-ascii"
port = "text1"
baudrate = 19200

[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[profile.position]]
id = "d20"
depth_m = 0.20

[[instrument]]
id = "co2-10"
model = "vaisala-gmp343"
serial = "A1"
connection = "text1"
address = 1
interval = "60s"
[[instrument.installation]]
position = "p1/d10"
from = 2026-03-01

[[instrument]]
id = "co2-20"
model = "vaisala-gmp252-ascii"
serial = "A2"
connection = "text1"
address = 2
interval = "60s"
[[instrument.installation]]
position = "p1/d20"
from = 2026-03-01
"""
BAROMETER = """
[[instrument]]
id = "p"
model = "nmea-xdr-barometer"
serial = "A3"
connection = "text1" #<<
interval = "60s"
[[instrument.installation]]
position = "site"
from = 2026-03-01
"""


def test_the_channel_that_counts_is_placed_and_its_auxiliary_ones_where_they_are_named(
    tmp_path: Path,
) -> None:
    station = load_station(write(tmp_path, STATION))
    assert not [row for row in station.advice if "installed nowhere" in row.expected]
    series = {(span.serial, span.channel) for span in station.deployments.spans}
    assert series == {("A1", "co2"), ("A2", "co2")}
    named = STATION.replace(
        'from = 2026-03-01\n\n[[instrument]]\nid = "co2-20"',
        'from = 2026-03-01\n[[instrument.installation]]\nposition = "p1/d10"\nchannel = "temperature"\n'
        'from = 2026-03-01\n\n[[instrument]]\nid = "co2-20"',
    )
    spans = load_station(write(tmp_path, named)).deployments.spans
    assert ("A1", "temperature") in {(span.serial, span.channel) for span in spans}


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        (STATION + BAROMETER, "instrument[3].connection", "an instrument that sends by itself needs a line of its own"),
        (
            STATION.replace("address = 2", f"address = 1 {MARK}"),
            "instrument[2].address",
            "co2-10 has this address on text1 already",
        ),
        (STATION.replace("address = 2", f'address = "no 2" {MARK}'), "instrument[2].address", "letters and digits"),
        (STATION.replace("address = 2", f"address = -2 {MARK}"), "instrument[2].address", "a number from 0"),
        (
            STATION.replace("baudrate = 19200", "baudrate = 1200").replace(
                'model = "vaisala-gmp252-ascii"', f'model = "vaisala-gmp252-ascii" {MARK}'
            ),
            "instrument[2].model",
            "cannot talk at the 1200 baud",
        ),
        (
            STATION.replace(
                'model = "vaisala-gmp252-ascii"', 'model = "sensecap-s-temp-vwc-ec-02"'
            ).replace('serial = "A2"\nconnection = "text1"', f'serial = "A2"\nconnection = "text1" {MARK}'),
            "instrument[2].connection",
            "speaks modbus-rtu and needs a connection of kind",
        ),
    ],
    ids=["two talk", "one address twice", "no address", "negative", "speed", "another protocol"],
)  # fmt: skip
def test_a_fault_is_named_with_line_and_key(tmp_path: Path, text: str, key: str, expected: str) -> None:
    path = write(tmp_path, text)
    faults = [row for row in faults_of(path) if row.key == key]
    assert [(row.line, expected in row.expected) for row in faults] == [(marked_line(text), True)]


def test_a_model_without_address_is_given_none(tmp_path: Path) -> None:
    alone = STATION[: STATION.index("[[instrument]]")] + BAROMETER.replace(
        'connection = "text1" #<<', f'connection = "text1"\naddress = 3 {MARK}'
    )
    (fault,) = faults_of(write(tmp_path, alone))
    assert "nmea-xdr-barometer has no address" in fault.expected


def test_a_round_that_is_too_long_is_told(tmp_path: Path) -> None:
    """85 characters of 10 bits at 4800 baud, two silences of 50 ms, the delay: 0.4 s a reading, and two in 0.5 s."""
    fast = STATION.replace("baudrate = 19200", "baudrate = 4800")
    fast = fast.replace('interval = "60s"', 'interval = "500ms"\ntimeout = "100ms"')
    told = [row.expected for row in load_station(write(tmp_path, fast)).advice if row.key == "connection[1]"]
    assert any("with co2-20 it no longer fits" in text for text in told), told
    slow = load_station(write(tmp_path, STATION)).advice
    assert not [row for row in slow if "no longer fits" in row.expected]
