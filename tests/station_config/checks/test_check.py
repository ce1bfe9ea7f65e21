"""The command ``check``: what it prints, as text and as JSON, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from soilco2.cli.main import cli
from tests.station_config.example import SOIL, YULIN, changed, write


def _check(path: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["check", str(path), *options], prog_name="soilco2")


def test_a_valid_file_is_told_as_what_will_be_read_from_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    done = _check(write(tmp_path, YULIN), "--lang", "en")
    assert done.exit_code == 0, done.output
    for words in (
        "Mu Us sandy land observatory, Yulin (yulin)",
        "bus1: Modbus RTU, /dev/serial/by-id/usb-FTDI_FT232R, 9600 8N1",
        "air: MQTT, soilco2/yulin/data",
        "p1/d10/co2",
        "site/air_pressure",
        "vaisala-gmp252",
        "R1234567",
        "NIM-2026-0415",
        "×1.012 -3",
        "2026-03-01 …",
        "0.1 m",
        "every 300 s",
        "pressure: corrected here",
        "Computed here: p1/d10/ec25, p1/d10/salinity",
        "Database: http://127.0.0.1:8086 yulin/soil",
        "Broker: 127.0.0.1:1883",
        "journal.sqlite",
        "there is no such port on this machine now",
        "The station file is fine; see the warnings above.",
    ):
        assert words in done.output, words


def test_it_speaks_chinese(tmp_path: Path) -> None:
    done = _check(write(tmp_path, YULIN), "--lang", "zh")
    assert done.exit_code == 0
    assert "榆林毛乌素沙地生态系统国家定位观测研究站" in done.output
    assert "台站文件无误，请看以上警告。" in done.output
    assert "校准" in done.output
    assert not re.search(r"\b(Address|Depth|Calibration|Warnings)\b", done.output)


def test_json_says_the_same_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    done = _check(write(tmp_path, YULIN), "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert found["station"]["id"] == "yulin"
    assert found["journal"] == str(tmp_path / "state" / "yulin" / "journal.sqlite")
    co2 = found["instruments"][0]["channels"][0]
    assert co2["series"] == [
        {"series": "yulin/p1/d10/co2", "depth_m": 0.1, "from": "2026-02-28T16:00:00Z", "until": None}
    ]
    assert co2["compensation"] == {"pressure": "none", "temperature": "device"}
    assert {one["instrument"] if "instrument" in one else one["id"] for one in found["instruments"]} == {
        "co2-10", "soil-10", "baro", "node-30",
    }  # fmt: skip
    assert found["standard_pressure_hpa"] == pytest.approx(882.5, abs=0.1)  # ISA at 1150 m
    assert all({"file", "line", "key", "value", "expected"} <= set(one) for one in found["warnings"])


def test_every_fault_is_told_at_once_and_the_exit_code_is_one(tmp_path: Path) -> None:
    text = changed("latitude = 38.3", "latitude = 99").replace("address = 13", "address = 12")
    path = write(tmp_path, text)
    done = _check(path, "--lang", "en")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "2 fault(s) in the station file:" in done.stderr
    assert f"{path}:4: station.latitude = 99: a number of at most 90 is expected" in done.stderr
    assert "instrument[3].address = 12: soil-10 has this address on bus1 already" in done.stderr
    as_json = _check(path, "--json")
    assert as_json.exit_code == 1
    found = json.loads(as_json.stdout)
    assert found["ok"] is False
    first = found["faults"][0]
    assert (first["line"], first["key"], first["value"]) == (4, "station.latitude", "99")


def test_broken_toml_is_a_fault_and_a_missing_file_is_wrong_use(tmp_path: Path) -> None:
    done = _check(write(tmp_path, "a =\n"))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    done = _check(tmp_path / "gone.toml")
    assert (done.exit_code, done.stderr) == (2, f"{tmp_path / 'gone.toml'}: there is no such file\n")
    assert _check(tmp_path).exit_code == 2
    assert CliRunner().invoke(cli, ["check"]).exit_code == 2


def test_what_depends_on_this_machine_and_day_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOILCO2_INFLUX_TOKEN", raising=False)
    text = changed("valid_from = 2026-02-20", "valid_from = 2020-02-20").replace(
        "/dev/serial/by-id/usb-FTDI_FT232R", str(tmp_path)
    )
    told = {
        one["key"]: one["expected"]
        for one in json.loads(_check(write(tmp_path, text), "--json").stdout)["warnings"]
    }
    assert "SOILCO2_INFLUX_TOKEN is not set" in told["influxdb token"]
    assert "was due on 2021-02-19" in told["co2-10.co2"]  # a year of 365 days from 20 February 2020
    assert "connection bus1" not in told  # the port is there
    monkeypatch.setenv("SOILCO2_INFLUX_TOKEN", "s3cr3t")
    done = _check(write(tmp_path, text))
    assert "s3cr3t" not in done.output
    assert "is not set" not in done.output


def test_a_secret_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n", encoding="utf-8")
    text = re.sub(r"^token = .*$", f'token = {{ file = "{secret}" }}', YULIN, flags=re.MULTILINE)
    assert str(secret) in text
    for mode, told in ((0o644, True), (0o640, False), (0o600, False)):
        secret.chmod(mode)
        done = _check(write(tmp_path, text), "--lang", "en")
        assert done.exit_code == 0
        assert (
            "everybody on this machine can read the secret's file" in " ".join(done.output.split())
        ) == told, mode
        assert "s3cret" not in done.output


def test_a_depth_is_told_as_it_is_today_under_a_moved_surface(tmp_path: Path) -> None:
    one = "[[profile.surface]]\nfrom = {}-01-01\nchange_m = {}\n"
    surface = one.format(2020, 0.05) + one.format(2199, 1)
    text = changed("depth_m = 0.30\n", "depth_m = 0.30\n" + surface)
    found = json.loads(_check(write(tmp_path, text), "--json").stdout)
    assert found["instruments"][0]["channels"][0]["series"][0]["depth_m"] == pytest.approx(0.15)


def test_a_channel_that_is_installed_nowhere_is_shown_so(tmp_path: Path) -> None:
    done = _check(write(tmp_path, changed(SOIL, "")), "--lang", "en")
    assert done.exit_code == 0
    assert "installed nowhere" in done.output
