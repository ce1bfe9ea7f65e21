"""From samples to observations, sample by sample, the same for a live stream, a year and a recomputation.

A value at time t depends on samples in ``[t - lookback_us, t + lookahead_us]`` and on no others. What comes in the
order of time is answered at once; a reading that comes back from a spike changes what was said of the readings before
it. What comes late changes what was already said: where the pipeline still knows enough it says so anew (the last
observation of a series and time counts), else it names the times of the channel that are to be judged with what the
journal holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, groupby
from operator import lt
from typing import NamedTuple

from soilco2.quality.checks import CONFLICT, Extra
from soilco2.quality.companions import Line
from soilco2.quality.epochs import Epochs, Steps
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Observation, Sample, SeriesKey
from soilco2.quality.rivals import Rivals, choose
from soilco2.quality.runs import ObservedRun, Run, runs_of
from soilco2.quality.tracks import Epoch, Read, Track

BULK = 256
"""Samples from which on it pays to look for channels that are judged by themselves."""


class Late(NamedTuple):
    """Times of a channel, `until_us` exclusive [µs UTC], whose readings must be judged with what the journal holds.

    What hangs on them (`soilco2.quality.dependence`) is to be made again for the same times.
    """

    serial: str
    channel: str
    from_us: int
    until_us: int


class Outcome(NamedTuple):
    """What feeding samples gave."""

    observations: list[Observation]
    late: list[Late]


class Made(NamedTuple):
    """The same by column as far as channels were judged by themselves; a series stands in `runs` at most once."""

    runs: list[ObservedRun]
    singles: list[Observation]
    late: list[Late]

    def observations(self) -> list[Observation]:
        """Both as records."""
        return [*chain.from_iterable(run.observations() for run in self.runs), *self.singles]


_Timed = tuple[int, str, str, int, Sample, Steps]
_Read = tuple[Sample, Epoch, Read]


class Pipeline:
    """Turns the samples of one station into observations.

    Parameters
    ----------
    plan : StationPlan
        How its channels are judged. When the station file or a flag set by hand changes, make a new pipeline of a
        new plan and prime it.

    only : collection of (serial, channel), optional
        The channels that samples will come from; left out: any.

    Attributes
    ----------
    lookback_us : int
        How far back a value depends on samples [µs].
    lookahead_us : int
        How far ahead [µs].
    rivals : list of Rivals
        Series and times where several samples came together; it only grows, whoever reads it empties it.
    """

    def __init__(self, plan: StationPlan, only: Collection[tuple[str, str]] | None = None) -> None:
        self._plan, self._only = plan, only
        self.rivals: list[Rivals] = []
        self.lookback_us, self.lookahead_us = plan.lookback_us, plan.lookahead_us
        self._start()

    def _start(self) -> None:
        self._epochs = Epochs(self._plan, self._only)
        self._blind_us: int | None = None  # up to here something is not known
        self._contested: set[int] = set()  # identities of samples that speak for now, of several in conflict
        self._ordered = False  # samples come in the order of time: what is not newer is a double

    # feeding

    def prime(self, samples: Iterable[Sample], since_us: int | None = None) -> None:
        """Forget everything and take in what came before; nothing is given.

        After a start this is how the pipeline learns what it needs: the samples of the last `lookback_us`.

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
            self.make(list(group))
        self._ordered = False

    def again(self, samples: Sequence[Sample]) -> Made:
        """What is made of all samples of some time, later than those before; a double counts once."""
        self._ordered = True
        return self.make(samples)

    def level(self, other: Pipeline, series: Collection[SeriesKey]) -> list[SeriesKey]:
        """Of some series those that came as far in another pipeline as in this one."""
        return self._epochs.level(other._epochs, series)

    def take_over(self, other: Pipeline, series: Collection[SeriesKey], since_us: int) -> None:
        """Go on with series that are level where another pipeline stands, which was fed what came late.

        Of these, and of what corrects them, nothing may wait to be made again. What it gave from `since_us` on [µs UTC]
        it gave with all that it looks back on.
        """
        self._epochs.take_over(other._epochs, series, since_us, self._blind_us)

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
            Observations, where a later one replaces an earlier one of the same series and time; and what is
            late: there an observation counts only after it was made again.
        """
        made = self.make(samples)
        return Outcome(made.observations(), made.late)

    def make(self, samples: Sequence[Sample]) -> Made:
        """As `feed`, by column where channels are judged by themselves."""
        channels, add = self._epochs.channels, self._epochs.add
        given: list[Observation] = []
        late: list[Late] = []
        runs: list[ObservedRun] = []
        if len(samples) >= BULK:
            samples = self._in_bulk(runs_of(samples), runs)
        together: list[_Read] = []  # of one time, judged when all of them are known
        dependent: list[_Read] = []
        now_us: int | None = None
        timed: list[_Timed] = []
        for sample in samples:
            steps = channels.get(sample[:2]) or add(sample.serial, sample.channel)
            if (time_us := sample.time_us) is not None:
                timed.append((time_us, sample.serial, sample.channel, len(timed), sample, steps))
        timed.sort()
        if self._ordered and self._meet(timed):
            timed = self._chosen(timed)
        for time_us, _, _, _, sample, steps in timed:
            if time_us != now_us:
                if together or dependent:
                    self._take_all(together, dependent, given, late)
                now_us = time_us
            found = steps.value if steps.from_us <= time_us < steps.until_us else steps.at(time_us)
            if found is None:
                continue
            track = found.track
            newest_us = track.line.newest_us
            if newest_us is not None and time_us <= newest_us:
                self._come_late(sample, time_us, track, late)
                continue
            read = track.read(sample)
            frame = track.frame
            if frame is not None:
                raw = read[0]
                # an ordinary number of an answer that has begun tells nothing of the others
                if not raw or track.thermometer or frame.now_us != time_us:
                    degc = None if raw is None or not track.thermometer else track.scaled(raw)
                    if not frame.hear(time_us, track.name, raw, degc):
                        self._come_late(sample, time_us, track, late)
            if track.dependent:
                dependent.append((sample, found, read))
            elif frame is not None or together:
                together.append((sample, found, read))
            else:
                self._take(sample, found, read, given, late)
        self._take_all(together, dependent, given, late)
        self._contested.clear()
        return Made(runs, given, late)

    def _in_bulk(self, came: Sequence[Run], made: list[ObservedRun]) -> list[Sample]:
        """Judge channel by channel those that depend on nothing else; what is left."""
        channels, add = self._epochs.channels, self._epochs.add
        steps_of = [channels.get(run[:2]) or add(*run[:2]) for run in came]
        uses = Counter(line for steps in steps_of for line in steps.lines())
        left: list[Sample] = []
        for run, steps in zip(came, steps_of, strict=True):
            times, epoch = run.times, None
            if None not in times and all(map(lt, times, times[1:])):  # type: ignore[arg-type]
                epoch = steps.at(times[0])  # type: ignore[arg-type]
            if epoch is None or times[-1] >= steps.until_us or uses[epoch.track.line] > 1:  # type: ignore[operator]
                left += run.samples()
                continue
            track, line, first_us = epoch.track, epoch.track.line, times[0]
            assert first_us is not None
            if (
                track.plain
                and self._knows(line, first_us)
                and (line.newest_us is None or line.newest_us < first_us)
            ):
                made.append(track.judge_run(run, epoch))
                line.newest_us = times[-1]
            else:
                left += run.samples()
        return left

    def _take_all(
        self, together: list[_Read], dependent: list[_Read], given: list[Observation], late: list[Late]
    ) -> None:
        """What waited for the others of its time: companions come first."""
        for rows in (together, dependent):
            for row in rows:
                self._take(*row, given, late)
            rows.clear()

    @staticmethod
    def _meet(timed: Sequence[_Timed]) -> bool:
        """Whether some are of one series and time; where they do not come in order, the later one is late instead."""
        found = False
        for time_us, _, _, _, _, steps in timed:
            epoch = steps.value if steps.from_us <= time_us < steps.until_us else steps.at(time_us)
            if epoch is not None:
                line = epoch.track.line
                found = found or line.fed_us == time_us
                line.fed_us = time_us
        return found

    def _chosen(self, timed: Sequence[_Timed]) -> list[_Timed]:
        """One sample for each series and time: the one that speaks."""
        places: dict[tuple[int, Line], list[tuple[_Timed, Epoch]]] = {}
        for row in timed:
            epoch = row[5].at(row[0])
            if epoch is not None:
                places.setdefault((row[0], epoch.track.line), []).append((row, epoch))
        chosen = []
        for (time_us, _), those in places.items():
            index = 0
            if len(those) > 1:
                index, rivals = choose(
                    time_us, [(row[4], epoch.track) for row, epoch in those], self._plan.ranks
                )
                self.rivals.append(rivals)
                if rivals.conflict:
                    self._contested.add(id(rivals.taken))
            chosen.append(those[index][0])
        return sorted(chosen)

    def _take(
        self, sample: Sample, epoch: Epoch, read: Read, given: list[Observation], late: list[Late]
    ) -> None:
        """One sample, after everything its companions said up to its time."""
        time_us = sample.time_us
        assert time_us is not None
        track = epoch.track
        line = track.line
        if line.newest_us is not None and time_us <= line.newest_us:
            self._come_late(sample, time_us, track, late)
            return
        line.newest_us = time_us
        raw, mask, extra = read
        if self._contested and id(sample) in self._contested:
            mask |= CONFLICT
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
                    self._give(sample, track, *judged, True, given, late)
                track.restated = []
        blind_us = self._blind_us if line.blind_us is None else line.blind_us
        if track.alone and line.history is None and (blind_us is None or time_us > blind_us):
            given.append(track.finish(time_us, epoch, reading, mask, extra)[0])
        else:
            self._give(sample, track, time_us, epoch, reading, mask, extra, False, given, late)

    def _give(
        self,
        sample: Sample,
        track: Track,
        time_us: int,
        epoch: Epoch,
        reading: float | None,
        mask: int,
        extra: Extra,
        again: bool,
        given: list[Observation],
        late: list[Late],
    ) -> None:
        """The observations of a reading, and those that change with it; `again`: there were others before."""
        line = track.line
        sure = self._knows(line, time_us)
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
                sure = self._revise(line, time_us, given) and sure
        if sure and made is not None:
            given += made
        else:
            late.append(_late(sample, time_us, (line,)))

    def _come_late(self, sample: Sample, time_us: int, track: Track, late: list[Late]) -> None:
        """A sample came behind others that it can change: of its series, or of its answer."""
        if not self._ordered:
            lines = (track.line,) if track.frame is None else tuple({track.line, *track.frame.lines})
            late.append(_late(sample, time_us, lines))
            for line in lines:
                self._make_blind(line, time_us)

    def _knows(self, line: Line, time_us: int) -> bool:
        """Whether everything that a value of a series at a moment depends on is known."""
        blind_us = self._blind_us if line.blind_us is None else line.blind_us
        return blind_us is None or time_us > blind_us

    def _make_blind(self, line: Line, time_us: int) -> None:
        """Something that came late is not known to a series nor to what depends on it, as far as it reaches."""
        for one, reach_us in ((line, 0), *((row.line, _reach(line)) for row in line.dependants)):
            until_us = time_us + line.lookback_us + reach_us
            if self._knows(one, until_us):
                one.blind_us = until_us

    def _revise(self, line: Line, time_us: int, given: list[Observation]) -> bool:
        """A companion value came: make again what was made before it came and needs it.

        Returns
        -------
        bool
            False when some of that is not known.
        """
        until_us = time_us + _reach(line)
        done = True
        for dependant in line.dependants:
            changed = dependant.revise(time_us, until_us) if self._knows(dependant.line, time_us) else None
            if changed is None:
                done = False
            else:
                given += changed
        return done


def _reach(line: Line) -> int:
    return 0 if line.history is None else line.history.reach_us


def _late(sample: Sample, time_us: int, lines: Collection[Line]) -> Late:
    """A reading of a sample's channel, with as much before and after it as it can change in some series."""
    until_us = max(time_us + line.lookback_us + _reach(line) + 1 for line in lines)
    from_us = time_us - max(line.lookahead_us for line in lines)
    return Late(sample.serial, sample.channel, from_us, until_us)


def sample_time(sample: Sample) -> int | None:
    return sample.time_us
