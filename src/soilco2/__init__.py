"""soilco2: a soil station's CO₂, water, temperature and salinity, from the probe to an answer that holds."""

__version__ = "0.1.0"
