"""A node writes numbers below zero as text and spells units as its maker does.

What is right: 151 µS/cm are 0.151 dS/m, 12.5 % are 0.125 m³/m³, 14 °F are -10 °C (SI brochure, by hand).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.messages import decoded, reading


@pytest.mark.parametrize(
    ("channel", "value", "unit", "wanted"),
    [
        ("soil_temperature", -1.7, "°C", -1.7),
        ("soil_temperature", -1.7, "℃", -1.7),
        ("soil_temperature", 14, "°F", -10.0),
        ("soil_water", 12.5, "%", 0.125),
        ("soil_water", 0.125, "m³/m³", 0.125),
        ("bulk_ec", 151, "uS/cm", 0.151),
        ("bulk_ec", 151, "µS/cm", 0.151),
        ("bulk_ec", 151, "μS/cm", 0.151),
        ("bulk_ec", 151, "us/cm", 0.151),
        ("bulk_ec", 0.151, "mS cm-1", 0.151),
    ],
)
def test_a_unit_is_read_in_each_of_its_spellings(
    tmp_path: Path, channel: str, value: float, unit: str, wanted: float
) -> None:
    out = decoded(tmp_path, reading(channel, value, unit))
    assert not out.refusals
    assert [row.raw for row in out.samples] == [pytest.approx(wanted)]


def test_a_number_as_text_is_refused_with_the_option_that_takes_it(tmp_path: Path) -> None:
    out = decoded(tmp_path, reading("soil_temperature", "-1.6", "degC"))
    assert not out.samples
    assert "numbers_as_text = true" in out.refusals[0].reason


def test_the_option_takes_numbers_as_text_and_nothing_else_that_is_text(tmp_path: Path) -> None:
    texts = ["-1.6", "+3", "1e1", "NaN", "inf", "", "1_0", " 1", "1e999"]
    came = [reading("soil_temperature", text, "degC", minute) for minute, text in enumerate(texts)]
    came.append(reading("soil_temperature", True, "degC", 10))
    came.append(reading("soil_temperature", -1.9, "degC", 11) | {"sequence": "11"})
    out = decoded(tmp_path, *came, connection="numbers_as_text = true")
    assert [row.raw for row in out.samples] == [-1.6, 3.0, 10.0, -1.9]
    assert len(out.refusals) == 7
