"""docs/howto/add_a_driver.md, followed to the letter: a kind of connection in a distribution of its own.

The distribution is built from the page's code and installed into a folder that only child processes have on their
path: the environment of the tests stays as it is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from soilco2.ingest.errors import BadFrame, BusError, DoubleAnswer, NoAnswer, PortGone
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.drivers.stranger import PAGE, TOP, Stranger, blocks, install, install_the_page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_the_page(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def stranger(tmp_path: Path, site: Path) -> Stranger:
    return Stranger(tmp_path, site)


@contextmanager
def simulated(stranger: Stranger) -> Iterator[list[str]]:
    """The lines that ``simulate`` printed until it was ready."""
    with subprocess.Popen(
        stranger.words("simulate", "--data", str(stranger.folder / "data.csv")),
        cwd=stranger.folder,
        env=stranger.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            lines = []
            for line in child.stdout:
                lines.append(line.rstrip())
                if lines[-1] == "ready":
                    break
            yield lines
        finally:
            child.kill()


def test_both_pages_have_the_same_code() -> None:
    for language in ("toml", "python", "sh"):
        assert blocks(language) == blocks(language, PAGE.with_suffix(".zh.md"))


def test_check_knows_it(stranger: Stranger) -> None:
    done = stranger.run("check")
    assert done.returncode == 0, done.stderr
    assert f"text1: line of text, {stranger.folder}/text1" in done.stdout
    assert "two-in-one" in done.stdout
    assert "p1/d10/soil_water" in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ('port = "text1"', 'prt = "text1"', 'prt = "text1"', "unknown key; did you mean 'port'?"),
        ('port = "text1"', "port = 7", "port = 7", "a path in quotes is expected"),
        ('model = "two-in-one"', 'model = "vaisala-gmp252"', 'connection = "text1"', "speaks modbus-rtu"),
        (
            'kind = "line-of-text"',
            'kind = "carrier-pigeon"',
            "[[connection]]",
            ' or "line-of-text"',
        ),
    ],
    ids=["unknown key", "wrong type", "model of another kind", "unknown kind"],
)
def test_a_fault_in_its_table_is_named_with_line_and_key(
    stranger: Stranger, right: str, wrong: str, line: str, said: str
) -> None:
    assert stranger.text.count(right) == 1
    stranger.write(stranger.text.replace(right, wrong))
    done = stranger.run("check")
    assert done.returncode == 1
    number = stranger.text.splitlines().index(line) + 1
    assert any(
        row.startswith(f"{stranger.file}:{number}: ") and said in row for row in done.stderr.splitlines()
    ), done.stderr


def test_its_own_rule_and_its_own_catalogue_table_are_heard(stranger: Stranger) -> None:
    second = stranger.text[stranger.text.index("[[instrument]]") :]
    stranger.write(stranger.text + "\n" + second.replace("soil-10", "second").replace("TIO-7", "TIO-8"))
    done = stranger.run("check")
    assert "a line of text has one instrument; give this one a connection of its own" in done.stderr
    probe = stranger.folder / "probes" / "two-in-one.toml"
    text = probe.read_text(encoding="utf-8")
    probe.write_text(text.replace("field = 2", "field = 0"), encoding="utf-8")
    place = f"{probe}:{text.splitlines().index('at = { field = 2 }') + 1}: channel[1].at.field = 0: "
    assert place + "a number of at least 1 is expected" in stranger.run("check").stderr


def test_simulated_collected_and_counted(stranger: Stranger) -> None:
    with simulated(stranger) as lines:
        assert f"text1: 1 probes at {stranger.folder}/text1" in lines
        done = stranger.run("collect", "--once")
        assert done.returncode == 0, done.stderr
    with JournalReader(stranger.folder / "state" / "meadow" / "journal.sqlite") as reader:
        samples = [(row.serial, row.channel, row.raw, row.source) for row in reader.samples(0, 2**62)]
    # the two numbers of the simulated data; --once may have seen two slots of a second
    assert set(samples) == {
        ("TIO-7", "soil_temperature", 18.3, "text1"),
        ("TIO-7", "soil_water", 0.21, "text1"),
    }
    status = stranger.status()
    assert status["sources"]["text1"] == {"in": len(samples), "stored": len(samples)} | dict.fromkeys(
        set(status["sources"]["text1"]) - {"in", "stored"}, 0
    )
    assert status["instruments"]["soil-10"]["newest_us"] is not None


def test_a_fault_that_the_far_end_cannot_show_is_refused(stranger: Stranger) -> None:
    done = stranger.run("simulate", "--fault", "silence")
    assert done.returncode == 2
    assert done.stderr == "soilco2: a simulated line of text has no faults; leave --fault out\n"
    done = stranger.run("simulate", "--fault", "noise")
    assert "fault noise is for an instrument on a Modbus line or " in done.stderr
    assert "; the station has none" in done.stderr


RIGHT = b"1,18.3,0.21\n"
BAD: dict[str, tuple[list[Piece], type[BusError]]] = {
    "silent": ([], NoAnswer),
    "garbage": ([(0, b"\xff\x001,8.3,0.21\n")], BadFrame),
    "another number of fields": ([(0, b"1,18.3\n")], BadFrame),
    "cut off": ([(0, b"1,18.3,0.2")], BadFrame),
    "no numbers": ([(0, b"1,nan,1e5\n")], BadFrame),
    "late": ([(0.6, b"1,99.9,0.99\n")], NoAnswer),
    "two at one address": ([(0, RIGHT + b"1,99.9,0.99\n")], DoubleAnswer),
    "a burst": ([(0, b"1,99.9,0.99\n" * 300)], DoubleAnswer),
}


@pytest.mark.parametrize("name", BAD)
def test_the_line_of_the_page_takes_nothing_wrong(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The situations of the contract table, on its own far end; after each of them the next answer is right."""
    monkeypatch.syspath_prepend(site)
    driver = import_module("soilco2_line_of_text.driver")
    bad, error = BAD[name]
    now = bad

    def request(heard: bytes) -> tuple[bytes | None, bytes, int]:
        asked, found, rest = heard.partition(b"\n")
        return (asked, rest, 0) if found else (None, heard, 0)

    far = PtyLine(tmp_path / "text1", lambda _asked, _foreign: now, parse=request)
    line = driver.TextLine(SimpleNamespace(port=far.link))
    spec = SimpleNamespace(id="soil_temperature", at=SimpleNamespace(field=2))
    plan = driver.TextPlan(0, (spec,), 3)
    failed: list[BusError] = []
    try:
        line.open()
        with pytest.raises(error):
            line.read(plan, 0.25, failed.append)
        assert {type(one) for one in failed} == {error}
        assert line.late == (name == "late")
        now = [(0, RIGHT)]
        assert line.read(plan, 5.0, failed.append) == [Reading("soil_temperature", 18.3, "")]
        os.write(far._far, b"\xff" * 4095 + b"1,99.9,0.99\n")  # unasked, more than a terminal gives at once
        now = [(0.1, RIGHT)]
        assert line.read(plan, 5.0, failed.append) == [Reading("soil_temperature", 18.3, "")]
        far.unplug()
        with pytest.raises(PortGone):
            line.read(plan, 0.25, failed.append)
        assert not line.is_open
        far.plug()
        line.open()
        assert line.read(plan, 5.0, failed.append) == [Reading("soil_temperature", 18.3, "")]
    finally:
        line.close()
        far.stop()


# distributions that cannot be used

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "broken-{module}"
version = "1.0"

[tool.hatch.build.targets.wheel]
include = ["broken_{module}.py"]

[project.entry-points."soilco2.drivers"]
"{name}" = "broken_{module}:KIND"
"""

QUIET = """
from typing import Literal
from soilco2.station_config.connections.kind import Connection, Kind
class Broken(Kind):
    name = "{name}"
    label = ("x", "x")
    contract = "polled"
    driver = "broken_{module}:DRIVER"
"""

BROKEN = {
    "import": ("line-of-text", "import not_there_at_all\n", "No module named 'not_there_at_all'"),
    "raises": ("line-of-text", "raise ValueError('no\\nlicence')\n", "ValueError: no licence"),
    "nothing": ("line-of-text", "KIND = 7\n", "a Kind of this name is expected there"),
    "other": (
        "line-of-text",
        QUIET.format(name="other", module="other") + "KIND = Broken()\n",
        "a Kind of this name is expected there",
    ),
    "bare": (
        "line-of-text",
        "from soilco2.station_config.connections.kind import Kind\n"
        "class Bare(Kind):\n    name = 'line-of-text'\nKIND = Bare()\n",
        "it does not say its label and contract and driver",
    ),
    "open": (
        "line-of-text",
        "from soilco2.station_config.connections.kind import Connection\n"
        + QUIET.format(name="line-of-text", module="open")
        + "    table = Connection\nKIND = Broken()\n",
        'the key kind of its table is not Literal["line-of-text"]',
    ),
    "thief": (
        "line-of-text",
        "from soilco2.station_config.connections.modbus_model import ModbusModel\n"
        "class Stolen(ModbusModel):\n    pass\n"
        + QUIET.format(name="line-of-text", module="thief")
        + "    models = (Stolen,)\nKIND = Broken()\n",
        "modbus-rtu has another table of the catalogue",
    ),
    "taken": (
        "mqtt",
        QUIET.format(name="mqtt", module="taken") + "KIND = Broken()\n",
        "soilco2 has a kind of",
    ),
}

PLAIN = TOP + '[[connection]]\nid = "air"\nkind = "mqtt"\n\n[mqtt]\nhost = "127.0.0.1"\n'


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("broken")
    return {
        module: install(
            folder, PROJECT.format(name=name, module=module), {f"broken_{module}.py": text}, to=module
        )
        for module, (name, text, _) in BROKEN.items()
    }


@pytest.mark.parametrize("module", BROKEN)
def test_a_broken_kind_is_one_sentence_to_those_who_ask_for_it(
    tmp_path: Path, broken: dict[str, Path], module: str
) -> None:
    name, _, why = BROKEN[module]
    station = Stranger(tmp_path, broken[module])
    sentence = f"the kind of connection '{name}' (broken_{module}:KIND) cannot be used: "
    if name == "line-of-text":  # a station that names a kind of soilco2 itself gets that one
        line = station.text.splitlines().index('kind = "line-of-text"') + 1
        for command in ("check", "collect", "status"):
            done = station.run(command)
            assert done.returncode == 2, (command, done.stdout)
            (said,) = done.stderr.splitlines()
            assert f'{station.file}:{line}: connection[1].kind = "line-of-text": {sentence}' in said
            assert why in said
            assert said.endswith("update or remove the package that brings it")
    station.write(PLAIN)
    done = station.run("check", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row["kind"] for row in told["connections"]] == ["mqtt"]
    assert [why in row["expected"] for row in told["warnings"] if sentence in row["expected"]] == [True]


def test_two_kinds_of_one_name_are_both_refused(tmp_path: Path, site: Path, broken: dict[str, Path]) -> None:
    """Which of them is meant cannot be told."""
    station = Stranger(tmp_path, site, broken["nothing"])
    done = station.run("collect", "--once")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "has this name too; update or remove the package that brings it" in done.stderr


def test_rules_of_a_kind_are_asked_only_where_it_is_used(tmp_path: Path) -> None:
    """A fault in somebody's rule is no fault of other stations."""
    rules = "    def rules(self, draft, models):\n        raise RuntimeError('no such rule')\n    advice = rules\n"
    text = QUIET.format(name="hasty", module="hasty") + rules + "KIND = Broken()\n"
    project = PROJECT.format(name="hasty", module="hasty")
    station = Stranger(tmp_path, install(tmp_path, project, {"broken_hasty.py": text}))
    station.write(PLAIN)
    assert station.run("check").returncode == 0


def test_a_driver_that_cannot_be_imported(tmp_path: Path) -> None:
    """The kind is sound, so that `check` is content; what needs the driver says why it does not go on."""
    kind, _ = blocks("python")
    files = {
        "soilco2_line_of_text/__init__.py": "",
        "soilco2_line_of_text/kind.py": kind,
        "soilco2_line_of_text/driver.py": "import serial\nraise RuntimeError('no licence')\n",
    }
    station = Stranger(tmp_path, install(tmp_path, blocks("toml")[0], files))
    asking = station.text
    assert station.run("check").returncode == 0
    for command, options in (("simulate", ()), ("collect", ("--once",))):
        done = station.run(command, *options)
        assert done.returncode == 2, done.stderr
        why = "the driver of connections of kind 'line-of-text' cannot be used: RuntimeError: no licence"
        assert why in done.stderr.splitlines()[-1]
    station.write(PLAIN + '[[instrument]]\nid = "n"\nmodel = "soilco2-node"\nserial = "N"\nconnection = "air"\n'
                  'interval = "30min"\nchannels = ["co2"]\n')  # fmt: skip
    done = station.run("simulate", "--fault", "noise")
    assert "fault noise is for an instrument on a Modbus line or " in done.stderr
    assert "; the station has none" in done.stderr
    with station.started("collect") as child:
        station.until_said("collecting meadow, configuration")
        station.write(asking)
        child.send_signal(signal.SIGHUP)
        station.until_said("the station file has faults; configuration")
        assert why in station.said()
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0, "the last valid configuration stays in force"
    assert "Traceback" not in station.said()
