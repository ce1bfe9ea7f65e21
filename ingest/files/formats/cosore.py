"""Tables of COSORE, the database of continuous soil respiration: columns by its names, units by its description.

Names and units: COSORE's metadata (Bond-Lamberty et al. 2020, https://doi.org/10.1111/gcb.15353).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import UTC

from soilco2.ingest.files.head import Clock, Head, named

_UNITS = (
    (r"CSR_FLUX(_CO2)?", "umol m-2 s-1"), (r"CSR_T(AIR|CHAMBER|\d+(\.\d+)?)", "degC"), (r"CSR_SM\d+(\.\d+)?", "m3/m3"),
    (r"CSR_(CO2_AMB|CDRY|DRY_CO2)", "ppm"), (r"CSR_RH", "%"), (r"CSR_PRECIP", "mm"), (r"CSR_WIND", "m/s"),
)  # fmt: skip


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header; None when it is none of COSORE."""
    names = tuple(name.strip() for name in next(csv.reader(lines[:1]), []))
    time = named(names, "csr_timestamp_end", "csr_timestamp", "csr_timestamp_begin", "csr_timestamp_mid")
    if time is None:
        return None
    row = next((row for row in csv.reader(lines[1:]) if len(row) == len(names)), None)
    zoned = row is not None and row[time].strip().endswith("Z")
    units = tuple(
        next((unit for pattern, unit in _UNITS if re.fullmatch(pattern, name)), "") for name in names
    )
    return Head("COSORE", names, units, 1, (time,), clock=clock, zone=UTC if zoned else None)
