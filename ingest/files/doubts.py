"""Numbers of a table that are ten, a hundred or a thousand times too large or too small for the unit they come with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log10
from statistics import median

from soilco2.ingest.drivers.driver import Rows
from soilco2.quality.records import SeriesKey
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
    numbers: dict[SeriesKey, list[tuple[int, float]]] = {}
    units: dict[SeriesKey, set[str]] = {}
    for stretch in stretches:
        for sample in stretch.samples:
            key = None
            if sample.raw is not None and sample.time_us is not None and not sample.status:
                key = station.deployments.series_at(sample.serial, sample.channel, sample.time_us)
            if key is not None and sample.raw is not None and sample.time_us is not None:
                series = SeriesKey(*key)
                rows = numbers.setdefault(series, [])
                if len(rows) < _MOST:
                    rows.append((sample.time_us, sample.raw))
                units.setdefault(series, set()).update(stretch.units.get((sample.serial, sample.channel), ()))
    journal = JournalReader(station.journal_path) if station.journal_path.is_file() else None
    try:
        found = [_doubt(key, rows, units[key], journal, station.variables) for key, rows in numbers.items()]
    finally:
        if journal is not None:
            journal.close()
    return [one for one in found if one is not None]


def _doubt(
    key: SeriesKey,
    rows: Sequence[tuple[int, float]],
    units: set[str],
    journal: JournalReader | None,
    variables: Variables,
) -> Message | None:
    known = variables[key.variable]
    values = sorted({value for _, value in rows})  # -9999 for every missing one counts once
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
