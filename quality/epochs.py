"""What judges the channels of a station in one pass over samples: tracks and lines, by the station's plan."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

from soilco2.quality.companions import History, Line
from soilco2.quality.frames import Frame
from soilco2.quality.plans import ChannelPlan, CompanionPlan, FramePlan, Plan, StationPlan, Timeline
from soilco2.quality.records import SeriesKey
from soilco2.quality.tracks import Compensation, Conductivity, Epoch, Track

_BEGINNING = -(1 << 62)
_END = 1 << 62


class Steps:
    """The epochs of a channel; the one of the last moment asked for is at hand."""

    __slots__ = ("_epochs", "_times", "from_us", "until_us", "value")

    def __init__(self, times: tuple[int, ...], epochs: tuple[Epoch | None, ...]) -> None:
        self._times = times
        self._epochs = epochs
        self.from_us = self.until_us = 0
        self.value: Epoch | None = None

    def at(self, time_us: int) -> Epoch | None:
        """The epoch at a time [µs UTC]; None where the channel is not installed."""
        if not self.from_us <= time_us < self.until_us:
            index = bisect_right(self._times, time_us)
            self.from_us = self._times[index - 1] if index else _BEGINNING
            self.until_us = self._times[index] if index < len(self._times) else _END
            self.value = self._epochs[index]
        return self.value

    def lines(self) -> set[Line]:
        """The series that the channel ever gives."""
        return {epoch.track.line for epoch in self._epochs if epoch is not None}


class Epochs:
    """The tracks and lines that judge a station's channels.

    Parameters
    ----------
    plan : StationPlan
    only : collection of (serial, channel), optional
        The channels that samples will come from; left out: any.

    Attributes
    ----------
    channels : dict
        By serial and channel, the epochs of those that were asked for or are in the station file.
    """

    def __init__(self, plan: StationPlan, only: Collection[tuple[str, str]] | None = None) -> None:
        self._plan = plan
        self._lines: dict[SeriesKey, Line] = {}
        self._tracks: dict[ChannelPlan, Track] = {}
        self._frames: dict[FramePlan, Frame] = {}
        self.channels: dict[tuple[str, str], Steps] = {}
        for key in plan.known if only is None else only:  # companions must be known before the first sample
            self.add(*key)

    def add(self, serial: str, name: str) -> Steps:
        """Take a channel in that is not among `channels` yet."""
        timeline: Timeline[Plan | None] = self._plan.of(serial, name)
        steps = Steps(timeline.times, tuple(self._epoch(plan) for plan in timeline.values))
        self.channels[serial, name] = steps
        return steps

    def level(self, other: Epochs, series: Collection[SeriesKey]) -> list[SeriesKey]:
        """Of some series those that came as far in others of the same plan as here, with all of their answers."""
        found = {
            key
            for key, there in other._lines.items()
            if key in series
            and there.newest_us is not None
            and (here := self._lines.get(key)) is not None
            and here.newest_us == there.newest_us
        }
        for frame in self._frames.values():
            heard = {line.series for line in frame.lines if line.newest_us is not None}
            if not heard <= found:
                found -= heard
        return sorted(found)

    def take_over(
        self, other: Epochs, series: Collection[SeriesKey], since_us: int, blind_us: int | None
    ) -> None:
        """Go on where others stand with series that are level; they know all from `since_us` on [µs UTC].

        Up to `blind_us` [µs UTC] what corrects them is not known, unless it is taken over as well.
        """
        for key in other.channels.keys() - self.channels.keys():
            self.add(*key)
        for plan, track in other._tracks.items():
            if plan.series not in series:
                continue
            line, there = self._tracks[plan].line, track.line
            self._tracks[plan].take_over(track, since_us)
            if line.history is not None and there.history is not None:
                line.history.take_over(there.history, since_us)
            known = [
                blind_us if (blind := self._line(row.series).blind_us) is None else blind + row.reach_us
                for row in plan.companions
                if row.series not in series
            ]
            line.blind_us = max((at for at in known if at is not None), default=_BEGINNING)
            if plan.frame is not None:
                self._frames[plan.frame].take_over(other._frames[plan.frame])

    def _epoch(self, plan: Plan | None) -> Epoch | None:
        if plan is None:
            return None
        track = self._tracks.get(plan.channel)
        if track is None:
            track = self._tracks[plan.channel] = self._track(plan)
        return Epoch(track, *plan[1:])

    def _line(self, series: SeriesKey) -> Line:
        found = self._lines.get(series)
        if found is None:
            found = self._lines[series] = Line(series)
        return found

    def _history(self, companion: CompanionPlan | None) -> History | None:
        if companion is None:
            return None
        line = self._line(companion.series)
        if line.history is None:
            line.history = History(companion.reach_us)
        return line.history

    def _track(self, plan: Plan) -> Track:
        here, config, ahead = plan.channel, self._plan.config, self._plan.lookahead_us
        compensation = None
        if here.compensation is not None:
            pressure = self._history(here.compensation.pressure)
            temperature = self._history(here.compensation.temperature)
            compensation = Compensation(here.compensation, pressure, temperature)
        track = Track(here, self._line(here.series), config, ahead, compensation)
        if here.frame is not None:
            track.frame = self._frames.setdefault(here.frame, Frame(here.frame.size, here.frame.reach_us))
            track.frame.lines.append(track.line)
        if here.compensation is not None:
            for companion in (here.compensation.pressure, here.compensation.temperature):
                if companion is not None:
                    self._line(companion.series).dependants.append(track)
        if here.conductivity is not None:
            history, water = map(self._history, (here.conductivity.temperature, here.conductivity.water))
            assert history is not None
            track.derived = Conductivity(here.conductivity, track.line, history, water, config, ahead)
            for companion in here.conductivity.companions:
                self._line(companion.series).dependants.append(track.derived)
        return track
