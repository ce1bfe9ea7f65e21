"""Table ``[station]``: the site."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from soilco2.station_config.base import BothNames, Identifier, Table
from soilco2.station_config.message import Message


class StationTable(Table):
    """A site.

    `altitude_m` gives the standard pressure where there is no barometer.
    """

    id: Identifier
    """Name of the station in paths, topics and the database. Never change it once data flow."""
    name: BothNames
    """Name for people: text, or `{ en = "…", zh = "…" }`."""
    latitude: float = Field(ge=-90, le=90)
    """Degrees north [°]."""
    longitude: float = Field(ge=-180, le=180)
    """Degrees east [°]."""
    altitude_m: float = Field(ge=-430, le=8850)
    """Height above sea level [m]; it gives the standard pressure where there is no barometer."""
    timezone: str
    """Time zone of the IANA list; plain dates in this file are midnights in it."""
    note: BothNames | None = None
    """Anything worth knowing: text, or `{ en = "…", zh = "…" }`."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                Message("a time zone of the IANA list is expected, such as 'Asia/Shanghai'")
            ) from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return ZoneInfo(self.timezone)
