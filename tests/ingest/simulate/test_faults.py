"""Faults on command: what each one does to a probe's answers, and how they are asked for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from soilco2.ingest.errors import SimulationError
from soilco2.ingest.protocols.modbus import Request, find_answer, find_exception
from soilco2.ingest.protocols.register_map import raw_readings
from soilco2.ingest.simulate.faults import MEANING, Fault, Kind, parse_fault
from soilco2.ingest.simulate.measured import Measured
from soilco2.ingest.simulate.modbus_probes import SimulatedProbe
from soilco2.ingest.simulate.replay import Feed
from soilco2.ingest.simulate.run import Simulation
from soilco2.station_config.loader import Station

HALF_HOUR = 1_800_000_000
DAY = 48 * HALF_HOUR
START = 1_654_041_600_000_000
SOIL = Request(21, 3, 0, 3)


def moment(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def probe(station: Station, sjer: Measured, serial: str, *faults: Fault) -> SimulatedProbe:
    row = next(row for row in station.file.instrument if row.serial == serial)
    return SimulatedProbe(row, Feed(station.deployments, sjer), START, faults)


def soil_at(one: SimulatedProbe, at: int) -> list[float | None]:
    found = find_answer(one.answer(SOIL, 0, at), SOIL)
    assert found is not None
    return [row.raw for row in raw_readings(one.model, one.channels, {"values": found.words})]


def test_every_fault_is_explained() -> None:
    assert set(MEANING) == set(Kind)
    assert set(Kind) == {
        "unplug", "drift", "flood", "clock-reset", "address-clash", "brown-out", "stuck", "silence", "noise",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("noise", Fault(Kind.NOISE)),
        ("silence:co2-4-03", Fault(Kind.SILENCE, "co2-4-03")),
        ("brown-out:bus1@2022-06-16T00:00Z", Fault(Kind.BROWN_OUT, "bus1", START + 15 * DAY)),
        (
            "unplug@2022-06-02T00:00Z/2022-06-03T00:00Z",
            Fault(Kind.UNPLUG, "", START + DAY, START + 2 * DAY),
        ),
    ],
)
def test_faults_in_words(text: str, expected: Fault) -> None:
    assert parse_fault(text, moment) == expected


@pytest.mark.parametrize("text", ["", "fire", "noise:", "noise@", "Noise", "silence:a@b@c/"])
def test_faults_that_are_none(text: str) -> None:
    with pytest.raises((SimulationError, ValueError), match=r"expected KIND|Invalid isoformat"):
        parse_fault(text, moment)


def test_a_fault_that_ends_before_it_begins() -> None:
    with pytest.raises(SimulationError, match="ends before it begins"):
        parse_fault("noise@2022-06-03T00:00Z/2022-06-02T00:00Z", moment)


def test_a_healthy_probe(demo: Station, sjer: Measured) -> None:
    """Whole or in part, settings, and what it refuses."""
    one = probe(demo, sjer, "SJER-004-S-501")
    # lines of the files: "004","502",-0.07,30.425 degC and "004","501",-0.06,0.0057 m3/m3
    temperature, water, _ = soil_at(one, START)
    assert (temperature, water) == (3042.0, 57.0)
    part = Request(21, 3, 1, 1)
    assert find_answer(one.answer(part, 0, START), part) == ((57,), 7)
    setting = Request(21, 3, 0x0023, 1)
    assert find_answer(one.answer(setting, 0, START), setting) == ((55,), 7)  # factor 0.55
    for refused in (Request(21, 3, 2, 2), Request(21, 4, 0, 3), Request(21, 3, 0x100, 1)):
        assert find_exception(one.answer(refused, 0, START), refused) == 2
    write = Request(21, 6, 0x0023, 60)
    assert one.answer(write, 6, START)[1:3] == bytes((0x86, 1))


def test_stuck(demo: Station, sjer: Measured) -> None:
    one = probe(demo, sjer, "SJER-004-S-501", Fault(Kind.STUCK, start_us=START + DAY))
    well = probe(demo, sjer, "SJER-004-S-501")
    assert soil_at(one, START) == soil_at(well, START)
    assert soil_at(one, START + DAY + 9 * HALF_HOUR) == soil_at(well, START + DAY)


def test_drift(demo: Station, sjer: Measured) -> None:
    """Two percent of the reading a day."""
    request = Request(12, 3, 0, 2)
    values = []
    for faults in ((), (Fault(Kind.DRIFT),)):
        one = probe(demo, sjer, "SJER-004-CO2-502", *faults)
        found = find_answer(one.answer(request, 0, START + 5 * DAY), request)
        assert found is not None
        values.append(raw_readings(one.model, one.channels, {"values": found.words, "status": (0, 0)})[0].raw)
    assert values[1] == pytest.approx(values[0] * 1.10, rel=1e-6)


def test_flood(demo: Station, sjer: Measured) -> None:
    one = probe(demo, sjer, "SJER-004-S-501", Fault(Kind.FLOOD, start_us=START + DAY))
    assert soil_at(one, START + 2 * DAY)[1] == 4500  # 0.45 m3/m3
    gas = probe(demo, sjer, "SJER-004-CO2-501", Fault(Kind.FLOOD, start_us=START + DAY))
    status = Request(11, 3, 0x0800, 2)
    assert find_answer(gas.answer(status, 0, START), status) == ((0, 0), 9)
    assert find_answer(gas.answer(status, 0, START + 2 * DAY), status) == ((0, 2), 9)  # not reliable


def test_brown_out(demo: Station, sjer: Measured) -> None:
    one = probe(demo, sjer, "SJER-004-CO2-501", Fault(Kind.BROWN_OUT, start_us=START + DAY))
    status = Request(11, 3, 0x0800, 2)
    mode = Request(11, 3, 0x0304, 1)
    assert find_answer(one.answer(mode, 0, START), mode) == ((1,), 7)
    assert one.answer(status, 0, START + DAY + HALF_HOUR - 1) == b""
    after = find_answer(one.answer(status, 0, START + DAY + HALF_HOUR), status)
    assert after == ((0, 256), 9)  # not ready
    assert find_answer(one.answer(status, 0, START + DAY + 2 * HALF_HOUR), status) == ((0, 0), 9)
    assert find_answer(one.answer(mode, 0, START + 2 * DAY), mode) == ((0,), 7), "the setting is lost"


def test_silence_between_two_times(demo: Station, sjer: Measured) -> None:
    one = probe(demo, sjer, "SJER-004-S-501", Fault(Kind.SILENCE, "", START + DAY, START + 2 * DAY))
    assert [bool(one.answer(SOIL, 0, START + n * DAY)) for n in range(3)] == [True, False, True]


def test_noise(demo: Station, sjer: Measured) -> None:
    one = probe(demo, sjer, "SJER-004-S-501", Fault(Kind.NOISE))
    frame = one.answer(SOIL, 0, START)
    shown = [b"".join(data for _, data in one.on_the_line(frame, SOIL, b"", START)) for _ in range(9)]
    assert all(len(data) > len(frame) for data in shown)
    assert [find_answer(data, SOIL) is not None for data in shown] == [True, True, False] * 3


def test_address_clash(demo: Station, sjer: Measured) -> None:
    one = probe(demo, sjer, "SJER-004-S-501", Fault(Kind.ADDRESS_CLASH))
    other = probe(demo, sjer, "SJER-004-S-502")
    mine, theirs = one.answer(SOIL, 0, START), other.answer(SOIL, 0, START)
    shown = [one.on_the_line(mine, SOIL, theirs, START)[0][1] for _ in range(3)]
    assert mine + theirs in shown
    assert theirs in shown
    assert sum(find_answer(data, SOIL) is None for data in shown) == 1, "one of three collides"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(Kind.SILENCE, "co2-9"), "there is no instrument 'co2-9'; expected one of co2-4-03"),
        (Fault(Kind.CLOCK_RESET, "co2-4-03"), "is for an instrument of an MQTT node; 'co2-4-03' is not one"),
        (Fault(Kind.NOISE, "node3"), "is for an instrument on a Modbus line or [^;]+; 'node3' is not one"),
    ],
)
def test_faults_for_what_cannot_have_them(
    demo: Station, sjer: Measured, clock: object, tmp_path: Path, fault: Fault, words: str
) -> None:
    with pytest.raises(SimulationError, match=words):
        Simulation(demo, sjer, clock, tmp_path, faults=[fault])  # type: ignore[arg-type]
