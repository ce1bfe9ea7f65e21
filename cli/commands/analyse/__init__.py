"""The commands ``soilco2 analyse …``."""
