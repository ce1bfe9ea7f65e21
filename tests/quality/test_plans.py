"""A plan is made once and is all that judging knows of the station."""

from __future__ import annotations

import dataclasses
import re

import pytest

from soilco2.quality import checks
from soilco2.quality.pipeline import Pipeline
from soilco2.quality.plans import ManualFlag, StationPlan, Timeline
from soilco2.quality.records import Flag
from tests.paths import ROOT
from tests.quality.stations import HOUR, MINUTE, T0, Store, barometer, co2, key, sample, soil, station


def test_nothing_but_the_plan_knows_the_station_file() -> None:
    for path in (ROOT / "quality").glob("*.py"):
        asks = re.search(r"\bDeployments\b|tables\.stationfile", path.read_text(encoding="utf-8"))
        assert not asks or path.name == "plans.py", path.name


def test_two_pipelines_of_one_plan_know_nothing_of_each_other() -> None:
    limits = '[[quality.limits]]\nvariable = "soil_water"\nrate_per_minute = 0.01\n'
    place = station(soil(), limits)
    plan = StationPlan(place.deployments, place.hash)
    first, second = Pipeline(plan), Pipeline(plan)
    first.feed([sample("S1", "soil_water", T0, 400.0)])
    given = second.feed([sample("S1", "soil_water", T0 + MINUTE, 100.0)]).observations
    assert [row.tests for row in given] == [""]


def test_a_plan_is_frozen_and_changes_by_date_alone() -> None:
    dated = """
[[instrument.calibration]]
channel = "co2"
valid_from = 2022-06-01T01:00:00Z
valid_until = 2022-06-01T03:00:00Z
gain = 1.1
certificate = "a"
"""
    place = station(co2() + dated, barometer())
    by_hand = ManualFlag(key("p/d2", "co2"), T0 + 2 * HOUR, None, 3, "a", "b", 1)
    found = StationPlan(place.deployments, place.hash, [by_hand]).of("C1", "co2")
    plans = [found.at(T0 + hours * HOUR) for hours in range(4)]
    assert [plan and (plan.calibrated, plan.gain, plan.mask) for plan in plans] == [
        (False, 1.0, 0),
        (True, 1.1, 0),
        (True, 1.1, 0),
        (True, 1.1, checks.CALIBRATION_OVERDUE),
    ]
    assert [plan and plan.manual for plan in plans] == [(), (), *[((Flag.SUSPECT, "manual"),)] * 2]
    assert len({id(plan and plan.channel) for plan in plans}) == 1
    assert plans[0] is not None
    with pytest.raises(dataclasses.FrozenInstanceError):
        plans[0].channel.a = 2.0  # type: ignore[misc]


def test_a_timeline_holds_from_a_moment_on() -> None:
    line = Timeline([10, 20, 10], lambda at: at)
    assert [line.at(time) for time in (9, 10, 19, 20, 10**18)] == [line.values[0], 10, 10, 20, 20]


def test_a_table_imported_without_the_station_file_naming_it_has_a_plan_when_it_comes() -> None:
    place = station(soil())
    plan = StationPlan(place.deployments, place.hash)
    assert ("import/site/", "air_pressure") not in plan.known
    given = Pipeline(plan).feed([sample("import/site/", "air_pressure", T0, 880.0)]).observations
    assert Store(given)[key("site", "air_pressure"), T0].value == 880.0
