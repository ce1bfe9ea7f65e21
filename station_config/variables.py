"""The registry of variables: one place for symbol, unit, standard name, limits and names.

Code, dashboards, exports and documents are all checked against it. A new variable is one row here.
"""

from __future__ import annotations

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

    @property
    def at_site(self) -> bool:
        """Whether it may live in the profile ``site``."""
        return self.also_at_site or not self.has_depth


_ROWS = (
    Variable(id="co2", symbol="x(CO₂)", unit="ppm", unit_text="ppm",
             cf_standard_name="mole_fraction_of_carbon_dioxide_in_air",
             name_en="CO₂ mole fraction", name_zh="CO₂ 浓度（摩尔分数）",
             lower=0.0, upper=300_000.0, resolution=1.0),
    Variable(id="soil_temperature", symbol="T", unit="degC", unit_text="°C",
             cf_standard_name="soil_temperature",
             name_en="soil temperature", name_zh="土壤温度",
             lower=-50.0, upper=80.0, resolution=0.01),
    Variable(id="soil_water", symbol="θ", unit="m3/m3", unit_text="m³/m³",
             cf_standard_name="volume_fraction_of_condensed_water_in_soil",
             name_en="volumetric water content", name_zh="体积含水率",
             lower=0.0, upper=1.0, resolution=0.001),
    Variable(id="bulk_ec", symbol="σb", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="bulk electrical conductivity", name_zh="表观电导率",
             lower=0.0, upper=50.0, resolution=0.001),
    Variable(id="ec25", symbol="σ25", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="electrical conductivity at 25 °C", name_zh="25 ℃ 电导率",
             lower=0.0, upper=50.0, resolution=0.001),
    Variable(id="pore_ec", symbol="σp", unit="dS/m", unit_text="dS/m", cf_standard_name="",
             name_en="pore-water electrical conductivity", name_zh="孔隙水电导率",
             lower=0.0, upper=200.0, resolution=0.01),
    Variable(id="salinity", symbol="S", unit="mg/L", unit_text="mg/L", cf_standard_name="",
             name_en="salinity (from conductivity)", name_zh="盐分（由电导率换算）",
             lower=0.0, upper=50_000.0, resolution=1.0),
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

VARIABLES: dict[str, Variable] = {row.id: row for row in _ROWS}
"""Every variable by its id."""


def variable(name: str) -> Variable:
    """Look a variable up.

    Raises
    ------
    StationConfigError
        When there is no such variable.
    """
    try:
        return VARIABLES[name]
    except KeyError:
        raise StationConfigError(
            Message(
                "variable {variable!r} is unknown; known are {names}",
                variable=name,
                names=", ".join(VARIABLES),
            )
        ) from None
