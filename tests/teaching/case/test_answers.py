"""What an answer means: any sensible form, in either language."""

from __future__ import annotations

import pytest

from soilco2.teaching.case.answers import (
    close,
    in_unit,
    is_empty,
    read_day,
    read_letters,
    read_number,
    read_sign,
)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("18 cm", "m", 0.18), ("0.18 m", "m", 0.18), ("约18厘米", "m", 0.18), ("１８　ｃｍ", "m", 0.18), ("180mm", "m", 0.18),
        ("0.22 %", "ppm", 2200), ("百分之0.22", "ppm", 2200), ("百分之 95.2", "%", 95.2),
        ("11.7 g", "g m-2 d-1", 11.7), ("11.7 克 CO₂", "g m-2 d-1", 11.7), ("11.7 g/ha", "g m-2 d-1", None), ("2 200 ppm", "ppm", None), ("2,200 ppm", "ppm", 2200), ("2200 umol/mol", "ppm", 2200),
        ("2200 µmol mol⁻¹", "ppm", 2200), ("3.08 µmol m⁻² s⁻¹", "umol m-2 s-1", 3.08), ("3.08 μmol/(m²·s)", "umol m-2 s-1", 3.08),
        ("3.08e-6 mol m-2 s-1", "umol m-2 s-1", 3.08), ("11.7 g CO₂ m⁻² d⁻¹", "g m-2 d-1", 11.7), ("1.2×10⁻³ m", "m", 0.0012),
        ("F = 3.1", "umol m-2 s-1", 3.1), ("−0.3", "1", -0.3), ("35 kg", "t", 0.035), ("0.035吨", "t", 0.035), ("16.8 小时", "h", 16.8),
        ("95.2%", "%", 95.2), (0.18, "m", 0.18), ("5.2e-6 m²/s", "m2 s-1", 5.2e-6), ("0.052 cm² s⁻¹", "m2 s-1", 5.2e-6),
    ],
)  # fmt: skip
def test_numbers_with_units(text: object, unit: str, value: float | None) -> None:
    found = read_number(text)
    assert found is not None
    read = in_unit(found, unit)
    if value is None:
        assert found.value not in read
    else:
        assert read == [pytest.approx(value)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        None,
        True,
        float("nan"),
        float("inf"),
        [1, 2],
        10**400,
        "1e309",
        "99e308",
        f"1e{'9' * 5000}",
    ],
    ids=lambda text: repr(text)[:12],
)
def test_what_is_no_number(text: object) -> None:
    assert read_number(text) is None


def test_a_unit_that_does_not_fit() -> None:
    found = read_number("18 kg")
    assert found is not None
    assert in_unit(found, "m") == []


@pytest.mark.parametrize(
    ("text", "sign"),
    [("+", 1), ("正", 1), ("正相关", 1), ("positive", 1), ("升高", 1), ("up", 1), (0.58, 1), ("-0.90", -1), ("−", -1), ("负", -1),
     ("negative", -1), ("下降", -1), ("向下", -1), ("falls", -1), ("no idea", None), ("0", None), ("positive or negative", None)],
)  # fmt: skip
def test_sign_words(text: object, sign: int | None) -> None:
    assert read_sign(text) == sign


@pytest.mark.parametrize(
    ("text", "letters"),
    [("B", {"B"}), ("b", {"B"}), ("Ｂ", {"B"}), ("选B。", {"B"}), ("A、C", {"A", "C"}), ("a and c", {"A", "C"}), (["A", "c"], {"A", "C"}),
     ("AC", {"A", "C"}), ("B. keep it", {"B"}), ("maybe", set()), (3, set())],
)  # fmt: skip
def test_letters(text: object, letters: set[str]) -> None:
    assert read_letters(text) == letters


@pytest.mark.parametrize(
    "text", ["2022-06-12", "6月12日", "June 12", "12 June", "06-12", "2022年6月12日", "jun 12th", "2022/6/12"]
)
def test_days(text: str) -> None:
    assert read_day(f"stuck, co2, 0.08 m, {text}") == (6, 12)


def test_rounding() -> None:
    assert close(3.1, 3.0826, 0.0, step=0.1)
    assert not close(3.0, 3.0826, 0.0, step=0.1)
    assert not close(3.0, 3.4, 0.0, step=1.0), "one digit is too few"
    assert close(0.2188, 0.218764, 0.02)


def test_nothing_answered() -> None:
    assert all(is_empty(x) for x in (..., None, "", "...", "…", "……", [], [...], float("nan")))
    assert not any(is_empty(x) for x in (0, "0", ["A"], "B"))


@pytest.mark.parametrize("answer", [["unplug", None, "A"], ["A", "why not"], "<DataFrame>"])
def test_letters_beside_something_else_are_no_choice(answer: object) -> None:
    assert read_letters(answer) == set()
