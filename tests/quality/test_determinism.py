"""The same samples give the same observations, however they come: at once, one by one, late, shuffled, again.

Measured half hours of SJER plot 004, June 2022 (NEON, CC0), put back into the registers of true probes. There
is no measured conductivity in that record: the probe's conductivity register holds a number made from measured
water, which is enough to follow it through. Faults are injected: broken readings, silence, status bits.
"""

from __future__ import annotations

from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soilco2.quality.plans import ManualFlag, StationPlan
from soilco2.quality.recompute import recompute
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station
from tests.quality.stations import (
    HOUR,
    MINUTE,
    T0,
    Store,
    Writer,
    barometer,
    co2,
    fed,
    key,
    neon,
    pipeline,
    raw_of,
    sample,
    soil,
    station,
)

SLOT = 30 * MINUTE

LIMITS = """
[[instrument.calibration]]
channel = "air_pressure"
valid_from = 2022-05-01
due = 2022-06-09
offset = 0.5
certificate = "a"
[quality]
[[quality.limits]]
variable = "soil_water"
flat_for = "3h"
[[quality.limits]]
variable = "bulk_ec"
spike = 0.02
[[quality.limits]]
variable = "soil_temperature"
rate_per_minute = 0.03
suspect_upper = 40
[[quality.limits]]
variable = "co2"
rate_per_minute = 2
spike = 40
flat_for = "90min"
flat_tolerance = 3
[[quality.limits]]
variable = "air_pressure"
spike = 0.3
suspect_upper = 966
rate_per_minute = 0.02
"""


@cache
def place() -> Station:
    """Two depths of uncompensated CO2, a soil probe each, a barometer; limits narrow enough to be met."""
    more = 'compensation = { pressure = "none", temperature = "none" }\nwarm_up = "40min"'
    return station(
        co2("C1", "p/d2", interval="30min", more=more),
        co2("C2", "p/d8", interval="30min", more='warm_up = "20min"'),
        soil("S1", "p/d2", interval="30min"),
        soil("S2", "p/d8", interval="30min", more="settings = { ec_coefficient = 0.02 }"),
        barometer(interval="30min") + LIMITS,
    )


LAYER = [
    ManualFlag(key("site", "air_pressure"), T0 + 30 * HOUR, T0 + 34 * HOUR, 4, "a", "b", 1),
    ManualFlag(key("p/d2", "bulk_ec"), T0 + 40 * HOUR, T0 + 44 * HOUR, 3, "a", "b", 2),
    ManualFlag(key("p/d8", "co2"), T0 + 50 * HOUR, None, 3, "a", "b", 3),
]


@cache
def month() -> tuple[Sample, ...]:
    """The whole month in registers, in the order of time."""
    sources = {
        ("C1", "co2"): neon("soil_co2", "004", "501"),
        ("C2", "co2"): neon("soil_co2", "004", "502"),
        ("S1", "soil_temperature"): neon("soil_temperature", "004", "501"),
        ("S2", "soil_temperature"): neon("soil_temperature", "004", "502"),
        ("S1", "soil_water"): neon("soil_water_content", "004", "501"),
        ("S2", "soil_water"): neon("soil_water_content", "004", "502"),
        ("B1", "air_pressure"): {t: 10 * v for t, v in neon("barometric_pressure", "000", "035").items()},
    }
    for serial in ("S1", "S2"):
        water = sources[serial, "soil_water"]
        sources[serial, "bulk_ec"] = {at: 0.05 + value for at, value in water.items()}
    deployments = place().deployments
    rows = []
    for (serial, channel), values in sources.items():
        for at in range(T0, T0 + 1440 * SLOT, SLOT):
            raw = raw_of(deployments, serial, channel, values[at]) if at in values else None
            rows.append(sample(serial, channel, at, raw, "" if raw is not None else "nan"))
    return tuple(sorted(rows, key=lambda row: row.time_us or 0))


@cache
def expected_month() -> Store:
    """What one call makes of the month."""
    return fed(place(), month(), LAYER)


def test_the_month_meets_every_kind_of_trouble() -> None:
    # else the tests below would compare nothing but good values
    names = {name.split(":")[0] for row in expected_month().values() for name in row.tests.split(",")}
    wanted = {
        "missing",
        "flat_line",
        "rate_of_change",
        "site_suspect",
        "suspect_companion",
        "manual",
        "spike",
    }
    wanted |= {"calibration_overdue", "standard_pressure", "warm_up"}
    assert wanted <= names
    assert len(expected_month()) == 1440 * (9 + 4)


def test_a_month_sample_by_sample() -> None:
    flow = pipeline(place(), LAYER)
    store = Store()
    for row in month():
        outcome = flow.feed([row])
        assert outcome.late == []
        store.add(outcome.observations)
    assert store == expected_month()


def test_a_month_made_again_in_pieces() -> None:
    flow = pipeline(place(), LAYER)
    store = Store()
    for start in range(T0, T0 + 1440 * SLOT, 100 * SLOT):
        end = start + 100 * SLOT
        first, last = start - flow.lookback_us, end + flow.lookahead_us
        rows = [row for row in month() if first <= (row.time_us or 0) < last]
        store.add(recompute(StationPlan(place().deployments, place().hash, LAYER), rows, start, end))
    assert store == expected_month()


def test_a_month_whose_barometer_sends_twice_a_day() -> None:
    writer = Writer(place(), LAYER)
    waiting: list[Sample] = []
    for index, row in enumerate(month()):
        if row.serial == "B1":
            waiting.append(row)
        else:
            writer.commit([row])
        if index % (24 * 9) == 0:
            writer.commit(waiting)
            waiting = []
    writer.commit(waiting)
    assert writer.store == expected_month()
    assert writer.made_again < 70  # once per message, not once per sample


days = st.integers(0, 29 * 48)
faults = st.lists(
    st.tuples(
        st.integers(0, 399),
        st.sampled_from(
            [
                *[(None, "nan"), (65535.0, ""), (3000.0, "status=0x2"), (0.0, ""), (1.0, "warm-up")],
                *["silence", "spike", "two", "three", "zeros"],
            ]
        ),
    ),
    max_size=40,
)


@st.composite
def streams(draw: st.DrawFn) -> list[Sample]:
    """Some hours of the month with faults in them, in the order of time."""
    first = T0 + draw(days) * SLOT
    rows = [row for row in month() if first <= (row.time_us or 0) < first + 40 * SLOT]
    gone = set()
    for index, fault in draw(faults):
        if index < len(rows):
            if fault == "silence":
                gone.update(
                    other
                    for other, row in enumerate(rows)
                    if row.serial == rows[index].serial and 0 <= other - index < 50
                )
            elif fault == "zeros":
                for other, row in enumerate(rows):
                    if row.serial == rows[index].serial and row.time_us == rows[index].time_us:
                        rows[other] = row._replace(raw=0.0, status="")
            elif isinstance(fault, str):
                same = [
                    other for other, row in enumerate(rows) if other >= index and row[:2] == rows[index][:2]
                ]
                for other in same[: ("spike", "two", "three").index(fault) + 1]:
                    rows[other] = rows[other]._replace(raw=(rows[other].raw or 0.0) * 1.5 + 2.0)
            else:
                rows[index] = rows[index]._replace(raw=fault[0], status=fault[1])
    return [row for index, row in enumerate(rows) if index not in gone]


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(rows=streams(), data=st.data(), prompt=st.booleans())
def test_any_order_any_batch_any_restart(rows: list[Sample], data: st.DataObject, prompt: bool) -> None:
    expected = fed(place(), rows, LAYER)
    late = data.draw(st.integers(0, 60), label="how late at most [samples]")
    lag = data.draw(st.lists(st.integers(0, late), min_size=len(rows), max_size=len(rows)), label="lags")
    order = sorted(range(len(rows)), key=lambda index: index + lag[index])
    writer = Writer(place(), LAYER, prompt=prompt)
    index = 0
    while index < len(order):
        size = data.draw(st.integers(1, 80), label="batch")
        writer.commit([rows[place_] for place_ in order[index : index + size]])
        index += size
        if data.draw(st.booleans(), label="restart"):
            writer.restart()
        if not prompt:
            writer.judge(data.draw(st.integers(0, 8), label="judged"))
    writer.judge()
    assert writer.store == expected


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(rows=streams(), data=st.data())
def test_whole_devices_late_by_hours(rows: list[Sample], data: st.DataObject) -> None:
    expected = fed(place(), rows, LAYER)
    delays = {
        serial: data.draw(st.integers(0, 30), label=serial) * SLOT
        for serial in ("B1", "C1", "C2", "S1", "S2")
    }
    order = sorted(rows, key=lambda row: (row.time_us or 0) + delays[row.serial])
    writer = Writer(place(), LAYER)
    size = data.draw(st.integers(1, 40), label="batch")
    for index in range(0, len(order), size):
        writer.commit(order[index : index + size])
    assert writer.store == expected


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(rows=streams(), slot=st.integers(0, 39))
def test_a_value_depends_on_nothing_outside_its_look_back_and_look_ahead(
    rows: list[Sample], slot: int
) -> None:
    if not rows:
        return
    at = (rows[0].time_us or 0) + slot * SLOT
    flow = pipeline(place(), LAYER)
    known = [row for row in rows if -flow.lookback_us <= (row.time_us or 0) - at <= flow.lookahead_us]
    whole, part = fed(place(), rows, LAYER), fed(place(), known, LAYER)
    assert {k: v for k, v in whole.items() if k[1] == at} == {k: v for k, v in part.items() if k[1] == at}
