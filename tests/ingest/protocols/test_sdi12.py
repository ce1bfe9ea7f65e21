"""What SDI-12 answers say, against what makers print and what others published; each vector says which it is.

``maker``: printed in a cited document. ``capture``: published by somebody who has the device. ``made``: from a cited
list of commands, agreed by the second decoder below, which shares no code with the product.
"""

from __future__ import annotations

import math
import random

import pytest

from soilco2.ingest.protocols import sdi12
from soilco2.ingest.simulate.sdi12_probes import number_text
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.connections.sdi12_model import Sdi12Model, curve, numbers

MODELS = {name: model for name, model in load_catalogue().items() if isinstance(model, Sdi12Model)}


# the SDI-12 specification 1.3 (4.4.12 and its appendix) prints these
CHECKED = [
    b"0+3.14OqZ",
    b"0+3.14+2.718+1.414Ipz",
    b"0AP@",
    b"0+1.11+2.22+3.33+4.44+5.55+6.66I]q",
    b"1+1.23+2.34+345+4.4678KoO",
]


@pytest.mark.parametrize("line", CHECKED)
def test_the_check_sum_is_that_of_the_specification(line: bytes) -> None:
    assert sdi12.crc(line[:-3]) == line[-3:]
    taken = sdi12.values(line, line[:1].decode(), checked=True)
    assert taken == (None if len(line) == 4 else line)  # without values a measurement was broken off


@pytest.mark.parametrize("line", [line for line in CHECKED if len(line) > 4])
def test_one_wrong_bit_is_noticed(line: bytes) -> None:
    for place in range(1, len(line)):
        for bit in range(7):
            wrong = line[:place] + bytes([line[place] ^ 1 << bit]) + line[place + 1 :]
            assert sdi12.values(wrong, line[:1].decode(), checked=True) is None, wrong


def test_a_check_sum_behind_values_is_passed_over_by_the_decoder() -> None:
    assert numbers(b"1+1.23+2.34+345+4.4678KoO") == [1.23, 2.34, 345.0, 4.4678]
    assert numbers(b"1+1.23\n1-2") == [1.23, -2.0]


# values are separated by their signs alone
@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"0-1-2.5+3", [-1.0, -2.5, 3.0]),
        (b"a+001.0000+123.1234", [1.0, 123.1234]),
        (b"Z+.5-0", [0.5, -0.0]),
        (b"0+1234567", [1234567.0]),
    ],
)
def test_values_are_split_at_their_signs(line: bytes, found: list[float]) -> None:
    assert sdi12.values(line, line[:1].decode(), checked=False) == line
    assert numbers(line) == found


@pytest.mark.parametrize(
    "line",
    [
        b"0",
        b"0+",
        b"0+-1",
        b"0+1.2.3",
        b"0 +1",
        b"0+1,5",
        b"0+12345678",
        b"0+1e5",
        b"0+nan",
        b"0\t1846.16 22.3 1",
        b"00+0.000",
    ],
)
def test_what_is_no_answer_with_values_is_none(line: bytes) -> None:
    assert sdi12.values(line, "0", checked=False) is None


def test_an_answer_of_another_address_is_none() -> None:
    assert sdi12.values(b"1+1", "0", checked=False) is None
    assert sdi12.announced(b"10013", "0", "M") is None
    assert sdi12.identity(b"00013") is None


@pytest.mark.parametrize(
    ("line", "command", "found"),
    [
        (b"00029", "M", (2, 9)),  # capture: HydraProbe, github.com/shlomika1337/SDI12-to-USB
        (b"50012", "M", (1, 2)),  # capture: STS probe, github.com/joembedded/SDI12Term
        (b"a0015", "M", (1, 5)),  # maker: Acclima TDR series manual, page 9
        (b"a02116", "C", (21, 16)),  # maker: Sentek probe manual 3.4, page 11
        (b"00013", "C", None),
        (b"a02116", "M", None),
        (b"0001", "M", None),
    ],
)
def test_what_is_announced(line: bytes, command: str, found: tuple[int, int] | None) -> None:
    assert sdi12.announced(line, line[:1].decode(), command) == found


IDENTITIES = [
    # maker: Campbell CS650 manual, appendix D
    (b"313CampbellCS65X 000Std.00.35=2196405", "campbell-cs65x", "2196405"),
    # capture: METER probes, in the firmware of a public node (DPI Climate)
    (b"113METER   TER12 201T12-00082937", "meter-teros-12", "T12-00082937"),
    (b"213METER   TER11 301T11-00019674", "meter-teros-11", "T11-00019674"),
    (b"013METER   TER11 303T11-00044991", "meter-teros-11", "00044991"),
    # capture: github.com/shlomika1337/SDI12-to-USB
    (b"012STEVENSW0560126.302GSN00303589", "stevens-hydraprobe", "SN00303589"),
    # capture: Acclima probes of two public projects
    (b"014Acclima TR315L2.2908543", "acclima-tdr-31x", "908543"),
    (b"A13Acclima TR310S2.114000362", "acclima-tdr-31x", "14000362"),
    # maker: METER TEROS 21 manual, example 1
    (b"113METER   TER21 389631800001", "meter-teros-21", "631800001"),
    # capture: a test of a public decoder; the probe tells no serial number
    (b"013SENTEK  ES2   101", "sentek-enviroscan", "whatever"),
]


@pytest.mark.parametrize(("line", "name", "serial"), IDENTITIES)
def test_a_probe_is_known_by_its_identity(line: bytes, name: str, serial: str) -> None:
    told = sdi12.identity(line)
    assert told is not None
    assert [one for one, model in MODELS.items() if sdi12.is_model(told, model)] == [name]
    assert sdi12.is_serial(told, serial)
    assert sdi12.is_serial(told, "other-1234567") is (told.serial == "")


def test_the_parts_of_an_identity_stand_where_the_maker_says() -> None:
    # maker: METER TEROS 21 manual, example 1
    told = sdi12.identity(b"113METER   TER21 389631800001")
    assert told == ("1", "13", "METER", "TER21", "389", "631800001")


def second_opinion(line: str) -> list[float]:
    """Values of an answer, character by character."""
    found: list[str] = []
    for character in line[1:]:
        if character in "+-":
            found.append(character)
        elif character in "0123456789.":
            found[-1] += character
        else:
            break
    return [float(text) for text in found]


# (origin, model, answers, channel, value in the unit of the catalogue file); how the value is had stands beside it
VECTORS = [
    # capture: METER probes in the firmware of a public node; METER's equation for mineral soil
    ("capture", "meter-teros-12", b"1+1807.82+21.0+1", "soil_water", 3.879e-4 * 1807.82 - 0.6956),
    ("capture", "meter-teros-12", b"1+1807.82+21.0+1", "soil_temperature", 21.0),
    ("capture", "meter-teros-12", b"1+1807.82+21.0+1", "bulk_ec", 1.0),
    ("capture", "meter-teros-11", b"2+1820.29+20.9", "soil_temperature", 20.9),
    # capture: "real world values" in a public driver of the TEROS 12
    ("capture", "meter-teros-12", b"0+1846.16+22.3+1", "soil_temperature", 22.3),
    # capture: HydraProbe in air, github.com/shlomika1337/SDI12-to-USB: 25.4 degC and 77.7 degF are one temperature
    (
        "capture",
        "stevens-hydraprobe",
        b"0+0.000+0.000+25.4\n0+77.7+0.000+1.459\n0+0.046-0.005+0.032",
        "soil_temperature",
        25.4,
    ),
    (
        "capture",
        "stevens-hydraprobe",
        b"0+0.000+0.000+25.4\n0+77.7+0.000+1.459\n0+0.046-0.005+0.032",
        "bulk_ec",
        0.0,
    ),
    # capture: page of the 5TM at the Landscape Evolution Observatory, with what it means
    ("capture", "meter-5tm", b"B+7.5+25.6", "permittivity", 7.5),
    ("capture", "meter-5tm", b"B+7.5+25.6", "soil_temperature", 25.6),
    # capture: as above; the permittivity of air is 1, this one stood in moist air or dry soil
    (
        "capture",
        "stevens-hydraprobe",
        b"0+0.000+0.000+25.4\n0+77.7+0.000+1.459\n0+0.046-0.005+0.032",
        "permittivity",
        1.459,
    ),
    # maker: Sentek probe manual 3.4, page 11
    (
        "maker",
        "sentek-enviroscan",
        b"a+001.0000+001.1234+000.0200+000.1234+000.0000+123.1234+010.1200+000.1243\n"
        b"a+044.8750+002.0010+003.1234+001.0200+011.1234+001.0100+001.0100+011.3344",
        "soil_water_9",
        44.875,
    ),
    # made: from the lists of commands cited in the catalogue files
    ("made", "campbell-cs65x", b"3+0.1834+0.0412+18.63+9.11\n3+2.213+1.03", "bulk_ec", 0.0412),
    ("made", "campbell-cs65x", b"3+0.1834+0.0412+18.63+9.11\n3+2.213+1.03", "permittivity", 9.11),
    ("made", "meter-teros-21", b"0-33.4+18.2", "matric_potential", -33.4),
    ("made", "acclima-tdr-31x", b"a+012.6+25.9+07.0+0069+1840", "bulk_ec", 69.0),
    ("made", "acclima-tdr-31x", b"a+012.6+25.9+07.0+0069+1840", "soil_water", 12.6),
    ("made", "campbell-soilvue10", b"0+0.213+11.42-2.31+0.084", "soil_temperature_40cm", -2.31),
    ("made", "meter-5te", b"0+10.0+0.12+14.8", "bulk_ec", 0.12),
    (
        "made",
        "meter-5te",
        b"0+10.0+0.12+14.8",
        "soil_water",
        0.1883,
    ),  # Topp et al. 1980 at a permittivity of 10
]


@pytest.mark.parametrize(("_kind", "name", "said", "channel", "value"), VECTORS)
def test_an_answer_gives_the_value_it_states(
    _kind: str, name: str, said: bytes, channel: str, value: float
) -> None:
    spec = MODELS[name].spec(channel)
    assert spec is not None
    raw = MODELS[name].decoder(spec)(said)
    assert raw * spec.scale + spec.shift == pytest.approx(value, abs=5e-5)
    told = [number for line in said.decode().split("\n") for number in second_opinion(line)]
    assert numbers(said) == told
    if not spec.at.polynomial:
        assert raw == told[spec.at.index - 1]


def test_topp_is_that_of_the_paper() -> None:
    topp = MODELS["meter-5te"].spec("soil_water").at.polynomial  # type: ignore[union-attr]
    # Topp, Davis & Annan 1980 at 5, 10, 20, 40
    assert [round(curve(topp, value), 4) for value in (5, 10, 20, 40)] == [0.0798, 0.1883, 0.3454, 0.5102]


@pytest.mark.parametrize("sentinel", [-9999, -9992, -9991])
@pytest.mark.parametrize(
    "name", ["meter-teros-11", "meter-teros-12", "meter-5te", "meter-5tm", "meter-teros-21"]
)
def test_what_meter_says_in_place_of_a_value_stays_as_it_is(name: str, sentinel: int) -> None:
    model = MODELS[name]
    text = b"0" + b"%+d" % sentinel * len(model.channel)
    assert [model.decoder(spec)(text) for spec in model.channel] == [sentinel] * len(model.channel)
    assert all(sentinel in spec.sentinels for spec in model.channel)


def test_a_value_that_is_not_there_is_no_number() -> None:
    model = MODELS["sentek-enviroscan"]
    spec = model.spec("soil_water_9")
    assert spec is not None
    assert math.isnan(model.decoder(spec)(b"0+1+2+3"))
    with pytest.raises(ValueError, match="no answer with values"):
        model.decoder(spec)(b"0+1+2x")


@pytest.mark.parametrize("value", [0.0, -2.31, 1846.16, 123456.78, 9999999.0, -9999.0, 0.0004])
def test_a_simulated_value_is_one_that_a_probe_may_send(value: float) -> None:
    text = number_text(value)
    assert len(text) <= 9
    assert float(text) == pytest.approx(value, rel=1e-6, abs=5e-5)
    assert numbers(b"0" + text.encode()) == [float(text)]


def test_no_bytes_make_more_than_none_of_an_answer() -> None:
    noise = random.Random(12)
    for _ in range(5000):
        line = bytes(noise.choice(b"01aZ+-.9@\x7f\x00\xff !IM") for _ in range(noise.randrange(40)))
        for checked in (True, False):
            taken = sdi12.values(line, "0", checked)
            assert taken is None or (taken == line and sdi12.count(line) > 0)
        told = sdi12.identity(line)
        assert told is None or told.address == line[:1].decode()
        sdi12.announced(line, "0", "M")
