"""Samples and observations of one channel in the order of time, by column.

Most readings of a channel that depends on nothing else pass every test: by column they are judged together, and what an
import or a recomputation reads goes from table to table without a record for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from operator import itemgetter
from typing import NamedTuple, overload

from soilco2.quality.records import Flag, Observation, Sample, SeriesKey

_TIME, _RAW, _STATUS, _SAID = (
    itemgetter(Sample._fields.index(name)) for name in ("time_us", "raw", "status", "said")
)
_new = tuple.__new__

Rest = tuple[int | None, int, int, str, str]
"""What samples that came at once share: `device_us`, `arrival_us`, `mono_us`, `boot_id`, `source`."""


class Run(NamedTuple):
    """Samples of one channel as they came.

    Parameters
    ----------
    serial, channel : str
    times : sequence of int or None
        [µs UTC]
    raws : sequence of float or None
    plain : bool
        None of them has a status, nor registers beside its number.
    samples : callable
        Gives the same as records.
    """

    serial: str
    channel: str
    times: Sequence[int | None]
    raws: Sequence[float | None]
    plain: bool
    samples: Callable[[], Sequence[Sample]]


class Bulk(Sequence[Sample]):
    """Many samples, kept by column: records are made when somebody asks for one."""

    _made: list[Sample] | None = None
    _runs: list[Run] | None = None

    def runs(self) -> list[Run]:
        """The samples channel by channel."""
        if self._runs is None:
            self._runs = self._make_runs()
        return self._runs

    def _make_runs(self) -> list[Run]:
        raise NotImplementedError

    def _records(self) -> list[Sample]:
        """The samples in their order."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._all())

    def _all(self) -> list[Sample]:
        if self._made is None:
            self._made = self._records()
        return self._made


class Runs(Bulk):
    """Samples that came channel by channel."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs

    def __len__(self) -> int:
        return sum(len(run.times) for run in self._runs or ())

    def _records(self) -> list[Sample]:
        return [sample for run in self._runs or () for sample in run.samples()]


class Columns(Bulk):
    """Samples that came at once and say nothing but their numbers.

    Parameters
    ----------
    names : sequence of (serial, channel)
        Of each.
    times : sequence of int
        [µs UTC]
    raws : sequence of float or None
    rest : tuple
        What they share, see `Rest`.
    """

    def __init__(
        self,
        names: Sequence[tuple[str, str]],
        times: Sequence[int],
        raws: Sequence[float | None],
        rest: Rest,
    ) -> None:
        self.names, self.times, self.raws, self.rest = names, times, raws, rest

    def __len__(self) -> int:
        return len(self.times)

    def _records(self) -> list[Sample]:
        return _records(self.names, self.times, self.raws, self.rest)

    def _make_runs(self) -> list[Run]:
        names = list(dict.fromkeys(self.names))
        found: Iterable[tuple[Sequence[int], Sequence[float | None]]]
        if (step := len(names)) and self.names[step:] == self.names[:-step]:  # they come in turn
            found = [(self.times[at::step], self.raws[at::step]) for at in range(step)]
        else:
            found = self._by_name(names)
        return [
            Run(*name, *columns, True, partial(_records, repeat(name), *columns, self.rest))
            for name, columns in zip(names, found, strict=True)
        ]

    def _by_name(
        self, names: Sequence[tuple[str, str]]
    ) -> Iterable[tuple[Sequence[int], Sequence[float | None]]]:
        """Times and raw numbers of each channel."""
        found: dict[tuple[str, str], tuple[list[int], list[float | None]]] = {
            name: ([], []) for name in names
        }
        for name, time_us, raw in zip(self.names, self.times, self.raws, strict=True):
            times, raws = found[name]
            times.append(time_us)
            raws.append(raw)
        return found.values()


def _records(
    names: Iterable[tuple[str, str]], times: Sequence[int], raws: Sequence[float | None], rest: Rest
) -> list[Sample]:
    return [
        _new(Sample, (*name, time_us, raw, "", *rest, None))
        for name, time_us, raw in zip(names, times, raws, strict=False)
    ]


def joined(some: Sequence[Sequence[Sample]]) -> Sequence[Sample]:
    """Samples one after the other: by column where all of them are and share the same."""
    if len(some) == 1:
        return some[0]
    columns = [one for one in some if isinstance(one, Columns)]
    if len(columns) < len(some) or any(one.rest != columns[0].rest for one in columns):
        return list(chain.from_iterable(some))
    names, times, raws = (
        list(chain.from_iterable(column))
        for column in zip(*((one.names, one.times, one.raws) for one in columns), strict=True)
    )
    return Columns(names, times, raws, columns[0].rest)


def runs_of(samples: Sequence[Sample]) -> list[Run]:
    """Samples channel by channel."""
    if isinstance(samples, Bulk):
        return samples.runs()
    groups: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample[:2]].append(sample)
    return [run_of(*name, some) for name, some in groups.items()]


def run_of(serial: str, channel: str, samples: Sequence[Sample]) -> Run:
    """Samples of one channel by column."""
    plain = not any(map(_STATUS, samples)) and set(map(_SAID, samples)) == {None}
    return Run(serial, channel, list(map(_TIME, samples)), list(map(_RAW, samples)), plain, lambda: samples)


def channels_of(samples: Sequence[Sample]) -> set[tuple[str, str]]:
    """The channels of samples: serial number and name."""
    return set(samples.names) if isinstance(samples, Columns) else {sample[:2] for sample in samples}


class ObservedRun(NamedTuple):
    """Observations of one series in the order of time, by column; see `Observation`."""

    series: SeriesKey
    times: Sequence[int]
    values: list[float | None]
    raws: list[float | None]
    flags: list[Flag]
    tests: list[str]
    corrections: list[str]
    config: str

    def observations(self) -> Iterator[Observation]:
        """The same as records."""
        rows = zip(repeat(self.series), *self[1:7], repeat(self.config), strict=False)
        return (_new(Observation, row) for row in rows)
