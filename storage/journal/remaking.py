"""Observations made again from what the journal holds, in the order of time, as far as a caller wants at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from soilco2.quality.dependence import Scope
from soilco2.quality.pipeline import Pipeline, sample_time
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Flag, Observation, Sample, SeriesKey
from soilco2.quality.rivals import Rivals
from soilco2.storage.journal.archive import Archive, among, archived_observations
from soilco2.storage.journal.conflicts import Conflicts
from soilco2.storage.journal.sample_lists import AT_ONCE
from soilco2.storage.journal.session import Session

_Row = tuple[float | None, float | None, int, int, int]
"""Value, raw, flag, tests and corrections of an observation as the table holds it."""


class Remaking:
    """A pass over a window: what differs from what the journal holds gets a new revision.

    Parameters
    ----------
    session : Session
    put : callable
        Keeps observations; returns how many changed.
    conflicts : Conflicts
    plan : StationPlan
    lists : iterator of (list of Sample, int)
        What the scope is made of, from its look-back on, in the order of time; with each list where it ends [µs UTC].
    archives : sequence of Archive
        Those of the window.
    start_us, end_us : int
        The window, its end exclusive [µs UTC].
    scope : Scope, optional
        The series to make again; left out: all.

    Attributes
    ----------
    at_us : int
        What lies before is made [µs UTC].
    pipeline : Pipeline
        It was fed everything of the scope from its look-back on up to `at_us`.
    """

    def __init__(
        self,
        session: Session,
        put: Callable[[Sequence[Observation]], int],
        conflicts: Conflicts,
        plan: StationPlan,
        lists: Iterator[tuple[list[Sample], int]],
        archives: Sequence[Archive],
        start_us: int,
        end_us: int,
        scope: Scope | None = None,
    ) -> None:
        self._session, self._put, self._conflicts, self._plan = session, put, conflicts, plan
        self._lists, self._archives = lists, archives
        self._end_us, self._scope = end_us, scope
        self.at_us = start_us
        self.pipeline = Pipeline(plan, None if scope is None else scope.channels)

    def run(self, rows: int) -> tuple[int, int]:
        """Go on within a transaction, until about so many samples of the window are made again.

        Returns
        -------
        read, changed : int
            Samples read, and observations that changed.
        """
        read = changed = 0
        while self.at_us < self._end_us and read < rows:
            samples, upto_us = next(self._lists, ([], self._end_us))
            made = self.pipeline.again(samples)
            rivals, self.pipeline.rivals = self.pipeline.rivals, []
            if upto_us > self.at_us:
                read += len(samples)
                self._settle(rivals, upto_us)
                changed += self._keep(made, upto_us)
                self.at_us = upto_us
        return read, changed

    def _settle(self, rivals: Sequence[Rivals], upto_us: int) -> None:
        """Bring the conflicts of the scope in step."""
        series = None if self._scope is None else self._scope.series
        for row in rivals:
            if row.time_us >= self.at_us and (series is None or row.series in series):
                self._conflicts.hear(row)
        self._conflicts.settle(self.at_us, upto_us, series)

    def _keep(self, made: Sequence[Observation], upto_us: int) -> int:
        """Put what differs, and overwrite as missing what no sample leads to any more."""
        start_us, scope, config = self.at_us, self._scope, self._plan.config
        series, words = self._session.series, self._session.words
        wanted = series.keys() if scope is None else scope.series
        known = {key: self._known(series[key], start_us, upto_us) for key in wanted if key in series}
        archived = archived_observations(among(self._archives, start_us, upto_us), start_us, upto_us)
        nothing: dict[int, _Row] = {}
        changed: dict[tuple[SeriesKey, int], Observation] = {}
        left = {(key, at) for key, rows in known.items() for at in rows}
        left.update(place for place in archived if scope is None or place[0] in scope.series)
        for o in made:
            key, at, value, raw, flag, tests, corrections, _ = o
            if at < start_us or (scope is not None and key not in scope.series):
                continue
            place = (key, at)
            left.discard(place)
            there = known.get(key, nothing).get(at)
            if there is None:
                same = place in archived and archived[place][2:7] == o[2:7]
            else:
                same = there == (value, raw, flag, words.get(tests), words.get(corrections))
            if same:
                changed.pop(place, None)
            else:
                changed[place] = o
        for key, at in left:
            changed[key, at] = Observation(key, at, None, None, Flag.MISSING, "moved", "", config)
        return self._put(list(changed.values())) if changed else 0

    def _known(self, number: int, start_us: int, upto_us: int) -> dict[int, _Row]:
        rows = self._session.db.execute(
            "SELECT time_us, value, raw, flag, tests, corrections FROM observation"
            " WHERE series = ? AND time_us >= ? AND time_us < ?",
            (number, start_us, upto_us),
        )
        return {row[0]: row[1:] for row in rows}


def in_lists(samples: Iterable[Sample], end_us: int) -> Iterator[tuple[list[Sample], int]]:
    """Samples that come in the order of time, in lists: each with the moment up to which it goes."""
    some: list[Sample] = []
    for time_us, group in groupby(samples, key=sample_time):
        if len(some) >= AT_ONCE and time_us is not None:
            yield some, time_us
            some = []
        some += group
    yield some, end_us
