"""Numbers of a table that are ten, a hundred or a thousand times too large or too small for the unit they come with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from math import log10
from statistics import median
from typing import cast

from soilco2.ingest.drivers.file_driver import Rows
from soilco2.quality.records import SeriesKey
from soilco2.quality.runs import Run, runs_of
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.station_config.units import conversion, units_of
from soilco2.station_config.variables import Variable, Variables
from soilco2.storage.journal.reader import JournalReader

FEWEST = 3
"""Different numbers of a series that tell something of its unit."""
_MOST = 20_000
_NEAR_US = 30 * DAY_US
_FIT = 0.9
_ALIKE = 0.15
"""How far a ratio may be from a power of ten, as a logarithm: a factor of 1.4."""


_Numbers = tuple[list[int], list[float]]
"""Times [µs UTC] and numbers of a series."""


def doubts(station: Station, stretches: Iterable[Rows]) -> list[Message]:
    """What looks wrong in the units of imported numbers, a sentence for each series.

    Compared with the limits of the variable, and with what the journal holds of the series within 30 days.

    Parameters
    ----------
    station : Station
    stretches : iterable of Rows
        Samples of the pseudo-instruments of imports: numbers in the canonical unit.

    Raises
    ------
    StorageError
        When the journal cannot be read.
    """
    numbers: dict[SeriesKey, _Numbers] = {}
    units: dict[SeriesKey, set[str]] = {}
    for stretch in stretches:
        for run in runs_of(stretch.samples):
            for key, times, values in _numbers(station, run):
                into = numbers.setdefault(key, ([], []))
                into[0].extend(times[: _MOST - len(into[0])])
                into[1].extend(values[: _MOST - len(into[1])])
                units.setdefault(key, set()).update(stretch.units.get(run[:2], ()))
    journal = JournalReader(station.journal_path) if station.journal_path.is_file() else None
    try:
        found = [_doubt(key, rows, units[key], journal, station.variables) for key, rows in numbers.items()]
    finally:
        if journal is not None:
            journal.close()
    return [one for one in found if one is not None]


def _numbers(station: Station, run: Run) -> Iterator[tuple[SeriesKey, Sequence[int], Sequence[float]]]:
    """The numbers of a channel's samples without a status, by the series they belong to."""
    series_at = partial(station.deployments.series_at, *run[:2])
    times, raws = run.times, run.raws
    if run.plain and None not in times and None not in raws:
        at_first, at_last = series_at(times[0]), series_at(times[-1])  # type: ignore[arg-type]
        if at_first is None is at_last:
            return
        if at_first == at_last and at_first is not None:
            yield SeriesKey(*at_first), cast(Sequence[int], times), cast(Sequence[float], raws)
            return
    for sample in run.samples():
        if sample.raw is not None and sample.time_us is not None and not sample.status:
            key = series_at(sample.time_us)
            if key is not None:
                yield SeriesKey(*key), (sample.time_us,), (sample.raw,)


def _doubt(
    key: SeriesKey, numbers: _Numbers, units: set[str], journal: JournalReader | None, variables: Variables
) -> Message | None:
    known = variables[key.variable]
    values = sorted(set(numbers[1]))  # -9999 for every missing one counts once
    if len(values) < FEWEST:
        return None
    series, typical = "/".join(part for part in key[1:] if part), median(values)
    if _share(values, known) < 1 - _FIT:
        unit = next(iter(units)) if len(units) == 1 else known.unit
        a, b = conversion(unit, known.id, variables)
        own = [(value - b) / a for value in values]
        fits = _fitting(own, unit, known, variables)
        if fits is not None:
            return Message(
                "{series}: {value:g} {unit} is beyond what can be ({lower:g} to {upper:g} {canonical}); "
                "{fits} would fit",
                series=series, value=median(own), unit=unit, lower=known.lower, upper=known.upper,
                canonical=known.unit, fits=fits,
            )  # fmt: skip
        return None
    held = [] if journal is None else _held(journal, key, numbers[0])
    if len(held) < FEWEST or typical * median(held) <= 0:
        return None
    usual = median(held)
    power = log10(typical / usual)
    apart = min(values) > max(held) or max(values) < min(held)
    if apart and round(power) != 0 and abs(power - round(power)) <= _ALIKE:
        return Message(
            "{series}: {value:g} {unit} is {factor:g} times what the journal holds about that time ({usual:g})",
            series=series, value=typical, unit=known.unit, factor=10.0 ** round(power), usual=usual,
        )  # fmt: skip
    return None


def _share(values: Sequence[float], known: Variable) -> float:
    return sum(known.lower <= value <= known.upper for value in values) / len(values)


def _fitting(own: Sequence[float], unit: str, known: Variable, variables: Variables) -> Message | None:
    """Units, or a power of ten, with which the file's own numbers, written in `unit`, would be possible."""
    a, b = conversion(unit, known.id, variables)
    fitting: dict[tuple[float, float], str] = {}  # of units that mean the same, the first
    for other in units_of(known.id, variables):
        c, d = conversion(other, known.id, variables)
        if (c, d) != (a, b) and _share([c * value + d for value in own], known) >= _FIT:
            fitting.setdefault((c, d), other)
    if fitting:
        return Message("numbers in {units}", units=", ".join(fitting.values()))
    for power in (-1, 1, -2, 2, -3, 3, -4, 4):
        if _share([a * value * 10.0**power + b for value in own], known) >= _FIT:
            return Message("numbers times {factor:g}", factor=10.0**power)
    return None


def _held(journal: JournalReader, key: SeriesKey, times: Sequence[int]) -> list[float]:
    """Usable numbers of a series about some times."""
    held: list[float] = []
    for piece in journal.read([key], min(times) - _NEAR_US, max(times) + _NEAR_US):
        there = zip(piece.values, piece.flags, strict=True)
        held += [value for value, flag in there if flag <= 2 and value == value]
        if len(held) >= _MOST:
            break
    return held
