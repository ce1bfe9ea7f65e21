"""Looking for Modbus probes and giving them other addresses: real lines, the simulated probes, their own speeds.

A pseudo-terminal heeds no speed; the simulated probe reads the one that was set and keeps silent at another, as a real
one does. Parity and stop bits cannot be tried on one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.drivers import modbus_change, modbus_scan
from soilco2.ingest.drivers.modbus_rtu import DRIVER
from soilco2.ingest.drivers.search import Answer, Search, Step
from soilco2.ingest.errors import NotChanged
from soilco2.ingest.protocols.modbus import (
    WRITE_SEVERAL,
    Request,
    Write,
    answer_frame,
    parse_write,
    seal,
    write_frame,
)
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.measured import Measured, load_measured
from soilco2.ingest.simulate.modbus_probes import SimulatedBus, SimulatedProbe
from soilco2.ingest.simulate.replay import Feed
from soilco2.ingest.transports.trace import untraced
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import Line, ProbeModel
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.loader import load_station
from soilco2.station_config.message import Message
from tests.ingest.simulate.hand import HandClock

SILENCE_S = 0.25
CWT, GMP252, SENSECAP = "cwt-soil-thc-s", "vaisala-gmp252", "sensecap-s-temp-vwc-ec-02"
STATION = """
[station]
id = "bench"
name = "Bench"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
[[connection]]
id = "bus1"
kind = "modbus-rtu"
port = "bus1"
baudrate = {speed}
[[profile]]
id = "p1"
position = [{{ id = "d1", depth_m = 0.1 }}, {{ id = "d2", depth_m = 0.2 }}]
"""
PROBE = """
[[instrument]]
id = "probe-{n}"
model = "{model}"
serial = "S{n}"
connection = "bus1"
address = {address}
interval = "30min"
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01
"""


@pytest.fixture(scope="module")
def measured() -> Measured:
    return load_measured()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may answer late; where silence is waited for, a test says how long."""
    monkeypatch.setattr(modbus_scan, "WAIT_S", 5.0)
    monkeypatch.setattr(modbus_change, "WAIT_S", SILENCE_S)


Bus = Callable[..., SimulatedBus]


@pytest.fixture
def bus(tmp_path: Path, measured: Measured) -> Iterator[Bus]:
    """From a speed and (model, address) to simulated probes on a line."""
    with ExitStack() as stack:

        def make(speed: int, *probes: tuple[str, int]) -> SimulatedBus:
            text = STATION.format(speed=speed)
            text += "".join(
                PROBE.format(n=n, model=model, address=10 + n) for n, (model, _) in enumerate(probes, 1)
            )
            path = tmp_path / "bench.toml"
            path.write_text(text, encoding="utf-8")
            station = load_station(path)
            clock = HandClock()
            feed = Feed(station.deployments, measured, repeat=True)
            made = [SimulatedProbe(row, feed, clock.now_us()) for row in station.file.instrument]
            connection = station.file.connection[0]
            assert isinstance(connection, ModbusRtuConnection)
            line = SimulatedBus(connection, made, clock)
            for probe, (_, address) in zip(made, probes, strict=True):
                probe.address = address
            stack.callback(line.stop)
            return line

        yield make


def look(port: Path, *lines: str, addresses: tuple[int, ...] = (), models: tuple[str, ...] = ()) -> list[Any]:
    """What a scan gives, without its steps."""
    catalogue = load_catalogue()
    known = [catalogue[name] for name in models] if models else list(catalogue.values())
    connection = DRIVER.at(str(port))
    assert connection is not None
    search = Search(known, tuple(map(Line.of, lines)), addresses)
    return [row for row in DRIVER.scan(connection, search, untraced) if not isinstance(row, Step)]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Callable[[Callable[[Request, int], Iterable[Piece]]], Path]]:
    """From what answers to the port it is on."""
    with ExitStack() as stack:

        def make(respond: Callable[[Request, int], Iterable[Piece]]) -> Path:
            line = PtyLine(tmp_path / "far", respond)
            stack.callback(line.stop)
            return line.link

        yield make


def test_a_probe_is_found_at_the_speed_it_talks_at_and_no_other(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    line = bus(4800, (CWT, 1))
    found = look(line.line.link, "9600 8N1", "4800 8N1", addresses=(1,), models=(CWT, GMP252))
    assert [(row.line, row.address) for row in found] == [("4800 8N1", 1)]
    assert found[0].models[0].model == CWT
    assert len(found[0].models[0].says.split(", ")) == 3
    assert found[0].heard[:2] == b"\x01\x03"


def test_what_no_other_model_answers_is_certain(bus: Bus) -> None:
    line = bus(19200, (GMP252, 240))
    (found,) = look(line.line.link, "19200 8N2", addresses=(240,), models=(GMP252, CWT))
    assert [guess.model for guess in found.models] == [GMP252]
    assert found.doubts == ()


def test_the_gmp251_has_the_registers_of_the_gmp252_and_that_is_said(bus: Bus) -> None:
    line = bus(19200, (GMP252, 240))
    (found,) = look(line.line.link, "19200 8N2", addresses=(240,))
    assert {guess.model for guess in found.models} == {GMP252, "vaisala-gmp251"}
    assert "cannot be told apart" in " ".join(found.doubts)


def test_same_registers_cannot_be_told_apart_and_that_is_said(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = load_catalogue()[CWT].model_copy(update={"id": "twin"})
    line = bus(4800, (CWT, 1))
    connection = DRIVER.at(str(line.line.link))
    assert connection is not None
    search = Search([load_catalogue()[CWT], twin], (Line.of("4800"),), (1,))
    (found,) = [row for row in DRIVER.scan(connection, search, untraced) if isinstance(row, Answer)]
    assert {guess.model for guess in found.models} == {CWT, "twin"}
    assert "cannot be told apart" in " ".join(found.doubts)


def test_the_factory_settings_of_the_catalogue_come_first() -> None:
    connection = DRIVER.at("/dev/nowhere")
    assert connection is not None
    asked: list[bytes] = []

    class Deaf:
        def open(self) -> None: ...

        def close(self) -> None: ...

        def ask(self, frame: bytes, wait: float, enough: Callable[[bytes], bool]) -> bytes:
            asked.append(frame)
            return b""

    models = [load_catalogue()[GMP252]]
    steps = [
        row
        for row in modbus_scan.sweep("modbus-rtu", [modbus_scan.Pitch("19200 8N2", Deaf)], Search(models))  # type: ignore[arg-type]
        if isinstance(row, Step)
    ]
    # the read of the manual's example (M211897EN): F0 03 00 00 00 02 D1 2A
    assert asked[0] == bytes.fromhex("F003 0000 0002 D12A")
    assert {frame[0] for frame in asked} == {*range(1, 17), 240}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].left_s == 0
    assert steps[0].left_s > 0


def remark(port: Path) -> str:
    (said,) = look(port, "9600 8N1", addresses=(1, 2, 3), models=(CWT,))
    assert isinstance(said, Message)
    return said


def test_silence_names_what_it_may_be(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    assert "not one byte" in remark(far(lambda _request, _foreign: []))


def test_an_echo_tells_that_the_adapter_works(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    assert "adapter works" in remark(far(lambda request, _foreign: [(0, request.frame)]))


def test_zero_bytes_alone_are_a_swapped_line(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    assert "A and B swapped" in remark(far(lambda _request, _foreign: [(0, b"\x00\x00")]))


def test_bytes_without_a_frame_everywhere_are_a_wrong_speed_or_noise(
    far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    assert "wrong speed" in remark(far(lambda _request, _foreign: [(0, b"\xe3\x1c\x07\x99")]))


def test_garbled_bytes_at_one_address_alone_are_two_probes(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)

    def clash(request: Request, _foreign: int) -> Iterable[Piece]:
        if request.address != 1:
            return []
        frames = [answer_frame(request, (word,) * request.registers) for word in (0x1234, 0x0F0F)]
        return [(0, bytes(a & b for a, b in zip(*frames, strict=True)))]

    (found,) = look(far(clash), "9600 8N1", addresses=(1, 2, 3), models=(CWT,))
    assert (found.address, found.models) == (1, ())
    assert "two probes share it" in found.doubts[0]


def test_two_at_one_address_of_the_simulation_are_told(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    line = bus(4800, (CWT, 1), (CWT, 1))
    (found,) = look(line.line.link, "4800 8N1", addresses=(1,))
    assert "two probes" in " ".join(found.doubts)


def test_who_answers_late_counts_for_its_own_address(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus_scan, "WAIT_S", SILENCE_S)
    held: list[bytes] = []

    def late(request: Request, _foreign: int) -> Iterable[Piece]:
        if request.address == 1 and not held:
            held.append(answer_frame(request, (7,) * request.registers))
            return []
        return [(0, held[0])] if request.address == 2 else []

    found = [
        row
        for row in look(far(late), "9600 8N1", addresses=(1, 2), models=(GMP252,))
        if isinstance(row, Answer)
    ]
    assert [row.address for row in found] == [1]


# giving another address


def test_the_frames_of_the_manual() -> None:
    """CWT-Soil-THC-S V1.4: set address 2, set 9600 Bd; function 16 by the Modbus specification 6.12."""
    assert write_frame(1, 6, 0x07D0, (2,)) == bytes.fromhex("01 06 07 D0 00 02 08 86")
    assert write_frame(1, 6, 0x07D1, (2,)) == bytes.fromhex("01 06 07 D1 00 02 59 46")
    several = seal(bytes.fromhex("11 10 00 01 00 02 04 00 0A 01 02"))  # 6.12's example, for slave 0x11
    assert write_frame(0x11, WRITE_SEVERAL, 1, (0x000A, 0x0102)) == several
    assert parse_write(b"\x00" + several + b"\x01") == (Write(0x11, 16, 1, (0x000A, 0x0102)), b"\x01")
    assert parse_write(several[:-1]) == (None, several[:-1])
    assert Write(0x11, 16, 1, (0x000A, 0x0102)).answer == seal(bytes.fromhex("11 10 00 01 00 02"))


def brisk(model: str) -> ProbeModel:
    """A model whose silence costs a test little."""
    return load_catalogue()[model].model_copy(update={"timeout": 2 * SILENCE_S})


def change(line: SimulatedBus, model: str, old: int, new: int) -> Message:
    connection = DRIVER.at(str(line.line.link), Line.of(str(line.connection.baudrate)))
    assert connection is not None
    return DRIVER.set_address(connection, brisk(model), old, new, untraced)


def at_once(probe: SimulatedProbe) -> None:
    """Make a probe take its address without being switched off."""
    assert probe.model.change is not None
    probe.model = probe.model.model_copy(
        update={"change": probe.model.change.model_copy(update={"restart": False})}
    )


def test_an_address_is_written_read_back_and_holds_after_the_restart(bus: Bus) -> None:
    line = bus(4800, (CWT, 1))
    assert "switched off and on" in change(line, CWT, 1, 11)
    assert line.probes[0].address == 1
    line.probes[0].restart()
    (found,) = look(line.line.link, "4800 8N1", addresses=(11,))
    assert found.address == 11


def test_an_address_that_holds_at_once_is_read_back_there(bus: Bus) -> None:
    line = bus(19200, (GMP252, 240))
    at_once(line.probes[0])
    assert change(line, GMP252, 240, 21) == "the probe answers at address 21 now"
    assert line.probes[0].address == 21


@pytest.mark.parametrize(
    ("probes", "model", "new", "why"),
    [
        (((CWT, 1), (CWT, 1)), CWT, 11, "more than one answers"),
        (((CWT, 1), (CWT, 11)), CWT, 11, "somebody answers at address 11 already"),
        (((SENSECAP, 1),), CWT, 11, "it is another model"),
        (((CWT, 1),), CWT, 248, "takes addresses from 1 to 247"),
        (((CWT, 1),), "campbell-metsens300", 11, "the catalogue does not say"),
    ],
    ids=["two answer", "taken", "another model", "no address", "not known"],
)
def test_nothing_is_written_when_it_is_not_sure(
    bus: Bus, probes: tuple[tuple[str, int], ...], model: str, new: int, why: str
) -> None:
    line = bus(4800, *probes)
    with pytest.raises(NotChanged, match=why):
        change(line, model, 1, new)
    assert [(probe.address, probe._written) for probe in line.probes] == [(at, {}) for _, at in probes]


def test_a_speed_is_written_and_the_probe_is_found_there(bus: Bus) -> None:
    line = bus(4800, (CWT, 1))
    at_once(line.probes[0])
    connection = DRIVER.at(str(line.line.link), Line.of("4800"))
    assert connection is not None
    said = DRIVER.set_line(connection, brisk(CWT), 1, Line.of("9600 8N1"), untraced)
    assert said == "the probe answers at 9600 8N1 now"
    assert line.probes[0].line == Line.of("9600 8N1")


def test_a_probe_that_needs_all_four_registers_gets_them(bus: Bus) -> None:
    line = bus(19200, (GMP252, 240))
    connection = DRIVER.at(str(line.line.link), Line.of("19200 8N1"))
    assert connection is not None
    said = DRIVER.set_line(connection, brisk(GMP252), 240, Line.of("9600 8E2"), untraced)
    assert "switched off and on" in said
    # numbers 770 to 772 of the manual: speed 1 = 9600, parity 1 = even, stop bits as they are
    assert line.probes[0]._written == {0x0301: 1, 0x0302: 1, 0x0303: 2}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("19200", "cannot be set to 19200, only to 2400, 4800, 9600"),
        ("9600 8E1", "does not say where"),
        ("4800", "already"),
    ],
)
def test_a_line_that_a_probe_cannot_have_is_refused(bus: Bus, settings: str, why: str) -> None:
    line = bus(4800, (CWT, 1))
    connection = DRIVER.at(str(line.line.link), Line.of("4800"))
    assert connection is not None
    with pytest.raises(NotChanged, match=why):
        DRIVER.set_line(connection, brisk(CWT), 1, Line.of(settings), untraced)
    assert line.probes[0]._written == {}


@pytest.mark.parametrize("place", ["socket://10.0.0.5:502", "10.0.0.5:502", "rfc2217://host:1", ""])
def test_an_address_in_the_network_is_no_serial_port(place: str) -> None:
    assert DRIVER.at(place) is None


@pytest.mark.parametrize(
    "place", ["/dev/ttyUSB0", "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0", "bus1"]
)
def test_a_path_is_a_serial_port(place: str) -> None:
    found = DRIVER.at(place, Line.of("19200 8N2"))
    assert found is not None
    assert (str(found.port), found.baudrate, found.stopbits) == (place, 19200, 2)


@pytest.mark.parametrize(
    "model", [one for one in load_catalogue().values() if isinstance(one, ModbusModel)], ids=str
)
def test_the_registers_of_the_line_have_a_code_for_what_comes_from_the_factory(model: ModbusModel) -> None:
    if model.change is None or model.line is None:
        return
    for key in ("baudrate", "parity", "stopbits"):
        register = getattr(model.change, key)
        assert register is None or register.code(getattr(model.line, key)) is not None
    if model.change.baudrate is not None and model.change.baudrate.codes:
        assert set(model.line.baudrates) <= set(model.change.baudrate.codes)
