"""Observations made again from what the journal holds, in the order of time, as far as a caller wants at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from soilco2.quality.dependence import Scope
from soilco2.quality.pipeline import Pipeline, sample_time
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Sample, SeriesKey
from soilco2.quality.rivals import Rivals
from soilco2.storage.journal.archive import Archive, archived_observations
from soilco2.storage.journal.conflicts import Conflicts
from soilco2.storage.journal.observed import Observed, Row
from soilco2.storage.journal.sample_lists import AT_ONCE
from soilco2.storage.journal.session import Session


class Remaking:
    """A pass over a window: what differs from what the journal holds gets a new revision.

    Parameters
    ----------
    session : Session
    observed : Observed
    conflicts : Conflicts
    plan : StationPlan
    lists : iterator of (sequence of Sample, int)
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
        observed: Observed,
        conflicts: Conflicts,
        plan: StationPlan,
        lists: Iterator[tuple[Sequence[Sample], int]],
        archives: Sequence[Archive],
        start_us: int,
        end_us: int,
        scope: Scope | None = None,
    ) -> None:
        self._session, self._observed, self._conflicts, self._plan = session, observed, conflicts, plan
        self._lists, self._archives = lists, archives
        self.end_us, self._scope = end_us, scope
        self._ahead_us = plan.lookahead_us if scope is None else scope.lookahead_us
        self._made: dict[SeriesKey, dict[int, Row]] = {}
        self._runs: dict[SeriesKey, list[Row]] = {}
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
            for run in made.runs:
                if series is None or run.series in series:
                    self._runs.setdefault(run.series, []).extend(
                        zip(*self._observed.columns(run), strict=True)
                    )
            for o in made.singles:
                if start_us <= o[1] < self.end_us and (series is None or o[0] in series):
                    self._made.setdefault(o[0], {})[o[1]] = self._observed.row(o)
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
        series = self._session.series.keys() if self._scope is None else self._scope.series
        archived: dict[SeriesKey, list[Row]] = {}
        for _, o in archived_observations(self._archives, self.at_us, upto_us).values():
            if self._scope is None or o[0] in series:
                archived.setdefault(o[0], []).append(self._observed.row(o))
        wanted = {*series, *self._runs, *self._made, *archived}
        return sum(self._keep_series(key, upto_us, archived.get(key, ())) for key in sorted(wanted))

    def _keep_series(self, key: SeriesKey, upto_us: int, archived: Sequence[Row]) -> int:
        made = self._take(key, upto_us)
        known = self._observed.known(key, self.at_us, upto_us)
        if archived:  # what the journal holds goes before
            known = [*_by_time(archived, known).values()]
        if made == known:
            return 0
        there = _by_time(known)
        changed = [row for row in made if there.pop(row[0], None) != row]
        changed += (self._observed.moved(at) for at in there)
        return self._observed.put_rows(key, changed, self._plan.config) if changed else 0

    def _take(self, key: SeriesKey, upto_us: int) -> list[Row]:
        """What was made of a series up to a moment, in the order of time; the rest waits."""
        run, singles = self._runs.pop(key, []), self._made.pop(key, {})
        if run:
            first, last = bisect_left(run, (self.at_us,)), bisect_left(run, (upto_us,))
            if last < len(run):
                self._runs[key] = run[last:]
            run = run[first:last]
        if not singles:
            return run
        if self._ahead_us and (rest := {at: row for at, row in singles.items() if at >= upto_us}):
            self._made[key] = rest
            singles = {at: row for at, row in singles.items() if at < upto_us}
        return [row for _, row in sorted((_by_time(run) | singles).items())]


def _by_time(*lists: Sequence[Row]) -> dict[int, Row]:
    return {row[0]: row for rows in lists for row in rows}


def in_lists(samples: Iterable[Sample], end_us: int) -> Iterator[tuple[list[Sample], int]]:
    """Samples that come in the order of time, in lists: each with the moment up to which it goes."""
    some: list[Sample] = []
    for time_us, group in groupby(samples, key=sample_time):
        if len(some) >= AT_ONCE and time_us is not None:
            yield some, time_us
            some = []
        some += group
    yield some, end_us
