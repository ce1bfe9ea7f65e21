"""Files in a watched folder: growing, cut, replaced, rotated, copied; nothing lost, nothing doubled, told once."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.ingest.files import watching
from soilco2.station_config.message import Message
from soilco2.storage.errors import DiskFullError
from tests.ingest.files.watch import HEADER, STATION, Watching, row, rows


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Watching]:
    found = Watching(tmp_path)
    yield found
    found.close()


def minutes(*numbers: int) -> dict[str, float | None]:
    """What `rows` of these numbers say: minutes of 2026-04-11 at UTC+08:00, which is the day before in UTC."""
    return {f"04-10T{16 + n // 60:02}:{n % 60:02}": 400.0 + n for n in numbers}


def test_a_file_is_read_as_it_grows(field: Watching) -> None:
    field.write(HEADER + rows(0, 1))
    field.look()
    assert field.values() == minutes(0, 1)
    field.append(rows(2))
    field.look()
    field.look()
    assert field.values() == minutes(0, 1, 2)
    assert field.counters() == {"in": 6, "stored": 6}
    ((name, state, counts),) = field.imports()
    assert (name, state) == ("soil.dat", "done")
    assert counts["rows"] == counts["stored"] == 6


def test_a_last_line_waits_for_its_end(field: Watching) -> None:
    whole = HEADER + rows(0, 1)
    field.write(whole[:-8])
    field.look()
    assert field.values() == minutes(0)
    assert field.watch.status()["unfinished"] == 1
    field.write(whole)
    field.look()
    assert field.values() == minutes(0, 1)
    assert field.watch.status()["unfinished"] == 0
    assert field.counters().get("rejected", 0) == 0


def test_a_header_that_is_still_being_written_is_waited_for(field: Watching) -> None:
    field.write(HEADER[:70])
    field.look()
    field.write(HEADER + rows(0))
    field.look()
    assert field.values() == minutes(0)
    assert field.parked() == []


def test_it_goes_on_where_it_was_after_a_restart(field: Watching) -> None:
    field.write(HEADER + rows(0, 1))
    field.look()
    field.again()
    field.append(rows(2))
    field.look()
    assert field.values() == minutes(0, 1, 2)
    assert field.counters() == {"in": 6, "stored": 6}
    assert len(field.imports()) == 1


def test_the_same_file_written_anew_says_nothing_new(field: Watching) -> None:
    field.write(HEADER + rows(0, 1))
    field.look()
    copy = field.write(HEADER + rows(0, 1, 2), ".soil.dat.Xa2")  # as rsync names it
    field.look()
    copy.rename(field.folder / "soil.dat")
    field.look()
    assert field.values() == minutes(0, 1, 2)
    assert field.counters() == {"in": 6, "stored": 6}


def test_a_shorter_copy_on_its_way_is_waited_for_and_taken_when_it_stays(
    field: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    field.write(HEADER + rows(0, 1, 2))
    field.look()
    field.write(HEADER + rows(0))
    field.look()
    assert field.counters()["in"] == 6
    monkeypatch.setattr(watching, "SETTLED_S", 0.0)
    field.look()
    field.append(row(1, 999) + rows(3))
    field.look()
    assert field.values() == minutes(0, 1, 2, 3)
    assert field.counters()["in"] == 12
    with field.reader() as reader:
        assert reader.accounting.parked_counts() == {"conflict": 1}


def test_a_file_that_was_given_another_name_is_read_to_its_end(field: Watching) -> None:
    field.write(HEADER + rows(0, 1))
    field.look()
    field.append(rows(2))
    (field.folder / "soil.dat").rename(field.folder / "soil.dat.1")
    field.write(HEADER.replace("soil.CR1", "soil2.CR1") + rows(3))
    field.look()
    assert field.values() == minutes(0, 1, 2, 3)
    field.append(rows(4))
    field.look()
    assert field.values() == minutes(0, 1, 2, 3, 4)
    assert [name for name, _, _ in field.imports()] == ["soil.dat", "soil.dat"]


def test_a_changed_header_in_the_middle_holds_from_there_and_after_a_restart(field: Watching) -> None:
    turned = HEADER.replace('"CO2","T"', '"T","CO2"').replace('"ppm","Deg C"', '"Deg C","ppm"')
    field.write(HEADER + rows(0) + turned + '"2026-04-11 00:01:00",0,14.5,401\r\n')
    field.look()
    field.again()
    field.append('"2026-04-11 00:02:00",1,14.6,402\r\n')
    field.look()
    assert field.values() == minutes(0, 1, 2)
    assert list(field.values("soil_temperature").values()) == [14.2, 14.5, 14.6]


def test_a_mended_mapping_reads_the_file_again(field: Watching) -> None:
    field.write(HEADER + rows(0))
    field.look()
    field.file.write_text(STATION.replace("UTC+08:00", "UTC+09:00"), encoding="utf-8")
    with field.reader() as reader:
        (first,) = reader.accounting.imports()
    field.submit("switch_import", number=first.id, undo=True, who="t", why="zone")
    field.again()
    field.look()
    values = field.values()
    assert values.pop("04-10T15:00") == 400.0
    assert values == {"04-10T16:00": None}


def test_rows_behind_an_import_that_was_taken_back_count(field: Watching) -> None:
    field.write(HEADER + rows(0))
    field.look()
    with field.reader() as reader:
        (first,) = reader.accounting.imports()
    field.submit("switch_import", number=first.id, undo=True, who="t", why="test rows")
    field.submit("judge_import")
    field.append(rows(1))
    field.look()
    assert field.values() == {"04-10T16:00": None, "04-10T16:01": 401.0}
    assert [state for _, state, _ in field.imports()] == ["undone", "done"]


def test_what_cannot_be_read_is_parked_once_and_harms_nothing(
    field: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SETTLED_S", 0.0)
    field.write(HEADER + rows(0))
    field.write(bytes(range(256)) * 40, "noise.dat")
    field.write(HEADER.replace('"CO2","T"', '"A","B"') + rows(0), "other.dat")
    field.write(b"\x00\xff", os.fsdecode(b"\xff\xfename.dat"))
    for _ in range(3):
        field.look()
    field.again()
    field.look()
    assert field.values() == minutes(0)
    told = field.parked()
    assert len(told) == 3
    assert any("of no format that is known" in one for one in told)
    assert any("the mapping names no column of the file; it has RECORD, A, B" in one for one in told)
    assert any("a name that is no text" in one for one in told)


def test_bad_rows_are_kept_with_file_and_line_and_the_others_are_read(field: Watching) -> None:
    field.write(HEADER + rows(0) + row(1, "wet") + '"yesterday",2,402,14.2\r\n1,2\r\n' + rows(3))
    field.look()
    field.look()
    assert field.values() == minutes(0, 3)
    assert sorted(field.parked()) == [
        "soil.dat, line 6: column CO2: 'wet' is no number",
        "soil.dat, line 7: time 'yesterday' is no time; expected such as 2026-03-01T00:00:00Z",
        "soil.dat, line 8: 2 cells where the header has 4",
    ]
    counters = field.counters()
    assert counters["in"] == counters["stored"] + counters["rejected"] == 8


def test_a_thousand_files_at_once(field: Watching) -> None:
    for n in range(1000):
        field.write(HEADER + row(n % 1000), f"f{n:04}.dat")
    field.look()
    assert len(field.values()) == 1000
    assert field.counters() == {"in": 2000, "stored": 2000}


def test_nothing_is_read_by_a_clock_that_is_not_trusted(field: Watching) -> None:
    field.write(HEADER + rows(0))
    field.clock.right = False
    field.watch.look()
    assert "the clock is not trusted" in field.watch.status()["error"]
    assert field.counters() == {}
    field.clock.right = True
    field.look()
    assert field.values() == minutes(0)


def test_a_journal_that_cannot_be_written_costs_nothing(
    field: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    field.write(HEADER + rows(0))
    submit = field.submit

    def full(op: str, **arguments: object) -> object:
        raise DiskFullError(Message("the disk is full"))

    monkeypatch.setattr(field, "submit", full)
    field.watch = field.started()
    field.watch.look()
    assert "the disk is full" in field.watch.status()["error"]
    monkeypatch.setattr(field, "submit", submit)
    field.watch._host = field.watch._host._replace(submit=submit)
    field.look()
    assert field.values() == minutes(0)


def test_a_file_that_cannot_be_opened_hurts_no_other(
    field: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    field.write(HEADER + rows(0))
    field.write(HEADER + rows(1), "a.dat")
    bring = field.watch._bring

    def broken(path: Path, *rest: object) -> None:
        if path.name == "a.dat":
            raise OSError(5, "Input/output error")
        bring(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(field.watch, "_bring", broken)
    field.watch.look()
    assert "a.dat: cannot be looked at: " in field.watch.status()["error"]
    assert field.values() == minutes(0)
    monkeypatch.setattr(field.watch, "_bring", bring)
    field.look()
    assert field.values() == minutes(0, 1)


def test_a_packed_file_is_read_as_a_whole_each_time(field: Watching) -> None:
    bad = HEADER + rows(0) + "1,2\r\n"
    field.file.write_text(STATION.replace("*.dat", "*.gz"), encoding="utf-8")
    field.again()
    field.write(gzip.compress(bad.encode()), "soil.dat.gz")
    field.look()
    field.write(gzip.compress((bad + rows(1, 2, 3)).encode()), "soil.dat.gz")
    field.look()
    assert field.values() == minutes(0, 1, 2, 3)
    assert field.parked() == ["soil.dat.gz, line 6: 2 cells where the header has 4"]


def test_a_gap_that_comes_alone_is_high_where_fp2_ends(field: Watching) -> None:
    """A row with no number, read by itself behind 7960 ppm; and the sentence about it is told once."""
    field.write(HEADER + "".join(row(n, 800 + 40 * n) for n in range(180)))
    field.look()
    for n in (180, 181):
        field.append(row(n, '"NAN"'))
        field.look()
    assert list(field.values().values())[-2:] == [7999.0, 7999.0]
    assert sum("FP2" in said for said in field.said) == 1


def test_a_file_is_known_under_another_name_that_fits_the_pattern(field: Watching) -> None:
    field.write(HEADER + rows(0, 1), "soil_a.dat")
    field.look()
    (field.folder / "soil_a.dat").rename(field.folder / "soil_b.dat")
    field.append(rows(2), "soil_b.dat")
    field.write(HEADER + rows(3), "soil_a.dat")
    field.look()
    field.again()
    field.append(rows(4), "soil_b.dat")
    field.look()
    assert field.values() == minutes(0, 1, 2, 3, 4)
    assert "duplicate" not in field.counters()


def test_two_files_of_one_logger_are_not_taken_for_each_other(field: Watching) -> None:
    field.write(HEADER + rows(0, 1), "soil_a.dat")
    field.look()
    (field.folder / "soil_a.dat").unlink()
    field.write(HEADER + rows(2, 3, 4), "soil_b.dat")
    field.look()
    assert field.values() == minutes(0, 1, 2, 3, 4)
    assert len(field.imports()) == 2


def test_a_column_that_a_file_lacks_is_told_and_the_others_are_read(field: Watching) -> None:
    lacking = HEADER.replace('"T"', '"Tsoil"')
    field.write(lacking + rows(0))
    field.look()
    field.append(rows(1))
    field.look()
    field.again()
    field.append(lacking + rows(2))
    field.look()
    assert field.values() == minutes(0, 1, 2)
    said = [text for text in field.said if "column T of the mapping" in text]
    assert "soil.dat: column T of the mapping is not in the file, which has RECORD, CO2, Tsoil" in said[0]
    assert field.parked() == []  # another file of the folder may have it
    assert field.counters() == {"in": 3, "stored": 3}
