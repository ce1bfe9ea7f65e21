"""CSV files and workbooks of ZENTRA (METER Group): three lines of header with port, sensor, and unit with quantity."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from soilco2.ingest.files.formats.clocks import local, order_of
from soilco2.ingest.files.head import Clock, Head

_MISSING = frozenset(("#n/a", "n/a", "***", "none"))
CODES = (-9999.0, -9992.0, -9991.0)
"""What sensors say instead of a number (METER integrator guides)."""


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header; None when it is none of ZENTRA."""
    if len(lines) < 3 or "Port" not in lines[0] or "imestamp" not in lines[2]:
        return None
    delimiter = max((",", ";", "\t"), key=lines[2].count)
    return head_from(list(csv.reader(lines, delimiter=delimiter)), path, delimiter, clock)


def head_from(
    rows: Sequence[Sequence[str]], path: str, delimiter: str = ",", clock: Clock | None = None
) -> Head | None:
    """The header in cells, with some of the rows below it."""
    if len(rows) < 3 or not rows[2] or not rows[2][0].strip().lower().startswith("timestamp"):
        return None
    if not any(re.fullmatch(r" *Port ?\d+ *", cell) for cell in rows[0]):
        return None
    width = len(rows[2])
    ports, sensors = ([*row, *[""] * width] for row in rows[:2])
    names, units = ["Timestamp"], [""]
    for n in range(1, width):
        unit, _, quantity = rows[2][n].strip().partition(" ")
        names.append(" ".join(part.strip() for part in (ports[n], sensors[n], quantity) if part.strip()))
        units.append(unit)
    texts = [row[0] for row in rows[3:] if len(row) == width and row[0].strip()]
    iso = bool(texts) and re.match(r"\d{4}-", texts[0].strip()) is not None
    if clock is None and not iso:
        clock = local(order_of(texts, path) if texts else "mdy")
    return Head("ZENTRA", tuple(names), tuple(units), 3, (0,), delimiter, clock, None, _MISSING, CODES)
