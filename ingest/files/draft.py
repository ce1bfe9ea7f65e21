"""A first mapping from the header of a logger's file: what its names and units say, for a person to mend."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from soilco2.ingest.files.formats.fluxnet import parts_of
from soilco2.ingest.files.formats.table import DELIMITERS
from soilco2.ingest.files.head import Head, LoggerFileError
from soilco2.ingest.files.recognise import sniff
from soilco2.ingest.files.text import encoding_of, head_of, text_of
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message, marked, translate
from soilco2.station_config.units import conversion, units_of
from soilco2.storage.tidy.text import split

_SAME_M = 0.015
"""How far a depth in a name may be from that of a position [m]."""
_DEPTH = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*(cm|mm|m)(?![a-z\d/^³²])", re.IGNORECASE)
_WORDS: tuple[tuple[str, str], ...] = (
    ("co2_flux", r"flux|efflux|\bfc\b|respiration|通量"),
    ("pore_ec", r"pore|孔隙"),
    ("co2", r"co2|co₂|carbon|二氧化碳"),
    ("soil_water", r"vwc|swc|water.?content|theta|moist|\bwc\b|含水|水分"),
    ("ec25", r"ec.?25"),
    ("bulk_ec", r"\bec\b|cond|电导"),
    ("air_pressure", r"press|baro|\bbp\b|\bpa\b|气压"),
    ("air_humidity", r"\brh\b|humid|湿度"),
    ("rain", r"rain|precip|ppt|\bp\b|降水|雨"),
    ("wind_speed", r"wind|\bws\b|风速"),
    ("supply_voltage", r"batt|volt|电压"),
    ("air_temperature", r"air.?t|t.?air|\bta\b|气温"),
    ("soil_temperature", r"temp|\bt\b|\bts\b|温"),
)
"""Words in the name of a column, by the variable they tell; the first that fits holds."""
_OTHERS = re.compile(
    r"panel|logger|ptemp|intern|record|saturation extract|matric|potential|std|\bqc\b|_qc|vapor|\bvpd\b|solar|direction"
    r"|reference|battery percent|host|coupler|file|stopped|max|min_",
    re.IGNORECASE,
)
"""Names of columns that belong to no series of soil."""


_NUMBERING = re.compile(r"#|record|rn|timestamp\w*|recnbr", re.IGNORECASE)
"""Names of columns that hold a number or time of the row."""


class _Guess(NamedTuple):
    """What a column may be."""

    variable: str
    places: tuple[str, ...]
    unit: str

    @property
    def position(self) -> str | None:
        """Where it is, if one place only fits."""
        return self.places[0] if len(self.places) == 1 else None


def draft_of(path: Path, station: Station, lang: str = "en") -> tuple[str, int, int]:
    """The text of a first mapping file, the columns that were guessed, and the columns there are.

    Parameters
    ----------
    path : Path
    station : Station
    lang : str, optional
        Language of its comments.

    Raises
    ------
    LoggerFileError
        When the file cannot be read, or is no table.
    """
    lines: list[str] = []
    try:
        layout = sniff(path, Mapping())
        head: Head = layout.head
    except LoggerFileError:
        guessed = _any_table(path)
        if guessed is None:
            raise
        head, lines = guessed
    text = [
        _remark(
            Message("Which column of {file} is which series; a first guess, to be read through.", file=path.name), lang
        ),
        "",
    ]  # fmt: skip
    if lines:
        text += lines
    else:
        text.append(f"format = {_quoted(head.format)}")
    if head.zone is None:
        text += [
            _remark(
                Message(
                    "the zone of the logger's clock: a fixed distance from UTC, as it was when the logger was set up"
                ),
                lang,
            ),
            f"timezone = {_quoted(_offset(station))}",
        ]
    else:
        text.append(_remark(Message("the file says its zone: {zone}", zone=head.zone), lang))
    found = 0
    left = {*head.time, *head.events}
    columns = [
        n for n, name in enumerate(head.names) if n not in left and name and not _NUMBERING.fullmatch(name)
    ]
    for n in columns:
        guess = _guess(head, n, station)
        found += guess is not None and guess.position is not None
        text += ["", *_row(head, n, guess, station, lang)]
    if not found:
        text += ["", _remark(Message(NOTHING), lang)]
    return "\n".join(text) + "\n", found, len(columns)


NOTHING = marked(
    "No column could be placed. Take the # away before the lines of those that are yours, and write position and "
    "variable where they are not right; the mapping can be used then."
)
"""What a draft says that guessed nothing."""


def _remark(said: Message, lang: str) -> str:
    """A comment of TOML, on one line."""
    return "# " + " ".join(translate(said, lang).split())


def _row(head: Head, n: int, guess: _Guess | None, station: Station, lang: str) -> Iterator[str]:
    """The lines of a column; those of one whose variable or place is not known stand behind #."""
    unit = head.unit(n)
    place = None if guess is None else guess.position
    mark = "# " if place is None else ""
    name: str | int = head.names[n] if head.names.count(head.names[n]) == 1 else n + 1
    yield f"{mark}[[column]]"
    yield f"{mark}column = {_quoted(name)}" + ("" if isinstance(name, str) else f"  # {head.names[n]}")
    if guess is None or place is not None:
        why = ""
    elif guess.places:
        why = "  " + _remark(Message("it may be any of {places}", places=", ".join(guess.places)), lang)
    else:
        why = "  " + _remark(Message("the name tells no depth of the station"), lang)
    first = guess.places[0] if guess is not None and guess.places else _first_place(station)
    yield f"{mark}position = {_quoted(place or first)}{why}"
    yield f"{mark}variable = {_quoted(guess.variable if guess else '')}"
    if guess is not None and guess.unit != unit:
        yield f"{mark}unit = {_quoted(guess.unit)}  " + _remark(Message("the file says none"), lang)
    else:
        yield f"{mark}unit = {_quoted(unit)}"


def _guess(head: Head, n: int, station: Station) -> _Guess | None:
    """What a column may be, where its words and its unit agree, and a place is there for it."""
    name, unit = head.names[n], head.unit(n)
    words = re.sub(r"[_\-/]+", " ", name)
    if _OTHERS.search(name):
        return None
    level = None
    if head.format == "FLUXNET":
        words, level = parts_of(name)
    for variable, pattern in _WORDS:
        if variable not in station.variables or not re.search(pattern, words, re.IGNORECASE):
            continue
        if unit and not _fits(unit, variable, station):
            continue
        if not unit and head.format == "FLUXNET":
            continue
        return _Guess(
            variable, _place(variable, name, level, station), unit or units_of(variable, station.variables)[0]
        )
    return None


def _fits(unit: str, variable: str, station: Station) -> bool:
    try:
        conversion(unit, variable, station.variables)
    except StationConfigError:
        return False
    return True


def _place(variable: str, name: str, level: int | None, station: Station) -> tuple[str, ...]:
    """The positions that a name may mean, by its depth, or by its number from the top; several where it does not say
    of which profile."""
    if not station.variables[variable].has_depth or variable == "air_temperature":
        return ("site",)
    words = name.replace("_", " ")
    profiles = station.file.profile
    named = [one for one in profiles if _says(words, one.id)]
    places = sorted(
        (one.depth_m, f"{profile.id}/{one.id}") for profile in named or profiles for one in profile.position
    )
    below = [place for place in places if place[0] >= 0]
    if level is not None:
        depths = sorted({depth for depth, _ in below})
        return tuple(place for depth, place in below if level <= len(depths) and depth == depths[level - 1])
    found = _DEPTH.search(words)
    if found:
        depth = float(found[1]) * {"cm": 0.01, "mm": 0.001, "m": 1.0}[found[2].lower()]
        near = min((abs(abs(at) - depth) for at, _ in places), default=_SAME_M + 1.0)
        return tuple(p for at, p in places if near <= _SAME_M and abs(abs(abs(at) - depth) - near) < 1e-9)
    by_name = tuple(place for _, place in places if _says(words, place.partition("/")[2]))
    return by_name or (tuple(place for _, place in below) if len(below) == 1 else ())


def _says(words: str, name: str) -> bool:
    """Whether a name stands as a word of its own."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", words) is not None


def _first_place(station: Station) -> str:
    return next((f"{p.id}/{q.id}" for p in station.file.profile for q in p.position), "site")


def _offset(station: Station) -> str:
    """The station's own distance from UTC in winter."""
    zone = station.file.station.zone
    ahead = min(datetime(2026, month, 1, tzinfo=zone).strftime("%z") for month in (1, 7))
    return f"UTC{ahead[:3]}:{ahead[3:]}"


def _quoted(text: str | int) -> str:
    return json.dumps(text, ensure_ascii=False)


# tables of no format that is known


def _any_table(path: Path) -> tuple[Head, list[str]] | None:
    """The header of a table by its look, and the keys of the mapping that describe it; None where it is none."""
    head = head_of(path)
    lines = text_of(head, encoding_of(head)).split("\n")[:200]
    for delimiter in DELIMITERS:
        cells = [split(line, delimiter) or [] for line in lines]
        first = next((n for n, row in enumerate(cells) if len(row) > 1 and _is_row(row)), None)
        if not first:
            continue
        width = len(cells[first])
        at = next((n for n in range(first) if len(cells[n]) == width), None)
        if at is None:
            continue
        names = tuple(name.strip() for name in cells[at])
        units = at + 1 if at + 1 < first and len(cells[at + 1]) == width else None
        time = _times(cells[first])
        keys = [
            'format = "table"', f"delimiter = {_quoted(delimiter)}", f"header_line = {at + 1}",
            *([f"unit_line = {units + 1}"] if units is not None else []), f"first_line = {first + 1}",
            f"time = {json.dumps([names[n] for n in time], ensure_ascii=False)}",
            '# time_format = "%d.%m.%Y %H:%M:%S"', "# missing = [-9999]",
        ]  # fmt: skip
        if delimiter != "," and any(re.fullmatch(r" *-?\d+,\d+ *", cell) for cell in cells[first]):
            keys.append('decimal = ","')
        told = () if units is None else tuple(unit.strip().strip("[]()") for unit in cells[units])
        return Head("table", names, told, first, time, delimiter), keys
    return None


def _is_row(cells: Sequence[str]) -> bool:
    """Whether cells are those of a reading: a time, and numbers."""
    numbers = sum(
        re.fullmatch(r" *[-+]?\d+([.,]\d+)?(e[-+]?\d+)? *", cell, re.IGNORECASE) is not None for cell in cells
    )
    return bool(_times(cells)) and numbers >= 1


def _times(cells: Sequence[str]) -> tuple[int, ...]:
    """The columns of a time, or of date and time of day, by their look."""
    whole = [n for n, cell in enumerate(cells) if re.match(r" *\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ T]+\d", cell)]
    if whole:
        return (whole[0],)
    day = [n for n, cell in enumerate(cells) if re.fullmatch(r" *\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4} *", cell)]
    hour = [n for n, cell in enumerate(cells) if re.fullmatch(r" *\d{1,2}:\d\d(:\d\d)? *", cell)]
    return (day[0], hour[0]) if day and hour else ()
