"""The reference page of the journal says what the code has."""

from __future__ import annotations

import sqlite3

from soilco2.storage.journal.schema import INDEXES, MEANING, SCHEMA_VERSION, TABLES, EventKind
from tests.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "journal_schema.md"


def test_the_page_names_every_table_column_and_kind_of_event() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"Schema version {SCHEMA_VERSION} " in text
    database = sqlite3.connect(":memory:")
    for statement in (*TABLES.values(), *INDEXES.values()):
        database.execute(statement)
    assert set(MEANING) == set(TABLES)
    for table, meaning in MEANING.items():
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        assert f"| `{table}` | {', '.join(columns)} | {meaning} |" in text
    for kind in EventKind:
        assert f"`{kind}`" in text
    database.close()
