"""From a box of probes to live values, as a new user goes about it: scan, address, line, init, check, read, collect."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from soilco2.cli.main import main
from soilco2.cli.reasons import FLAGS, REASONS
from soilco2.ingest.collector import Collector
from soilco2.ingest.drivers import modbus_change, modbus_scan
from soilco2.ingest.simulate.measured import load_measured
from soilco2.ingest.simulate.modbus_probes import SimulatedBus
from soilco2.ingest.simulate.run import Simulation
from soilco2.quality.checks import CHECKS
from soilco2.quality.records import Flag
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import ControlError
from soilco2.storage.journal.control import ask
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.running import START_US, until
from tests.ingest.simulate.hand import HandClock
from tests.paths import ROOT

EXAMPLE = ROOT / "docs" / "howto" / "commissioning"
PLACE = [
    "--id", "yulin", "--name", "Yulin", "--latitude", "38.3", "--longitude", "109.7", "--altitude", "1150",
    "--timezone", "Asia/Shanghai",
]  # fmt: skip
CHANNELS = 4 + 4 * 3 + 3 + 1
"""Four GMP252, four three-in-one probes, the three of the 7-in-1 that are read, a barometer."""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SOILCO2_CLOCK", "trusted")
    monkeypatch.setattr(modbus_scan, "WAIT_S", 2.0)  # whoever answers does so at once, on a busy machine too
    monkeypatch.setattr(modbus_change, "WAIT_S", 0.2)  # nobody is at the new address


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return int(end.value.code or 0)


@pytest.fixture
def yulin(tmp_path: Path) -> Path:
    """The example of the docs with ports of its own."""
    text = (EXAMPLE / "yulin.toml").read_text(encoding="utf-8")
    path = tmp_path / "yulin.toml"
    path.write_text(text.replace("/dev/ttyUSB0", "bus1").replace("/dev/ttyUSB1", "bus2"), encoding="utf-8")
    return path


@contextmanager
def simulated(path: Path) -> Iterator[Simulation]:
    station = load_station(path)
    found = Simulation(station, load_measured(), HandClock(START_US), path.parent, repeat=True)
    found.start()
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def collecting(station: Station) -> Iterator[Collector]:
    """A collector that polls the lines of a station."""
    collector = Collector(station)
    thread = threading.Thread(target=collector.run)
    thread.start()
    try:
        lines = len(station.file.connection)
        until(lambda: [bus["state"] for bus in collector.status()["buses"]] == ["open"] * lines)
        yield collector
    finally:
        collector.stop()
        thread.join(60)


def rounds(collector: Collector) -> int:
    """Rounds that were read on the second line."""
    return next(bus["rounds"] for bus in collector.status()["buses"] if bus["connection"] == "bus2")


def bus_of(simulation: Simulation, name: str) -> SimulatedBus:
    found = simulation.far_ends[name]
    assert isinstance(found, SimulatedBus)
    return found


def test_the_example_is_what_init_writes_and_passes_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.toml"
    assert run("init", str(path), *PLACE[:2], "--name", "Mu Us sandy land, Yulin", *PLACE[4:],
               "--from", str(EXAMPLE / "probes.csv"), "--lang", "en") == 0  # fmt: skip
    assert path.read_text(encoding="utf-8") == (EXAMPLE / "yulin.toml").read_text(encoding="utf-8")
    capsys.readouterr()
    assert run("check", str(path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert sum(len(row["channels"]) for row in told["instruments"]) == CHANNELS
    assert {row["tried"] for row in told["instruments"]} == {"manual"}
    # a GMP252 takes 8 + 9 bytes twice at 19200 Bd and 11 bits, four silences of 20 ms, twice 50 ms: 0.2 s
    assert told["rounds"]["bus1"] == pytest.approx(4 * (2 * 17 * 11 / 19200 + 4 * 0.02 + 2 * 0.05), abs=1e-3)
    assert run("check", str(path), "--lang", "en") == 0
    assert "a round of 4 takes about 0.8 s" in capsys.readouterr().out


def test_comments_are_written_in_the_language_that_is_spoken(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    assert run("init", str(path), *PLACE, "--from", str(EXAMPLE / "probes.csv"), "--lang", "zh") == 0
    assert "# 剖面与深度（地表以下为正，单位 m）。" in path.read_text(encoding="utf-8")
    assert run("check", str(path)) == 0


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine", encoding="utf-8")
    assert run("init", str(path), *PLACE, "--from", str(EXAMPLE / "probes.csv")) == 2
    assert path.read_text(encoding="utf-8") == "mine"
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "code", "why"),
    [
        ("model,serial\nvaisala-gmp25,R1\n", 2, "there is no such model"),
        ("model,serial,address\nvaisala-gmp252,,1\n", 2, "line 2: model and serial are needed"),
        ("probe,serial\na,b\n", 2, "line 1 names the columns"),
        ("model,serial\n", 2, "there is no probe in it"),
        ("model,serial,address,profile,depth_m\nvaisala-gmp252,R1,21,p1,deep\n", 2, "a number in metres"),
        ("model,serial,address,from\nvaisala-gmp252,R1,21,yesterday\n", 2, "a date is expected"),
        (
            "model,serial,address\nvaisala-gmp252,R1,21\ncwt-soil-thc-s,R2,1\n",
            2,
            "set them to one with soilco2 line",
        ),
        (
            "model,serial,address\nvaisala-gmp252,R1,21\nvaisala-gmp252,R2,21\n",
            1,
            "has this address on bus1 already",
        ),
        (
            "model,serial,address,depth_m,profile\nvaisala-gmp252,R1,999,0.1,p1\n",
            1,
            "a Modbus address from 1 to 247",
        ),
        ("\xff\xfe", 2, "no text in UTF-8"),
        ('{"port": 1}', 2, "not what soilco2 scan --json writes"),
    ],
)
def test_a_list_with_a_mistake_is_told_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, code: int, why: str
) -> None:
    source = tmp_path / "list.csv"
    source.write_bytes(rows.encode("latin-1"))
    path = tmp_path / "new.toml"
    words = ["init", str(path), *PLACE, "--port", "/dev/ttyUSB0", "--from", str(source), "--lang", "en"]
    assert run(*words) == code
    assert why in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == [source]


def test_nobody_is_asked_where_nobody_sits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "init", str(tmp_path / "a.toml"), "--id", "yulin"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "--latitude, --longitude, --altitude, --timezone, --from is needed" in done.stderr
    assert not list(tmp_path.glob("*.toml"))


def test_questions_make_a_file_that_passes_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "asked.toml"
    answers = (
        "yulin", "Yulin", "38.3", "109.7", "1150", "Asia/Shanghai", "/dev/ttyUSB0",
        "gmp252", "vaisala-gmp252", "R1", "21", "p1", "0.10", "",
    )  # fmt: skip
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "soilco2", "init", str(path), "--lang", "en"])
    os.write(terminal, "".join(f"{one}\n" for one in answers).encode())
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the far end of a pseudo-terminal is gone
            break
        if not part:
            break
        said += part
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, said.decode()
    os.close(terminal)
    assert "there is no such model; vaisala-gmp252" in said.decode()
    assert run("check", str(path)) == 0
    station = load_station(path)
    assert [(row.serial, row.address) for row in station.file.instrument] == [("R1", 21)]


def test_all_that_hangs_there_is_read_with_value_flag_and_frames(
    yulin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated(yulin):
        assert run("read", str(yulin), "--raw", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert run("read", str(yulin), "baro", "--raw", "--lang", "zh") == 0
    rows = told["readings"]
    assert len(rows) == CHANNELS
    assert all(row["value"] is not None and row["flag"] == Flag.GOOD for row in rows)
    assert {row["unit"] for row in rows} == {"ppm", "m3/m3", "degC", "dS/m", "hPa"}
    frames = {row["serial"]: row["frames"] for row in told["frames"]}
    # the manual's request (IOT-S300AP V1.2: 01 03 00 00 00 01 84 0A) for address 16
    assert frames["AP30001"][0] == ["out", "10 03 00 00 00 01 87 4b"]
    out = capsys.readouterr().out
    assert "质量标识" in out
    assert "baro > 10 03 00 00 00 01 87 4B" in out


def test_one_probe_is_corrected_with_the_pressure_that_the_whole_station_is(
    yulin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated(yulin) as simulation:
        assert run("read", str(yulin), "--json") == 0
        rows = json.loads(capsys.readouterr().out)["readings"]
        assert run("read", str(yulin), "co2-10", "--json") == 0
        alone = json.loads(capsys.readouterr().out)["readings"]
        assert run("read", str(yulin), "co2-10", "--lang", "en") == 0
        said = capsys.readouterr().out
        bus_of(simulation, "bus2").probes[:] = []  # no barometer
        assert run("read", str(yulin), "co2-10", "--lang", "en") == 0
        without = capsys.readouterr().out
    (barometer,) = {row["value"] for row in rows if row["unit"] == "hPa"}
    one = ("instrument", "channel", "value", "flag", "tests", "pressure_hpa")
    shown = [[row[key] for key in one] for row in rows if row["instrument"] == "co2-10"]
    assert [[row[key] for key in one] for row in alone] == shown
    assert {row["pressure_hpa"] for row in alone if row["unit"] == "ppm"} == {barometer}
    assert f"co2-10: corrected with {barometer:.1f} hPa, what the barometer reads" in said
    assert "hPa, the standard pressure at this altitude" in without


def test_a_silent_probe_is_named_and_the_others_are_read(
    yulin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = yulin.read_text(encoding="utf-8").replace("address = 21\n", 'address = 21\ntimeout = "300ms"\n')
    yulin.write_text(text, encoding="utf-8")
    with simulated(yulin) as simulation:
        bus_of(simulation, "bus1").probes[0].address = 99
        assert run("read", str(yulin), "--json") == 1
    rows = json.loads(capsys.readouterr().out)["readings"]
    failed = [row for row in rows if row["error"]]
    assert [row["instrument"] for row in failed] == ["co2-05"]
    assert "no answer within" in failed[0]["error"]
    assert len(rows) == CHANNELS


def test_from_the_factory_to_a_station(
    tmp_path: Path, yulin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One probe as it comes: it is found, gets its address, and what a scan found becomes a station file."""
    with simulated(yulin) as simulation:
        bus = bus_of(simulation, "bus2")
        fresh = bus.probes[0]
        bus.probes[:] = [fresh]
        fresh.address = 1
        port = str(bus.line.link)
        here = (port, "--line", "9600 8N1", "--lang", "en")
        look = ("scan", *here, "--addresses", "11", "--kind", "modbus-rtu")
        assert (
            run("address", port, "1", "11", "--model", "cwt-soil-thc-s", "--line", "9600 8N1", "--lang", "en")
            == 0
        )
        out = capsys.readouterr().out
        assert "switched off and on" in out
        assert f"to undo it: soilco2 address {port} 11 1 --model cwt-soil-thc-s --line '9600 8N1'" in out
        fresh.restart()
        assert run(*look) == 0
        out = capsys.readouterr().out
        assert "Modbus RTU, 9600 8N1, address 11" in out
        assert "cwt-soil-thc-s (also sold as Renke RS-ECTH class, " in out
        assert (
            f"next, for example: soilco2 read {port} --model cwt-soil-thc-s --address 11 --line '9600 8N1'"
            in out
        )
        assert run(*look, "--json") == 0
        found = tmp_path / "found.json"
        found.write_text(capsys.readouterr().out, encoding="utf-8")
        assert run("read", *here, "--model", "cwt-soil-thc-s", "--address", "11", "--json") == 0
        rows = json.loads(capsys.readouterr().out)["readings"]
        assert [(row["channel"], row["flag"]) for row in rows] == [
            ("soil_water", 1), ("soil_temperature", 1), ("bulk_ec", 1),
        ]  # fmt: skip
    new = tmp_path / "found.toml"
    assert run("init", str(new), *PLACE, "--from", str(found)) == 0
    assert run("check", str(new)) == 0
    assert [row.address for row in load_station(new).file.instrument] == [11]


def test_two_new_probes_at_once_are_refused(yulin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with simulated(yulin) as simulation:
        bus = bus_of(simulation, "bus2")
        bus.probes[:] = bus.probes[:2]
        for probe in bus.probes:
            probe.address = 1
        port = str(bus.line.link)
        words = (
            "address",
            port,
            "1",
            "11",
            "--model",
            "cwt-soil-thc-s",
            "--line",
            "9600 8N1",
            "--lang",
            "en",
        )
        assert run(*words) == 2
        assert [probe._written for probe in bus.probes] == [{}, {}]
    said = capsys.readouterr().err
    assert "more than one answers at address 1" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("scan", "carrier://pigeon"), "neither a station file nor a port"),
        (("scan", "/dev/nowhere"), "the port cannot be opened: it is not there"),
        (("scan", "/dev/nowhere", "--line", "fast"), "'fast' is no line setting"),
        (("scan", "/dev/nowhere", "--addresses", "a-b"), "expected such as 1-16,240"),
        (("scan", "/dev/nowhere", "--kind", "mqtt"), "may be modbus-rtu"),
        (("scan", "/dev/nowhere", "--connection", "bus1"), "names a line of a station file"),
        (("read", "/dev/nowhere"), "a port needs --model"),
        (("read", "/dev/nowhere", "--model", "gmp252"), "there is no such model"),
        (("read", "/dev/nowhere", "--model", "soilco2-node"), "cannot be read on"),
        (("read", "{yulin}", "nobody"), "there is no instrument nobody"),
        (("read", "{yulin}", "--model", "vaisala-gmp252"), "are for a port"),
        (("scan", "{yulin}"), "name one with --connection"),
        (("scan", "{yulin}", "--connection", "bus9"), "the station has bus1, bus2"),
        (("scan", "{yulin}", "--connection", "bus1", "--line", "9600"), "--line is for a port"),
        (("address", "{yulin}", "77", "78"), "no instrument of"),
        (
            ("address", "/dev/nowhere", "1", "2", "--model", "linovision-iot-s300ap"),
            "the catalogue does not say",
        ),
        (("line", "/dev/nowhere", "1", "fast", "--model", "cwt-soil-thc-s"), "is no line setting"),
    ],
)
def test_a_mistake_is_one_sentence(
    yulin: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    assert run(*(word.replace("{yulin}", str(yulin)) for word in words), "--lang", "en") == 2
    said = capsys.readouterr().err
    assert why in said
    assert "Traceback" not in said


def test_while_the_collector_runs_everything_goes_through_it(
    yulin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = yulin.read_text(encoding="utf-8").replace('"60s"', '"11s"')
    text = text.replace("address = 11\n", 'address = 11\ntimeout = "10s"\n')  # however busy the machine is
    yulin.write_text(text + '[journal]\npath = "journal.sqlite"\ncommit_every = "20ms"\n', encoding="utf-8")
    station = load_station(yulin)
    with simulated(yulin) as simulation, collecting(station) as collector:
        bus = bus_of(simulation, "bus2")
        port = str(bus.line.link)
        assert (
            run(
                "read", port, "--model", "cwt-soil-thc-s", "--address", "11", "--line", "9600", "--lang", "en"
            )
            == 2
        )
        assert "name its station file in place of the port" in capsys.readouterr().err
        assert run("read", str(yulin), "soil-05", "--raw", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert [row["flag"] for row in told["readings"]] == [1, 1, 1]
        assert told["frames"][0]["frames"][0] == ["out", "0b 03 00 00 00 03 05 61"]
        words = ("address", str(yulin), "11", "31", "--lang", "en")
        assert run(*words) == 0
        assert f"now write address = 31 for soil-05 in {yulin}" in capsys.readouterr().out
        # a scan that nobody listens to any more gives the line back
        parts = ask(
            station.journal_path,
            "commission",
            connection="bus2",
            task="scan",
            lines=[],
            addresses=[],
            everything=True,
        )
        assert parts is not None
        assert "step" in next(parts)
        parts.close()  # type: ignore[attr-defined]
        before = rounds(collector)
        until(lambda: rounds(collector) > before)
        gone = ask(station.journal_path, "commission", connection="bus9", task="read", serials=[])
        assert gone is not None
        with pytest.raises(ControlError, match="no connection bus9"):
            list(gone)
    with JournalReader(station.journal_path) as reader:
        said = [event.text for event in reader.events(limit=100)]
    assert "the line is paused for soilco2 address" in said
    assert any("address 31 is written" in text for text in said)


def test_watching_goes_on_until_it_is_stopped(yulin: Path) -> None:
    with simulated(yulin):
        child = subprocess.Popen(
            [sys.executable, "-m", "soilco2", "read", str(yulin), "baro", "--watch", "--every", "0.1", "--lang", "en"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert child.stdout is not None
        seen = 0
        for line in child.stdout:
            seen += line.startswith("baro")
            if seen == 2:
                break
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said.strip() == "stopped"


def test_the_catalogue_is_listed_searched_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("catalogue", "--json") == 0
    models: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["models"]
    assert {"vaisala-gmp252", "womaster-es107-soil"} <= {row["id"] for row in models}
    assert run("catalogue", "renke rs-ecth class", "--json") == 0  # only the other names have it
    assert [row["id"] for row in json.loads(capsys.readouterr().out)["models"]] == ["cwt-soil-thc-s"]
    assert run("catalogue", "vaisala-gmp252", "--lang", "en") == 0
    out = capsys.readouterr().out
    for words in (
        "factory line: 19200 8N2",
        "factory address: 240",
        "warm-up: 120 s",
        "from the manual only",
        "M211897EN",
    ):
        assert words in out
    assert run("catalogue", "nothing like it") == 1


@pytest.mark.parametrize(
    ("words", "some"),
    [
        # Renke ECTH class and its like: moisture, temperature, conductivity
        (("三合一", "three-in-one", "3-in-1", "温湿盐"), {"cwt-soil-thc-s", "linovision-iot-s300smt"}),
        (("七合一", "7-in-1", "Seven-in-One"), {"cwt-soil-npkphcth-s", "jxct-jxbs-3001-7in1"}),
        (("npk", "NPK", "氮磷钾"), {"renke-rs-npk-n01-tr", "cwt-soil-npkphcth-s"}),
        (("土壤墒情", "墒情"), {"cwt-soil-thc-s", "meter-teros-12", "tdr-5-soil"}),
        (("二氧化碳", "carbon dioxide"), {"vaisala-gmp252", "senseair-s8", "licor-li850"}),
        (("气压", "barometer"), {"linovision-iot-s300ap", "vaisala-ptb330", "campbell-metsens300"}),
    ],
)  # fmt: skip
def test_words_of_buyers_find_models(
    words: tuple[str, ...], some: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for word in words:
        assert run("catalogue", word, "--json") == 0
        found = {row["id"] for row in json.loads(capsys.readouterr().out)["models"]}
        assert some <= found
        assert len(found) < 40
    if "三合一" in words:
        assert "cwt-soil-npkphcth-s" not in found


def test_every_flag_and_every_test_has_words() -> None:
    assert set(FLAGS) == set(Flag)
    assert {check.name for check in CHECKS} <= set(REASONS)
