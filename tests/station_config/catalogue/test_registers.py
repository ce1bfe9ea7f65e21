"""Numbers in registers: against makers' documents, and there and back."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soilco2.station_config.catalogue.registers import RANGE, WIDTH, decode, decoder, encode


def test_word_order_self_test() -> None:
    # Vaisala: 465.66 ppm, low word first; the other order gives -4.3e12
    words = (0xD47A, 0x43E8)
    assert decode(words, 0, "float32", "low-first") == pytest.approx(465.66, abs=0.005)
    assert decode(words, 0, "float32", "high-first") == pytest.approx(-4.3e12, rel=0.01)


def test_signed_temperature() -> None:
    # TDR-5 sheet: FF DD is -3.5 degC at 0.1 degC per count
    assert decode((0xFFDD,), 0, "int16") == -35.0


@given(st.sampled_from(sorted(RANGE)), st.sampled_from(["high-first", "low-first"]), st.data())
def test_whole_numbers_come_back(kind: str, order: str, data: st.DataObject) -> None:
    value = data.draw(st.integers(*RANGE[kind]))
    words = encode(value, kind, order)
    assert len(words) == WIDTH[kind]
    assert decode((9, *words), 1, kind, order) == value


@given(st.floats(width=32), st.sampled_from(["high-first", "low-first"]))
def test_floats_come_back(value: float, order: str) -> None:
    words = encode(value, "float32", order)
    back = decode(words, 0, "float32", order)
    assert struct.pack(">d", back) == struct.pack(">d", value) or (back != back and value != value)


@pytest.mark.parametrize(
    ("value", "kind"), [(40000, "int16"), (-1, "uint16"), (float("nan"), "int16"), (1e39, "float32")]
)
def test_a_number_that_does_not_fit_is_refused(value: float, kind: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(value, kind)


def test_a_short_block_is_refused() -> None:
    with pytest.raises(IndexError, match="outside a block of 1"):
        decode((1,), 0, "float32")


@given(st.sampled_from(sorted(RANGE)), st.sampled_from(["high-first", "low-first"]), st.data())
def test_whole_numbers_come_back_from_the_wire(kind: str, order: str, data: st.DataObject) -> None:
    value = data.draw(st.integers(*RANGE[kind]))
    after = data.draw(st.binary(max_size=4))
    words = encode(value, kind, order)
    assert decoder(kind, order)(struct.pack(f">{len(words)}H", *words) + after) == value


@given(st.floats(width=32), st.sampled_from(["high-first", "low-first"]))
def test_floats_come_back_from_the_wire(value: float, order: str) -> None:
    words = encode(value, "float32", order)
    back = decoder("float32", order)(struct.pack(">2H", *words))
    assert struct.pack(">d", back) == struct.pack(">d", value) or (back != back and value != value)


def test_bytes_as_a_maker_prints_them() -> None:
    # Vaisala M211799EN: D4 7A 43 E8 is 465.66 ppm, low word first; TDR-5 sheet: FF DD is -3.5 degC
    assert decoder("float32", "low-first")(bytes.fromhex("D47A43E8")) == pytest.approx(465.66, abs=0.005)
    assert decoder("int16")(bytes.fromhex("FFDD0164")) == -35.0


@pytest.mark.parametrize("kind", sorted(WIDTH))
def test_too_few_registers_are_refused(kind: str) -> None:
    with pytest.raises(IndexError, match=f"{kind} takes {2 * WIDTH[kind]} bytes"):
        decoder(kind)(bytes(2 * WIDTH[kind] - 1))
