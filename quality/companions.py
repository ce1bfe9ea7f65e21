"""Values that another channel corrects: what the other channel said when, and what was made with it.

A companion is the newest value, neither bad nor missing, at or before the moment, and not older than it
speaks for (`soilco2.quality.checks.reach_us`). It may arrive after the value it corrects: on another line, a moment
later in the same slot, or in a batch. What was made in the last while is therefore kept and made again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from typing import Any, NamedTuple

from soilco2.quality.records import Flag, Observation, SeriesKey

_KEPT = 4096
"""Companion values remembered at most."""

_RECENT = 256
"""Observations of one dependant that can be made again without asking the journal, at most."""


class Companion(NamedTuple):
    """A value of another channel: number in its canonical unit, and whether it is suspect itself."""

    value: float
    suspect: bool


class History:
    """What a companion series said lately.

    Parameters
    ----------
    reach_us : int
        How long one of its values speaks for it [µs].
    """

    __slots__ = ("_dropped_us", "_suspect", "_times", "_values", "reach_us")

    def __init__(self, reach_us: int) -> None:
        self.reach_us = reach_us
        self._times = array("q")
        self._values = array("d")
        self._suspect = bytearray()
        self._dropped_us: int | None = None

    def add(self, observation: Observation) -> bool:
        """Remember the newest observation; False when it is of no use."""
        if observation.value is None or observation.flag in (Flag.BAD, Flag.MISSING):
            return False
        time_us = observation.time_us
        self._times.append(time_us)
        self._values.append(observation.value)
        self._suspect.append(observation.flag == Flag.SUSPECT)
        if len(self._times) >= _KEPT or self._times[0] < time_us - 4 * self.reach_us:
            count = max(bisect_left(self._times, time_us - 2 * self.reach_us), len(self._times) - _KEPT // 2)
            self._dropped_us = self._times[count - 1]
            del self._times[:count], self._values[:count], self._suspect[:count]
        return True

    def amend(self, observation: Observation) -> bool:
        """Replace what an observation said before it was made again; False when it is of no use or not kept."""
        index = bisect_left(self._times, observation.time_us)
        kept = index < len(self._times) and self._times[index] == observation.time_us
        if observation.value is None or not kept:
            return False
        self._values[index] = observation.value
        self._suspect[index] = observation.flag == Flag.SUSPECT
        return True

    def at(self, time_us: int) -> Companion | None:
        """The companion of a moment [µs UTC], or None when there is none."""
        times = self._times
        index = len(times) - 1
        if index >= 0 and times[index] > time_us:
            index = bisect_right(times, time_us) - 1
        if index < 0 or times[index] < time_us - self.reach_us:
            return None
        return Companion(self._values[index], bool(self._suspect[index]))

    def take_over(self, other: History, since_us: int) -> None:
        """Remember what another history of the same series remembers, as far as it speaks from a moment on."""
        count = bisect_left(other._times, since_us - self.reach_us)
        self._times, self._values = other._times[count:], other._values[count:]
        self._suspect = other._suspect[count:]
        self._dropped_us = max(
            since_us - self.reach_us - 1, other._dropped_us or since_us - self.reach_us - 1
        )

    def forgot(self, time_us: int) -> bool:
        """Whether the companion of a moment may be among those no longer kept."""
        dropped = self._dropped_us
        if dropped is None or dropped < time_us - self.reach_us:
            return False
        return not self._times or self._times[0] > time_us


class Line:
    """A series as it comes in: its newest time, and what hangs on it when it is a companion.

    Attributes
    ----------
    lookback_us : int
        How far back its tests look [µs].
    lookahead_us : int
        How much later a reading can change what was said of an earlier one [µs].
    newest_us : int or None
        [µs UTC]
    blind_us : int or None
        Up to here something that came late is not known to its tests, or to those of a companion [µs UTC]; None: what
        holds for the pipeline as a whole.
    fed_us : int or None
        Time of what is being fed, to notice a second one of that time [µs UTC].
    """

    __slots__ = (
        "blind_us",
        "dependants",
        "fed_us",
        "history",
        "lookahead_us",
        "lookback_us",
        "newest_us",
        "series",
    )

    def __init__(self, series: SeriesKey) -> None:
        self.series = series
        self.lookback_us = self.lookahead_us = 0
        self.newest_us: int | None = None
        self.blind_us: int | None = None
        self.fed_us: int | None = None
        self.history: History | None = None
        self.dependants: list[Dependant] = []


class Dependant:
    """Something whose observations need companions; it can make the latest of them again.

    Parameters
    ----------
    line : Line
        Its own.
    companions : tuple of History
    keep_us : int
        How long what was made is kept at least [µs].
    """

    def __init__(self, line: Line, companions: tuple[History, ...], keep_us: int = 0) -> None:
        self.line = line
        self.companions = companions
        # time, parts, what was made of them; None where a companion was no longer known
        self._recent: deque[tuple[int, tuple[Any, ...], list[Observation] | None]] = deque()
        self._dropped_us: int | None = None
        self._keep_us = max([keep_us, *(history.reach_us for history in companions)])

    def make(self, time_us: int, *parts: Any) -> list[Observation]:
        """Observations of a moment from its parts and the companions of the moment."""
        raise NotImplementedError

    def give(self, time_us: int, *parts: Any) -> list[Observation] | None:
        """Make and remember; None when a companion of that time is no longer kept."""
        made = None if self._forgot(time_us) else self.make(time_us, *parts)
        recent = self._recent
        recent.append((time_us, parts, made))
        while recent[0][0] < time_us - self._keep_us or len(recent) > _RECENT:
            self._dropped_us = recent.popleft()[0]
        return made

    def _go_on_from(self, other: Dependant, since_us: int) -> None:
        """Remember what another dependant of the same kind made lately, from a moment on."""
        self._recent, self._dropped_us = other._recent, max(since_us - 1, other._dropped_us or since_us - 1)
        while self._recent and self._recent[0][0] < since_us:
            self._recent.popleft()

    def amend(self, time_us: int, *parts: Any) -> list[Observation] | None:
        """Make again of other parts what was made of a moment; None when a companion of it is no longer kept."""
        made = None if self._forgot(time_us) else self.make(time_us, *parts)
        for index in range(len(self._recent) - 1, -1, -1):
            if self._recent[index][0] <= time_us:
                if self._recent[index][0] == time_us:
                    self._recent[index] = (time_us, parts, made)
                break
        return made

    def _forgot(self, time_us: int) -> bool:
        return any(history.forgot(time_us) for history in self.companions)

    def revise(self, from_us: int, until_us: int) -> list[Observation] | None:
        """Make again what lies between two moments, both included.

        Returns
        -------
        list of Observation or None
            Those that came out differently; None when some of that time is no longer kept.
        """
        recent = self._recent
        complete = self._dropped_us is None or self._dropped_us < from_us
        changed: list[Observation] = []
        for index in range(len(recent) - 1, -1, -1):
            time_us, parts, before = recent[index]
            if time_us < from_us:
                break
            if time_us <= until_us:
                made = None if self._forgot(time_us) else self.make(time_us, *parts)
                recent[index] = (time_us, parts, made)
                if made is None or before is None:
                    complete = False
                else:
                    changed += [now for now in made if now not in before]
        return changed[::-1] if complete else None
