"""The commands ``soilco2 dashboard …``."""
