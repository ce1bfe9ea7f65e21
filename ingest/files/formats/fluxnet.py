"""Half-hourly files of FLUXNET, AmeriFlux (BASE) and ICOS: local standard time, -9999, units by the variable's name.

Names end in ``_H_V_R``, horizontal, vertical (from the top) and replicate (AmeriFlux BASE README, 2019-02-05; FLUXNET
data variables). Soil water is in % there, but m³/m³ in files of ICOS before June 2018, so that small numbers want a
word of the mapping.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import timedelta

from soilco2.ingest.files.formats.clocks import digits
from soilco2.ingest.files.head import Clock, Head, named

UNITS = {
    "TS": "degC", "TA": "degC", "SWC": "%", "CO2": "umol/mol", "PA": "kPa", "RH": "%", "WS": "m/s", "P": "mm",
    "FC": "umol m-2 s-1", "NEE": "umol m-2 s-1", "RECO": "umol m-2 s-1",
}  # fmt: skip
"""Unit of each variable."""
_INDEX = re.compile(r"(?P<base>[A-Z0-9]+?)(?:_(?:PI|F|MDS|IU))*(?:_(?P<h>\d+)_(?P<v>\d+)_(?P<r>\d+|A))?")


def parts_of(name: str) -> tuple[str, int | None]:
    """A variable and its vertical index, from 1 at the top; None where the name has none."""
    found = _INDEX.fullmatch(name.strip())
    if found is None:
        return name.strip(), None
    return found["base"], int(found["v"]) if found["v"] else None


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header; None when it is none of these."""
    count = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if count >= len(lines):
        return None
    names = tuple(name.strip() for name in next(csv.reader([lines[count]]), []))
    rows = [row for row in csv.reader(lines[count + 1 :]) if len(row) == len(names)]
    end, start, one = (named(names, word) for word in ("timestamp_end", "timestamp_start", "timestamp"))
    at = end if end is not None else start if start is not None else one
    if at is None or (at == one and not (rows and rows[0][at].strip().isdigit())):
        return None
    period_s, stamp = None, ""
    if end is not None and start is not None and rows:
        try:
            period: timedelta = digits(rows[0][end]) - digits(rows[0][start])
            period_s, stamp = period.total_seconds(), "end"
        except ValueError:
            pass
    units = tuple(_unit(name, [row[n] for row in rows]) for n, name in enumerate(names))
    return Head(
        "FLUXNET",
        names,
        units,
        count + 1,
        (at,),
        clock=clock or digits,
        codes=(-9999.0,),
        period_s=period_s,
        stamp=stamp,
    )


def _unit(name: str, cells: Sequence[str]) -> str:
    """The unit of a variable; none where the numbers speak against it."""
    base, _ = parts_of(name)
    if base == "SWC":
        numbers = [float(cell) for cell in cells if re.fullmatch(r" *\d+(\.\d*)? *", cell)]
        if numbers and max(numbers) <= 1.0:
            return ""
    return UNITS.get(base, "")
