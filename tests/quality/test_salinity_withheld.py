"""Salinity is not made of conductivity where that tells nothing of salt: docs/concepts/conductivity.en.md.

Numbers of family A: moisture in 0.1 %, temperature in 0.1 degC, conductivity in uS/cm; 809 uS/cm at 15 degC is 1 dS/m
at 25 degC, and 0.55 mg/L per uS/cm makes 550 mg/L of it.
"""

from __future__ import annotations

import pytest

from soilco2.quality.records import Flag, Sample
from tests.quality.stations import HOUR, MINUTE, T0, Writer, fed, key, sample, soil, station

EC25, SALINITY = key("p/d2", "ec25"), key("p/d2", "salinity")


def reading(water: float, ec: float = 809.0, at: int = T0) -> list[Sample]:
    return [
        sample("S1", "soil_water", at, water),
        sample("S1", "soil_temperature", at, 150.0),
        sample("S1", "bulk_ec", at, ec),
    ]


@pytest.mark.parametrize("compensated", [False, True])
def test_it_is_withheld_in_dry_soil_and_given_in_moist_soil(compensated: bool) -> None:
    place = station(soil(more="settings = { ec_coefficient = 0.02 }" if compensated else ""))
    dry, moist = fed(place, reading(99.0)), fed(place, reading(100.0))
    assert (dry[SALINITY, T0].value, dry[SALINITY, T0].flag) == (None, Flag.MISSING)
    assert dry[SALINITY, T0].tests == "soil_too_dry"
    assert dry[EC25, T0].value == pytest.approx(0.809 if compensated else 1.0), "what was measured goes on"
    assert (dry[EC25, T0].flag, dry[EC25, T0].tests) == (Flag.GOOD, "")
    assert moist[SALINITY, T0].value == pytest.approx(809 * 0.55 if compensated else 550.0)
    assert moist[SALINITY, T0].flag == Flag.GOOD


def test_it_is_withheld_where_conductivity_is_a_few_steps_of_the_probe() -> None:
    # 8 uS/cm at 15 degC is 9.9 uS/cm at 25 degC, 9 are 11.1
    place = station(soil())
    small, enough = fed(place, reading(200.0, 8.0)), fed(place, reading(200.0, 9.0))
    assert (small[SALINITY, T0].value, small[SALINITY, T0].tests) == (None, "ec_too_small")
    assert small[EC25, T0].flag == Flag.GOOD
    assert enough[SALINITY, T0].flag == Flag.GOOD


def test_water_that_comes_late_withholds_it_after_all() -> None:
    writer = Writer(station(soil()))
    writer.commit(reading(200.0)[1:])
    assert writer.store[SALINITY, T0].flag == Flag.GOOD, "nothing says that the soil is dry"
    writer.commit(reading(50.0)[:1])
    assert writer.store[SALINITY, T0].tests == "soil_too_dry"


def test_water_speaks_as_long_as_it_reaches() -> None:
    place = station(soil())
    rows = [*reading(50.0), *reading(0.0, at=T0 + HOUR)[1:], *reading(0.0, at=T0 + HOUR + MINUTE)[1:]]
    store = fed(place, rows)
    assert store[SALINITY, T0 + HOUR].tests == "soil_too_dry"
    assert store[SALINITY, T0 + HOUR + MINUTE].flag == Flag.GOOD


def test_a_site_may_set_its_own_limits() -> None:
    place = station(soil(), "[quality]\nsalinity_least_water = 0.05\nsalinity_least_ec25 = 0\n")
    assert fed(place, reading(50.0, 0.0))[SALINITY, T0].value == 0.0
    assert fed(place, reading(49.0))[SALINITY, T0].tests == "soil_too_dry"
