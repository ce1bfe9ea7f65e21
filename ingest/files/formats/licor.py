"""Files of LI-COR's soil gas systems: the daily summary of the LI-8250, and what the LI-8100A writes.

Facts: https://www.licor.com/env/support/LI-8250/topics/working-with-data.html (three lines of header: device, name of
the variable, unit) and https://www.licor.com/env/support/SoilFluxPro/topics/data-dictionary.html (DATE as YYYYMMDD or
YYYY-MM-DD, TIME as HHMMSS or HH:MM:SS); https://www.licor.com/env/support/LI-8100A/topics/data-files.html.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from soilco2.ingest.files.head import Clock, Head, LoggerFileError, clock_of, named
from soilco2.station_config.message import Message

_CLOCK = clock_of("%Y-%m-%d %H:%M:%S", "%Y%m%d %H%M%S", "%Y-%m-%d %H%M%S", "%Y%m%d %H:%M:%S")
_LINES = 3


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header of a daily summary; None when it is none.

    A name that several devices have is preceded by the device, as in ``LI-870 T_CELL``.

    Raises
    ------
    LoggerFileError
        When it is a file of observations of the LI-8100A, which is no table.
    """
    if lines and lines[0].startswith("LI-8100"):
        raise LoggerFileError(
            path,
            Message(
                "holds the observations of an LI-8100A one below the other and is no table; export a summary from "
                'SoilFluxPro, an observation a row, and describe it in the mapping with format = "table"'
            ),
            first,
        )
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines[:_LINES])]
    if len(rows) < _LINES or len({len(row) for row in rows}) != 1:
        return None
    devices, names, units = rows
    day, hour = named(names, "date"), named(names, "time")
    if "LI-8250" not in devices or day is None or hour is None:
        return None
    told = tuple(
        f"{device} {name}" if names.count(name) > 1 else name
        for device, name in zip(devices, names, strict=True)
    )
    return Head(
        "LI-8250", told, tuple(units), _LINES, (day, hour), clock=clock or _CLOCK,
        missing=frozenset(("nan", "none")), codes=(-9999.0,),
    )  # fmt: skip
