"""Files of other systems, known by their head: whose they are, what they do not say, and what to do with them."""

from __future__ import annotations

import codecs
import re

from soilco2.station_config.message import Message, marked

HEAD = 4096
"""Bytes of a file that are looked at."""

_COLUMNS = marked("which variable and which position each column is")
_COLUMNS_AND_ZONE = marked(
    "which variable and which position each column is, nor in which zone its times are"
)
_FORMATS = (
    ("TOA5 (Campbell Scientific)", r'"?TOA5"?,', _COLUMNS_AND_ZONE),
    ("TOACI1 (Campbell Scientific)", r'"?TOACI1"?,', _COLUMNS_AND_ZONE),
    ("CSIXML (Campbell Scientific)", r"<\?xml[^<]*<csixml", _COLUMNS_AND_ZONE),
    ("HOBOware (Onset)", r'"?Plot Title:|[^\n]*Date Time, ?GMT', _COLUMNS),
    ("ZENTRA (METER Group)", r'[^\n]*\bPort ?\d[^\n]*\n"?(?:Records:|Timestamps?\b)', _COLUMNS_AND_ZONE),
    ("FLUXNET (AmeriFlux, ICOS)", r'(?:#[^\n]*\n)*"?TIMESTAMP(?:_START)?"?,', _COLUMNS_AND_ZONE),
)
"""Name, how the head begins, and what the file does not say."""
_BINARY = re.compile(rb'"?(TOB[123])"?,')
_ZONE = re.compile(r"Date Time, ?(GMT[+-]\d\d:\d\d)")


def foreign(head: bytes) -> Message | None:
    """Why a file of another system is no tidy table, and the way out; None when it is of none that is known.

    Parameters
    ----------
    head : bytes
        How it begins.
    """
    if binary := _BINARY.match(head):
        return Message(
            "is a binary {format} file (Campbell Scientific), which says neither variables nor positions; {way_out}",
            format=binary[1].decode(),
            way_out=_way_out(),
        )
    utf16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    text = head.decode("utf-16" if utf16 else "utf-8-sig", "replace").replace("\r\n", "\n")
    for name, begins, missing in _FORMATS:
        if re.match(begins, text):
            zone = _ZONE.search(text)
            why = Message(
                "is a {format} file, which does not say {missing}; {way_out}",
                format=name, missing=Message(missing), way_out=_way_out(),
            )  # fmt: skip
            if zone:
                return Message("{why} with --timezone {zone}", why=why, zone=zone[1])
            if missing == _COLUMNS_AND_ZONE:
                return Message("{why} with --timezone and that zone, such as --timezone UTC+08:00", why=why)
            return why
    return None


def _way_out() -> Message:
    return Message(
        "'soilco2 import STATION FILE --draft map.toml' writes a first mapping of its columns, with which it is "
        "imported (--mapping map.toml); or write one row per value with time_local, profile, position, variable, "
        "value and unit (docs/reference/tidy_table.md) and import that"
    )
