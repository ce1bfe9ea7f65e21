"""Patterns of lines: what they read, what they refuse, and that no line makes them work long."""

from __future__ import annotations

import math
from itertools import product

import pytest

from soilco2.station_config.catalogue.line_pattern import LONGEST, Pattern, checksum, number


def words(pattern: str, line: str) -> dict[str, str] | None:
    found = Pattern(pattern).match(line)
    return None if found is None else {name: line[a:b] for name, (a, b) in found[1].items()}


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (
            "CO2={co2} ppm",
            "CO2=   452 ppm",
            {"co2": "452"},
        ),  # the default of Vaisala's GMP252 (M211897EN, form)
        ("CO2={co2} ppm", ">\0CO2= 452 ppm  ", {"co2": "452"}),  # a prompt and a stray byte in front
        ("RH={rh}%RH\tT={t}'F", "RH= 14.98%RH T= 74.68'F", {"rh": "14.98", "t": "74.68"}),  # M210796EN, FORM
        ("{a},{},{b},{*},{c}", "1,2,3,4,5,6", {"a": "1", "b": "3", "c": "5,6"}),  # never back
        ("{a},{},{b},{*}*{c}", "1,,3,4,5*0F", {"a": "1", "b": "3", "c": "0F"}),
        ("a{{{x}}}", "a{7}", {"x": "7"}),
        ("P {p} hPa", "P1013.2 hPa", None),  # the blank of the pattern is not there
        ("P {p} hPa", "P 1013.2hPa", None),
        ("P {p} hPa", "P 1013.2 hPa 7", None),  # more than the message
        ("P {p} hPa", "P 1013.2 h", None),  # less
        ("CO2={co2} ppm", "CO2=  45CO2=   452 ppm", None),  # two lines in one
        ("{address}R2,Ta={t}C", "0R2,Ta=23.6C", {"address": "0", "t": "23.6"}),  # WXT530, M211840EN 7.2.5
        ("{address}R2,Ta={t}C", "0R2,Ta=23.6F", None),  # another unit is another line
    ],
)
def test_a_pattern_reads_its_line_and_no_other(pattern: str, line: str, found: dict[str, str] | None) -> None:
    assert words(pattern, line) == found


@pytest.mark.parametrize("text", ["{a}{b}", "{a", "a}", "{a b}", "{a} {a}", "x" * (LONGEST + 1)])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        Pattern(text)


@pytest.mark.parametrize(
    ("word", "value"),
    [("452", 452.0), ("+05.0", 5.0), ("-0.1", -0.1), (".055", 0.055), ("1.5e-3", 0.0015), ("7.", 7.0)],
)
def test_numbers(word: str, value: float) -> None:
    assert number(word) == value


@pytest.mark.parametrize("word", ["****.*", "***.*", "---.-", "////", "", "nan", "NaN"])
def test_marks_that_say_that_there_is_no_value(word: str) -> None:
    assert math.isnan(number(word))


@pytest.mark.parametrize("word", ["4x2", "inf", "1e999", "1,5", "0x1F", ".", "+", "１２"])
def test_what_is_no_number_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        number(word)


@pytest.mark.parametrize(
    ("covered", "value"),
    [  # sentences of makers and public test suites with their printed checksums
        ("WIXDR,Z,0002,W,SOLAR", 0x1C),  # Gill 1957-PS-021, 6.6.2
        ("WIXDR,Y,000.000,M,PRECIP", 0x77),  # the same, 6.6.1
        ("PGILT,A,+00,D,+00,D,+1,TILT", 0x34),
        ("WIMDA,3.02,I,1.01,B,23.4,C,,,40.2,,12.1,C,19.3,T,20.1,M,13.1,N,1.1,M", 0x62),  # adrianmo/go-nmea
    ],
)
def test_the_exclusive_or_of_nmea(covered: str, value: int) -> None:
    assert checksum("xor", covered) == value


@pytest.mark.parametrize(
    ("covered", "printed"),
    [
        # Vaisala M211897EN, form with CS4: three lines of its example; they print the sum's last two digits
        ("CO2=  3563 ppm ", "9F"),
        ("CO2=  3562 ppm ", "9E"),
        ("CO2=  3559 ppm ", "A4"),
        # Vaisala M211659EN (GMW90), form with CS2
        ("CO2 = 479 ppm T = 24.26 'C ", "E9"),
        # MicroStep-MIS MSB780 user's guide, form with CS4: all four digits
        (
            "! P:981.811, QFE:984.929, QNH:1014.641, TP:27.75, err:000, baroSN:MSB780X-2.0-1709-1DTS-054, CS:",
            "1620",
        ),
    ],
)
def test_the_sum_of_vaisala(covered: str, printed: str) -> None:
    assert checksum("sum", covered) % 16 ** len(printed) == int(printed, 16)


def test_no_line_makes_a_pattern_go_back() -> None:
    """Each of these would take a pattern that goes back 2^n steps or more; none is found and the test ends."""
    for part, filler in product(("{*}a", "{*},", "{} ", "{*}aa"), ("a", ",", "a ", "aa,")):
        pattern = Pattern("x" + "".join(part for _ in range(150)) + "{co2}!")
        line = "x" + filler * (990 // len(filler))
        assert pattern.match(line) is None
    assert Pattern("x{*}").match("x" * (LONGEST + 1)) is None


def test_what_is_written_is_read() -> None:
    pattern = Pattern("GMP {address} {co2} *{checksum}")
    line = pattern.render({"address": "5", "co2": "452.0", "checksum": "7F"})
    assert words(pattern.text, line) == {"address": "5", "co2": "452.0", "checksum": "7F"}
