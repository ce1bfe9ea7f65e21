"""Tidy tables in every situation: real files, brought into a real journal by the driver that recognises them.

The table of position d1 suffers; a table of d2 is brought in by the same process, behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from soilco2.ingest.drivers.file_driver import FileDriver, Rows
from soilco2.ingest.drivers.registry import recognise
from soilco2.ingest.drivers.sample import Arrival
from soilco2.ingest.files.importing import import_table
from soilco2.station_config.loader import Station
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.control import Submitter
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.tidy.samples import STRETCH, Moment
from tests.ingest.drivers import contract
from tests.ingest.drivers.contract import Account, Bench, Known, known
from tests.ingest.running import START_US
from tests.ingest.station import make_station

SECOND_US = 1_000_000
MOMENT = Moment(START_US + 20 * 86_400 * SECOND_US, 1, "boot")
HEADER = "time_utc,position,variable,value,unit\n"
MANY = 50_000


def stamp(number: int) -> str:
    """2026-11-01T00:00Z and so many seconds, as a table has it."""
    days, seconds = divmod(number, 86_400)
    return f"2026-11-{1 + days:02}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def row(number: int, value: float | str | None = None, position: str = "d1") -> str:
    """A line of a table: 400 ppm and the number, at that second."""
    return f"{stamp(number)},{position},co2,{400 + number if value is None else value},ppm\n"


def measured(numbers: Sequence[int], position: str = "d1") -> set[Known]:
    return {Known(f"import/p1/{position}", "co2", START_US + n * SECOND_US, 400.0 + n) for n in numbers}


class _Seen:
    """A driver that notes how much it hands over at once."""

    def __init__(self, driver: FileDriver, sizes: list[int]) -> None:
        self._driver, self._sizes = driver, sizes
        self.sniff = driver.sniff

    def rows(
        self, station: Station, layout: Any, zone: ZoneInfo | None, arrival: Arrival, after_line: int = 0
    ) -> Iterator[Rows]:
        for piece in self._driver.rows(station, layout, zone, arrival, after_line):
            self._sizes.append(len(piece.samples) + len(piece.faults))
            yield piece


class Desk:
    """A station, its journal, and the tables that are brought in."""

    def __init__(self, bench: Bench) -> None:
        self.folder = bench.folder
        self.station = make_station(bench.folder)
        self.came = self.refused = self.again = 0
        self.sizes: list[int] = []

    def table(self, text: str | bytes, name: str = "d1.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def bring_in(self, path: Path) -> None:
        driver, layout = recognise(path)
        self.bring(driver, layout)

    def bring(self, driver: FileDriver, layout: Any) -> None:
        with Submitter(self.station) as target:
            done = import_table(self.station, layout, _Seen(driver, self.sizes), None, MOMENT, target)
        self.came += done.rows
        self.refused += done.rejected
        self.again += done.duplicate

    def account(self, came: int, true: set[Known]) -> Account:
        """The account, once the neighbour's table was brought in; `came` are the rows that were written for d1."""
        numbers = range(3)
        self.bring_in(self.table(HEADER + "".join(row(n, position="d2") for n in numbers), "d2.csv"))
        assert self.came == came + len(numbers), "every row has its place in the account"
        with JournalReader(self.station.journal_path) as reader:
            samples = known(reader.samples(0, 2**62))
            parked = reader.accounting.parked_counts().get("message", 0)
        return Account(
            came=self.came,
            samples=samples,
            refused=self.refused,
            true=true,
            neighbour=measured(numbers, "d2"),
            waiting=self.sizes,
            bound=STRETCH,
            again=self.again,
            parked=parked,
        )


def silent(bench: Bench) -> Account:
    """An empty file is refused in one sentence, a header alone has nothing to say."""
    desk = Desk(bench)
    with pytest.raises(StorageError, match="is empty"):
        recognise(desk.table(""))
    desk.bring_in(desk.table(HEADER))
    return desk.account(0, set())


def garbage(bench: Bench) -> Account:
    """A binary file is refused; bad rows among good ones are kept with their reasons."""
    desk = Desk(bench)
    for noise in (bytes(range(256)) * 40, b"\x1f\x8b" + b"\xff" * 200, b"PK\x03\x04" + bytes(100)):
        with pytest.raises(StorageError) as caught:
            recognise(desk.table(noise))
        assert str(caught.value).startswith(f"{desk.folder / 'd1.csv'}")
        assert "\n" not in str(caught.value)
    bad = [
        row(1, "four hundred"), row(1, "1,5"), row(1, "inf"), row(1, "=A1"), row(1, position="d9"),
        row(1).replace("ppm", "m"), row(1).replace("co2", "gold"), row(1).replace("2026", "2199"),
        "yesterday,d1,co2,400,ppm\n", '"2026-11-01T00:00:01Z,d1\n', "\x00\x00\x00\n", "x" * 70_000 + "\n",
    ]  # fmt: skip
    desk.bring_in(desk.table(HEADER + row(0) + "".join(bad) + row(2)))
    assert desk.refused == len(bad)
    return desk.account(2 + len(bad), measured([0, 2]))


def late(bench: Bench) -> Account:
    """Rows that are older than what is known keep their own times, in any order."""
    desk = Desk(bench)
    desk.bring_in(desk.table(HEADER + row(100)))
    desk.bring_in(desk.table(HEADER + row(7) + row(100) + row(3)))
    account = desk.account(4, measured([100, 7, 3]))
    assert account.again == 1
    assert account.true <= set(account.samples)
    return account


def unplugged(bench: Bench) -> Account:
    """Gone between a look and the reading, shortened while it is read, then there again as a whole."""
    desk = Desk(bench)
    whole = (HEADER + "".join(row(n) for n in range(MANY))).encode()
    path = desk.table(whole)
    driver, layout = recognise(path)
    path.unlink()
    with pytest.raises(StorageError, match="cannot be opened"):
        desk.bring(driver, layout)

    marked = whole.replace(b"unit\n", b"unit,note\n").replace(b"ppm\n", "ppm,土\n".encode())
    path = desk.table(marked)
    driver, layout = recognise(path)
    found = driver.rows(desk.station, layout, None, Arrival(MOMENT.now_us, 1, "boot", "d1.csv"))
    assert len(next(found).samples) == STRETCH
    with path.open("r+b") as file:  # in the middle of a character, behind what was read ahead
        file.truncate(marked.rindex("土".encode(), 0, len(marked) - len(marked) // 8) + 1)
    with pytest.raises(StorageError, match="changed while it was read"):
        list(found)

    part = whole[: whole.index(row(20_000).encode())]
    desk.bring_in(desk.table(part))
    desk.bring_in(desk.table(whole))
    account = desk.account(20_000 + MANY, measured(range(MANY)))
    assert account.again == 20_000
    return account


def two_at_one_address(bench: Bench) -> Account:
    """Two numbers for one channel and time: both are kept."""
    desk = Desk(bench)
    desk.bring_in(desk.table(HEADER + row(1) + row(1, 999) + row(2) + row(2)))
    (other,) = measured([1])
    account = desk.account(4, measured([1, 2]) | {other._replace(raw=999.0)})
    assert (account.again, account.refused) == (1, 0)
    assert account.true <= set(account.samples)
    return account


def burst(bench: Bench) -> Account:
    """Fifty thousand rows, handed over in pieces."""
    desk = Desk(bench)
    desk.bring_in(desk.table(HEADER + "".join(row(n) for n in range(MANY))))
    account = desk.account(MANY, measured(range(MANY)))
    assert account.true <= set(account.samples)
    return account


def restart(bench: Bench) -> Account:
    """A reading goes on behind any line of any stretch, as if it had never ended."""
    desk = Desk(bench)
    count = 2 * STRETCH + 10
    path = desk.table(HEADER + "".join(row(n) for n in range(count - 1)) + row(count - 1, "none at all"))
    driver, layout = recognise(path)
    arrival = Arrival(MOMENT.now_us, 1, "boot", "d1.csv")
    last = count + 1  # the header is line 1
    for line in (0, 1, 2, 700, STRETCH, STRETCH + 1, STRETCH + 2, 2 * STRETCH + 1, last - 1, last, last + 5):
        pieces = list(driver.rows(desk.station, layout, None, arrival, line))
        got = [one.time_us for piece in pieces for one in piece.samples]
        first = max(0, line - 1)
        assert got == [START_US + n * SECOND_US for n in range(first, count - 1)], line
        assert [fault.line for piece in pieces for fault in piece.faults] == [last] * (line < last)
        assert [piece.line for piece in pieces][-1:] == [last] * (line < last)
    with path.open("a") as file:
        file.write(row(count))
    (piece,) = driver.rows(desk.station, layout, None, arrival, last)
    assert (known(piece.samples), piece.line) == (list(measured([count])), last + 1)
    desk.bring_in(path)
    account = desk.account(count + 1, measured([*range(count - 1), count]))
    assert account.refused == 1
    return account


ROWS: contract.Rows = {
    "silent": silent,
    "garbage": garbage,
    "late": late,
    "unplugged": unplugged,
    "two at one address": two_at_one_address,
    "burst": burst,
    "restart": restart,
}
