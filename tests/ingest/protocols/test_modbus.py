"""Frames against bytes from manuals and a worked checksum; streams of any bytes do no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from soilco2.ingest.errors import BadFrame, ExceptionAnswer, LocalEcho, NoAnswer, WrongAnswer
from soilco2.ingest.protocols.modbus import (
    Request,
    answer_frame,
    crc16,
    diagnose,
    exception_frame,
    find_answer,
    parse_request,
    seal,
    sound,
)


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


# Request and answer as makers' documents print them: Vaisala M211799EN/M211897EN (GMP25x, address 240),
# Senseair Modbus guide (K30, address 0x68), ComWinTop CWT-Soil manual V1.4 (frames with a right checksum),
# the Chinese TDR-5 probe's sheet (address 2).
GOLDEN = [
    (Request(0xF0, 3, 0, 2), "F0 03 00 00 00 02 D1 2A", "F0 03 04 D4 7A 43 E8 33 AB", (0xD47A, 0x43E8)),
    (Request(0x68, 4, 3, 1), "68 04 00 03 00 01 C8 F3", "68 04 02 03 01 24 09", (769,)),
    (Request(0xFF, 3, 0x07D0, 1), "FF 03 07 D0 00 01 91 59", "FF 03 02 00 01 50 50", (1,)),
    (Request(2, 3, 0, 2), "02 03 00 00 00 02 C4 38", "02 03 04 FF DD 01 64 69 66", (0xFFDD, 356)),
]


@pytest.mark.parametrize(("request_", "asked", "answered", "words"), GOLDEN)
def test_golden_frames(request_: Request, asked: str, answered: str, words: tuple[int, ...]) -> None:
    assert request_.frame == _hex(asked)
    found = find_answer(_hex(answered), request_)
    assert found == (words, len(_hex(answered)))
    assert answer_frame(request_, words) == _hex(answered)
    assert parse_request(_hex(asked)) == (request_, b"", 0)


def test_request_of_a_soil_probe() -> None:
    # CWT-Soil manual V1.4: read three registers; set address 2; set 9600 baud
    assert Request(1, 3, 0, 3).frame == _hex("01 03 00 00 00 03 05 CB")
    assert seal(_hex("01 06 07 D0 00 02")) == _hex("01 06 07 D0 00 02 08 86")
    assert seal(_hex("01 06 07 D1 00 02")) == _hex("01 06 07 D1 00 02 59 46")


def test_a_printed_answer_with_a_wrong_checksum_is_refused() -> None:
    # the example of the CWT manual itself; D8 0F would be right
    request = Request(1, 3, 0, 3)
    assert find_answer(_hex("01 03 06 02 92 FF 9B 03 E8 38 75"), request) is None
    assert find_answer(_hex("01 03 06 02 92 FF 9B 03 E8 D8 0F"), request) is not None


@given(st.binary(max_size=300))
def test_checksum_agrees_with_pymodbus(data: bytes) -> None:
    assert crc16(data) == int.from_bytes(FramerRTU.compute_CRC(data).to_bytes(2, "big"), "little")


@pytest.mark.parametrize(
    "bad", [Request(0, 3, 0, 1), Request(1, 6, 0, 1), Request(1, 3, 0xFFFF, 2), Request(1, 3, 0, 126)]
)
def test_impossible_requests_are_refused(bad: Request) -> None:
    with pytest.raises(ValueError, match="expected"):
        _ = bad.frame


REQUEST = Request(3, 3, 0, 3)
RIGHT = answer_frame(REQUEST, (11, 12, 13))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NoAnswer),
        (REQUEST.frame, LocalEcho),
        (RIGHT[:-1] + b"\x00", BadFrame),
        (RIGHT[:7], BadFrame),
        (b"\x00\xff\x00", BadFrame),
        (exception_frame(REQUEST, 2), ExceptionAnswer),
    ],
)
def test_diagnosis(data: bytes, error: type[Exception]) -> None:
    assert find_answer(data, REQUEST) is None
    found = diagnose(data, REQUEST, "bus1", 1.0)
    assert type(found) is error
    assert str(found).startswith("bus1, address 3: function 3, registers 0x")


@pytest.mark.parametrize(
    ("stranger", "kind"),
    [
        (Request(4, 3, 0, 3), "wrong_address"),
        (Request(3, 4, 0, 3), "wrong_function"),
        (Request(3, 3, 0, 2), "wrong_count"),
    ],
)
def test_diagnosis_of_a_stranger(stranger: Request, kind: str) -> None:
    data = answer_frame(stranger, tuple(range(stranger.registers)))
    for shown in (data, REQUEST.frame + data, b"\xff" + data):
        found = diagnose(shown, REQUEST, "bus1", 1.0)
        assert isinstance(found, WrongAnswer)
        assert found.kind == kind


requests = st.builds(
    lambda a, f, s, n: Request(a, f, min(s, 0x10000 - n), n),
    st.integers(1, 255),
    st.sampled_from([3, 4]),
    st.integers(0, 0xFFFF),
    st.integers(1, 125),
)


@given(requests, st.binary(max_size=400))
def test_any_bytes_give_an_answer_or_a_typed_error(request_: Request, data: bytes) -> None:
    found = find_answer(data, request_)
    if found is None:
        assert diagnose(data, request_, "bus", 1.0).kind
    else:
        assert sound(data[found.end - request_.answer_length : found.end])
    parse_request(data)


@given(requests, st.data(), st.binary(max_size=30), st.binary(max_size=30))
def test_an_answer_is_found_in_any_noise(
    request_: Request, data: st.DataObject, before: bytes, after: bytes
) -> None:
    words = tuple(
        data.draw(st.lists(st.integers(0, 0xFFFF), min_size=request_.registers, max_size=request_.registers))
    )
    frame = answer_frame(request_, words)
    for stream in (frame, before + frame + after, request_.frame + frame, request_.frame[-3:] + frame):
        found = find_answer(stream, request_)
        assert found is not None
        assert found.words == words


@given(requests, st.data())
def test_one_damaged_byte_is_never_accepted(request_: Request, data: st.DataObject) -> None:
    frame = bytearray(answer_frame(request_, tuple(range(request_.registers))))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    assert find_answer(bytes(frame), request_) is None  # a CRC-16 finds every burst of up to 16 bits
