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
        (["analyse", "corelation"], "Did you mean 'correlation'?"),
        (["dashboard", "publlish"], "Did you mean 'publish'?"),
        (["teach", "zzz"], "'soilco2 teach --help' lists them."),
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


@pytest.mark.parametrize(
    ("group", "name", "module"),
    [
        ("dashboard", "serve", "soilco2.cli.commands.dashboard.grafana"),
        ("teach", "list", "soilco2.cli.commands.teach.questions"),
        ("analyse", "audit", "soilco2.cli.commands.analyse.flux"),
    ],
)
def test_a_group_imports_only_the_command_that_is_asked_for(group: str, name: str, module: str) -> None:
    code = (
        "import sys\nfrom soilco2.cli.main import main\n"
        f"try:\n    main([{group!r}, {name!r}, '--help'])\nexcept SystemExit:\n    pass\n"
        f"print({module!r} in sys.modules, 'pandas' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"soilco2 {group} {name}" in done.stdout
    assert done.stderr.split() == ["False", "False"]


def test_the_help_of_parked_names_all_that_can_be_done() -> None:
    from soilco2.cli.commands.parked import command
    from soilco2.cli.main import COMMANDS

    words = COMMANDS["parked"].lower()
    assert [name for name in command.commands if name not in words] == []


def test_a_table_that_cannot_be_written_is_named_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        "time_utc,variable,depth_m,value,unit\n2026-03-01T00:00:00Z,co2,0.1,400,ppm\n", encoding="utf-8"
    )
    done = run("export", str(table), "-o", "/proc/x.csv")
    assert done.returncode == 2
    assert done.stderr == "soilco2: /proc/x.csv cannot be written: No such file or directory\n"


def test_a_folder_in_place_of_a_station_file_is_one_sentence(tmp_path: Path) -> None:
    done = run("status", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}: this is a folder; the path of a file is expected\n"
