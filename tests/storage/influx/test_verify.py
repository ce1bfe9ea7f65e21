"""Journal against database: every value that is not there, or not the same, is found and named."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.station_config.variables import VARIABLES, Variables
from soilco2.storage.influx.line_protocol import encode
from soilco2.storage.influx.reader import InfluxReader
from soilco2.storage.influx.sink import InfluxSink
from soilco2.storage.influx.verify import Compared, Gap, compare
from soilco2.storage.reader import Piece, SeriesInfo
from tests.servers import InfluxBucket

MARCH = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
MINUTE = 60_000_000
KEY = SeriesKey("yulin", "p1", "d10", "co2")


@dataclass
class Held:
    """A journal in memory: rows of (time, value, flag)."""

    rows: list[tuple[int, float, int]]
    asked: list[tuple[int | None, int | None]] = field(default_factory=list)
    variables: Variables = VARIABLES

    def series(self) -> list[SeriesInfo]:
        return [SeriesInfo(KEY, "ppm", 0.1, self.rows[0][0], self.rows[-1][0], 60.0)]

    def read(
        self, keys: Sequence[SeriesKey], start_us: int | None = None, end_us: int | None = None
    ) -> Iterator[Piece]:
        self.asked.append((start_us, end_us))
        rows = [r for r in self.rows if (start_us or r[0]) <= r[0] < (end_us or r[0] + 1)]
        if rows:
            t, v, f = zip(*rows, strict=True)
            yield Piece(KEY, array("q", t), array("d", v), array("b", f))

    def close(self) -> None:
        pass


def rows(count: int = 10) -> list[tuple[int, float, int]]:
    return [(MARCH + n * MINUTE, 400.0 + n, 1) for n in range(count)]


def check(mine: Held, theirs: Held, late: Collection[int] = ()) -> Compared:
    (found,) = compare(mine, theirs, mine.series(), waiting=lambda key, a, b: late)
    return found


def test_the_same_is_equal() -> None:
    found = check(Held(rows()), Held(rows()))
    assert found.equal
    assert (found.journal, found.database, found.gaps) == (10, 10, [])


def test_every_gap_is_named() -> None:
    theirs = [r for n, r in enumerate(rows()) if n not in (2, 3, 7)]
    found = check(Held(rows()), Held(theirs))
    assert not found.equal
    assert found.missing == 3
    assert found.gaps == [
        Gap("missing", MARCH + 2 * MINUTE, MARCH + 3 * MINUTE, 2),
        Gap("missing", MARCH + 7 * MINUTE, MARCH + 7 * MINUTE, 1),
    ]
    assert found.as_dict()["gaps"][1]["first"] == "2026-03-01T00:07:00Z"


def test_another_value_or_flag_is_different_and_two_missing_numbers_are_not() -> None:
    mine, theirs = rows(), rows()
    mine[1], theirs[1] = (mine[1][0], math.nan, 9), (mine[1][0], math.nan, 9)
    theirs[4] = (theirs[4][0], 404.0000001, 1)
    theirs[5] = (theirs[5][0], 405.0, 4)
    found = check(Held(mine), Held(theirs))
    assert (found.missing, found.different) == (0, 2)
    assert found.gaps == [Gap("different", MARCH + 4 * MINUTE, MARCH + 5 * MINUTE, 2)]


def test_what_is_on_its_way_is_no_gap() -> None:
    late = [r[0] for r in rows()[8:]]
    found = check(Held(rows()), Held(rows()[:8]), late)
    assert found.equal
    assert (found.waiting, found.missing) == (2, 0)


def test_what_only_the_database_has_is_counted() -> None:
    found = check(Held(rows()[:5] + rows()[9:]), Held(rows()))
    assert found.equal
    assert found.extra == 4


def test_long_series_are_compared_in_windows_and_a_gap_across_them_is_one() -> None:
    count = 3 * 40 * 1440  # minutes of 120 days
    mine = Held(rows(count))
    missing = range(50_000 - 10, 50_000 + 10)  # around the end of the first window of 50 000 minutes
    theirs = Held([r for n, r in enumerate(rows(count)) if n not in missing])
    found = check(mine, theirs)
    assert len(mine.asked) == 4
    assert found.gaps == [
        Gap("missing", MARCH + missing[0] * MINUTE, MARCH + missing[-1] * MINUTE, len(missing))
    ]


@pytest.mark.influx
def test_against_a_real_database(influx: InfluxBucket) -> None:
    mine = Held(rows(3000))
    sent = [Observation(KEY, t, v, v, Flag(f), "", "", "") for t, v, f in mine.rows]
    sink = InfluxSink(influx.table())
    sink.write(encode(o for n, o in enumerate(sent) if n != 1234))
    reader = InfluxReader(influx.table())
    (found,) = compare(mine, reader, mine.series())
    assert found.gaps == [Gap("missing", MARCH + 1234 * MINUTE, MARCH + 1234 * MINUTE, 1)]
    sink.write(encode([sent[1234]]))
    (found,) = compare(mine, reader, mine.series())
    assert found.equal
    assert found.database == 3000
    sink.close()
    reader.close()
