"""What a station file says that dashboards need: which variables at which depths, how often, by which instrument."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from html import escape

from soilco2.dashboards.grafana.influxql import any_of, is_
from soilco2.quality.records import Flag
from soilco2.station_config.base import Names
from soilco2.station_config.deployments import SITE
from soilco2.station_config.loader import Station
from soilco2.station_config.times import DAY_S
from soilco2.station_config.variables import Variable

_DEFAULT_S = 1800.0
_LONGEST = 120
_UID = 40


@dataclass(frozen=True)
class Spot:
    """A place where a variable is measured, every `period_s` seconds."""

    profile: str
    position: str
    period_s: float

    @property
    def condition(self) -> str:
        """How a query finds it."""
        return f"{is_('profile', self.profile)} AND {is_('position', self.position)}"


@dataclass(frozen=True)
class Level:
    """A depth as people read it, and the spots of all profiles that lie there."""

    label: str
    spots: tuple[Spot, ...]

    @property
    def condition(self) -> str:
        """How a query finds it, whatever the profile."""
        return any_of(spot.condition for spot in self.spots)


class Inventory:
    """The facts of one station.

    Parameters
    ----------
    station : Station
    """

    def __init__(self, station: Station) -> None:
        self.station = station
        self.id = station.file.station.id
        self.timezone = station.file.station.timezone

    def title(self, language: str) -> str:
        """Name and id: two stations may share a name."""
        return f"{_in(self.station.file.station.name, language)} ({self.id})"

    def profiles(self, language: str) -> tuple[tuple[str, str], ...]:
        """Id and name of each profile that has a position."""
        return tuple(
            (row.id, row.id if row.name is None else _in(row.name, language))
            for row in self.station.file.profile
            if row.position
        )

    @cached_property
    def at_depth(self) -> tuple[Variable, ...]:
        """Variables that some position has, in the order of the registry."""
        return self._variables(position=True)

    @cached_property
    def at_site(self) -> tuple[Variable, ...]:
        """Variables without depth, in the order of the registry."""
        return self._variables(position=False)

    def _variables(self, *, position: bool) -> tuple[Variable, ...]:
        found = {key[3] for key in self.station.deployments.series() if bool(key[2]) is position}
        return tuple(row for name, row in self.station.variables.items() if name in found)

    def levels(self, variable: Variable) -> tuple[Level, ...]:
        """The depths of a variable, from the top down."""
        deployments = self.station.deployments
        replicates = {
            (profile.id, row.id): row.replicate
            for profile in self.station.file.profile
            for row in profile.position
        }
        found: dict[tuple[float, str, str], list[Spot]] = {}
        for _, profile, position, name in deployments.series():
            depth = deployments.depth_at(profile, position)
            if name != variable.id or depth is None:
                continue
            spot = Spot(profile, position, self.period_s(variable, profile, position))
            place = (depth, replicates[profile, position])
            rows = found.setdefault((*place, ""), [])
            if any(one.profile == profile for one in rows):  # two at one depth without a letter
                rows = found.setdefault((*place, position), [])
            rows.append(spot)
        return tuple(
            Level(" ".join(filter(None, (depth_text(depth), letter, position))), tuple(spots))
            for (depth, letter, position), spots in sorted(found.items())
        )

    def period_s(self, variable: Variable, profile: str = SITE, position: str = "") -> float:
        """Time between two values of a series [s]."""
        return self.station.deployments.period_s((self.id, profile, position, variable.id)) or _DEFAULT_S

    def longest_s(self, variable: Variable) -> float:
        """Time between two values where they are rarest [s]."""
        periods = [spot.period_s for level in self.levels(variable) for spot in level.spots]
        if variable in self.at_site:
            periods.append(self.period_s(variable))
        return max(periods, default=_DEFAULT_S)

    def modelled(self, variable: Variable, lang: str = "en") -> tuple[str, ...]:
        """How numbers of a variable were made where they were not measured; it must stand beside them."""
        series = (key for key in self.station.deployments.series() if key[3] == variable.id)
        words = [self.station.deployments.note(key, lang).removeprefix("modelled: ") for key in series]
        return tuple(dict.fromkeys(escape(shown(text, 1000), quote=False) for text in words if text))

    def limits(self, variable: Variable) -> tuple[tuple[float, Flag], ...]:
        """The site's limits of a variable for the whole station: value, and the flag of what lies beyond."""
        found = set()
        for row in self.station.file.quality.limits:
            if row.variable == variable.id and row.position is None:
                known = {row.lower: Flag.BAD, row.upper: Flag.BAD}
                known |= {row.suspect_lower: Flag.SUSPECT, row.suspect_upper: Flag.SUSPECT}
                found |= {(limit, flag) for limit, flag in known.items() if limit is not None}
        return tuple(sorted(found))

    @cached_property
    def instruments(self) -> tuple[tuple[str, float], ...]:
        """Id and interval [s] of each instrument that is in use: not every installation of it has ended."""
        return tuple(
            (row.id, row.interval)
            for row in self.station.file.instrument
            if not row.installation or any(place.until is None for place in row.installation)
        )

    def uid(self, kind: str, language: str) -> str:
        """The name of a dashboard of this station for ever."""
        return uid("soilco2", self.id, kind, language)


def uid(*words: str) -> str:
    """At most 40 letters, digits, ``-`` and ``_``; what does not fit is told apart by a digest."""
    whole = "-".join(words)
    if len(whole) <= _UID and re.fullmatch(r"[A-Za-z0-9_-]+", whole):
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', whole)[: _UID - 13]}-{digest}"


def _in(names: Names, language: str) -> str:
    return shown(names.zh if language == "zh" else names.en)


def shown(text: str, longest: int = _LONGEST) -> str:
    """A text in one line of bounded length, without characters that do not print."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def depth_text(depth_m: float) -> str:
    """A depth with two decimals, more where it has them."""
    exact = f"{depth_m:.4f}".rstrip("0")
    return f"{depth_m + 0.0:.2f} m" if len(exact.partition(".")[2]) < 2 else f"{exact} m"


def span(seconds: float) -> str:
    """A length of time as Grafana and InfluxQL write it."""
    whole = max(1, round(seconds))
    for unit, size in (("d", DAY_S), ("h", 3600), ("m", 60)):
        if whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def longest(periods: Iterable[float]) -> float:
    """The longest of some periods [s]."""
    return max(periods, default=_DEFAULT_S)
