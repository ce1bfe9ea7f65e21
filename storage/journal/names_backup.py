"""The journal's names beside it: a second copy of the small tables without which its rows say nothing.

Samples and observations carry numbers for channels, series and words. A page or two hold what these numbers mean,
so one worn-out block of a card could make years of readings nameless. They stand in a file of their own as well,
written whole when the journal is opened; what is added later is appended as a line. A damaged journal is taken over
with them.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from soilco2.storage.files import write_whole

TABLES = {"channel": 2, "word": 1, "series": 4}
"""Tables of names, and how many texts a row has beside its number."""
_USES = {
    "channel": (("sample", "channel"),),
    "word": (
        ("sample", "status"), ("sample", "boot"), ("sample", "source"), ("observation", "tests"),
        ("observation", "corrections"), ("observation", "config"), ("derived", "method"), ("derived", "reason"),
    ),
}  # fmt: skip


def path_of(journal: Path) -> Path:
    """Where a journal's names lie."""
    return journal.with_name(journal.name + ".names.json")


def write(journal: Path, names: Mapping[str, Mapping[int, list[str]]]) -> None:
    """Write the names beside the journal; the file appears whole or not at all.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    write_whole(path_of(journal), _line(names))


def append(journal: Path, names: Mapping[str, Mapping[int, list[str]]]) -> None:
    """Put further names behind those that are written.

    Raises
    ------
    OSError
        When they cannot be written.
    """
    with path_of(journal).open("ab") as out:
        out.write(_line(names).encode())
        out.flush()
        os.fsync(out.fileno())


def _line(names: Mapping[str, Mapping[int, list[str]]]) -> str:
    return json.dumps(names, ensure_ascii=False) + "\n"


def _read(journal: Path) -> list[dict[str, Any]]:
    """What stands in each line; one that was cut short says nothing."""
    found = []
    with contextlib.suppress(OSError):
        for line in path_of(journal).read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return [row for row in found if isinstance(row, dict)]


def give_back(journal: Path, connection: sqlite3.Connection) -> None:
    """After rows were taken over from a damaged journal: every number they carry gets its name again.

    What is in no copy is called ``lost-NUMBER``, so that no new name can take its number; observations of a series
    that is lost are left out, since they can be made again from samples.
    """
    for kept, (table, texts) in product(_read(journal), TABLES.items()):
        rows = kept.get(table, {})
        marks = ",".join("?" * (texts + 1))
        for number, row in rows.items() if isinstance(rows, dict) else ():
            if number.isdecimal() and isinstance(row, list) and len(row) == texts:
                connection.execute(
                    f"INSERT OR IGNORE INTO {table} VALUES ({marks})",  # noqa: S608 - names of our own tables
                    (int(number), *map(str, row)),
                )
    for table, uses in _USES.items():
        lost = {
            number
            for where, column in uses
            for (number,) in connection.execute(
                f"SELECT DISTINCT {column} FROM {where} WHERE {column} NOT IN (SELECT id FROM {table})"  # noqa: S608
            )
        }
        rest = ["lost"] * (TABLES[table] - 1)
        marks = ",".join("?" * (TABLES[table] + 1))
        connection.executemany(
            f"INSERT INTO {table} VALUES ({marks})",  # noqa: S608
            [(number, f"lost-{number}", *rest) for number in sorted(lost)],
        )
    for table in ("observation", "derived", "rollup"):
        connection.execute(f"DELETE FROM {table} WHERE series NOT IN (SELECT id FROM series)")  # noqa: S608
