"""Modbus TCP messages, registrations and heartbeats, without a network.

The request and answer of Modbus TCP are those of the Modbus Messaging on TCP/IP Implementation Guide V1.0b, 4.1 and
annex A (head: number, protocol 0, length, unit), with the read of the Modbus Application Protocol V1.1b3, 6.3:
registers 108 to 110 are 022B, 0000, 0064 hex.
"""

from __future__ import annotations

import pytest

from soilco2.ingest.errors import ExceptionAnswer, NoAnswer
from soilco2.ingest.protocols.marks import views, without
from soilco2.ingest.protocols.mbap import Numbered, split, wrap
from soilco2.ingest.protocols.modbus import (
    Request,
    UnitRequest,
    answer_frame,
    diagnose,
    exception_frame,
    find_answer,
    seal,
)
from soilco2.ingest.protocols.registration import Said, who

READ = bytes.fromhex("000100000006FF03006B0003")
ANSWER = bytes.fromhex("000100000009FF0306022B00000064")
ASK = Request(7, 3, 0, 3)
SAID = answer_frame(ASK, (0x022B, 0, 0x64))


def test_a_request_and_its_answer() -> None:
    request = Request(255, 3, 0x6B, 3)
    assert wrap(Numbered(1, request.frame)) == READ
    messages, rest = split(ANSWER + ANSWER[:5])
    assert rest == ANSWER[:5]
    assert [one.number for one in messages] == [1]
    found = find_answer(messages[0].frame, request)
    assert found is not None
    assert found.words == (0x022B, 0, 0x64)


def test_unit_0_is_asked_over_a_network_alone() -> None:
    assert UnitRequest(0, 3, 0, 3).frame == seal(bytes.fromhex("000300000003"))
    assert UnitRequest(7, 3, 0, 3).frame == ASK.frame
    with pytest.raises(ValueError):
        _ = Request(0, 3, 0, 3).frame


@pytest.mark.parametrize("head", ["000100010006", "000100000001", "0001000000FF", "FFFFFFFFFFFF"])
def test_what_cannot_be_a_message(head: str) -> None:
    with pytest.raises(ValueError):
        split(bytes.fromhex(head))


def test_a_gateway_says_that_the_device_is_silent() -> None:
    silent = diagnose(exception_frame(ASK, 11), ASK, "gw:502", 1.0)
    assert isinstance(silent, NoAnswer)
    assert "no answer from the device" in str(silent)
    assert isinstance(diagnose(exception_frame(ASK, 10), ASK, "gw:502", 1.0), ExceptionAnswer)


@pytest.mark.parametrize("beat", [b"\x00", b"ping", b"\x02\x2b", b"8612345678901234"])
def test_a_heartbeat_anywhere_in_an_answer(beat: bytes) -> None:
    """00 and 02 2B stand in the answer itself as well: the checksum decides which bytes are the modem's."""
    for at in range(len(SAID) + 1):
        heard = SAID[:at] + beat + SAID[at:]
        found = [find_answer(view, ASK) for view in views(heard, [beat])]
        assert (0x022B, 0, 0x64) in [one.words for one in found if one]
        assert {one.words for one in found if one} == {(0x022B, 0, 0x64)}


def test_a_damaged_answer_stays_damaged() -> None:
    """Its length is right, so there is no heartbeat in it that could be taken out."""
    for at in range(len(SAID)):
        for value in range(256):
            damaged = SAID[:at] + bytes([value]) + SAID[at + 1 :]
            if damaged != SAID:
                assert not any(find_answer(view, ASK) for view in views(damaged, [b"\x00", b"\x03"]))


def test_heartbeats_alone_are_silence() -> None:
    heard = without(b"pingping", [b"ping"])
    assert isinstance(diagnose(heard, ASK, "dtu", 1.0), NoAnswer)


IMEI, OTHER, HEX = b"861234567890123", b"DTU1", bytes.fromhex("5501AA")
KNOWN = (IMEI, OTHER, HEX)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (b"", Said(None, True)),
        (IMEI, Said(IMEI)),
        (IMEI + b"\r\n", Said(IMEI)),
        (b"pingping" + IMEI + b"ping", Said(IMEI)),
        (IMEI + IMEI + SAID, Said(IMEI)),  # before every frame; the modem held an answer back
        (HEX + SAID, Said(HEX)),
        (IMEI[:9], Said(None, True)),  # in two pieces
        (b"ping\r\n" + HEX[:1], Said(None, True)),
        (b"pi", Said(None, True)),
        (OTHER + b"0", Said(None, False)),  # DTU10 is another one
        (b"861234567890124", Said(None, False)),
        (SAID, Said(None, False)),
        (b"GET / HTTP/1.1\r\n", Said(None, False)),
    ],
)
def test_who_a_modem_says_it_is(heard: bytes, said: Said) -> None:
    assert who(heard, KNOWN, (b"ping",)) == said
