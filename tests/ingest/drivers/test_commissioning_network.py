"""Looking for probes behind gateways and modems, and giving one of them another address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from soilco2.ingest.drivers import modbus_change, modbus_dtu, modbus_scan, modbus_tcp
from soilco2.ingest.drivers.search import Answer, Search
from soilco2.ingest.errors import NotChanged, PortBusy
from soilco2.ingest.protocols.modbus import Request, answer_frame, exception_frame, parse_request, parse_write
from soilco2.ingest.simulate.far_tcp import Gateway, Modem
from soilco2.ingest.transports import dtu_port
from soilco2.ingest.transports.trace import untraced
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import Line
from soilco2.station_config.connections.modbus_dtu import ModbusDtuConnection
from soilco2.station_config.message import Message
from tests.servers import HOST, free_port

MODELS = load_catalogue()
CWT = MODELS["cwt-soil-thc-s"]
SEARCH = Search([CWT], addresses=(1, 2, 3))


class Slave:
    """A soil probe of three registers at an address, which register 0x07D0 holds (CWT-Soil manual V1.4).

    What is written there holds when it is switched on again.
    """

    def __init__(self, address: int) -> None:
        self.address = self.written = address

    def parse(self, heard: bytes) -> Any:
        write, rest = parse_write(heard)
        return (write, rest, 0) if write is not None else parse_request(heard)

    def respond(self, asked: Any, _foreign: int) -> list[tuple[float, bytes]]:
        if asked.address != self.address:
            return []
        if not isinstance(asked, Request):
            self.written = asked.words[0]
            return [(0.0, asked.answer)]
        held = {0: 300, 1: 185, 2: 87, 0x07D0: self.written, 0x07D1: 2}
        words = tuple(held[n] for n in range(asked.start, asked.start + asked.registers) if n in held)
        fits = len(words) == asked.registers
        return [(0.0, answer_frame(asked, words) if fits else exception_frame(asked, 2))]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as undo:
        yield undo


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtu_port, "PAUSE_S", 0.02)
    for module in (modbus_scan, modbus_change):
        monkeypatch.setattr(module, "WAIT_S", 0.0)  # the connection's latency is waited for all the same


@pytest.mark.parametrize(
    ("place", "framing"), [("{}:{}", "tcp"), ("tcp://{}:{}", "tcp"), ("socket://{}:{}", "rtu")]
)
def test_probes_behind_a_gateway_are_found(place: str, framing: Any, stack: ExitStack) -> None:
    """A gateway that speaks Modbus TCP says that nobody is there: that is no answer."""
    slave, port = Slave(2), free_port()
    gateway = Gateway(HOST, port, framing, slave.respond, slave.parse, patience_s=0.01)
    stack.callback(gateway.stop)
    connection = modbus_tcp.DRIVER.at(place.format(HOST, port))
    assert connection is not None
    found = list(modbus_tcp.DRIVER.scan(connection, SEARCH, untraced))
    answers = [one for one in found if isinstance(one, Answer)]
    assert [(one.kind, one.address, one.models[0].model) for one in answers] == [("modbus-tcp", 2, CWT.id)]


def test_what_is_no_place_in_the_network() -> None:
    for place in ("/dev/ttyUSB0", "bus1", "http://h:1", "h:99999", "dtu://0.0.0.0:5020", ""):
        assert modbus_tcp.DRIVER.at(place) is None
    for place in ("/dev/ttyUSB0", "h:502", "dtu://h:5020", "dtu://0.0.0.0:0"):
        assert modbus_dtu.DRIVER.at(place) is None


def test_an_address_is_changed_through_a_gateway(stack: ExitStack) -> None:
    slave, port = Slave(1), free_port()
    gateway = Gateway(HOST, port, "tcp", slave.respond, slave.parse, patience_s=0.01)
    stack.callback(gateway.stop)
    connection = modbus_tcp.DRIVER.at(f"{HOST}:{port}")
    said = modbus_tcp.DRIVER.set_address(connection, CWT, 1, 3, untraced)
    assert isinstance(said, Message)
    assert slave.written == 3
    with pytest.raises(NotChanged, match="line settings behind"):
        modbus_tcp.DRIVER.set_line(connection, CWT, 3, Line(baudrate=9600), untraced)


def test_modems_that_dial_are_told(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    connection = modbus_dtu.DRIVER.at(f"dtu://{HOST}:{port}")
    assert connection is not None
    scan = modbus_dtu.DRIVER.scan(connection, SEARCH, untraced)
    next(scan)
    with socket.create_connection((HOST, port)) as link:
        link.sendall(b"861234567890123")
        found = next(one for one in scan if isinstance(one, Answer))
    assert found.address == "861234567890123"
    busy = modbus_dtu.DRIVER.scan(connection, SEARCH, untraced)
    with pytest.raises(PortBusy):
        next(busy)
    scan.close()
    monkeypatch.setattr(modbus_dtu, "LISTEN_S", 0.01)
    monkeypatch.setattr(modbus_dtu, "_LOOK_S", 0.01)
    told = list(modbus_dtu.DRIVER.scan(connection, SEARCH, untraced))
    assert any("no modem dialled" in one for one in told if isinstance(one, Message))


def test_probes_behind_a_modem_are_found_and_read(stack: ExitStack) -> None:
    slave, port = Slave(2), free_port()
    modem = Modem(HOST, port, b"861234567890123", b"", slave.respond, slave.parse)
    stack.callback(modem.stop)
    connection = ModbusDtuConnection(
        id="far", kind="modbus-dtu", port=port, registration="861234567890123", latency="300ms"
    )
    found = list(modbus_dtu.DRIVER.scan(connection, SEARCH, untraced))
    assert [one.address for one in found if isinstance(one, Answer)] == [2]
    seen: list[tuple[str, bytes]] = []
    with closing(modbus_dtu.DRIVER.master(connection, lambda way, data: seen.append((way, data)))) as master:
        master.open()
        assert master.read(Request(2, 3, 0, 3), 5.0) == (300, 185, 87)
    assert seen[0] == ("out", Request(2, 3, 0, 3).frame)
