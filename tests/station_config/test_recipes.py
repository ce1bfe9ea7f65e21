"""The recipes of the documentation, followed to the letter in a temporary folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soilco2.station_config.loader import load_station
from tests.paths import ROOT
from tests.station_config.example import YULIN, changed, write


def _blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "howto" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_a_new_probe_is_a_new_file(tmp_path: Path) -> None:
    model, top, instrument = _blocks("add_a_probe.md", "toml")
    write(tmp_path, model, "probes/dfrobot-sen0600.toml")
    text = (
        top + changed('"co2", "soil_temperature", "supply_voltage"', '"co2", "supply_voltage"') + instrument
    )
    station = load_station(write(tmp_path, text))
    assert "dfrobot-sen0600" in station.models
    assert station.deployments.series_at("DF0600-0042", "soil_water", 1_800_000_000_000_000) == (
        "yulin", "p1", "d30", "soil_water",
    )  # fmt: skip
    channel = station.deployments.channel("DF0600-0042", "soil_temperature")
    assert channel is not None
    assert channel.a * -101 + channel.b == pytest.approx(
        -10.1
    )  # the maker's example of a negative temperature
    assert any("not confirmed" in one.expected and one.value == '"dfrobot-sen0600"' for one in station.advice)


def test_a_new_variable_is_a_new_row(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "station_config", tmp_path / "station_config")
    (tmp_path / "src" / "soilco2").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "soilco2" / "__init__.py", tmp_path / "src" / "soilco2")
    (tmp_path / "src" / "soilco2" / "station_config").symlink_to(tmp_path / "station_config")
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    (row,) = _blocks("add_a_variable.md", "python")
    registry = tmp_path / "station_config" / "variables.py"
    rows = registry.read_text(encoding="utf-8")
    assert rows.count(")  # fmt: skip") == 1
    registry.write_text(rows.replace(")  # fmt: skip", row + ")  # fmt: skip"), encoding="utf-8")
    text = YULIN.replace('"co2", "soil_temperature", "supply_voltage"', '"carbon_monoxide", "supply_voltage"')
    write(tmp_path, text + '[[quality.limits]]\nvariable = "carbon_monoxide"\nupper = 50\n')
    code = (
        "from soilco2.station_config.loader import load_station\n"
        "from soilco2.station_config.units import conversion\n"
        "station = load_station('yulin.toml')\n"
        "assert ('yulin', 'p1', 'd30', 'carbon_monoxide') in station.deployments.series()\n"
        "assert station.deployments.channel('import/p1/d30', 'carbon_monoxide') is not None\n"
        "a, b = conversion('ppb', 'carbon_monoxide')\n"
        "assert abs(a * 1900 + b - 1.9) < 1e-12\n"
    )
    (shell,) = _blocks("add_a_variable.md", "sh")
    assert shell.strip() == "python -m soilco2.station_config.reference_pages"
    for command in (["-c", code], ["-m", "soilco2.station_config.reference_pages"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    page = (tmp_path / "docs" / "reference" / "variables.md").read_text(encoding="utf-8")
    assert "| `carbon_monoxide` | x(CO) | `ppm` |" in page
