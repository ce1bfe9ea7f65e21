"""The journal's names beside it: a second copy of the small tables without which its rows say nothing.

Samples and observations carry numbers for channels, series and words. A page or two hold what these numbers mean,
so one worn-out block of a card could make years of readings nameless. They are written again to a file of their own
whenever one is added, and a damaged journal is taken over with them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
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
    write_whole(path_of(journal), json.dumps(names, ensure_ascii=False))


def give_back(journal: Path, connection: sqlite3.Connection) -> None:
    """After rows were taken over from a damaged journal: every number they carry gets its name again.

    What is in no copy is called ``lost-NUMBER``, so that no new name can take its number; observations of a series
    that is lost are left out, since they can be made again from samples.
    """
    try:
        kept: dict[str, dict[str, Any]] = json.loads(path_of(journal).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    for table, texts in TABLES.items():
        rows = kept.get(table, {}) if isinstance(kept, dict) else {}
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
