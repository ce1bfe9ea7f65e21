"""The numbers of one answer together.

Family A, CWT manual: moisture in 0.1 %, temperature in 0.1 degC signed, EC in uS/cm.
"""

from __future__ import annotations

import math

import pytest

from soilco2.quality.records import Sample
from tests.quality.stations import (
    HOUR,
    MINUTE,
    T0,
    Store,
    Writer,
    co2,
    fed,
    key,
    pipeline,
    sample,
    soil,
    station,
)

CHANNELS = ("soil_water", "soil_temperature", "bulk_ec")
STEP = 10 * MINUTE


def frame(at: int, water: float | None, tenths: float | None, ec: float | None) -> list[Sample]:
    """One answer of the probe: raw numbers of its registers."""
    return [sample("S1", name, at, raw) for name, raw in zip(CHANNELS, (water, tenths, ec), strict=True)]


def frames(*rows: tuple[float | None, float | None, float | None]) -> list[Sample]:
    """Answers every ten minutes."""
    return [row for index, raws in enumerate(rows) for row in frame(T0 + index * STEP, *raws)]


def of(store: Store, name: str) -> list[tuple[int, str]]:
    """Flag and tests of a channel, oldest first."""
    return [(int(row.flag), row.tests) for row in store.of(key("p/d2", name))]


GOOD = (100.0, 181.0, 50.0)
FULL = (65535.0, -1.0, 65535.0)


def test_what_stands_beside_nothing_is_suspect_with_the_channel_that_said_so() -> None:
    # 0xFFFF is no moisture and no conductivity, but -0.1 degC
    store = fed(station(soil()), frames(GOOD, FULL, GOOD))
    assert of(store, "soil_water") == [(1, ""), (9, "sentinel"), (1, "")]
    assert of(store, "soil_temperature") == [(1, ""), (3, "frame:bulk_ec,frame:soil_water"), (1, "")]
    assert store[key("p/d2", "soil_temperature"), T0 + STEP].value == -0.1


def test_it_is_no_witness_either() -> None:
    limits = '[[quality.limits]]\nvariable = "soil_temperature"\nrate_per_minute = 0.1\n'
    store = fed(station(soil(), limits), frames(GOOD, FULL, FULL, FULL, FULL, GOOD))
    assert [flag for flag, _ in of(store, "soil_temperature")] == [1, 3, 3, 3, 3, 1]


def test_a_probe_of_another_line_and_an_imported_table_are_no_part_of_the_answer() -> None:
    place = station(soil(), soil("S2", "p/d8"), co2())
    rows = [*frame(T0, *GOOD), sample("S2", "soil_water", T0, 65535.0), sample("C1", "co2", T0, None, "nan")]
    rows += [
        sample("import/p/air", "air_humidity", T0, None),
        sample("import/p/air", "air_temperature", T0, 1.0),
    ]
    store = fed(place, rows)
    assert of(store, "soil_temperature") == [(1, "")]
    assert store[key("p/air", "air_temperature"), T0].tests == ""


def test_zeros_in_summer_are_suspect_as_long_as_they_stay() -> None:
    zeros = (0.0, 0.0, 0.0)
    store = fed(station(soil()), frames(GOOD, zeros, GOOD, *[zeros] * 6, GOOD))
    for name in CHANNELS:
        assert [flag for flag, _ in of(store, name)] == [1, 3, 1, *[3] * 6, 1]
        assert of(store, name)[1] == (3, "zero_frame")


@pytest.mark.parametrize("minutes", [1, 10, 30])
def test_a_dry_freezing_day_in_sand_stays_good(minutes: int) -> None:
    # moisture and conductivity 0 for two days, temperature through 0.0 degC twice a day, 6 K of amplitude
    rows = []
    for index in range(2 * 24 * 60 // minutes):
        at = T0 + index * minutes * MINUTE
        tenths = round(60.0 * math.cos(2 * math.pi * (at - T0) / (24 * HOUR)))
        rows += frame(at, 0.0, float(tenths), 0.0)
    store = fed(station(soil(interval=f"{minutes}min")), rows)
    assert sum(row.value == 0.0 for row in store.of(key("p/d2", "soil_temperature"))) >= 4
    for name in CHANNELS:
        assert {flag for flag, _ in of(store, name)} == {1}, name


def test_zeros_that_nothing_can_be_held_against_are_not_evaluated() -> None:
    zeros = (0.0, 0.0, 0.0)
    store = fed(station(soil()), frames(*[zeros] * 3))
    assert of(store, "soil_temperature") == of(store, "soil_water") == [(2, "no_reference")] * 3
    long = fed(station(soil()), frames(GOOD, *[zeros] * 8))  # the good one speaks for an hour
    assert [flag for flag, _ in of(long, "bulk_ec")] == [1, *[3] * 6, 2, 2]


def test_zero_is_data_where_another_channel_is_not_zero() -> None:
    store = fed(station(soil()), frames(GOOD, (0.0, 0.0, 50.0), (100.0, 0.0, 0.0)))
    assert [flag for flag, _ in of(store, "soil_temperature")] == [1, 1, 1]


@pytest.mark.parametrize("last", CHANNELS)
@pytest.mark.parametrize("second", [FULL, (0.0, 0.0, 0.0)])
def test_an_answer_that_comes_in_pieces_is_judged_as_a_whole(last: str, second: tuple[float, ...]) -> None:
    place = station(soil())
    rows = frames(GOOD, second, GOOD)  # type: ignore[arg-type]
    expected = fed(place, rows)
    writer = Writer(place)
    late = [row for row in rows if row.channel == last and row.time_us == T0 + STEP]
    for row in [*(row for row in rows if row not in late and row.time_us != T0 + 2 * STEP), *late]:
        writer.commit([row])
    writer.commit(rows[6:])
    assert writer.store == expected


def test_nothing_that_comes_behind_later_answers_names_the_time_to_be_made_again() -> None:
    flow = pipeline(station(soil()))
    flow.feed([*frame(T0, *GOOD)[1:], *frame(T0 + STEP, *GOOD)[1:]])
    outcome = flow.feed([sample("S1", "soil_water", T0, 65535.0)])
    # water and temperature look back an hour each; temperature corrects conductivity for another one
    assert outcome.late[0] == ("S1", "soil_water", T0, T0 + 2 * HOUR + 1)
    # until then nothing of that answer counts
    assert flow.feed([sample("S1", "soil_temperature", T0 + 2 * STEP, 181.0)]).observations == []
