"""The whole station file: one field per table."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from station_config.base import FilePath, Table
from station_config.connection import Connection
from station_config.flux import FluxTable
from station_config.influxdb import InfluxdbTable
from station_config.instrument import Instrument
from station_config.journal import JournalTable
from station_config.mqtt import MqttTable
from station_config.page import PageTable
from station_config.people import Person
from station_config.plan import PlanTable
from station_config.profile import Profile
from station_config.quality import QualityTable
from station_config.soil import SoilTable
from station_config.station import StationTable


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class StationFile(Table):
    """A station file after `include` was resolved.

    `catalogue` names folders with further probe models, beside the built-in catalogue.
    """

    catalogue: tuple[FilePath, ...] = ()
    """Folders with probe models of your own, beside the built-in catalogue; a model with a known id
    replaces it."""
    station: StationTable
    connection: tuple[Connection, ...] = ()
    profile: tuple[Profile, ...] = ()
    instrument: tuple[Instrument, ...] = ()
    influxdb: Annotated[tuple[InfluxdbTable, ...], BeforeValidator(_listed)] = ()
    mqtt: MqttTable | None = None
    journal: JournalTable = Field(default_factory=JournalTable)
    quality: QualityTable = Field(default_factory=QualityTable)
    soil: SoilTable | None = None
    flux: FluxTable | None = None
    people: tuple[Person, ...] = ()
    plan: PlanTable | None = None
    page: PageTable = Field(default_factory=PageTable)
