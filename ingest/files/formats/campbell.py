"""Campbell Scientific's tables as text: TOA5, with names, units and processing, and TOACI1, with names alone.

Facts: LoggerNet manual, appendix on file formats (TOA5, TOACI1); the time is the logger's own clock and no zone is
said anywhere; a header comes again in the middle where files were appended to one another.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from soilco2.ingest.files.head import Clock, Head, LoggerFileError, named
from soilco2.station_config.message import Message

CODES = (-6999.0, 6999.0, -7999.0, 7999.0, -99999.0, 99999.0)
"""What loggers and older programs write where there is no value; 7999 is the largest number of FP2."""
_MISSING = frozenset(("nan", "inf", "-inf", "+inf"))
_LINES = {"TOA5": 4, "TOACI1": 2}


def begins(line: str) -> str:
    """The format that a line begins; empty when it begins none."""
    word = line[:10].lstrip("\ufeff").lstrip('"').split('"')[0].split(",")[0]
    return word if word in _LINES else ""


def head_of(lines: Sequence[str], path: str, first: int = 1, clock: Clock | None = None) -> Head | None:
    """The header; None when it is none of these.

    Parameters
    ----------
    lines : sequence of str
        From the header on.
    path : str
    first : int, optional
        Line of the first of them.
    clock : callable, optional
        Takes times apart instead of the format's own.

    Raises
    ------
    LoggerFileError
        When the header is not whole, or the table has no time.
    """
    form = begins(lines[0]) if lines else ""
    if not form:
        return None
    count = _LINES[form]
    rows = list(csv.reader([line.lstrip("\ufeff") for line in lines[:count]]))
    if len(rows) < count or not all(rows):
        raise LoggerFileError(
            path,
            Message("the header of a {format} file has {count} lines; this one ends before that", format=form,
                    count=count),
            first,
        )  # fmt: skip
    names = tuple(name.strip() for name in rows[1])
    time = named(names, "timestamp", "tmstamp")
    if time is None:
        raise LoggerFileError(
            path,
            Message("the table has no column TIMESTAMP, so its rows have no time; let the logger store it"),
            first + 1,
        )
    units = tuple(unit.strip() for unit in rows[2]) if count > 2 else ()
    kinds = tuple(rows[3]) if count > 3 else ()
    if count > 2 and len(units) != len(names):
        raise LoggerFileError(
            path,
            Message("the header has {names} names and {units} units", names=len(names), units=len(units)),
            first + 2,
        )
    return Head(form, names, units, count, (time,), clock=clock, codes=CODES, missing=_MISSING, kinds=kinds)


AGAIN = (b'"TOA5"', b"TOA5,", b'"TOACI1"', b"TOACI1,")
"""How a header begins in the middle of a file."""
