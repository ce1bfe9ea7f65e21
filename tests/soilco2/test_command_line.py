"""Wrong use gives one sentence and exit code 2, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "soilco2", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], "Did you mean 'check'?"),
        (["check"], "STATION"),
        (["status", "no/such.toml"], "no/such.toml"),
        (["export", "no/such.csv", "-o", "x.csv"], "no/such.csv"),
        (["flag", "no/such.toml", "--who", "w", "--why", "y"], "no/such.toml"),
        (["demo", "--seconds", "many"], "many"),
    ],
)
def test_wrong_use(words: list[str], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_journal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path))
    station = tmp_path / "s.toml"
    station.write_text(
        '[station]\nid = "s"\nname = "S"\nlatitude = 0\nlongitude = 0\naltitude_m = 0\ntimezone = "UTC"\n',
        encoding="utf-8",
    )
    done = run("export", str(station), "-o", str(tmp_path / "x.csv"))
    assert done.returncode == 2
    assert "is not there yet; run .soilco2 collect." in done.stderr.replace("'", ".")
