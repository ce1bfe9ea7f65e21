"""Each fault that a station file can have: its line, key, value and what is expected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from soilco2.station_config.loader import load_station
from tests.station_config.checks.cases_places import PLACES
from tests.station_config.checks.cases_wiring import WIRES
from tests.station_config.example import (
    MARK,
    SOIL,
    YULIN,
    Case,
    changed,
    faults_of,
    marked_line,
    second,
    write,
)


def _with_lines(case: Case) -> str:
    """What is expected, with ``<key = value>`` turned into the first line that begins so."""
    rows = case.text.split("\n")
    return re.sub(
        r"<(.+?)>",
        lambda match: str(next(n for n, row in enumerate(rows, 1) if row.startswith(match[1]))),
        case.expected,
    )


def test_the_example_has_no_fault(tmp_path: Path) -> None:
    load_station(write(tmp_path, YULIN))


@pytest.mark.parametrize("case", [*WIRES, *PLACES], ids=lambda case: case.name)
def test_a_fault_is_named_with_its_line_key_value_and_what_was_expected(tmp_path: Path, case: Case) -> None:
    path = write(tmp_path, case.text)
    (fault,) = faults_of(path)
    assert fault.file == str(path)
    assert fault.line == marked_line(case.text)
    assert fault.key == case.key
    assert fault.value == case.value
    assert _with_lines(case) in fault.expected
    assert "s3cr3t" not in str(fault)


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    text = YULIN
    for old, new in (
        ("latitude = 38.3", "latitude = 138.3 #1"),
        ('port = "/dev', 'ports = 1 #2\nport = "/dev'),
        ('kind = "mqtt"\n', ""),  # line 15: nothing tells what this connection is
        ("depth_m = 0.30", "depth_m = 99 #4"),
        ('model = "vaisala-gmp252"', 'model = "gmp252" #5'),
        ('interval = "5min"', "interval = 5 #6"),
        ('channel = "co2"', "chanel = 3 #7"),
        ("address = 12", "address = 11 #8"),
        ('org = "yulin"', "org = 5 #9"),
    ):
        text = changed(old, new, text)
    faults = faults_of(write(tmp_path, text))
    lines = {text.split("\n")[(fault.line or 1) - 1].split("#")[-1][:1] for fault in faults}
    assert {"1", "2", "4", "5", "6", "7", "8", "9"} <= lines
    assert "connection[2]" in {fault.key for fault in faults}
    # a faulty part brings no faults elsewhere: the place d30, the connection air and the key channel exist
    assert not [fault for fault in faults if "no such position" in fault.expected]
    assert not [fault for fault in faults if "no such connection" in fault.expected]
    assert [fault.line for fault in faults] == sorted(fault.line or 0 for fault in faults)


def test_a_station_without_its_own_table_still_has_its_other_faults_told(tmp_path: Path) -> None:
    text = YULIN[YULIN.index("[[connection]]") :].replace("address = 13", f"address = 0 {MARK}")
    missing, address = faults_of(write(tmp_path, text))
    assert (missing.key, missing.line) == ("station", 1)
    assert (address.key, address.line) == ("instrument[3].address", marked_line(text))


def test_a_replaced_probe_hands_its_address_and_place_on(tmp_path: Path) -> None:
    text = changed(
        SOIL, SOIL + "until = 2026-04-01\n", second(address="12", position="p1/d10", since="2026-04-01")
    )
    station = load_station(write(tmp_path, text))
    assert [row[0] for row in station.deployments.instruments_of(("yulin", "p1", "d10", "soil_water"))] == [
        "THC0001", "THC0002",
    ]  # fmt: skip
    early = changed('serial = "THC0002"', 'serial = "THC0002" ', text).replace(
        "from = 2026-04-01", "from = 2026-03-31"
    )
    assert {fault.key for fault in faults_of(write(tmp_path, early))} == {
        "instrument[5].address", "instrument[5].installation[1].position",
    }  # fmt: skip


def test_a_probe_with_several_depths_places_each_channel(tmp_path: Path) -> None:
    each = "".join(
        f'[[instrument.installation]]\nchannel = "{name}"\nposition = "p1/{place}"\nfrom = 2026-03-01\n'
        for name, place in (("soil_water", "d10"), ("soil_temperature", "d10"), ("bulk_ec", "d30"))
    )
    deployments = load_station(write(tmp_path, changed(SOIL, each))).deployments
    assert deployments.series_at("THC0001", "bulk_ec", 1_800_000_000_000_000) == (
        "yulin",
        "p1",
        "d30",
        "bulk_ec",
    )
    assert deployments.series_at("THC0001", "soil_water", 1_800_000_000_000_000) == (
        "yulin", "p1", "d10", "soil_water",
    )  # fmt: skip
