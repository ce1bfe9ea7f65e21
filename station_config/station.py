"""Table ``[station]``: the site."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from station_config.base import BothNames, Identifier, Table


class StationTable(Table):
    """A site.

    `altitude_m` gives the standard pressure where there is no barometer.
    """

    id: Identifier
    name: BothNames
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    altitude_m: float = Field(ge=-430, le=8850)
    timezone: str
    note: str = ""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("a time zone of the IANA list is expected, such as 'Asia/Shanghai'") from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return ZoneInfo(self.timezone)
