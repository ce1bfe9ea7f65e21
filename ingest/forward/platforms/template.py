"""A reading in the receiver's words: its fields, names, units, zone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from soilco2.quality.records import Flag, Observation
from soilco2.station_config.base import moment_us
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.tables.platform import PLACEHOLDER, PlatformTable
from soilco2.station_config.units import between
from soilco2.storage.errors import LineError
from soilco2.storage.journal.rows import Derived

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Template:
    """Makes readings of observations.

    A reading whose flag is not let out goes out without its value: who has an earlier value of it hears that it is no
    longer good.

    Parameters
    ----------
    table : PlatformTable
    station : Station
    """

    health = False

    def __init__(self, table: PlatformTable, station: Station) -> None:
        self.zone = ZoneInfo(table.zone or station.file.station.timezone)
        self._table = table
        self._variables = station.file.variables
        self._flags = {Flag[name.upper()] for name in table.flags}
        self._since = None if table.since is None else moment_us(table.since, station.file.station.zone)
        self._factors: dict[str, tuple[str, float, float]] = {}

    def when(self, time_us: int) -> datetime:
        """A time in the receiver's zone."""
        return (_EPOCH + timedelta(microseconds=time_us)).astimezone(self.zone)

    def reading(self, journal: str, rev: int, row: Observation) -> dict[str, Any] | None:
        """The fields of an observation; None when it does not go out."""
        table, key = self._table, row.series
        place = f"{key.profile}/{key.position}"
        if (
            (self._since is not None and row.time_us < self._since)
            or (table.variables is not None and key.variable not in table.variables)
            or (table.positions is not None and not {place, key.profile} & set(table.positions))
        ):
            return None
        unit, a, b = self._unit(key.variable)
        value = row.value if row.flag in self._flags else None
        if value is not None:
            if not math.isfinite(value):
                raise LineError(Message("{value} is not a number that JSON can say", value=value))
            if (a, b) != (1.0, 0.0):
                value = float(f"{a * value + b:.12g}")
        at = self.when(row.time_us)
        known = {
            "id": f"{journal}:{rev}",
            "station": key.station,
            "profile": key.profile,
            "position": key.position,
            "variable": key.variable,
            "name": table.names.get(key.variable, key.variable),
            "value": value,
            "unit": unit,
            "flag": int(row.flag),
            "tests": row.tests,
            "time": at.isoformat() if table.time_format is None else at.strftime(table.time_format),
            "time_s": row.time_us // 1_000_000,
            "time_ms": row.time_us // 1000,
            "rev": rev,
        }
        return {field: _filled(text, known) for field, text in table.fields.items()}

    def observed(self, journal: str, rev: int, row: Observation) -> str | None:
        """The reading as JSON on one line."""
        found = self.reading(journal, rev, row)
        return None if found is None else json.dumps(found, ensure_ascii=False, allow_nan=False)

    def derived(self, row: Derived) -> str | None:
        """Results of analyses are not readings: they do not go out."""
        return None

    def _unit(self, variable: str) -> tuple[str, float, float]:
        found = self._factors.get(variable)
        if found is None:
            own = self._variables[variable].unit
            wanted = self._table.units.get(variable, own)
            factors = between(own, wanted, variable, self._variables)
            assert factors is not None  # a rule of the station file
            found = self._factors[variable] = (wanted, *factors)
        return found


def _filled(text: Any, known: Mapping[str, Any]) -> Any:
    """A constant as it is, a name alone as what it is, text with names as text."""
    if not isinstance(text, str):
        return text
    alone = PLACEHOLDER.fullmatch(text)
    if alone is not None:
        return known[alone[1]]
    return PLACEHOLDER.sub(lambda name: "" if known[name[1]] is None else str(known[name[1]]), text)


def message(table: Any, lines: bytes) -> bytes:
    """The message that readings, one a line, travel in."""
    if table.single:
        return lines
    readings = b"[" + lines.replace(b"\n", b",") + b"]"
    if table.under is None:
        return readings
    beside = b"".join(
        f"{json.dumps(key, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)},".encode()
        for key, value in table.beside.items()
    )
    return b"{" + beside + json.dumps(table.under, ensure_ascii=False).encode() + b":" + readings + b"}"
