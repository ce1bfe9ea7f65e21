"""A tidy text table row by row, for import: every row comes out typed, or as a fault with its reason.

No pandas: the edge has none. A quarter of a million rows take about a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple, TypeVar

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.times import TIME_MAX_US
from soilco2.station_config.units import turner_of
from soilco2.station_config.variables import VARIABLES, Variables
from soilco2.storage.errors import UnfitError
from soilco2.storage.row_extras import BESIDE, STAMPS, write
from soilco2.storage.tidy.text import LONGEST_LINE, Layout, find_layout, lines, open_binary, split
from soilco2.storage.tidy.times import TimeParser

_K = TypeVar("_K")
_V = TypeVar("_V")
_KEPT = 2_000
"""Characters of a rejected line that are kept."""
_REMEMBERED = 4096

FLAGS = {"1": 1, "2": 2, "3": 3, "4": 4, "9": 9}
MISSING = frozenset(("", "nan", "na", "null", "none"))


class Place(NamedTuple):
    """What a row says of its series, as written; empty where the table does not say."""

    station: str
    profile: str
    position: str
    depth_m: float | None
    variable: str


class TidyRow(NamedTuple):
    """One value of a tidy table.

    Parameters
    ----------
    line : int
        Line in the file, counted from 1.
    time_us : int
        [µs UTC]
    place : Place
    value : float or None
        In the canonical unit of the variable; None when the table says it is missing.
    flag : int or None
        QARTOD flag, None when the table gives none.
    beside : str
        What the row says besides, as `soilco2.storage.row_extras` writes it; empty when nothing.
    """

    line: int
    time_us: int
    place: Place
    value: float | None
    flag: int | None
    beside: str = ""


class TidyFault(NamedTuple):
    """A row that cannot be used: its line, why, and its text (the beginning of a long one).

    Where it is a header that lacks a column of the mapping, that `column`.
    """

    line: int
    reason: Message
    text: str
    column: str | int | None = None


class Bad(NamedTuple):
    """Rows of a file that could not be used: the first of them, and how many."""

    first: TidyFault
    rows: int

    def too_many(self, of: int) -> bool:
        """More than ten, and more than one in a hundred of the rows read: no slip of a hand."""
        return self.rows > max(10, of / 100)


@dataclass(frozen=True, slots=True, eq=False)
class Meta:
    """What every cell of a row but time and value says, and what turns its unit; one object a kind of row."""

    place: Place
    unit: str
    turned: Callable[[float], float] | None
    flag: int | None
    beside: str

    @property
    def plain(self) -> bool:
        """Whether a value is taken as it is written."""
        return self.turned is None

    def canonical(self, value: float | None) -> float | None:
        """A value as written, in the canonical unit of the variable."""
        return value if value is None or self.turned is None else self.turned(value)


class Remembered(dict[_K, _V]):
    """What was made of cells lately: the same cells come again and again."""

    def __init__(self, make: Callable[[_K], _V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: _K) -> _V:
        value = self._make(key)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[key] = value
        return value


class Columns(NamedTuple):
    """Some lines of a table: values by column, and the lines that cannot be used.

    Parameters
    ----------
    times : list of int
        [µs UTC]
    metas : list of Meta
    values : list of float or None
        As written, in the unit of their `Meta`.
    faults : list of TidyFault
    lines : sequence of int
        Line of each value in the file.
    """

    times: list[int]
    metas: list[Meta]
    values: list[float | None]
    faults: list[TidyFault]
    lines: Sequence[int]


class RowParser:
    """Takes the lines of a table apart: one by one, or many at once where each is as it should be.

    Parameters
    ----------
    layout : Layout
    zone : ZoneInfo, optional
        Zone of times that name none; without it such rows are faults.
    refuse : callable, optional
        Says why a place cannot be used, or nothing; asked once for each.
    latest_us : int, optional
        Later times lie in the future [µs UTC].
    variables : Variables, optional
        The registry: that of a station, where there is one.
    """

    def __init__(
        self,
        layout: Layout,
        zone: tzinfo | None = None,
        *,
        refuse: Callable[[Place], Message | None] | None = None,
        latest_us: int = TIME_MAX_US,
        variables: Variables = VARIABLES,
    ) -> None:
        names = layout.names
        self._width, self._delimiter, self._latest_us = len(names), layout.delimiter, latest_us
        self._at_time, self._at_value = names.index(layout.time_name), names.index("value")
        columns = {
            name: names.index(name)
            for name in ("station", "profile", "position", "depth_m", "variable", "unit", "flag", *BESIDE)
            if name in names
        }
        self._at_meta = tuple(columns.values())
        self._metas: Remembered[tuple[str, ...], Meta | Message] = Remembered(
            lambda key: _meta(dict(zip(columns, key, strict=True)), refuse, variables)
        )
        self._parse_times = TimeParser(zone)
        self._times: Remembered[str, int] = Remembered(self._parse_times)

    def columns(self, first: int, part: Sequence[str | None]) -> Columns:
        """Lines by column; `first` is the number of the first of them."""
        found = self._plain(first, part)
        if found is not None:
            return found
        lines: list[int] = []
        found = Columns([], [], [], [], lines)
        for number, text in enumerate(part, first):
            row = self.row(number, text)
            if isinstance(row, TidyFault):
                found.faults.append(row)
            elif row is not None:
                found.times.append(row[0])
                found.metas.append(row[1])
                found.values.append(row[2])
                lines.append(number)
        return found

    def _plain(self, first: int, part: Sequence[str | None]) -> Columns | None:
        """Lines of values and nothing else; None where one of them needs a look of its own."""
        delimiter, width = self._delimiter, self._width
        try:
            text = "\n".join(part)  # type: ignore[arg-type]
        except TypeError:
            return None
        if '"' in text:
            return None
        # one list of cells, in which each line end has a place of its own: behind every row, if all have their width
        cells = text.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
        step = width + 1
        if len(cells) != step * len(part) - 1 or cells[width::step].count("\n") != len(part) - 1:
            return None
        try:
            when = self._when(cells[self._at_time :: step])
            keys = zip(*[cells[at::step] for at in self._at_meta], strict=True)
            found = list(map(self._metas.__getitem__, keys))
            values = _numbers(cells[self._at_value :: step])
        except ValueError:
            return None
        if max(when) > self._latest_us or any(isinstance(meta, Message) for meta in set(found)):
            return None
        return Columns(when, found, values, [], range(first, first + len(part)))  # type: ignore[arg-type]

    def _when(self, texts: list[str]) -> list[int]:
        """The times of a column: each looked up as a whole where they repeat, else by day and time of day."""
        if len(set(texts)) * 2 > len(texts) and (found := self._parse_times.at_once(texts)) is not None:
            return found
        return list(map(self._times.__getitem__, texts))

    def row(self, number: int, text: str | None) -> tuple[int, Meta, float | None] | TidyFault | None:
        """Time [µs UTC], meta and value of a line; None when it is empty."""
        if text is None:
            return TidyFault(
                number, Message("the line is longer than {longest} characters", longest=LONGEST_LINE), ""
            )
        if not text or text.isspace():
            return None
        cells = text.split(self._delimiter) if '"' not in text else split(text, self._delimiter)
        if cells is None:
            return TidyFault(number, Message("a quoted cell does not end on its line"), text[:_KEPT])
        if not any(cells):
            return None
        width = self._width
        if len(cells) != width and (len(cells) < width or any(cells[width:])):
            return TidyFault(number, _width_reason(len(cells), width, self._delimiter), text[:_KEPT])
        when = cells[self._at_time]
        try:
            time_us = self._times[when]
            meta = self._metas[tuple([cells[index] for index in self._at_meta])]
            value = _number(cells[self._at_value])
        except UnfitError as unfit:
            return TidyFault(number, _unfit_reason(unfit, text), text[:_KEPT])
        if isinstance(meta, Message):
            return TidyFault(number, meta, text[:_KEPT])
        if time_us > self._latest_us:
            return TidyFault(
                number, Message("time {time} lies in this machine's future", time=when.strip()), text[:_KEPT]
            )
        return time_us, meta, value


def read_tidy_rows(
    path: Path, zone: tzinfo | None = None, layout: Layout | None = None, variables: Variables = VARIABLES
) -> Iterator[TidyRow | TidyFault]:
    """Rows of a tidy CSV file (plain or gzipped), in the order of the file.

    Parameters
    ----------
    path : Path
    zone : tzinfo, optional
        Zone of times that name none; without it such rows are faults.
    layout : Layout, optional
        What `find_layout` found, when it was asked before.
    variables : Variables, optional
        The registry: that of a station, where there is one.

    Raises
    ------
    TidyFileError
        When the file as a whole cannot be used: unreadable, no text, a column missing.
    """
    layout = find_layout(path) if layout is None else layout
    parser = RowParser(layout, zone, variables=variables)
    with open_binary(path) as file:
        for number, text in lines(file, layout.encoding):
            row = parser.row(number, text) if number >= layout.first_line else None
            if isinstance(row, TidyFault):
                yield row
            elif row is not None:
                time_us, meta, value = row
                yield TidyRow(number, time_us, meta.place, meta.canonical(value), meta.flag, meta.beside)


def _unfit_reason(unfit: UnfitError, text: str) -> Message:
    why = Message.of(unfit)
    return Message("the line holds NUL characters; {why}", why=why) if "\x00" in text else why


def _width_reason(found: int, width: int, delimiter: str) -> Message:
    if delimiter == "," and found == width + 1:
        return Message(
            "{found} cells where the header has {width}; a decimal comma?", found=found, width=width
        )
    return Message("{found} cells where the header has {width}", found=found, width=width)


def _meta(
    cells: dict[str, str], refuse: Callable[[Place], Message | None] | None, variables: Variables
) -> Meta | Message:
    """What every cell but time and value says, or why the row cannot be used."""
    cells = {name: text.strip() for name, text in cells.items()}
    variable = cells["variable"]
    try:
        turned = turner_of(cells["unit"], variable, variables)
    except StationConfigError as error:
        return Message.of(error)
    depth: float | None = None
    if cells.get("depth_m"):
        try:
            depth = _number(cells["depth_m"])
        except UnfitError as unfit:
            return Message("depth_m: {why}", why=unfit)
    flag: int | None = None
    if text := cells.get("flag", ""):
        flag = FLAGS.get(text.removesuffix(".0"))
        if flag is None:
            return Message("flag {flag!r} is none of 1, 2, 3, 4, 9", flag=text)
    place = Place(
        cells.get("station", ""), cells.get("profile", ""), cells.get("position", ""), depth, variable
    )
    try:
        said = _beside(cells, turned)
    except UnfitError as unfit:
        return Message.of(unfit)
    if refuse is not None and (reason := refuse(place)):
        return reason
    return Meta(place, cells["unit"], turned, flag, said)


def _numbers(texts: Sequence[str]) -> list[float | None]:
    """Numbers of a column.

    Raises
    ------
    ValueError
        When one of them is none.
    """
    try:
        values: list[float | None] = list(map(float, texts))
        total = sum(values)  # type: ignore[arg-type]
    except ValueError:
        return [_number(text) for text in texts]
    if total - total != 0.0 or "_" in "".join(texts):
        return [_number(text) for text in texts]
    return values


def _beside(cells: dict[str, str], turned: Callable[[float], float] | None) -> str:
    """What a row says of its value besides: interval in the canonical unit, method, period, what the time marks."""
    numbers: dict[str, float | None] = {}
    for name in ("lower", "upper", "period_s"):
        if text := cells.get(name, ""):
            try:
                numbers[name] = _number(text)
            except UnfitError as unfit:
                raise UnfitError(Message("{column}: {why}", column=name, why=unfit)) from None
    lower, upper, period_s = (numbers.get(name) for name in ("lower", "upper", "period_s"))
    stamp = cells.get("stamp", "")
    if stamp and stamp not in STAMPS:
        raise UnfitError(Message("stamp {stamp!r} is none of instant, start, end", stamp=stamp[:40]))
    if period_s is not None and period_s <= 0:
        raise UnfitError(Message("period_s: {period_s:g} s is no time between values", period_s=period_s))
    if stamp in ("start", "end") and period_s is None:
        raise UnfitError(
            Message("stamp {stamp!r} needs period_s: the {stamp} of how long a time?", stamp=stamp)
        )
    if lower is not None and upper is not None and lower > upper:
        raise UnfitError(Message("lower {lower:g} lies above upper {upper:g}", lower=lower, upper=upper))
    return write(
        lower if lower is None or turned is None else turned(lower),
        upper if upper is None or turned is None else turned(upper),
        cells.get("method", ""),
        period_s,
        stamp or ("instant" if period_s is not None else ""),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        bare = text.strip()
        if bare.lower() in MISSING:
            return None
        if bare.startswith("="):
            raise UnfitError(
                Message("value {cell!r} is a formula; save the table with its values", cell=bare[:40])
            ) from None
        if re.fullmatch(r"[-+]?\d+,\d+", bare):
            raise UnfitError(
                Message("value {cell!r} has a comma; a decimal point is expected", cell=bare[:40])
            ) from None
        raise UnfitError(Message("value {cell!r} is no number", cell=bare[:40])) from None
    if value - value != 0.0:
        if value != value:
            return None
        raise UnfitError(Message("value {cell!r} is not finite", cell=text.strip()[:40]))
    if "_" in text:
        raise UnfitError(Message("value {cell!r} is no number", cell=text.strip()[:40]))
    return value
