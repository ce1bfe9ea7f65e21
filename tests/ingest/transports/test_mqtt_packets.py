"""Splitting the bytes of a connection: whatever the pieces, the same messages, and bounded memory."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.ingest.errors import BrokerError
from soilco2.ingest.protocols.mqtt_message import Cut, Published
from soilco2.ingest.transports.mqtt_packets import KEPT, Wire, published, split


def _length(count: int) -> bytes:
    """MQTT 3.1.1 table 2.4: seven bits a byte, low ones first, the high bit says that more follow."""
    out = b""
    while True:
        low, count = count % 128, count // 128
        out += bytes([low + (128 if count else 0)])
        if not count:
            return out


def publish(message: Published, *, five: bool, qos: int = 1, properties: bytes = b"") -> bytes:
    number, topic, payload, retained = message
    body = len(topic).to_bytes(2, "big") + topic
    body += number.to_bytes(2, "big") if qos else b""
    body += _length(len(properties)) + properties if five else b""
    return bytes([0x30 | qos << 1 | retained]) + _length(len(body + payload)) + body + payload


MESSAGES = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 65535), st.binary(max_size=20), st.binary(max_size=300), st.integers(0, 1)),
        st.sampled_from([b"\xd0\x00", b"\x90\x03\x00\x01\x01"]),  # PINGRESP, SUBACK
    ),
    max_size=12,
)


class Pieces:
    """A socket that gives bytes in pieces of chosen sizes, and nothing in between."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data, self.sizes = data, sizes

    def recv(self, count: int) -> bytes:
        size = min(self.sizes.pop(0) if self.sizes else len(self.data), count)
        if not self.data or not size:
            raise BlockingIOError
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def close(self) -> None:
        pass


@given(MESSAGES, st.lists(st.integers(0, 40), max_size=60), st.booleans(), st.integers(1, 5))
def test_messages_come_out_as_they_went_in(
    packets: list[Published | bytes], sizes: list[int], five: bool, limit: int
) -> None:
    data = b"".join(
        p if isinstance(p, bytes) else publish(p, five=five, properties=b"\x01\x01") for p in packets
    )
    pieces = Pieces(data, sizes)
    wire = Wire(pieces, five=five)  # type: ignore[arg-type]
    got: list[Published] = []
    others = b""
    while True:
        messages = wire.receive(limit)
        assert len(messages) <= limit
        got += messages
        while wire.for_library:
            others += wire.recv(2)
        if not messages and not wire.waiting and not pieces.data:  # all has come, all is given
            break
    assert got == [p for p in packets if not isinstance(p, bytes)]
    assert others == b"".join(p for p in packets if isinstance(p, bytes))


def test_a_message_without_acknowledgement_has_no_number() -> None:
    packet = publish((0, b"t", b"x", 0), five=False, qos=0)
    assert split(packet, 9, five=False) == ([(0, b"t", b"x", 0)], b"", len(packet))


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x09abc", b"\x00\x01t\x00\x01\x7f"])
def test_lengths_that_do_not_fit_are_an_error(body: bytes) -> None:
    with pytest.raises(BrokerError, match="lengths"):
        published(body, 0x32, five=True)


def test_a_length_without_end_is_an_error() -> None:
    with pytest.raises(BrokerError, match="valid length"):
        split(b"\x30\xff\xff\xff\xff\xff", 1, five=False)


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_an_error_or_waits(data: bytes, five: bool) -> None:
    try:
        messages, others, used = split(data, 100, five=five)
    except BrokerError:
        return
    assert used <= len(data)
    assert len(others) + sum(len(row[1]) + len(row[2]) for row in messages) <= used


def test_a_monstrous_packet_is_cut_and_the_next_one_is_whole() -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    wire = Wire(near, five=False)
    huge = publish((1, b"t", b"x" * (5 * KEPT), 0), five=False)
    small = publish((2, b"t", b"small", 0), five=False)
    got: list[Published] = []
    data = huge + small
    longest = 0
    while len(got) < 2:
        if data:
            data = data[far.send(data[:60_000]) :]
        got += wire.receive(10)
        longest = max(longest, len(wire._data))
    assert [row[0] for row in got] == [1, 2]
    assert KEPT - 100_000 < len(got[0][2]) <= KEPT + 100_000
    assert isinstance(got[0][2], Cut)
    assert got[0][2].whole == 5 * KEPT
    assert got[1][2] == b"small"
    assert type(got[1][2]) is bytes
    assert longest < KEPT + 200_000
    wire.close()
    far.close()


def test_acknowledgements_go_out_together_and_in_order() -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    wire = Wire(near, five=False)
    wire.acknowledge([1, 0, 515])
    assert wire.unsent
    wire.flush()
    assert far.recv(100) == b"\x40\x02\x00\x01\x40\x02\x02\x03"
    far.close()
    with pytest.raises(ConnectionResetError):
        wire.receive(1)
    wire.close()
