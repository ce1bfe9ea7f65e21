"""From samples to observations, sample by sample, the same for a live stream, a year and a recomputation.

A value at time t depends on samples in ``[t - lookback_us, t + lookahead_us]`` and on no others. What comes in the
order of time is answered at once; a reading that comes back from a spike changes what was said of the readings before
it. What comes late changes what was already said: where the pipeline still knows enough it says so anew (the last
observation of a series and time counts), else it names the stretch of time to be made again from the journal by
`soilco2.quality.recompute`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from soilco2.quality.checks import Extra
from soilco2.quality.companions import Dependant
from soilco2.quality.epochs import Epochs, Steps
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Observation, Sample
from soilco2.quality.tracks import Epoch, Read, Track


class Stretch(NamedTuple):
    """Time of the whole station to be made again, `end_us` exclusive [µs UTC].

    The caller reads the samples from `lookback_us` earlier on, to `lookahead_us` later.
    """

    start_us: int
    end_us: int


class Outcome(NamedTuple):
    """What feeding samples gave."""

    observations: list[Observation]
    stretches: list[Stretch]


class Pipeline:
    """Turns the samples of one station into observations.

    Parameters
    ----------
    plan : StationPlan
        How its channels are judged. When the station file or a flag set by hand changes, make a new pipeline of a
        new plan and prime it.

    Attributes
    ----------
    lookback_us : int
        How far back a value depends on samples [µs].
    lookahead_us : int
        How far ahead [µs].
    """

    def __init__(self, plan: StationPlan) -> None:
        self._plan = plan
        self.lookback_us, self.lookahead_us = plan.lookback_us, plan.lookahead_us
        self._start()

    def _start(self) -> None:
        self._epochs = Epochs(self._plan)
        self._newest_us: int | None = None
        self._blind_us: int | None = None  # up to here something is not known
        self._ordered = False  # samples come in the order of time: what is not newer is a double

    # feeding

    def prime(self, samples: Iterable[Sample], since_us: int | None = None) -> None:
        """Forget everything and take in what came before; nothing is given.

        After a start, and whenever `stale` says so, this is how the pipeline learns what it needs: the
        samples of the last `lookback_us`.

        Parameters
        ----------
        samples : iterable of Sample
            In the order of time.
        since_us : int, optional
            The samples are all there are from here on [µs UTC]; left out: all there are.
        """
        self._start()
        if since_us is not None:
            self._blind_us = since_us + self.lookback_us - 1
        self._ordered = True
        for _, group in groupby(samples, key=sample_time):
            self.feed(list(group))
        self._ordered = False

    @property
    def stale(self) -> bool:
        """Whether late samples left gaps in what the pipeline remembers of its newest time.

        It goes on and is right, but everything it gives is a stretch, until it is primed again.
        """
        return self._blind_us is not None and self._newest_us is not None and self._blind_us > self._newest_us

    def feed(self, samples: Sequence[Sample]) -> Outcome:
        """Take in samples, in any order.

        Samples without a time, and of channels that are unknown or were nowhere installed at that time, give
        nothing.

        Parameters
        ----------
        samples : sequence of Sample

        Returns
        -------
        Outcome
            Observations, where a later one replaces an earlier one of the same series and time; and
            stretches to be made again, in order, without overlap. What lies in a stretch counts only after
            it was made again.
        """
        channels, add = self._epochs.channels, self._epochs.add
        given: list[Observation] = []
        stretches: list[tuple[int, int]] = []
        together: list[tuple[int, Epoch, Read]] = []  # of one time, judged when all of them are known
        dependent: list[tuple[int, Epoch, Read]] = []
        now_us: int | None = None
        timed: list[tuple[int, str, str, int, Sample, Steps]] = []
        for sample in samples:
            steps = channels.get(sample[:2]) or add(sample.serial, sample.channel)
            if (time_us := sample.time_us) is not None:
                timed.append((time_us, sample.serial, sample.channel, len(timed), sample, steps))
        timed.sort()
        for time_us, _, _, _, sample, steps in timed:
            if time_us != now_us:
                if together or dependent:
                    self._take_all(together, dependent, given, stretches)
                now_us = time_us
            found = steps.value if steps.from_us <= time_us < steps.until_us else steps.at(time_us)
            if found is None:
                continue
            track = found.track
            newest_us = track.line.newest_us
            if newest_us is not None and time_us <= newest_us:
                self._late(time_us, stretches)
                continue
            read = track.read(sample)
            frame = track.frame
            if frame is not None:
                raw = read[0]
                degc = None if raw is None or not track.thermometer else track.scaled(raw)
                if not frame.hear(time_us, track.name, raw, degc):
                    self._late(time_us, stretches)
            if track.dependent:
                dependent.append((time_us, found, read))
            elif frame is not None or together:
                together.append((time_us, found, read))
            else:
                self._take(time_us, found, read, given, stretches)
        self._take_all(together, dependent, given, stretches)
        return Outcome(given, _merged(stretches))

    def _take_all(
        self,
        together: list[tuple[int, Epoch, Read]],
        dependent: list[tuple[int, Epoch, Read]],
        given: list[Observation],
        stretches: list[tuple[int, int]],
    ) -> None:
        """What waited for the others of its time: companions come first."""
        for rows in (together, dependent):
            for time_us, epoch, read in rows:
                self._take(time_us, epoch, read, given, stretches)
            rows.clear()

    def _take(
        self,
        time_us: int,
        epoch: Epoch,
        read: Read,
        given: list[Observation],
        stretches: list[tuple[int, int]],
    ) -> None:
        """One sample, after everything its companions said up to its time."""
        track = epoch.track
        line = track.line
        if line.newest_us is not None and time_us <= line.newest_us:
            self._late(time_us, stretches)
            return
        line.newest_us = time_us
        if self._newest_us is None or self._newest_us < time_us:
            self._newest_us = time_us
        raw, mask, extra = read
        reading: float | None = None
        if raw is not None:
            frame = track.frame
            if frame is not None:
                frame.judged = True
                if frame.odd:
                    bits, names = frame.says()
                    mask, extra = mask | bits, extra + names
            reading, mask = track.judge(time_us, epoch, raw, mask, extra)
            if track.restated:
                for judged in track.restated:
                    self._give(track, *judged, True, given, stretches)
                track.restated = []
        if line.history is None and track.alone and (self._blind_us is None or time_us > self._blind_us):
            given.append(track.finish(time_us, epoch, reading, mask, extra)[0])
        else:
            self._give(track, time_us, epoch, reading, mask, extra, False, given, stretches)

    def _give(
        self,
        track: Track,
        time_us: int,
        epoch: Epoch,
        reading: float | None,
        mask: int,
        extra: Extra,
        again: bool,
        given: list[Observation],
        stretches: list[tuple[int, int]],
    ) -> None:
        """The observations of a reading, and those that change with it; `again`: there were others before."""
        sure = self._blind_us is None or time_us > self._blind_us
        made: list[Observation] | None
        if track.companions:
            make = track.amend if again else track.give
            made = make(time_us, epoch, reading, mask, extra)
        else:
            observation, mask = track.finish(time_us, epoch, reading, mask, extra)
            made = [observation]
            history = track.line.history
            if track.derived is not None:
                make = track.derived.amend if again else track.derived.give
                derived = make(time_us, observation, mask, extra + epoch.manual)
                made = None if derived is None else made + derived
            elif history is not None and (history.amend if again else history.add)(observation):
                self._revise(track.line.dependants, time_us, history.reach_us, sure, given, stretches)
        if sure and made is not None:
            given += made
        else:
            stretches.append((time_us, time_us + 1))

    def _late(self, time_us: int, stretches: list[tuple[int, int]]) -> None:
        """A sample came that is not newer than the newest of its series."""
        if self._ordered:
            return
        end = time_us + self.lookback_us
        stretches.append((time_us - self.lookahead_us, end + 1))
        if self._blind_us is None or self._blind_us < end:
            self._blind_us = end

    @staticmethod
    def _revise(
        dependants: Sequence[Dependant],
        time_us: int,
        reach: int,
        sure: bool,
        given: list[Observation],
        stretches: list[tuple[int, int]],
    ) -> None:
        """A companion value came: make again what was made before it came and needs it."""
        for dependant in dependants:
            changed = dependant.revise(time_us, time_us + reach)
            if changed is None or not sure:
                stretches.append((time_us, time_us + reach + 1))
            else:
                given += changed


def sample_time(sample: Sample) -> int | None:
    return sample.time_us


def _merged(stretches: list[tuple[int, int]]) -> list[Stretch]:
    """In order, those that touch joined."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1].end_us:
            if end > merged[-1].end_us:
                merged[-1] = Stretch(merged[-1].start_us, end)
        else:
            merged.append(Stretch(start, end))
    return merged
