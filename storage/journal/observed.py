"""Observations into their table: what differs from what stands there gets a new revision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Any

from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.quality.runs import ObservedRun
from soilco2.station_config.deployments import import_channel
from soilco2.storage.journal.bulk_insert import COUNTED, SHARED, Insertion
from soilco2.storage.journal.session import Session

Row = tuple[int, float | None, float | None, int, int, int]
"""Time, value, raw, flag, tests and corrections of an observation as the table holds it."""

_COLUMNS = "series, time_us, value, raw, flag, tests, corrections, config, rev"
_UNLESS_SAME = (
    "ON CONFLICT (series, time_us) DO UPDATE SET value = excluded.value, raw = excluded.raw,"
    " flag = excluded.flag, tests = excluded.tests, corrections = excluded.corrections,"
    " config = excluded.config, rev = excluded.rev"
    " WHERE value IS NOT excluded.value OR raw IS NOT excluded.raw OR flag <> excluded.flag"
    " OR tests <> excluded.tests OR corrections <> excluded.corrections"
)
_UPSERT = Insertion(f"INSERT INTO observation ({_COLUMNS})", "?" * 9, _UNLESS_SAME)
_UPSERT_ALIKE = Insertion(
    f"INSERT INTO observation ({_COLUMNS})",
    (SHARED, "?", "?", "?", SHARED, SHARED, SHARED, SHARED, COUNTED),
    _UNLESS_SAME,
)
"""For observations that differ in nothing but their numbers, as most of a series do."""

_FLAGS = {flag: int(flag) for flag in Flag}


class Observed:
    """Keeps observations, within a transaction.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    bad : bool
        Whether one that is flagged bad was given since this was last set to False.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.bad = False

    def columns(self, run: ObservedRun) -> Sequence[Iterable[Any]]:
        """A run as the table holds it: the columns of `Row`."""
        word = self._session.word
        self.bad = self.bad or Flag.BAD in run.flags
        words = {text: word(text) for text in {*run.tests, *run.corrections}}.__getitem__
        flags = map(_FLAGS.__getitem__, run.flags)
        return run.times, run.values, run.raws, flags, map(words, run.tests), map(words, run.corrections)

    def row(self, observation: Observation) -> Row:
        """An observation as the table holds it."""
        words, word = self._session.words, self._session.word
        _, at, value, raw, flag, tests, corrections, _ = observation
        t, c = (words[w] if w in words else word(w) for w in (tests, corrections))
        return at, value, raw, int(flag), t, c

    def moved(self, time_us: int) -> Row:
        """What stands where no sample leads to any more."""
        return time_us, None, None, int(Flag.MISSING), self._session.word("moved"), self._session.word("")

    def known(self, series: SeriesKey, start_us: int, end_us: int) -> list[Row]:
        """What the table holds of a series in a window, in the order of time."""
        number = self._session.series.get(series)
        if number is None:
            return []
        return self._session.db.execute(
            "SELECT time_us, value, raw, flag, tests, corrections FROM observation"
            " WHERE series = ? AND time_us >= ? AND time_us < ? ORDER BY time_us",
            (number, start_us, end_us),
        ).fetchall()

    def put_run(self, run: ObservedRun) -> int:
        """Keep a run; how many observations changed."""
        count = len(run.times)
        said: list[list[Any]] = [run.flags, run.tests, run.corrections]
        if not count or any(column.count(column[0]) < count for column in said):
            return self._put_columns(run.series, self.columns(run), count, run.config)
        return self._put_alike(run)

    def put_rows(self, series: SeriesKey, rows: Sequence[Row], config: str) -> int:
        """Keep observations of a series; how many changed."""
        return self._put_columns(series, list(zip(*rows, strict=True)), len(rows), config)

    def _put_columns(
        self, series: SeriesKey, columns: Sequence[Iterable[Any]], count: int, config: str
    ) -> int:
        session = self._session
        ours, theirs = repeat(session.series_id(series)), repeat(session.word(config))
        revs = range(session.rev + 1, session.rev + count + 1)
        rows = zip(ours, *columns, theirs, revs, strict=False)
        changed = _UPSERT(session.db, list(chain.from_iterable(rows)))
        if changed:
            session.rev += count
        return changed

    def _put_alike(self, run: ObservedRun) -> int:
        """Keep a run whose observations have the same flag, tests and corrections."""
        session, word, flag = self._session, self._session.word, run.flags[0]
        self.bad = self.bad or flag is Flag.BAD
        shared = (
            session.rev + 1, session.series_id(run.series), _FLAGS[flag],
            word(run.tests[0]), word(run.corrections[0]), word(run.config),
        )  # fmt: skip
        rows = zip(run.times, run.values, run.raws, strict=True)
        changed = _UPSERT_ALIKE(session.db, list(chain.from_iterable(rows)), shared)
        if changed:
            session.rev += len(run.times)
        return changed

    def put(self, observations: Iterable[Observation]) -> int:
        """Keep observations; how many changed."""
        session = self._session
        words, series, rev = session.words, session.series, session.rev
        values: list[object] = []
        key_now = tests_now = corrections_now = config_now = None
        s = t = c = f = 0
        for key, time_us, value, raw, flag, tests, corrections, config in observations:
            rev += 1
            if flag is Flag.BAD:
                self.bad = True
            if key is not key_now:
                key_now, s = key, series[key] if key in series else session.series_id(key)
            if tests is not tests_now or corrections is not corrections_now or config is not config_now:
                tests_now, corrections_now, config_now = tests, corrections, config
                t, c, f = (words[w] if w in words else session.word(w) for w in (tests, corrections, config))
            values += (s, time_us, value, raw, int(flag), t, c, f, rev)
        changed = _UPSERT(session.db, values)
        if changed:
            session.rev = rev
        return changed

    def bad_after(self, rev: int) -> list[tuple[SeriesKey, int]]:
        """Series and time of the observations with a greater revision that are flagged bad."""
        if not self.bad:
            return []
        found = self._session.db.execute(
            "SELECT series, time_us FROM observation WHERE rev > ? AND flag = ?", (rev, int(Flag.BAD))
        ).fetchall()
        keys = {number: key for key, number in self._session.series.items()} if found else {}
        return [(keys[series], time_us) for series, time_us in found]

    def bad_among(self, samples: Sequence[Sample]) -> list[tuple[SeriesKey, int]]:
        """Series and time of what stands where some imported samples belong and is flagged bad."""
        times: dict[tuple[str, str], set[int]] = {}
        for sample in samples:
            times.setdefault((sample.serial, sample.channel), set()).add(sample.time_us or 0)
        places = [(key, there) for key in self._session.series if (there := times.get(import_channel(key)))]
        return [
            (key, row[0])
            for key, there in places
            for row in self.known(key, min(there), max(there) + 1)
            if row[0] in there and row[3] == Flag.BAD
        ]
