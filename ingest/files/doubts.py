"""Numbers of a table that are ten, a hundred or a thousand times too large or too small for the unit they come with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log10
from statistics import median

from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.station_config.units import conversion, units_of
from soilco2.station_config.variables import VARIABLES, Variable
from soilco2.storage.journal.reader import JournalReader

FEWEST = 3
"""Different numbers of a series that tell something of its unit."""
_MOST = 20_000
_NEAR_US = 30 * DAY_US
_FIT = 0.9
_ALIKE = 0.15
"""How far a ratio may be from a power of ten, as a logarithm: a factor of 1.4."""


def doubts(station: Station, samples: Iterable[Sample]) -> list[Message]:
    """What looks wrong in the units of imported numbers, a sentence for each series.

    Compared with the limits of the variable, and with what the journal holds of the series within 30 days.

    Parameters
    ----------
    station : Station
    samples : iterable of Sample
        Of the pseudo-instruments of imports: numbers in the canonical unit.

    Raises
    ------
    StorageError
        When the journal cannot be read.
    """
    numbers: dict[SeriesKey, list[tuple[int, float]]] = {}
    for sample in samples:
        key = None
        if sample.raw is not None and sample.time_us is not None and not sample.status:
            key = station.deployments.series_at(sample.serial, sample.channel, sample.time_us)
        if key is not None and sample.raw is not None and sample.time_us is not None:
            rows = numbers.setdefault(SeriesKey(*key), [])
            if len(rows) < _MOST:
                rows.append((sample.time_us, sample.raw))
    journal = JournalReader(station.journal_path) if station.journal_path.is_file() else None
    try:
        found = [_doubt(key, rows, journal) for key, rows in numbers.items()]
    finally:
        if journal is not None:
            journal.close()
    return [one for one in found if one is not None]


def _doubt(
    key: SeriesKey, rows: Sequence[tuple[int, float]], journal: JournalReader | None
) -> Message | None:
    known = VARIABLES[key.variable]
    values = sorted({value for _, value in rows})  # -9999 for every missing one counts once
    if len(values) < FEWEST:
        return None
    series, typical = "/".join(part for part in key[1:] if part), median(values)
    if _share(values, known) < 1 - _FIT:
        fits = _fitting(values, known)
        if fits is not None:
            return Message(
                "{series}: {value:g} {unit} is beyond what can be ({lower:g} to {upper:g}); {fits} would fit",
                series=series, value=typical, unit=known.unit, lower=known.lower, upper=known.upper, fits=fits,
            )  # fmt: skip
        return None
    held = [] if journal is None else _held(journal, key, rows)
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


def _fitting(values: Sequence[float], known: Variable) -> Message | None:
    """Units, or a power of ten, with which the numbers would be possible."""
    units = []
    for unit in units_of(known.id)[1:]:
        a, b = conversion(unit, known.id)
        if (a, b) != (1.0, 0.0) and _share([a * value + b for value in values], known) >= _FIT:
            units.append(unit)
    if units:
        return Message("numbers in {units}", units=", ".join(units))
    for power in (-1, 1, -2, 2, -3, 3, -4, 4):
        if _share([value * 10.0**power for value in values], known) >= _FIT:
            return Message("numbers times {factor:g}", factor=10.0**power)
    return None


def _held(journal: JournalReader, key: SeriesKey, rows: Sequence[tuple[int, float]]) -> list[float]:
    """Usable numbers of a series about the time of some rows."""
    times = [time_us for time_us, _ in rows]
    held: list[float] = []
    for piece in journal.read([key], min(times) - _NEAR_US, max(times) + _NEAR_US):
        there = zip(piece.values, piece.flags, strict=True)
        held += [value for value, flag in there if flag <= 2 and value == value]
        if len(held) >= _MOST:
            break
    return held
