"""What a reading can change, and what must be read to make that again: series and their companions, from the plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from soilco2.quality.plans import ChannelPlan, FramePlan, StationPlan
from soilco2.quality.records import SeriesKey


class Scope(NamedTuple):
    """What hangs on some channels.

    Parameters
    ----------
    series : frozenset of SeriesKey
        What their readings can change.
    channels : frozenset of (serial, channel)
        Whose samples it is made of.
    lookback_us : int
        How far back it depends on those samples [µs].
    lookahead_us : int
        How far ahead [µs].
    """

    series: frozenset[SeriesKey]
    channels: frozenset[tuple[str, str]]
    lookback_us: int
    lookahead_us: int


class Dependence:
    """Which series depend on which channels.

    Parameters
    ----------
    plan : StationPlan
    channels : iterable of (serial, channel)
        All that samples may come from.
    """

    def __init__(self, plan: StationPlan, channels: Iterable[tuple[str, str]]) -> None:
        self._plans: dict[tuple[str, str], set[ChannelPlan]] = {
            key: {row.channel for row in plan.of(*key).values if row is not None} for key in channels
        }
        self._of: dict[SeriesKey, list[ChannelPlan]] = {}
        self._beside: dict[SeriesKey, list[ChannelPlan]] = {}
        self._framed: dict[FramePlan | None, list[ChannelPlan]] = {}
        for here in {here for plans in self._plans.values() for here in plans}:
            self._of.setdefault(here.series, []).append(here)
            self._framed.setdefault(here.frame, []).append(here)
            for companion in here.companions:
                self._beside.setdefault(companion.series, []).append(here)
        self._scopes: dict[frozenset[tuple[str, str]], Scope] = {}

    def scope(self, channels: Collection[tuple[str, str]]) -> Scope:
        """What hangs on some channels."""
        key = frozenset(channels)
        found = self._scopes.get(key)
        if found is None:
            if len(self._scopes) >= 1024:
                self._scopes.clear()
            found = self._scopes[key] = self._scope(key)
        return found

    def groups(self, channels: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
        """Channels put together whose readings can change the same series."""
        groups: list[tuple[set[SeriesKey], list[tuple[str, str]]]] = []
        for key in channels:
            series, those = set(self.scope([key]).series), [key]
            apart = []
            for group in groups:
                if series.isdisjoint(group[0]):
                    apart.append(group)
                else:
                    series |= group[0]
                    those = group[1] + those
            groups = [*apart, (series, those)]
        return [those for _, those in groups]

    def needed(self, series: SeriesKey) -> set[tuple[str, str]]:
        """The channels that a series is made of, and those they come in one answer with."""
        read = {series} | {row.series for here in self._of.get(series, ()) for row in here.companions}
        return self._channels(read)

    def _channels(self, series: Collection[SeriesKey]) -> set[tuple[str, str]]:
        """The channels that give some series, and those they come in one answer with."""
        frames = {here.frame for key in series for here in self._of.get(key, ())} - {None}
        return {
            key
            for key, plans in self._plans.items()
            if any(here.series in series or here.frame in frames for here in plans)
        }

    def _with_answers(self, series: set[SeriesKey]) -> set[SeriesKey]:
        """Some series, and those that come in one answer with them."""
        while True:
            frames = {here.frame for key in series for here in self._of[key]} - {None}
            more = {here.series for frame in frames for here in self._framed[frame]}
            if more <= series:
                return series
            series = series | more

    def _scope(self, channels: frozenset[tuple[str, str]]) -> Scope:
        own = self._with_answers({here.series for key in channels for here in self._plans.get(key, ())})
        touched = [here for series in own for here in (*self._of[series], *self._beside.get(series, ()))]
        beside = {companion.series: companion.reach_us for here in touched for companion in here.companions}
        read = {here.series for here in touched} | beside.keys()
        those = [here for series in read for here in self._of.get(series, ())]
        return Scope(
            frozenset(series for here in touched for series in here.gives),
            frozenset(self._channels(read)),
            max((here.lookback_us + beside.get(here.series, 0) for here in those), default=0),
            max((here.lookahead_us for here in those), default=0),
        )
