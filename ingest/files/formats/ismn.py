"""Files of the International Soil Moisture Network, form "header and values": UTC, one value a row, two flags.

A first line with network, station, latitude, longitude, elevation, depth from and to [m] and sensor; then rows such as
``2005/03/16 00:00 10.30 U M`` (ISMN, ismn.bafg.de). Variable and unit are nowhere in the file: the mapping says them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC

from soilco2.ingest.files.head import Clock, Head

_ROW = re.compile(r"(\d{4}/\d\d/\d\d) +(\d\d:\d\d) +[-+\d.naNA]+ +\S+( +\S+)?")


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header; None when it is none of ISMN."""
    if len(lines) < 2 or len(lines[0].split()) < 9 or _ROW.fullmatch(lines[1].strip()) is None:
        return None
    names = ("date", "time", "value", "flag", "provider_flag")[: len(lines[1].split())]
    return Head(
        "ISMN", names, tuple("" for _ in names), 1, (0, 1), " ", clock, UTC, frozenset(("-9999", "-9999.0")),
        codes=(-9999.0,),
    )  # fmt: skip
