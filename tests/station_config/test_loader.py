"""The station, its canonical text and hash, and where its journal lies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import load_station, parse_station, state_folder
from tests.station_config.example import YULIN, changed, write

FULL = (
    YULIN
    + """
[journal]
commit_every = "150ms"
[quality]
salinity_factor = 0.64
[[quality.limits]]
variable = "co2"
flat_for = "2.5h"
[page]
port = 0
[[people]]
name = "Zhang"
role = "operator"
[plan]
visit_every = "14d"
[[plan.revision]]
version = "1"
date = 2026-03-01
change = "first"
"""
)


def test_the_canonical_text_gives_the_same_station_back(tmp_path: Path) -> None:
    text = changed("depth_m = 0.30", "depth_m = 0.30\nmeasured = 2026-03-01T10:00:00.123456+08:00", FULL)
    station = load_station(write(tmp_path, text))
    again = parse_station(station.text)
    assert again.file == station.file
    assert again.models == station.models
    assert (again.text, again.hash) == (station.text, station.hash)
    assert again.path is None
    assert again.deployments.series() == station.deployments.series()
    assert set(station.models) == {
        "vaisala-gmp252", "cwt-soil-thc-s", "linovision-iot-s300ap", "soilco2-node",
    }  # fmt: skip
    assert json.loads(station.text)["station_file"]["station"]["id"] == "yulin"
    assert len(station.hash) == 12


def test_the_hash_names_what_is_said_not_how_it_is_written(tmp_path: Path) -> None:
    station = load_station(write(tmp_path, YULIN))
    spaced = YULIN.replace('interval = "60s"', "interval = '1min' # a minute").replace(
        '[mqtt]\nhost = "127.0.0.1"\n', '[mqtt]\nhost = "127.0.0.1"\nport = 1883\n\n'
    )
    assert load_station(write(tmp_path, spaced, "other.toml")).hash == station.hash
    assert load_station(write(tmp_path, changed("1.012", "1.013"), "new.toml")).hash != station.hash


def test_the_hash_is_the_same_in_another_process(tmp_path: Path) -> None:
    path = write(tmp_path, YULIN)
    code = f"from soilco2.station_config.loader import load_station; print(load_station({str(path)!r}).hash)"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert seen == {load_station(path).hash}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"station_file": {}, "models": {}}', '{"station_file": 3}']
)
def test_a_text_that_is_no_configuration_is_one_sentence(text: str) -> None:
    with pytest.raises(StationConfigError, match="cannot be read by this version") as caught:
        parse_station(text)
    assert "\n" not in str(caught.value)


def test_the_journal_lies_by_station_id_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOILCO2_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_folder() == Path.home() / ".local" / "state" / "soilco2"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    station = load_station(write(tmp_path, YULIN))
    assert station.journal_path == tmp_path / "xdg" / "soilco2" / "yulin" / "journal.sqlite"
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "mine"))
    assert station.journal_path == tmp_path / "mine" / "yulin" / "journal.sqlite"
    chosen = load_station(write(tmp_path, YULIN + '[journal]\npath = "j.sqlite"\n'))
    assert chosen.journal_path == tmp_path / "j.sqlite"


def test_loading_needs_no_heavy_library(tmp_path: Path) -> None:
    path = write(tmp_path, YULIN)
    code = (
        "import sys; from soilco2.station_config.loader import load_station\n"
        f"load_station({str(path)!r}).deployments.series()\n"
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"numpy", "pandas", "rich", "click", "paho", "serial", "influxdb_client", "quality", "storage"}
    assert not heavy & set(out.split())


def test_a_secret_is_read_from_where_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = load_station(write(tmp_path, YULIN))
    token = station.file.influxdb[0].token
    monkeypatch.delenv("SOILCO2_INFLUX_TOKEN", raising=False)
    with pytest.raises(StationConfigError, match="SOILCO2_INFLUX_TOKEN is not set"):
        token.reveal()
    monkeypatch.setenv("SOILCO2_INFLUX_TOKEN", "abc")
    assert token.reveal() == "abc"
    assert "abc" not in station.text
    other = changed('{ env = "SOILCO2_INFLUX_TOKEN" }', '{ file = "token.txt" }')
    token = load_station(write(tmp_path, other)).file.influxdb[0].token
    with pytest.raises(StationConfigError, match="cannot be read"):
        token.reveal()
    write(tmp_path, "\n", "token.txt")
    with pytest.raises(StationConfigError, match="is empty"):
        token.reveal()
    write(tmp_path, "xyz\nmore\n", "token.txt")
    assert token.reveal() == "xyz"
