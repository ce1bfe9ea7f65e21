"""Who compensates a CO2 reading, and for what: station file, catalogue, and the probe's own word."""

from __future__ import annotations

from collections.abc import Mapping

from soilco2.quality import checks
from soilco2.station_config.catalogue.compensation import in_use
from soilco2.station_config.deployments import Channel

_LOWEST_HPA, _HIGHEST_HPA = 300.0, 1200.0
"""Pressures that a probe can be set to in earnest [hPa]: those that a station file may name as well."""


def compensated_by(channel: Channel) -> tuple[str | None, str | None]:
    """Who compensates pressure and temperature: the station file, else the catalogue."""
    own = None if channel.instrument is None else channel.instrument.compensation
    spec = channel.spec
    pressure = own.pressure if own is not None and own.pressure is not None else spec.pressure
    temperature = own.temperature if own is not None and own.temperature is not None else spec.temperature
    return pressure, temperature


def believed(channel: Channel, told: Mapping[str, float]) -> tuple[float | None, int]:
    """Pressure that a CO2 reading is valid for by the probe's own word [hPa], and bits where words contradict.

    What is corrected here has the probe's own pressure as its reference. Where the station file or the catalogue
    says that the probe compensates and its settings say that it does not, or the other way round, nobody knows what
    the reading is.
    """
    pressure, temperature = compensated_by(channel)
    mask = checks.COMPENSATION_UNKNOWN if pressure is None or temperature is None else 0
    own = in_use(channel.model.compensation, told)
    reference_hpa = None
    if (by := own.get("pressure")) is not None:
        known = by.value is not None and _LOWEST_HPA <= by.value <= _HIGHEST_HPA
        if pressure == "none" and known:
            reference_hpa = by.value
        elif pressure == "none" or (pressure == "device" and by.by == "off"):
            mask |= checks.COMPENSATION_MISMATCH
    by = own.get("temperature")
    if by is not None and temperature is not None and (by.by == "measured") != (temperature == "device"):
        mask |= checks.COMPENSATION_MISMATCH
    return reference_hpa, mask
