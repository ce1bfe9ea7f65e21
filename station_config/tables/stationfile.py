"""The whole station file: one field per table."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from soilco2.station_config.base import FilePath, Table
from soilco2.station_config.tables.connection import Connection
from soilco2.station_config.tables.flux import FluxTable
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.tables.journal import JournalTable
from soilco2.station_config.tables.mqtt import BrokerTable, MqttTable
from soilco2.station_config.tables.page import PageTable
from soilco2.station_config.tables.people import Person
from soilco2.station_config.tables.plan import PlanTable
from soilco2.station_config.tables.platform import Platform
from soilco2.station_config.tables.profile import Profile
from soilco2.station_config.tables.quality import QualityTable
from soilco2.station_config.tables.soil import SoilTable
from soilco2.station_config.tables.station import StationTable
from soilco2.station_config.tables.variable import VariableTable
from soilco2.station_config.variables import VARIABLES, Variables


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
    variable: tuple[VariableTable, ...] = ()
    connection: tuple[Connection, ...] = ()
    profile: tuple[Profile, ...] = ()
    instrument: tuple[Instrument, ...] = ()
    influxdb: Annotated[tuple[InfluxdbTable, ...], BeforeValidator(_listed)] = ()
    platform: tuple[Platform, ...] = ()
    mqtt: MqttTable | None = None
    broker: tuple[BrokerTable, ...] = ()
    journal: JournalTable = Field(default_factory=JournalTable)
    quality: QualityTable = Field(default_factory=QualityTable)
    soil: SoilTable | None = None
    flux: FluxTable | None = None
    people: tuple[Person, ...] = ()
    plan: PlanTable | None = None
    page: PageTable = Field(default_factory=PageTable)

    @property
    def brokers(self) -> dict[str, MqttTable]:
        """Every broker by its id; that of `[mqtt]` has none."""
        own: dict[str, MqttTable] = {} if self.mqtt is None else {"": self.mqtt}
        return own | {row.id: row for row in self.broker}

    @property
    def sinks(self) -> tuple[InfluxdbTable | Platform, ...]:
        """Whatever observations are sent on to."""
        return (*self.influxdb, *self.platform)

    @cached_property
    def variables(self) -> Variables:
        """The registry of this station: what comes with the package and its own."""
        return VARIABLES.with_own(row.row for row in self.variable)
