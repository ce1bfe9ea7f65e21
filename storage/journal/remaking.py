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
        What the scope is made of, from its look-back to its look-ahead, list after list; with each the moment where it
        ends [µs UTC].
    archives : sequence of Archive
        Those of the window.
    start_us, end_us : int
        The window, its end exclusive [µs UTC].
    scope : Scope, optional
        The series to make again; left out: all.

    Attributes
    ----------
    at_us, end_us : int
        What lies before is made, and where the window ends [µs UTC].
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
        self.end_us, self._scope = end_us, scope
        self._ahead_us = plan.lookahead_us if scope is None else scope.lookahead_us
        self._made: dict[tuple[SeriesKey, int], Observation] = {}
        self._rivals: list[Rivals] = []
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
        start_us, series = self.at_us, None if self._scope is None else self._scope.series
        while self.at_us < self.end_us and read < rows:
            samples, list_us = next(self._lists, ([], self.end_us + self._ahead_us))
            made = self.pipeline.again(samples)
            self._rivals += self.pipeline.rivals
            self.pipeline.rivals.clear()
            for o in made:
                if start_us <= o[1] < self.end_us and (series is None or o[0] in series):
                    self._made[o[0], o[1]] = o
            # what comes later may yet change what lies less than a look-ahead before
            upto_us = min(self.end_us, list_us - self._ahead_us)
            if upto_us > self.at_us:
                read += len(samples)
                self._settle(upto_us)
                changed += self._keep(upto_us)
                self.at_us = upto_us
        return read, changed

    def _settle(self, upto_us: int) -> None:
        """Bring the conflicts of the scope in step."""
        series = None if self._scope is None else self._scope.series
        for row in self._rivals:
            if self.at_us <= row.time_us < upto_us and (series is None or row.series in series):
                self._conflicts.hear(row)
        self._rivals = [row for row in self._rivals if row.time_us >= upto_us]
        self._conflicts.settle(self.at_us, upto_us, series)

    def _keep(self, upto_us: int) -> int:
        """Put what differs, and overwrite as missing what no sample leads to any more."""
        start_us, scope, config = self.at_us, self._scope, self._plan.config
        made, self._made = self._made, {}
        if self._ahead_us:
            self._made = {place: o for place, o in made.items() if place[1] >= upto_us}
        series, words = self._session.series, self._session.words
        wanted = series.keys() if scope is None else scope.series
        known = {key: self._known(series[key], start_us, upto_us) for key in wanted if key in series}
        archived = archived_observations(among(self._archives, start_us, upto_us), start_us, upto_us)
        changed: list[Observation] = []
        for place, o in made.items():
            key, at, value, raw, flag, tests, corrections, _ = o
            if at >= upto_us:
                continue
            there = known[key].pop(at, None) if key in known else None
            if there is None:
                same = place in archived and archived[place][2:7] == o[2:7]
            else:
                same = there == (value, raw, flag, words.get(tests), words.get(corrections))
            if not same:
                changed.append(o)
        left = {(key, at) for key, rows in known.items() for at in rows}
        left.update(
            place for place in archived if place not in made and (scope is None or place[0] in scope.series)
        )
        changed += (Observation(*place, None, None, Flag.MISSING, "moved", "", config) for place in left)
        return self._put(changed) if changed else 0

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
