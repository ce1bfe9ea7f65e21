"""Tests that look back, status words, and how names and flags are put together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soilco2.quality import checks
from soilco2.quality.checks import CHECKS, FlatLine, Jumps, RateOfChange, Spike, WarmUp, read_status
from soilco2.quality.flags import verdict
from soilco2.quality.records import Flag, worst
from soilco2.station_config.connections.modbus_model import RegisterStatus
from tests.quality.stations import HOUR, MINUTE

BITS = RegisterStatus.model_validate(
    {
        "block": "status",
        "bits": [
            {"mask": 0x2, "name": "device-unreliable", "flag": 4},
            {"mask": 0x4, "name": "device-warning", "flag": 3},
        ],
    }
)


# flat line


def flat(readings: list[tuple[int, float]], flat_us: int, tolerance: float = 0.0) -> list[bool]:
    test = FlatLine(flat_us, tolerance)
    return [test.fails(time_us, value) for time_us, value in readings]


@pytest.mark.parametrize("minutes", [1, 5, 10, 30])
def test_a_plateau_of_two_hours_is_found_at_every_duty_cycle(minutes: int) -> None:
    step = minutes * MINUTE
    found = flat([(index * step, 7.0) for index in range(241)], 2 * HOUR)
    assert found == [index * step >= 2 * HOUR for index in range(241)]


def test_a_plateau_is_found_across_a_change_of_duty_cycle() -> None:
    # an hour every minute with values that move, then two hours every ten minutes stuck:
    # a test that counts samples by the median interval wants 120 of them and finds 13
    lively = [(index * MINUTE, float(index)) for index in range(60)]
    stuck = [(HOUR + index * 10 * MINUTE, 59.5) for index in range(13)]
    found = flat(lively + stuck, 2 * HOUR)
    assert found == [False] * 72 + [True]


def test_flat_within_a_tolerance() -> None:
    wobble = [(index * 10 * MINUTE, 20.0 + 0.1 * (index % 2)) for index in range(20)]
    assert flat(wobble, 2 * HOUR, 0.1)[12:] == [True] * 8
    assert not any(flat(wobble, 2 * HOUR, 0.05))


def test_a_slow_drift_is_not_flat() -> None:
    # 0.02 per reading, 13 readings in two hours: 0.24 within any window of two hours
    drift = [(index * 10 * MINUTE, 20.0 + 0.02 * index) for index in range(100)]
    assert not any(flat(drift, 2 * HOUR, 0.2))
    assert all(flat(drift, 2 * HOUR, 0.25)[12:])


def test_a_gap_is_not_evidence_of_flatness() -> None:
    assert not any(flat([(0, 7.0), (3 * HOUR, 7.0), (3 * HOUR + MINUTE, 7.0)], 2 * HOUR))


def brute_flat(readings: list[tuple[int, float]], flat_us: int, tolerance: float) -> list[bool]:
    """The definition, word by word: go back while it holds."""
    found = []
    for last in range(len(readings)):
        first, low, high = last, readings[last][1], readings[last][1]
        while first > 0 and 2 * (readings[first][0] - readings[first - 1][0]) < flat_us:
            value = readings[first - 1][1]
            low, high = min(low, value), max(high, value)
            if high - low > tolerance + 1e-6:
                break
            first -= 1
        found.append(readings[last][0] - readings[first][0] >= flat_us)
    return found


@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(-2, 2)), min_size=1, max_size=60),
    flat_minutes=st.integers(2, 120),
    tolerance=st.integers(0, 3),
)
def test_flat_line_is_its_definition(steps: list[tuple[int, int]], flat_minutes: int, tolerance: int) -> None:
    time_us, readings = 0, []
    for minutes, value in steps:
        time_us += minutes * MINUTE
        readings.append((time_us, float(value)))
    expected = brute_flat(readings, flat_minutes * MINUTE, tolerance)
    assert flat(readings, flat_minutes * MINUTE, tolerance) == expected


# rate of change


def judged(readings: list[tuple[int, float]], test: Jumps) -> list[int]:
    """The bits of every reading in the end, also those that a later one brought."""
    found: dict[int, int] = {}
    for time_us, value in readings:
        found[time_us] = test.judge(time_us, value)
        for at in test.blamed:
            found[at] |= test.bit
    return list(found.values())


def rates(readings: list[tuple[int, float]], limit: float) -> list[bool]:
    return [bool(bits & checks.RATE_OF_CHANGE) for bits in judged(readings, RateOfChange(limit, HOUR))]


def test_rate_is_per_minute_whatever_the_interval() -> None:
    assert rates([(0, 0.0), (MINUTE, 11.0)], 10.0) == [False, True]
    assert rates([(0, 0.0), (10 * MINUTE, 11.0)], 10.0) == [False, False]
    assert rates([(0, 0.0), (10 * MINUTE, 101.0)], 10.0) == [False, True]
    assert rates([(0, 0.0), (MINUTE // 6, 2.0)], 10.0) == [False, True]


def test_a_spike_is_found_and_its_neighbours_are_innocent() -> None:
    values = [400.0, 401.0, 2400.0, 402.0, 401.0]
    readings = [(index * MINUTE, value) for index, value in enumerate(values)]
    assert rates(readings, 50.0) == [False, False, True, False, False]


def test_a_step_is_found_once() -> None:
    values = [400.0, 401.0, 900.0, 901.0, 902.0]
    readings = [(index * MINUTE, value) for index, value in enumerate(values)]
    assert rates(readings, 50.0) == [False, False, True, False, False]


def test_after_a_gap_nobody_can_tell_until_two_readings_fit() -> None:
    def found(*readings: tuple[int, float]) -> list[int]:
        return judged(list(readings), RateOfChange(1.0, HOUR))

    assert found((0, 0.0), (HOUR, 10_000.0)) == [0, checks.RATE_OF_CHANGE]
    unknown = checks.NO_REFERENCE
    assert found((0, 0.0), (HOUR + 1, 10_000.0)) == [0, unknown]
    after = [(2 * HOUR + index * MINUTE, value) for index, value in enumerate((900.0, 5.0, 5.0, 900.0))]
    assert found((0, 5.0), *after) == [0, unknown, unknown, 0, checks.RATE_OF_CHANGE]


def test_after_a_long_silence_the_record_begins_anew() -> None:
    long = checks.MEMORY * HOUR
    readings = [(0, 5.0), (long, 900.0), (2 * long + 1, 5.0), (2 * long + 1 + MINUTE, 900.0)]
    assert judged(readings, RateOfChange(1.0, HOUR)) == [0, checks.NO_REFERENCE, 0, checks.RATE_OF_CHANGE]


def test_a_reading_that_another_test_doubts_is_judged_but_is_no_witness() -> None:
    test = RateOfChange(1.0, HOUR)
    doubted = [(0, 5.0, True), (1, 900.0, False), (2, 900.0, False), (3, 900.0, False), (4, 6.0, True)]
    assert [bool(test.judge(at * MINUTE, value, sound)) for at, value, sound in doubted] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_where_nothing_was_settled_for_long_every_reading_out_of_line_is_suspect() -> None:
    # after three that fit, every second one fails; when that is too long ago, nobody knows which ones are right
    values = [18.1, 18.1, 18.1, *(0.0, 18.1) * 40]
    readings = [(index * 10 * MINUTE, value) for index, value in enumerate(values)]
    found = rates(readings, 0.1)
    settled = 2 * 10 * MINUTE + checks.MEMORY * HOUR
    for (at, value), failed in zip(readings[3:], found[3:], strict=True):
        assert failed == (value == 0.0 or at > settled)
    again = [(readings[-1][0] + index * 10 * MINUTE, 18.1) for index in (1, 2, 3)]
    assert rates(readings + again, 0.1)[-2:] == [False, False]


def test_a_spike_counts_by_its_height_whatever_the_time_between() -> None:
    def spikes(*values: float) -> str:
        readings = [(index * 30 * MINUTE, value) for index, value in enumerate(values)]
        return "".join(str(int(bool(bits))) for bits in judged(readings, Spike(100.0, HOUR)))

    assert spikes(900, 1000, 900) == "000"  # a height of just as much is none
    assert spikes(900, 1001, 900) == "010"
    assert spikes(900, 1500, 1480, 905, 900) == "01100"
    assert spikes(900, 1500, 1480, 1490, 905) == "00000"  # three that fit are a level
    assert spikes(900, 905, 1500) == "000"  # the next reading will tell


# warm-up


def test_warm_up_after_the_first_answer_and_after_a_long_silence() -> None:
    test = WarmUp(2 * MINUTE, HOUR)
    times = [0, MINUTE, 2 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR + 1, 3 * HOUR + 2 * MINUTE]
    assert [test.fails(time_us, 1.0) for time_us in times] == [True, True, False, False, False, True, True]


# status


def test_status_bits_by_the_catalogue() -> None:
    said = read_status("status=0x6", [BITS])
    assert said.extra == ((Flag.BAD, "device-unreliable"), (Flag.SUSPECT, "device-warning"))
    assert (said.mask, said.words) == (0, "")


def test_bits_nobody_explains_are_not_lost() -> None:
    assert read_status("status=0x42", [BITS]).words == "status=0x40"
    assert read_status("other=0x1", [BITS]).words == "other=0x1"


def test_words_and_warm_up() -> None:
    said = read_status("warm-up nan status=0x2", [BITS])
    assert said.mask == checks.WARM_UP
    assert said.words == "nan"
    assert read_status("cable cut, port 2", []).words == "cable cut; port 2"


# verdict


def test_no_failed_test_is_good() -> None:
    assert verdict(0) == (Flag.GOOD, "")


def test_names_stand_in_the_order_of_severity() -> None:
    mask = checks.CALIBRATION_OVERDUE | checks.FLAT_LINE | checks.PHYSICAL_RANGE
    assert verdict(mask) == (Flag.BAD, "physical_range,flat_line,calibration_overdue")
    by_hand = ((Flag.BAD, checks.MANUAL), (Flag.SUSPECT, "device-warning"))
    assert verdict(mask, by_hand) == (
        Flag.BAD,
        "physical_range,manual,device-warning,flat_line,calibration_overdue",
    )


@given(
    st.integers(0, (1 << len(CHECKS)) - 1),
    st.lists(st.tuples(st.sampled_from(list(Flag)), st.sampled_from(["a", "b", checks.MANUAL])), max_size=3),
)
def test_worst_wins_whatever_comes_together(mask: int, extra: list[tuple[Flag, str]]) -> None:
    flag, names = verdict(mask, tuple(extra))
    expected = Flag.GOOD
    for other in [check.flag for bit, check in enumerate(CHECKS) if mask >> bit & 1] + [f for f, _ in extra]:
        expected = worst(expected, other)
    assert flag == expected
    listed = names.split(",") if names else []
    assert len(listed) == len(set(listed))
    assert set(listed) == {c.name for b, c in enumerate(CHECKS) if mask >> b & 1} | {
        name for _, name in extra
    }


def test_the_registry_is_in_the_order_of_severity() -> None:
    flags = [check.flag for check in CHECKS]
    assert all(worst(first, second) == first for first, second in pairwise(flags))


@given(
    steps=st.lists(st.tuples(st.integers(1, 50), st.integers(-1, 1)), min_size=1, max_size=40),
    make=st.sampled_from(
        [
            lambda: FlatLine(80 * MINUTE, 1.0),
            lambda: FlatLine(20 * MINUTE, 0.0),
            lambda: WarmUp(30 * MINUTE, 45 * MINUTE),
        ]
    ),
)
def test_each_test_looks_back_as_far_as_it_says(
    steps: list[tuple[int, int]], make: Callable[[], checks.Remembers]
) -> None:
    time_us, readings = 0, []
    for minutes, value in steps:
        time_us += minutes * MINUTE
        readings.append((time_us, float(value)))
    whole = make()
    for last, (at, value) in enumerate(readings):
        anew = make()
        for before, earlier in readings[:last]:
            if before >= at - anew.lookback_us:
                anew.fails(before, earlier)
        assert whole.fails(at, value) == anew.fails(at, value)


@given(
    steps=st.lists(
        # mostly out of line: what is never settled depends on most
        st.tuples(st.integers(2, 12), st.integers(0, 3), st.sampled_from([True, True, True, False])),
        min_size=20,
        max_size=80,
    ),
    make=st.sampled_from([lambda: RateOfChange(0.05, 10 * MINUTE), lambda: Spike(0.5, 10 * MINUTE)]),
    last=st.integers(0, 79),
)
@example(  # a gap, and then nothing that fits: whether the record began anew there counts to the end
    steps=[(2, 0, True), (70, 1, True), *[(10, 2 + index % 2, True) for index in range(7)]],
    make=lambda: RateOfChange(0.05, 10 * MINUTE),
    last=8,
)
def test_a_jump_is_judged_by_what_lies_within_look_back_and_look_ahead(
    steps: list[tuple[int, int, bool]], make: Callable[[], Jumps], last: int
) -> None:
    time_us, readings = 0, []
    for minutes, value, sound in steps:
        time_us += minutes * MINUTE
        readings.append((time_us, float(value), sound))
    at = readings[last % len(readings)][0]

    def bits(test: Jumps, rows: list[tuple[int, float, bool]]) -> int:
        found: dict[int, int] = {}
        for row in rows:
            found[row[0]] = test.judge(*row)
            for earlier in test.blamed:
                found[earlier] |= test.bit
        return found[at]

    test = make()
    near = [row for row in readings if -test.lookback_us <= row[0] - at <= test.lookahead_us]
    assert bits(make(), near) == bits(test, readings)
