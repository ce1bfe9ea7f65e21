"""Wide tables, a column for each series: from the cells of rows to samples, by a mapping."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from math import nan
from typing import NamedTuple

from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.files.head import Head, Times
from soilco2.ingest.files.targets import Target
from soilco2.quality.records import Sample
from soilco2.quality.runs import Columns, Rest
from soilco2.station_config.deployments import SATURATED
from soilco2.station_config.mapping import Mapping
from soilco2.station_config.message import Message
from soilco2.station_config.units import turner
from soilco2.storage.errors import UnfitError
from soilco2.storage.row_extras import said
from soilco2.storage.tidy.rows import MISSING, TidyFault
from soilco2.storage.tidy.text import LONGEST_LINE, split

FP2_MOST = 7999.0
"""The largest number that FP2, the logger's number of two bytes, can hold."""
HIGH = 4000.0
"""A gap behind a number from here on is one that FP2 could not hold, in a column that it holds."""
_KEPT = 2_000
_new = tuple.__new__


class Cells(NamedTuple):
    """The cells of a column: numbers, places of those that are none, places of those that FP2 could not hold."""

    values: list[float | None]
    wrong: set[int]
    high: set[int]


@dataclass(slots=True)
class Taken:
    """What some rows became, channel by channel.

    Parameters
    ----------
    rest : Rest
        What all samples share.
    """

    rest: Rest
    lines: list[int] = field(default_factory=list)
    """Line of each sample."""
    faults: list[TidyFault] = field(default_factory=list)
    saturated: dict[str, int] = field(default_factory=dict)
    """Values that FP2 could not hold, by column."""
    _names: list[tuple[str, str]] = field(default_factory=list)
    _times: list[int] = field(default_factory=list)
    _raws: list[float | None] = field(default_factory=list)
    _statuses: dict[int, str] = field(default_factory=dict)
    _said: dict[int, bytes] = field(default_factory=dict)

    def add(
        self, target: Target, times: Sequence[int], raws: Sequence[float | None], lines: Sequence[int]
    ) -> None:
        """Numbers of a column."""
        first = len(self._times)
        self._names += [(target.serial, target.channel)] * len(times)
        self._times += times
        self._raws += raws
        self.lines += lines
        if target.beside:
            self._said.update((n, said(target.beside, raw)) for n, raw in enumerate(raws, first))

    def saturate(self, target: Target, high: Iterable[int]) -> None:
        """Some of the numbers that were added last are higher than FP2 can hold; their places from the end."""
        places = {len(self._times) - at: SATURATED for at in high}
        self._statuses |= places
        self.saturated[target.name] = self.saturated.get(target.name, 0) + len(places)

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples: by column where they say nothing but their numbers."""
        if not self._statuses and not self._said:
            return Columns(self._names, self._times, self._raws, self.rest)
        statuses, kept = self._statuses, self._said
        return [
            _new(Sample, (*name, time_us, raw, statuses.get(n, ""), *self.rest, kept.get(n)))
            for n, (name, time_us, raw) in enumerate(zip(self._names, self._times, self._raws, strict=True))
        ]


class Taker:
    """Makes samples of the rows below one header.

    Parameters
    ----------
    head : Head
    targets : sequence of Target
    mapping : Mapping
    times : Times
    arrival : Arrival
    latest_us : int
        Later times lie in the future [µs UTC].
    fp2 : set of str
        Columns of CO2 that hold no number above `FP2_MOST`.
    before : mapping of str to float, optional
        The last number of each of them in the rows above.
    """

    def __init__(
        self, head: Head, targets: Sequence[Target], mapping: Mapping, times: Times, arrival: Arrival,
        latest_us: int, fp2: frozenset[str] = frozenset(), before: MappingOf[str, float] | None = None,
    ) -> None:  # fmt: skip
        self.head = self._head = head
        self.units: dict[tuple[str, str], set[str]] = {
            (one.serial, one.channel): {one.unit} for one in targets
        }
        self._targets, self._times, self._fp2 = targets, times, fp2
        self._missing = MISSING | head.missing | {str(text).strip().lower() for text in mapping.missing}
        self._decimal = mapping.decimal if mapping.decimal != "." else head.decimal
        self._arrival, self._latest_us = arrival, latest_us
        self._before = dict(before or {})

    def empty(self) -> Taken:
        """What no rows become."""
        return Taken((None, *self._arrival))

    def take(self, first: int, lines: Sequence[str | None]) -> Taken:
        """Lines of a text."""
        taken = self.empty()
        rows, numbers = self._rows(first, lines, taken)
        self.take_cells(rows, numbers, taken)
        return taken

    def take_cells(self, rows: list[list[str]], numbers: Sequence[int], taken: Taken) -> None:
        """Rows of cells, as many as the header has, with their lines."""
        if self._head.events:
            rows, numbers = self._readings(rows, numbers)
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        when = columns[self._head.time[0]]
        if len(self._head.time) > 1:
            when = tuple(map(" ".join, zip(*(columns[at] for at in self._head.time), strict=True)))
        kept, times = self._when(when, rows, numbers, taken)
        if len(kept) != len(rows):
            numbers = [numbers[at] for at in kept]
            rows = [rows[at] for at in kept]
            columns = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        for target in self._targets:
            if not target.where:
                cells = self._cells(target, columns[target.index], numbers, rows, taken)
                self._add(target, times, cells, numbers, taken)
                continue
            kept = [at for at, row in enumerate(rows) if all(_same(row[n], text) for n, text in target.where)]
            lines = [numbers[at] for at in kept]
            texts = [columns[target.index][at] for at in kept]
            cells = self._cells(target, texts, lines, [rows[at] for at in kept], taken)
            self._add(target, [times[at] for at in kept], cells, lines, taken)

    def _readings(self, rows: list[list[str]], numbers: Sequence[int]) -> tuple[list[list[str]], list[int]]:
        """Rows that are no mere events."""
        events, targets = self._head.events, self._targets
        kept = [
            at
            for at, row in enumerate(rows)
            if not any(row[n].strip() for n in events) or any(row[one.index].strip() for one in targets)
        ]
        return [rows[at] for at in kept], [numbers[at] for at in kept]

    def take_numbers(
        self, numbers: Sequence[int], times: Sequence[int], columns: MappingOf[int, list[float]]
    ) -> Taken:
        """Rows of a binary table: their numbers, times [µs UTC], and columns by index."""
        taken = self.empty()
        kept = [at for at, time_us in enumerate(times) if time_us <= self._latest_us]
        if len(kept) != len(times):
            for at in set(range(len(times))) - set(kept):
                taken.faults.append(self._future(numbers[at], str(times[at]), f"record {numbers[at]}"))
            numbers, times = [numbers[at] for at in kept], [times[at] for at in kept]
        for target in self._targets:
            column = columns[target.index]
            floats = column if len(kept) == len(column) else [column[at] for at in kept]
            self._add(target, times, self._numbers(target, floats), numbers, taken)
        return taken

    # rows

    def _rows(
        self, first: int, lines: Sequence[str | None], taken: Taken
    ) -> tuple[list[list[str]], Sequence[int]]:
        """Cells of the rows that have as many as the header, with their lines."""
        width, delimiter = len(self._head.names), self._head.delimiter
        if None not in lines:
            try:
                rows = (
                    [line.split() for line in lines]  # type: ignore[union-attr]
                    if delimiter == " "
                    else list(csv.reader(lines, delimiter=delimiter, strict=True))  # type: ignore[arg-type]
                )
            except csv.Error:
                rows = []
            if len(rows) == len(lines) and all(len(row) == width for row in rows):
                return rows, range(first, first + len(lines))
        return self._one_by_one(first, lines, taken)

    def _one_by_one(
        self, first: int, lines: Sequence[str | None], taken: Taken
    ) -> tuple[list[list[str]], list[int]]:
        """The same where a line needs a look of its own."""
        width, delimiter = len(self._head.names), self._head.delimiter
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, text in enumerate(lines, first):
            if text is None:
                reason = Message("the line is longer than {longest} characters", longest=LONGEST_LINE)
                taken.faults.append(TidyFault(number, reason, ""))
                continue
            if not text.strip(" \t,;\x1a"):
                continue
            cells = text.split() if delimiter == " " else split(text, delimiter)
            if cells is not None and len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            if cells is None or len(cells) != width:
                reason = (
                    Message("a quoted cell does not end on its line")
                    if cells is None
                    else Message("{found} cells where the header has {width}", found=len(cells), width=width)
                )
                taken.faults.append(TidyFault(number, reason, text[:_KEPT]))
                continue
            rows.append(cells)
            numbers.append(number)
        return rows, numbers

    def _when(
        self, texts: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int], taken: Taken
    ) -> tuple[list[int], list[int]]:
        """The rows that have a time, and their times."""
        of, latest_us = self._times.of, self._latest_us
        try:
            times = list(map(of, texts))
        except ValueError:
            pass
        else:
            if max(times) <= latest_us:
                return list(range(len(times))), times
        kept, times = [], []
        for at, text in enumerate(texts):
            try:
                time_us = of(text)
            except UnfitError as unfit:
                taken.faults.append(TidyFault(numbers[at], Message.of(unfit), self._line(rows[at])))
                continue
            if time_us > latest_us:
                taken.faults.append(self._future(numbers[at], text, self._line(rows[at])))
                continue
            kept.append(at)
            times.append(time_us)
        return kept, times

    @staticmethod
    def _future(number: int, time: str, text: str) -> TidyFault:
        return TidyFault(
            number, Message("time {time} lies in this machine's future", time=time.strip()), text
        )

    def _line(self, cells: Sequence[str]) -> str:
        return self._head.delimiter.join(cells)[:_KEPT]

    # values

    def _cells(
        self,
        target: Target,
        texts: Sequence[str],
        numbers: Sequence[int],
        rows: Sequence[Sequence[str]],
        taken: Taken,
    ) -> Cells:
        """The cells of a column; one that is no number is a fault."""
        if self._decimal == ",":
            texts = [text.replace(",", ".") if "." not in text else f"?{text}" for text in texts]
        try:
            values = list(map(float, texts))
            if "_" not in "".join(texts):
                return self._numbers(target, values)
        except ValueError:
            pass
        found: list[float] = []
        wrong: set[int] = set()
        for at, text in enumerate(texts):
            try:
                found.append(self._number(text))
            except ValueError:
                found.append(nan)
                wrong.add(at)
                cell = rows[at][target.index][:40]
                reason = Message("column {column}: {cell!r} is no number", column=target.name, cell=cell)
                taken.faults.append(TidyFault(numbers[at], reason, self._line(rows[at])))
        cells = self._numbers(target, found)
        return cells._replace(wrong=wrong, high=cells.high - wrong)

    def _number(self, text: str) -> float:
        bare = text.strip().lower()
        if bare in self._missing:
            return nan
        if "_" in bare:
            raise ValueError(bare)
        return float(bare)

    def _numbers(self, target: Target, values: list[float]) -> Cells:
        """Numbers as the channel has them, None where a number means that there is no value."""
        if target.name in self._fp2:
            return self._capped(target, values)
        found: list[float | None]
        total = sum(values)
        if total - total == 0.0 and target.codes.isdisjoint(values):
            found = values  # type: ignore[assignment]
        else:
            codes = target.codes
            found = [value if value - value == 0.0 and value not in codes else None for value in values]
        if target.a != 1 or target.b != 0:
            turned = turner(target.a, target.b)
            found = [None if value is None else turned(value) for value in found]
        return Cells(found, set(), set())

    def _capped(self, target: Target, values: list[float]) -> Cells:
        """Numbers of a column that holds none above `FP2_MOST`: a gap beside high ones was too high for it."""
        before = self._before.get(target.name, 0.0)
        turned = turner(target.a, target.b)
        found: list[float | None] = []
        high: set[int] = set()
        for at, (value, coming) in enumerate(zip(values, _after(values), strict=True)):
            if abs(value) < FP2_MOST and value not in target.codes:
                found.append(turned(value))
                before = value
            elif value >= FP2_MOST or (value != value and max(before, coming) >= HIGH):
                found.append(turned(FP2_MOST))
                high.add(at)
            else:
                found.append(None)
        self._before[target.name] = before
        return Cells(found, set(), high)

    # samples

    def _add(
        self, target: Target, times: Sequence[int], cells: Cells, numbers: Sequence[int], taken: Taken
    ) -> None:
        values, wrong, high = cells
        if wrong:
            kept = [at for at in range(len(values)) if at not in wrong]
            times, numbers = [times[at] for at in kept], [numbers[at] for at in kept]
            high = {n for n, at in enumerate(kept) if at in high}
            values = [values[at] for at in kept]
        taken.add(target, times, values, numbers)
        if high:
            taken.saturate(target, (len(values) - at for at in high))


def _same(cell: str, wanted: str) -> bool:
    """Whether a cell says what is wanted, as text or as a number."""
    if cell.strip() == wanted:
        return True
    try:
        return float(cell) == float(wanted)
    except ValueError:
        return False


def _after(values: Sequence[float]) -> list[float]:
    """Of each value the next number behind it, 0 where none is known."""
    found, coming = [], 0.0
    for value in reversed(values):
        found.append(coming)
        if value == value:
            coming = value
    return found[::-1]


def told(saturated: MappingOf[str, int]) -> Iterator[Message]:
    """What is said of columns that FP2 holds."""
    for name, count in saturated.items():
        yield Message(
            "column {column} has whole numbers above 800 and none above 7999: the logger stores it as FP2, which can "
            "hold no more. Values that are higher than that, flagged with saturation: {count}; let the logger store "
            "IEEE4",
            column=name,
            count=count,
        )
