"""A station into which tables are imported, by its command."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from soilco2.cli.main import main

STATION = """\
[station]
id = "trial"
name = "Trial"
latitude = 38.0
longitude = 109.0
altitude_m = 1150
timezone = "Asia/Shanghai"
[journal]
path = "journal.sqlite"
[[profile]]
id = "p1"
[[profile.position]]
id = "d05"
depth_m = 0.05
[[profile.position]]
id = "d10"
depth_m = 0.10
"""


class Field:
    """A folder with a station and tables that are imported into it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.station = folder / "trial.toml"
        self.station.write_text(STATION, encoding="utf-8")

    def soilco2(self, *words: str | Path, code: int = 0) -> str:
        """What a command prints and says."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, words)))
        said = "\n".join(self.capsys.readouterr())
        assert stop.value.code == code, said
        return said

    def table(self, name: str, content: str | bytes) -> Path:
        """A file."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def brought(self, path: Path, *options: str, code: int = 0) -> str:
        """What an import prints and says."""
        return self.soilco2("import", self.station, path, *options, code=code)

    def exported(self, *options: str) -> list[dict[str, str]]:
        """The rows of an export."""
        out = self.folder / "out.csv"
        self.soilco2("export", self.station, "-o", out, "--force", *options)
        with out.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
