"""Limits on a reading or a value: of nature, of the probe, of the site; and the site's tests that look back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from soilco2.quality import checks
from soilco2.quality.checks import Jumps, Remembers, reach_us
from soilco2.quality.records import SeriesKey
from soilco2.station_config.catalogue.probe import ChannelSpec
from soilco2.station_config.tables.quality import Limits
from soilco2.station_config.variables import Variable


def _widened(lower: float, upper: float) -> tuple[float, float]:
    """Limits that a scaled register value at the very limit does not miss by its last binary digit."""
    return lower - 1e-9 * max(1.0, abs(lower)), upper + 1e-9 * max(1.0, abs(upper))


class Band:
    """Nested limits: between `lower` and `upper` nothing is wrong; beyond, `outside` says what is."""

    __slots__ = ("_limits", "lower", "upper")

    def __init__(self, limits: Iterable[tuple[int, float | None, float | None]]) -> None:
        wide = float("inf")
        self._limits = [
            (bit, *_widened(-wide if low is None else low, wide if high is None else high))
            for bit, low, high in limits
        ]
        self.lower = max((low for _, low, _ in self._limits), default=-wide)
        self.upper = min((high for _, _, high in self._limits), default=wide)

    def outside(self, value: float) -> int:
        """Bits of the limits that a number is beyond."""
        mask = 0
        for bit, low, high in self._limits:
            if not low <= value <= high:
                mask |= bit
        return mask


def site_limits(limits: Sequence[Limits], series: SeriesKey) -> dict[str, Any]:
    """Limits of the station file for a series: those of its position go before those of the station."""
    here = f"{series.profile}/{series.position}" if series.position else series.profile
    found: dict[str, Any] = {}
    for place in (None, here):
        for row in limits:
            if row.variable == series.variable and row.position == place:
                found.update(row.model_dump(exclude_defaults=True))
    return found


def value_band(known: Variable, site: dict[str, Any]) -> Band:
    """Limits on the value of a variable: what is physically possible, and the site's own."""
    return Band(
        (
            (checks.PHYSICAL_RANGE, known.lower, known.upper),
            (checks.SITE_RANGE, site.get("lower"), site.get("upper")),
            (checks.SITE_SUSPECT, site.get("suspect_lower"), site.get("suspect_upper")),
        )
    )


def reading_band(spec: ChannelSpec, a: float, b: float) -> Band:
    """Limits of the probe, which are in its own unit, on the reading: ``a · raw + b`` in the canonical one."""
    a = a / spec.scale
    b = b - a * spec.shift
    lower, upper = (None if limit is None else a * limit + b for limit in (spec.lower, spec.upper))
    rows: list[tuple[int, float | None, float | None]] = [(checks.INSTRUMENT_RANGE, lower, upper)]
    if spec.saturation is not None:
        clipped = a * spec.saturation + b
        step = a * spec.resolution if spec.resolution else 4e-9 * max(1.0, abs(clipped))
        rows.append((checks.SATURATION, None, clipped - step / 2))
    return Band(rows)


def remembering(
    site: dict[str, Any], period_s: float | None, warm_up_s: float | None = None
) -> tuple[Callable[[], Remembers], ...]:
    """What makes the tests of a channel that look back, each with its settings."""
    found: list[Callable[[], Remembers]] = []
    if warm_up_s:
        found.append(partial(checks.WarmUp, round(warm_up_s * 1e6), reach_us(period_s)))
    if site.get("flat_for"):
        tolerance = site.get("flat_tolerance", 0.0)
        found.append(partial(checks.FlatLine, round(site["flat_for"] * 1e6), tolerance))
    return tuple(found)


def jumping(site: dict[str, Any], period_s: float | None) -> tuple[Callable[[], Jumps], ...]:
    """What makes the tests of a channel for jumps, each with its settings."""
    found: list[Callable[[], Jumps]] = []
    if site.get("rate_per_minute") is not None:
        found.append(partial(checks.RateOfChange, site["rate_per_minute"], reach_us(period_s)))
    if site.get("spike") is not None:
        found.append(partial(checks.Spike, site["spike"], reach_us(period_s)))
    return tuple(found)
