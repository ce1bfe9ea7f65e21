"""CSV files of HOBOware (Onset): the zone stands in the title of the time, serial numbers in the titles of columns.

Rows of events (``Host Connected``, ``End Of File`` …) say ``Logged`` in a column of their own and have no values.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from soilco2.ingest.files.formats.clocks import local, order_of
from soilco2.ingest.files.head import Clock, Head, LoggerFileError
from soilco2.station_config.message import Message
from soilco2.station_config.times import zone_of

_ZONE = re.compile(r"GMT ?([+\N{MINUS SIGN}-]\d\d:?\d\d)")
_TITLE = re.compile(r"(?P<name>[^(]+?)(?:, *(?P<unit>[^,(]+?))? *(?P<serials>\((?:LGR|SEN|LBL)\b.*\))?")


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header; None when it is none of HOBOware.

    Raises
    ------
    LoggerFileError
        When the titles are not there, or times cannot be understood.
    """
    titled = bool(lines) and lines[0].lstrip('"').startswith("Plot Title")
    number = 1 if titled else 0
    line = lines[number] if number < len(lines) else ""
    delimiter = max((",", ";", "\t"), key=_outside_quotes(line).count)
    names = next(csv.reader([line], delimiter=delimiter), [])
    at = next((n for n, name in enumerate(names) if _ZONE.search(name)), None)
    if at is None and not titled:
        return None
    if at is None:
        at = next((n for n, name in enumerate(names) if name.strip().lower().startswith("date time")), None)
    if at is None:
        raise LoggerFileError(
            path,
            Message("the line below the plot title should hold the titles of columns, with Date Time"),
            first + 1,
        )
    zone = _ZONE.search(names[at])
    time: tuple[int, ...] = (at,)
    before = names[at - 1].strip().lower() if at else ""
    if before in ("date", "日期", "datum", "fecha"):
        time = (at - 1, at)
    rows = [row for row in csv.reader(lines[number + 1 :], delimiter=delimiter) if len(row) == len(names)]
    texts = [" ".join(row[n] for n in time) for row in rows]
    titles = [_TITLE.fullmatch(name.strip()) for name in names]
    units = tuple((found["unit"] or "").strip() if found else "" for found in titles)
    events = frozenset(
        n for n, unit in enumerate(units) if not unit and n not in time and names[n].strip() != "#"
    )
    return Head(
        "HOBOware", tuple(name.strip() for name in names), units, number + 1, time, delimiter,
        clock or local(order_of(texts, path) if texts else "mdy"),
        None if zone is None else zone_of(zone[1]), frozenset(("-888.88", "-888.9", "err")), events=events,
    )  # fmt: skip


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)
