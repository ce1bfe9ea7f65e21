"""Series and the flags they should get, value by value.

Half-hourly CO2 [ppm]; a number that was not delivered is None. The flags are derived by hand from the definitions of
the QARTOD manual (U.S. IOOS, Manual for Real-Time Quality Control of Dissolved Oxygen Observations, tests 3, 6, 7 and
8; flags 1 good, 2 not evaluated, 3 suspect, 4 bad, 9 missing) with these rules where it leaves a choice: a flagged
reading is no witness for the next, a return is not blamed, a spike is found whole, and a step is told once.
"""

from __future__ import annotations

import pytest

from tests.quality.stations import HOUR, MINUTE, T0, fed, key, sample, station

RATE = f'[[quality.limits]]\nvariable = "co2"\nrate_per_minute = {100 / 30}\nupper = 60000\n'
FLAT = '[[quality.limits]]\nvariable = "co2"\nflat_for = "3h"\nflat_tolerance = {}\n'
RANGE = '[[quality.limits]]\nvariable = "co2"\nlower = 0\nupper = 60000\nsuspect_lower = 300\nsuspect_upper = 20000\n'
CO2 = key("p/d2", "co2")
NONE = None


def flags(limits: str, values: list[float | None], pauses: dict[int, int] | None = None) -> str:
    """Flags of half-hourly values; `pauses`: time without rows before a value [µs]."""
    at, rows = T0, []
    for index, value in enumerate(values):
        at += (pauses or {}).get(index, 30 * MINUTE)
        rows.append(sample("import/p/d2", "co2", at, value))
    return "".join(map(str, fed(station(limits), rows).flags(CO2)))


@pytest.mark.parametrize("more", ["", "spike = 250\n"], ids=["rate", "rate and spike"])
@pytest.mark.parametrize(
    ("values", "right"),
    [
        pytest.param([900, 905, 900, 1500, 905, 906, 900], "1113111", id="spike"),
        pytest.param([900, 905, 900, 1500, 1501, 1500, 1502], "1113111", id="step: one suspect"),
        pytest.param([900, 905, NONE, 1500, 1501, 1500], "119311", id="step after a lost row"),
        pytest.param([900, 905, NONE, 1500, 905, 906], "119311", id="spike after a lost row"),
        pytest.param([900, 905, 900, 1500, 1500, 905, 900], "1113311", id="spike of two"),
        pytest.param([900, 905, 70000, 906, 905], "11411", id="beyond a limit"),
        pytest.param(
            [900, 905, *[NONE] * 6, 1500, 1501, 1502], "11999999211", id="after a gap nobody can tell"
        ),
    ],
)
def test_jumps(values: list[float | None], right: str, more: str) -> None:
    assert flags(RATE + more, values) == right


def test_after_a_gap_without_rows_nobody_can_tell_either() -> None:
    assert flags(RATE, [900, 905, 1500, 1501, 1502], {2: 7 * 30 * MINUTE}) == "11211"


def test_a_step_over_three_days_without_rows_is_none() -> None:
    assert flags(RATE, [900, 905, 900, 1500, 1501, 1500], {3: 72 * HOUR}) == "111111"


def test_the_spike_test_alone_tells_of_no_step() -> None:
    spike = '[[quality.limits]]\nvariable = "co2"\nspike = 250\n'
    assert flags(spike, [900, 905, 900, 1500, 1501, 1500, 1502]) == "1111111"
    assert flags(spike, [900, 905, 900, 1500, 1500, 905, 900]) == "1113311"


@pytest.mark.parametrize(
    ("values", "tolerance", "right"),
    [
        pytest.param([904] * 10, 0, "1111113333", id="stuck"),
        pytest.param([900, 910, *[904] * 7, 905, 920, 940], 0, "111111113111", id="stuck for three hours"),
        pytest.param([904, 904, NONE, *[904] * 7], 0, "1191113333", id="a lost row"),
        pytest.param(
            [904, 904, *[NONE] * 6, *[904] * 4], 0, "119999991111", id="nobody looked for three hours"
        ),
        pytest.param([904, 905] * 5, 1, "1111113333", id="a tolerance includes its own value"),
    ],
)
def test_flat_line(values: list[float | None], tolerance: int, right: str) -> None:
    assert flags(FLAT.format(tolerance), values) == right


def test_equal_values_before_and_after_three_days_are_no_flat_line() -> None:
    assert flags(FLAT.format(0), [904] * 8, {4: 72 * HOUR}) == "11111111"


def test_range() -> None:
    assert flags(RANGE, [-5, 0, 60000, 60000.001, 299, 20001, 300, 20000]) == "43343311"
