"""Masters on real sockets: gateways that close, lie and answer late; modems that come twice, drop and flood."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from soilco2.ingest.errors import BadFrame, NoAnswer, PortBusy, PortGone
from soilco2.ingest.protocols.mbap import Numbered, split, wrap
from soilco2.ingest.protocols.modbus import Request, answer_frame, parse_request
from soilco2.ingest.simulate.far_tcp import Gateway, Modem
from soilco2.ingest.simulate.line import Piece
from soilco2.ingest.transports import dtu_port
from soilco2.ingest.transports.dtu_port import PENDING, STRANGERS, DtuListener, DtuPort, DtuStream
from soilco2.ingest.transports.modbus_master import ModbusMaster
from soilco2.ingest.transports.modbus_tcp import NumberedStream
from soilco2.ingest.transports.tcp import DialledStream
from tests.ingest.running import until
from tests.servers import HOST, free_port

ASK = Request(7, 3, 0, 3)
WORDS = (701, 702, 703)
AMPLE = 5.0
SHORT = 0.1
"""For answers that shall not come."""
IMEI = b"861234567890123"


def respond(request: Request, _foreign: int) -> Iterable[Piece]:
    return [(0, answer_frame(request, WORDS))]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as undo:
        yield undo


class Script:
    """A far end that answers each connection by a function of its own, in turn; then it closes it."""

    def __init__(self, *plays: Callable[[socket.socket], None]) -> None:
        self.server = socket.create_server((HOST, 0))
        self.port = self.server.getsockname()[1]
        self._plays = plays
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for play in self._plays:
            link, _ = self.server.accept()
            with link:
                play(link)

    def stop(self) -> None:
        self._thread.join(30)
        self.server.close()


def serves(link: socket.socket) -> None:
    """Right answers of Modbus TCP, until the other side ends."""
    while heard := link.recv(100):
        for number, frame in split(heard)[0]:
            request = parse_request(frame)[0]
            assert request is not None
            link.sendall(wrap(Numbered(number, answer_frame(request, WORDS))))


def numbered(port: int, stack: ExitStack) -> ModbusMaster:
    stream = NumberedStream(HOST, port)
    master = ModbusMaster(stream, quiet=0.0, dropped=lambda: stream.late)
    master.open()
    stack.callback(master.close)
    return master


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
def test_a_gateway_is_read(framing: Any, stack: ExitStack) -> None:
    port = free_port()
    gateway = Gateway(HOST, port, framing, respond)
    stack.callback(gateway.stop)
    if framing == "tcp":
        master = numbered(port, stack)
    else:
        master = ModbusMaster(DialledStream(HOST, port), quiet=0.0)
        master.open()
        stack.callback(master.close)
    for _ in range(3):
        assert master.read(ASK, AMPLE) == WORDS


def test_a_late_answer_is_known_by_its_number(stack: ExitStack) -> None:
    """The answer to the first request comes with the second's, in front of it."""

    def play(link: socket.socket) -> None:
        first = link.recv(100)
        second = link.recv(100)
        for asked, words in ((first, (9, 9, 9)), (second, WORDS)):
            number = split(asked)[0][0].number
            link.sendall(wrap(Numbered(number, answer_frame(ASK, words))))
        link.recv(100)

    far = Script(play)
    stack.callback(far.stop)
    master = numbered(far.port, stack)
    with pytest.raises(NoAnswer):
        master.read(ASK, SHORT)
    assert master.read(ASK, AMPLE) == WORDS
    assert master.late == 1


def test_what_is_no_modbus_tcp_ends_the_connection(stack: ExitStack) -> None:
    def rtu(link: socket.socket) -> None:
        link.recv(100)
        link.sendall(answer_frame(ASK, WORDS))
        link.recv(100)

    far = Script(rtu, serves)
    stack.callback(far.stop)
    master = numbered(far.port, stack)
    with pytest.raises(BadFrame, match='framing = "rtu"'):
        master.read(ASK, AMPLE)
    assert not master.is_open
    master.open()
    assert master.read(ASK, AMPLE) == WORDS


def test_an_answer_in_single_bytes(stack: ExitStack) -> None:
    def play(link: socket.socket) -> None:
        number = split(link.recv(100))[0][0].number
        for byte in wrap(Numbered(number, answer_frame(ASK, WORDS))):
            link.sendall(bytes([byte]))
        link.recv(100)

    far = Script(play)
    stack.callback(far.stop)
    assert numbered(far.port, stack).read(ASK, AMPLE) == WORDS


def test_a_connection_that_ended_while_nobody_asked_is_seen(stack: ExitStack) -> None:
    """With a heartbeat unread before the end."""
    far = Script(lambda link: link.sendall(b"ping"), serves)
    stack.callback(far.stop)
    master = numbered(far.port, stack)
    until(lambda: not master.is_open)
    master.open()
    assert master.read(ASK, AMPLE) == WORDS


def test_a_link_on_which_nothing_ever_comes_is_dialled_anew(stack: ExitStack) -> None:
    def deaf(link: socket.socket) -> None:
        while link.recv(100):
            pass

    far = Script(deaf, serves)
    stack.callback(far.stop)
    master = numbered(far.port, stack)
    for _ in range(3):
        assert master.is_open
        with pytest.raises(NoAnswer):
            master.read(ASK, 0.02)
    assert not master.is_open
    master.open()
    assert master.read(ASK, AMPLE) == WORDS


def test_a_link_that_dies_is_noticed_by_the_kernel(stack: ExitStack) -> None:
    far = Script(lambda link: [link.recv(100)].clear())
    stack.callback(far.stop)
    stream = DialledStream(HOST, far.port)
    stream.open()
    stack.callback(stream.close)
    link = stream._link
    assert link is not None
    assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert 0 < link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
    assert 0 < link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 120


@pytest.mark.parametrize("host", [HOST, "no-such-host.invalid", "a" * 80 + ".invalid"])
def test_nobody_there(host: str) -> None:
    with pytest.raises(PortGone, match="cannot be reached"):
        DialledStream(host, free_port()).open()


# modems


class Exchange:
    """A port that modems dial, and its thread."""

    def __init__(self, stack: ExitStack, *, heartbeats: tuple[bytes, ...] = (b"ping",)) -> None:
        self.number = free_port()
        self.port = DtuPort(HOST, self.number, {IMEI: "north", b"DTU2": "south"}, heartbeats, lambda: 1)
        self.listener = DtuListener(self.port)
        self.listener.start()
        stack.callback(self.listener.join, 30)
        stack.callback(self.listener.stop)
        self._stack = stack

    def dial(self, said: bytes = IMEI) -> socket.socket:
        link = socket.create_connection((HOST, self.number))
        self._stack.callback(link.close)
        link.settimeout(30)
        link.sendall(said)
        return link

    def connected(self, name: str = "north") -> bool:
        return bool(self.port.status()["connections"][name]["connected"])

    def master(self, marks: tuple[bytes, ...] = (IMEI, b"ping")) -> ModbusMaster:
        until(self.connected)
        master = ModbusMaster(DtuStream(self.port, IMEI), quiet=0.0, marks=marks)
        master.open()
        self._stack.callback(master.close)
        return master


def ended(link: socket.socket) -> bool:
    """Whether the other side has closed, or closes now."""
    with contextlib.suppress(ConnectionResetError):
        return link.recv(100) == b""
    return True


def test_heartbeats_and_registrations_around_and_in_an_answer(stack: ExitStack) -> None:
    exchange = Exchange(stack)
    frame = answer_frame(ASK, WORDS)
    link = exchange.dial(IMEI + b"ping")
    master = exchange.master()
    for at in range(len(frame) + 1):
        said = b"ping" + IMEI + frame[:at] + b"ping" + frame[at:] + b"ping"
        thread = threading.Thread(target=lambda said=said: link.recv(100) and link.sendall(said))  # type: ignore[misc]
        thread.start()
        assert master.read(ASK, AMPLE) == WORDS
        thread.join()


def test_a_registration_in_two_pieces(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further apart than a packet is waited for: what came first can still become a known one."""
    judged = threading.Event()
    real = DtuListener._judge

    def judge(*given: Any, **more: Any) -> None:
        real(*given, **more)
        judged.set()

    monkeypatch.setattr(DtuListener, "_judge", judge)
    exchange = Exchange(stack)
    link = exchange.dial(IMEI[:6])
    assert judged.wait(30)
    assert exchange.port.status()["unknown_count"] == 0
    link.sendall(IMEI[6:])
    until(exchange.connected)


def test_the_newest_connection_of_a_modem_takes_the_place_of_the_one_before(stack: ExitStack) -> None:
    exchange = Exchange(stack)
    before = exchange.dial()
    master = exchange.master()
    modem = Modem(HOST, exchange.number, IMEI, b"ping", respond)  # while the line holds the first one
    stack.callback(modem.stop)
    until(lambda: exchange.port.status()["connections"]["north"]["replaced"] == 1)
    assert ended(before)
    assert not master.is_open
    master.open()
    assert master.read(ASK, AMPLE) == WORDS


def test_a_modem_that_drops_in_the_middle_of_a_frame(stack: ExitStack) -> None:
    exchange = Exchange(stack)
    link = exchange.dial()
    master = exchange.master()

    def half() -> None:
        link.recv(100)
        link.sendall(answer_frame(ASK, WORDS)[:5])
        link.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=half)
    thread.start()
    with pytest.raises(PortGone, match="lost"):
        master.read(ASK, AMPLE)
    thread.join()
    with pytest.raises(PortGone, match="has not dialled in"):
        master.open()
    modem = Modem(HOST, exchange.number, IMEI, b"", respond)
    stack.callback(modem.stop)
    until(exchange.connected)
    master.open()
    assert master.read(ASK, AMPLE) == WORDS


def test_unknown_modems_are_counted_and_never_asked(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than are remembered, one that is no text; the known one is served."""
    monkeypatch.setattr(dtu_port, "PAUSE_S", 0.02)
    exchange = Exchange(stack)
    modem = Modem(HOST, exchange.number, IMEI, b"", respond)
    stack.callback(modem.stop)
    for n in range(STRANGERS + 5):
        assert ended(exchange.dial(b"stranger-%d" % n))
    assert ended(exchange.dial(b"\x1b[2J" + bytes(200)))
    assert ended(exchange.dial(b"stranger-1"))
    until(lambda: exchange.port.status()["unknown_count"] == STRANGERS + 7)
    rows = exchange.port.status()["unknown"]
    assert len(rows) == STRANGERS
    assert rows[0] == {"registration": "stranger-1", "from": HOST, "count": 1, "last_us": 1}
    assert rows[1]["registration"] == "0x1b5b324a" + "00" * 60  # no byte of it reaches a terminal
    assert exchange.master().read(ASK, AMPLE) == WORDS


def test_connections_that_say_nothing_give_way(stack: ExitStack) -> None:
    """Slow ones hold no place: the oldest goes when there are too many, and a modem is known beside them."""
    exchange = Exchange(stack)
    slow = [exchange.dial(b"8") for _ in range(PENDING + 1)]
    assert ended(slow[0])
    exchange.dial()
    until(exchange.connected)
    assert len(exchange.listener._pending) <= PENDING


def test_a_connection_that_never_says_who_it_is_has_its_time(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtu_port, "PATIENCE_S", 0.05)
    exchange = Exchange(stack)
    assert ended(exchange.dial(b""))
    until(lambda: exchange.port.status()["unknown_count"] == 1)
    assert exchange.port.status()["unknown"][0]["registration"] == "(silent)"


def test_a_flood_before_the_registration_ends(stack: ExitStack) -> None:
    exchange = Exchange(stack)
    assert ended(exchange.dial(b"\r\n" * 1000))


def test_a_line_that_is_made_anew_goes_on_with_the_connection(stack: ExitStack) -> None:
    exchange = Exchange(stack)
    modem = Modem(HOST, exchange.number, IMEI, b"", respond)
    stack.callback(modem.stop)
    exchange.master().close()
    assert exchange.master().read(ASK, AMPLE) == WORDS
    assert exchange.port.status()["connections"]["north"]["replaced"] == 0


def test_a_port_in_use_is_told_and_taken_when_it_is_free(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtu_port, "_REBIND_S", (0.01, 0.01))
    with socket.create_server((HOST, 0)) as other:
        monkeypatch.setattr(
            "tests.ingest.transports.test_modbus_network.free_port", lambda: other.getsockname()[1]
        )
        exchange = Exchange(stack)
        with pytest.raises(PortBusy, match="another process listens on this port"):
            DtuStream(exchange.port, IMEI).open()
    until(lambda: exchange.port.error is None)
    exchange.dial()
    until(exchange.connected)


def test_an_address_of_another_machine(stack: ExitStack) -> None:
    port = DtuPort("192.0.2.1", 5020, {IMEI: "north"}, (), lambda: 1)  # RFC 5737: nobody has it
    listener = DtuListener(port)
    listener.start()
    stack.callback(listener.join, 30)
    stack.callback(listener.stop)
    with pytest.raises(PortGone, match="host must be an address of this machine"):
        DtuStream(port, IMEI).open()
