"""The commands ``soilco2 teach …``."""
