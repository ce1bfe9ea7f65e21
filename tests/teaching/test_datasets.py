"""``soilco2 teach data``: the records as tables that every other command takes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from soilco2.cli.main import main
from soilco2.storage.tidy.reader import TidyReader
from soilco2.teaching.datasets import DATASETS


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return int(end.value.code or 0)


def test_they_are_listed_with_their_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("teach", "data") == 0
    said = capsys.readouterr().out
    assert all(f"{name}: " in said and f"({one.licence})" in said for name, one in DATASETS.items())


@pytest.mark.parametrize(("name", "ending"), [("sjer-2020", ".csv.gz"), ("agua-amarga", ".parquet")])
def test_a_table_is_read_by_the_one_reader(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    ending: str,
) -> None:
    path = tmp_path / f"record{ending}"
    assert run("teach", "data", name, "-o", path) == 0
    assert DATASETS[name].licence in capsys.readouterr().out
    assert "icence" in (tmp_path / f"record{ending}.README.md").read_text(encoding="utf-8")
    reader = TidyReader([path])
    found = sum(len(piece.times) for info in reader.series() for piece in reader.read([info.key]))
    table = DATASETS[name].table()
    assert len(reader.series()) == table.groupby(["profile", "variable", "depth_m"], dropna=False).ngroups
    assert found == len(table)
    reader.close()


def test_a_csv_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert run("teach", "data", "sjer-2020", "-o", path) == 0
    again = pd.read_csv(path, dtype={"profile": str, "position": str})
    assert again["value"].sum() == pytest.approx(DATASETS["sjer-2020"].table()["value"].sum())


def test_wrong_use_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "a.csv"
    there.write_text("mine", encoding="utf-8")
    for words, said in (
        (("nowhere",), "there is no record 'nowhere'; known are"),
        (("sjer-2020", "-o", tmp_path / "a.xlsx"), "a name that ends in .csv"),
        (("sjer-2020", "-o", there), "there is such a file already"),
        (("sjer-2020", "-o", tmp_path / "no" / "a.csv"), "it cannot be written"),
    ):
        assert run("teach", "data", *words) == 2
        error = capsys.readouterr().err
        assert said in error
        assert "Traceback" not in error
    assert there.read_text(encoding="utf-8") == "mine"
