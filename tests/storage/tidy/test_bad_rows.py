"""A few bad rows do not take a file with them where the reader may go on; many do, and nothing is silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from soilco2.storage.errors import TidyFileError
from soilco2.storage.tidy.reader import TidyReader

HEAD = "time_utc,profile,depth_m,variable,value,unit\n"


def table(folder: Path, rows: int, bad: int) -> Path:
    lines = [
        f"2026-05-{1 + k // 48:02d}T{k % 48 // 2:02d}:{k % 2 * 30:02d}:00Z,p1,0.1,co2,{800 + k},ppm"
        for k in range(rows)
    ]
    for k in range(bad):
        lines[3 * k] = lines[3 * k].replace(",co2,", ",co2,?")
    path = folder / "t.csv"
    path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_bad_row_is_counted_named_and_left_out(tmp_path: Path) -> None:
    path = table(tmp_path, 400, 1)
    with pytest.raises(TidyFileError, match=r"t\.csv:2: "):
        TidyReader(path)
    reader = TidyReader(path, go_on=True)
    (info,) = reader.series()
    (piece,) = reader.read([info.key])
    assert len(piece.values) == 399
    bad = reader.bad[str(path)]
    assert (bad.rows, bad.first.line) == (1, 2)


def test_more_than_ten_in_a_short_file_are_no_slip(tmp_path: Path) -> None:
    assert TidyReader(table(tmp_path, 400, 10), go_on=True).bad
    with pytest.raises(TidyFileError, match=r"t\.csv:2: "):
        TidyReader(table(tmp_path, 400, 11), go_on=True)


def test_a_file_of_mostly_bad_rows_is_refused_however_short(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "2026-05-01T00:00:00Z,p1,0.1,co2,400,furlong\n", encoding="utf-8")
    with pytest.raises(TidyFileError, match="furlong"):
        TidyReader(path, go_on=True)
