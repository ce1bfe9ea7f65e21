"""Instruments of text are looked for and given another address, on a simulated line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soilco2.ingest.drivers.driver import Bench
from soilco2.ingest.drivers.search import Answer, Search, Step
from soilco2.ingest.drivers.serial_ascii import DRIVER, line_of
from soilco2.ingest.errors import NotChanged
from soilco2.ingest.simulate.ascii_instruments import SimulatedAsciiLine, command
from soilco2.ingest.simulate.faults import Fault, Kind
from soilco2.ingest.simulate.line import PtyLine
from soilco2.ingest.simulate.measured import Measured, load_measured
from soilco2.ingest.simulate.replay import Feed
from soilco2.ingest.transports.trace import untraced
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import Line
from soilco2.station_config.connections.serial_ascii import SerialAsciiConnection
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.message import Message
from tests.ingest.simulate.hand import START, HandClock
from tests.station_config.checks.test_serial_ascii import STATION

MODELS = load_catalogue()
LINE = Line(baudrate=19200)


@pytest.fixture(scope="module")
def measured() -> Measured:
    return load_measured()


@contextmanager
def simulated(
    folder: Path, measured: Measured, text: str, *faults: Fault
) -> Iterator[tuple[Station, SerialAsciiConnection]]:
    path = folder / "station.toml"
    path.write_text(text.replace("2026-03-01", "2020-01-01"), encoding="utf-8")
    station = load_station(path)
    connection = station.file.connection[0]
    assert isinstance(connection, SerialAsciiConnection)
    feed = Feed(station.deployments, measured)
    hits = [(fault, frozenset({"A1", "A2", "A3"})) for fault in faults]
    clock = HandClock(START + 36_000_000_000)
    end = SimulatedAsciiLine.of(
        Bench(station, connection, list(station.file.instrument), feed, clock, folder, hits)
    )
    try:
        end.tick()
        yield station, connection
    finally:
        end.stop()


def scanned(
    connection: SerialAsciiConnection, *models: str, addresses: tuple[int, ...] = ()
) -> tuple[list[Answer], list[Message]]:
    search = Search([MODELS[name] for name in models], [LINE], addresses)
    found = list(DRIVER.scan(connection, search, untraced))
    return [row for row in found if isinstance(row, Answer)], [
        row for row in found if isinstance(row, Message)
    ]


def test_a_scan_finds_who_answers_and_tells_whom_it_cannot_tell_apart(
    tmp_path: Path, measured: Measured
) -> None:
    with simulated(tmp_path, measured, STATION) as (_, connection):
        names = ("vaisala-gmp343", "vaisala-gmp252-ascii", "vaisala-gmp251-ascii")
        found, remarks = scanned(connection, *names, addresses=(1, 2))
    assert remarks == []
    by_address = {row.address: row for row in found if "not asked for a reading" not in str(row.doubts)}
    assert [guess.model for guess in by_address[1].models] == ["vaisala-gmp343"]
    assert "co2 " in by_address[1].models[0].says
    assert {guess.model for guess in by_address[2].models} == {"vaisala-gmp252-ascii", "vaisala-gmp251-ascii"}
    assert "cannot be told apart" in str(by_address[2].doubts[0])
    assert by_address[1].line == "19200 8N1"


def test_a_scan_hears_who_sends_by_itself(tmp_path: Path) -> None:
    """The sentence is that of a public test suite of NMEA parsers."""
    far = PtyLine(tmp_path / "text1", lambda _heard, _foreign: [], parse=command)
    try:
        connection = DRIVER.at(str(far.link), LINE)
        assert connection is not None
        found = []
        for row in DRIVER.scan(connection, Search([MODELS["nmea-xdr-barometer"]], [LINE]), untraced):
            if isinstance(row, Step):  # the port is open, and listened to next
                far.say(b"P,1.0135,B,BARO*44\r\n$WIXDR,P,1.0135,B,BARO*44\r\n")
            elif isinstance(row, Answer):
                found.append(row)
    finally:
        far.stop()
    (answer,) = found
    assert (answer.address, answer.models[0].model) == (None, "nmea-xdr-barometer")
    assert answer.models[0].says == "air_pressure 1.0135 bar"


def test_silence_says_what_cannot_be_told(tmp_path: Path, measured: Measured) -> None:
    with simulated(tmp_path, measured, STATION, Fault(Kind.SILENCE)) as (_, connection):
        found, remarks = scanned(connection, "vaisala-gmp343", addresses=(1,))
    assert found == []
    assert "no line of text came" in str(remarks[0])


def test_an_address_is_changed_and_read_back(tmp_path: Path, measured: Measured) -> None:
    with simulated(tmp_path, measured, STATION) as (station, connection):
        model = station.models["vaisala-gmp252-ascii"].model_copy(update={"timeout": 0.2})
        told = DRIVER.set_address(connection, model, 2, 7, untraced)
        assert told == "the probe answers at address 7 now"
        row = next(row for row in station.file.instrument if row.serial == "A2")
        moved = row.model_copy(update={"address": 7})
        line = line_of(connection, [(moved, model)])
        line.open()
        try:
            assert line.read(line.plan(moved, model), 5.0, lambda _error: None)[0].raw is not None
        finally:
            line.close()


def test_an_address_is_not_changed_where_it_cannot_be_known(tmp_path: Path, measured: Measured) -> None:
    twice = STATION.replace('model = "vaisala-gmp343"', 'model = "vaisala-gmp252-ascii"')
    with simulated(tmp_path, measured, twice) as (station, connection):
        model = station.models["vaisala-gmp252-ascii"].model_copy(update={"timeout": 0.1})
        with pytest.raises(NotChanged, match="somebody answers at address 1 already"):
            DRIVER.set_address(connection, model, 2, 1, untraced)
        with pytest.raises(NotChanged, match="has address 2 already"):
            DRIVER.set_address(connection, model, 2, 2, untraced)
        with pytest.raises(NotChanged, match="does not say how"):
            DRIVER.set_address(connection, MODELS["vaisala-gmp343"], 1, 2, untraced)


def test_an_address_that_two_have_is_left_alone(tmp_path: Path, measured: Measured) -> None:
    with simulated(tmp_path, measured, STATION, Fault(Kind.ADDRESS_CLASH)) as (station, connection):
        model = station.models["vaisala-gmp252-ascii"].model_copy(update={"timeout": 0.1})
        with pytest.raises(NotChanged, match="more than one answers at address 2"):
            DRIVER.set_address(connection, model, 2, 7, untraced)
