"""How observations are written for what they are sent to: a line each, without a line break."""

from __future__ import annotations

from typing import Protocol

from soilco2.quality.records import Observation
from soilco2.storage.influx.line_protocol import DERIVED, line, point
from soilco2.storage.journal.rows import Derived


class Layout(Protocol):
    """Makes lines of observations; one that is not sent has None."""

    health: bool
    """Whether points about the station itself are sent too."""

    def observed(self, journal: str, rev: int, row: Observation) -> str | None:
        """A line of an observation; raises `LineError` where none can be written."""
        ...

    def derived(self, row: Derived) -> str | None:
        """A line of a derived value."""
        ...


class LineProtocol:
    """Lines of InfluxDB."""

    health = True

    def observed(self, journal: str, rev: int, row: Observation) -> str | None:
        return line(row)

    def derived(self, row: Derived) -> str | None:
        _, key, method, time_us, *numbers, reason = row
        fields: dict[str, float | str] = {
            name: number
            for name, number in zip(("value", "lower", "upper"), numbers, strict=True)
            if number is not None
        }
        tags = {
            "station": key.station,
            "profile": key.profile,
            "position": key.position,
            "variable": key.variable,
            "method": method,
        }
        fields |= {"flag": 1.0 if "value" in fields else 9.0, "reason": reason}
        return point(DERIVED, tags, fields, time_us).decode()
