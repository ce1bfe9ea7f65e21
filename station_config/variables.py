"""The registry of variables: one place for symbol, unit, standard name, limits and names.

Code, dashboards, exports and documents are all checked against it. What comes with the package is `VARIABLES`; a
station file adds its own by ``[[variable]]``, and `soilco2.station_config.loader.Station.variables` is both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One quantity that a station can measure or derive.

    Parameters
    ----------
    id : str
        Name in code, files and the database.
    symbol : str
        Symbol for axes and tables.
    unit : str
        Canonical unit; everything inside is in this unit.
    unit_text : str
        The unit as readers see it.
    cf_standard_name : str
        CF standard name; empty where the convention has none.
    name_en, name_zh : str
    lower, upper : float
        Physically possible limits [`unit`]; outside is bad whatever the probe.
    resolution : float
        Decimal places worth showing are taken from it [`unit`].
    has_depth : bool
        False for variables of the profile ``site``.
    also_at_site : bool
        True for variables with a height that a station may also give without one (air temperature).
    sums : bool
        True when values add up over time (rain) instead of averaging.
    turns : bool
        True for a direction [degree], where 0 follows 359: its mean is that of unit vectors.
    """

    id: str
    symbol: str
    unit: str
    unit_text: str
    cf_standard_name: str
    name_en: str
    name_zh: str
    lower: float
    upper: float
    resolution: float
    has_depth: bool = True
    also_at_site: bool = False
    sums: bool = False
    turns: bool = False

    @property
    def at_site(self) -> bool:
        """Whether it may live in the profile ``site``."""
        return self.also_at_site or not self.has_depth


class Variables(Mapping[str, Variable]):
    """Variables by their ids, in the order in which they are listed; it never changes.

    Parameters
    ----------
    rows : iterable of Variable
    """

    __slots__ = ("_hash", "_ranks", "_rows")

    def __init__(self, rows: Iterable[Variable]) -> None:
        self._rows = {row.id: row for row in rows}
        self._ranks = {name: number for number, name in enumerate(self._rows)}
        self._hash = hash(tuple(self._rows.values()))

    def __getitem__(self, name: str) -> Variable:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variables) and self._rows == other._rows

    def find(self, name: str) -> Variable:
        """Look a variable up.

        Raises
        ------
        StationConfigError
            When there is no such variable.
        """
        try:
            return self._rows[name]
        except KeyError:
            raise StationConfigError(
                Message(
                    "variable {variable!r} is unknown; known are {names}; the station file may describe others "
                    "under [[variable]]",
                    variable=name,
                    names=", ".join(self._rows),
                )
            ) from None

    def rank(self, name: str) -> tuple[int, str]:
        """Its place in lists; what is unknown comes last, by name."""
        return self._ranks.get(name, len(self._rows)), name

    def with_own(self, rows: Iterable[Variable]) -> Variables:
        """These variables and those of a station; of two with one id the station's holds."""
        own = tuple(rows)
        return Variables((*self._rows.values(), *own)) if own else self


_ROWS = (
    Variable(id="co2", symbol="x(CO₂)", unit="ppm", unit_text="ppm",
             cf_standard_name="mole_fraction_of_carbon_dioxide_in_air",
             name_en="CO₂ mole fraction", name_zh="CO₂ 浓度（摩尔分数）",
             lower=0.0, upper=300_000.0, resolution=1.0),
    Variable(id="methane", symbol="x(CH₄)", unit="ppm", unit_text="ppm",
             cf_standard_name="mole_fraction_of_methane_in_air",
             name_en="CH₄ mole fraction", name_zh="CH₄ 浓度（摩尔分数）",
             lower=0.0, upper=1_000_000.0, resolution=0.01),
    Variable(id="nitrous_oxide", symbol="x(N₂O)", unit="ppm", unit_text="ppm",
             cf_standard_name="mole_fraction_of_nitrous_oxide_in_air",
             name_en="N₂O mole fraction", name_zh="N₂O 浓度（摩尔分数）",
             lower=0.0, upper=100_000.0, resolution=0.001),
    Variable(id="oxygen", symbol="x(O₂)", unit="%", unit_text="%", cf_standard_name="",
             name_en="O₂ mole fraction", name_zh="O₂ 浓度（摩尔分数）",
             lower=0.0, upper=100.0, resolution=0.01),
    Variable(id="soil_temperature", symbol="T", unit="degC", unit_text="°C",
             cf_standard_name="soil_temperature",
             name_en="soil temperature", name_zh="土壤温度",
             lower=-50.0, upper=80.0, resolution=0.01),
    Variable(id="soil_water", symbol="θ", unit="m3/m3", unit_text="m³/m³",
             cf_standard_name="volume_fraction_of_condensed_water_in_soil",
             name_en="volumetric water content", name_zh="体积含水率",
             lower=0.0, upper=1.0, resolution=0.001),
    Variable(id="permittivity", symbol="ε", unit="1", unit_text="–", cf_standard_name="",
             name_en="relative permittivity of the soil", name_zh="土壤相对介电常数",
             lower=1.0, upper=100.0, resolution=0.01),
    Variable(id="matric_potential", symbol="ψm", unit="kPa", unit_text="kPa", cf_standard_name="",
             name_en="soil matric potential", name_zh="土壤基质势",
             lower=-1_000_000.0, upper=100.0, resolution=0.1),
    Variable(id="bulk_ec", symbol="σb", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="bulk electrical conductivity", name_zh="表观电导率",
             lower=0.0, upper=50.0, resolution=0.001),
    Variable(id="ec25", symbol="σ25", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="electrical conductivity at 25 °C", name_zh="25 ℃ 电导率",
             lower=0.0, upper=50.0, resolution=0.001),
    Variable(id="pore_ec", symbol="σp", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="pore-water electrical conductivity", name_zh="孔隙水电导率",
             lower=0.0, upper=200.0, resolution=0.01),
    Variable(id="ece", symbol="ECe", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="electrical conductivity of the saturation extract", name_zh="饱和浸提液电导率",
             lower=0.0, upper=200.0, resolution=0.01),
    Variable(id="salinity", symbol="S", unit="mg/L", unit_text="mg/L", cf_standard_name="",
             name_en="salinity (from conductivity)", name_zh="盐分（由电导率换算）",
             lower=0.0, upper=50_000.0, resolution=1.0),
    Variable(id="tds", symbol="TDS", unit="mg/L", unit_text="mg/L", cf_standard_name="",
             name_en="total dissolved solids (from conductivity)", name_zh="总溶解固体（由电导率换算）",
             lower=0.0, upper=50_000.0, resolution=1.0),
    Variable(id="soil_ph", symbol="pH", unit="1", unit_text="pH", cf_standard_name="soil_water_ph",
             name_en="soil pH", name_zh="土壤 pH",
             lower=0.0, upper=14.0, resolution=0.01),
    Variable(id="redox", symbol="Eh", unit="mV", unit_text="mV", cf_standard_name="",
             name_en="soil redox potential", name_zh="土壤氧化还原电位",
             lower=-1100.0, upper=1300.0, resolution=1.0),
    Variable(id="nitrogen", symbol="N", unit="mg/kg", unit_text="mg/kg", cf_standard_name="",
             name_en="soil nitrogen", name_zh="土壤氮",
             lower=0.0, upper=100_000.0, resolution=1.0),
    Variable(id="phosphorus", symbol="P", unit="mg/kg", unit_text="mg/kg", cf_standard_name="",
             name_en="soil phosphorus", name_zh="土壤磷",
             lower=0.0, upper=100_000.0, resolution=1.0),
    Variable(id="potassium", symbol="K", unit="mg/kg", unit_text="mg/kg", cf_standard_name="",
             name_en="soil potassium", name_zh="土壤钾",
             lower=0.0, upper=100_000.0, resolution=1.0),
    Variable(id="air_temperature", symbol="Ta", unit="degC", unit_text="°C",
             cf_standard_name="air_temperature",
             name_en="air temperature", name_zh="气温",
             lower=-60.0, upper=60.0, resolution=0.1, also_at_site=True),
    Variable(id="air_pressure", symbol="P", unit="hPa", unit_text="hPa",
             cf_standard_name="air_pressure",
             name_en="air pressure", name_zh="气压",
             lower=500.0, upper=1100.0, resolution=0.1, has_depth=False),
    Variable(id="air_humidity", symbol="RH", unit="%", unit_text="%",
             cf_standard_name="relative_humidity",
             name_en="relative humidity", name_zh="相对湿度",
             lower=0.0, upper=110.0, resolution=0.1, also_at_site=True),
    Variable(id="wind_speed", symbol="u", unit="m/s", unit_text="m/s",
             cf_standard_name="wind_speed",
             name_en="wind speed", name_zh="风速",
             lower=0.0, upper=75.0, resolution=0.1, has_depth=False),
    Variable(id="wind_direction", symbol="φ", unit="degree", unit_text="°",
             cf_standard_name="wind_from_direction",
             name_en="wind direction", name_zh="风向",
             lower=0.0, upper=360.0, resolution=1.0, has_depth=False, turns=True),
    Variable(id="rain", symbol="R", unit="mm", unit_text="mm",
             cf_standard_name="thickness_of_rainfall_amount",
             name_en="rain", name_zh="降水量",
             lower=0.0, upper=500.0, resolution=0.1, has_depth=False, sums=True),
    Variable(id="supply_voltage", symbol="U", unit="V", unit_text="V", cf_standard_name="",
             name_en="supply voltage", name_zh="供电电压",
             lower=0.0, upper=60.0, resolution=0.01, has_depth=False),
    Variable(id="co2_flux", symbol="F", unit="umol m-2 s-1", unit_text="µmol m⁻² s⁻¹",
             cf_standard_name="surface_upward_mole_flux_of_carbon_dioxide",
             name_en="CO₂ flux", name_zh="CO₂ 通量",
             lower=-500.0, upper=500.0, resolution=0.01),
)  # fmt: skip

VARIABLES = Variables(_ROWS)
"""The variables that come with the package."""
