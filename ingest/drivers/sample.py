"""Where every driver's samples are made."""

from __future__ import annotations

from typing import NamedTuple

from soilco2.quality.records import Sample

_new = tuple.__new__


class Arrival(NamedTuple):
    """When and where something came in, as samples keep it."""

    arrival_us: int
    mono_us: int
    boot_id: str
    source: str


def sample_of(
    serial: str,
    channel: str,
    time_us: int | None,
    raw: float | None,
    status: str,
    device_us: int | None,
    arrival: Arrival,
    said: bytes | None = None,
) -> Sample:
    """The sample of one number, the same for every driver (see `soilco2.quality.records.Sample`)."""
    return _new(Sample, (serial, channel, time_us, raw, status, device_us, *arrival, said))
