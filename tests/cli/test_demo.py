"""The demonstration as its user: killed, started again, and what came out compared with what went in."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soilco2.cli.demo.broker_and_database import Broker
from soilco2.cli.demo.run import END_US, Demo
from soilco2.ingest.protocols.soilco2_json import iso_time
from soilco2.ingest.simulate.measured import load_measured

pytestmark = pytest.mark.mosquitto

KILLS = max(1, int(os.environ.get("SOILCO2_KILLS", "20")) // 20)
NEON = {
    "soil_co2": ("co2", 1.0),
    "soil_temperature": ("soil_temperature", 1.0),
    "soil_water_content": ("soil_water", 1.0),
    "barometric_pressure": ("air_pressure", 10.0),
}
# resolution of the registers of plot 004: float32 for CO2 and pressure, 0.01 degC, 0.01 % of volume;
# plot 003 publishes the numbers as they are
RESOLUTION = {"co2": 0.001, "air_pressure": 0.0001, "soil_temperature": 0.005, "soil_water": 0.00005}


def soilco2(state: Path, *words: str, **options: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "SOILCO2_STATE": str(state)}
    return subprocess.Popen(
        [sys.executable, "-m", "soilco2", *words], env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def finish(child: subprocess.Popen[str]) -> str:
    out, err = child.communicate(timeout=200)
    assert child.returncode == 0, err
    return out


def measured() -> pd.DataFrame:
    folder = files("soilco2.teaching").joinpath("data/neon_sjer_2022_06")
    parts = []
    for name, (variable, factor) in NEON.items():
        table = pd.read_csv(str(folder.joinpath(f"{name}.csv.gz")), dtype={"plot": str})
        table = table.assign(variable=variable, value=table["value"] * factor)
        parts.append(table[["time_utc", "plot", "variable", "depth_m", "value"]])
    return pd.concat(parts).dropna(subset="value")


def verified(state: Path) -> str | None:
    """What ``verify`` says of journal and database; None while the database does not answer."""
    child = soilco2(state, "verify", str(state / "demo" / "sjer.toml"))
    out, _ = child.communicate(timeout=100)
    return None if child.returncode == 2 else out


def wait_for(look: Callable[[], str | None], running: subprocess.Popen[str]) -> str:
    for _ in range(100):
        assert running.poll() is None, running.communicate()[1]
        if (found := look()) is not None:
            return found
    raise AssertionError("it did not come")


def read_from_the_bus(journal: Path) -> int:
    """Readings of the first bus in the journal."""
    from soilco2.storage.errors import StorageError
    from soilco2.storage.journal.reader import JournalReader

    try:
        with JournalReader(journal) as reader:
            return reader.accounting.counters().get("bus1", {}).get("stored", 0)
    except StorageError:
        return 0


def kill_while_it_reads(state: Path, longer_s: float) -> None:
    """Start the demonstration and kill it when it has read its probes again, or so much later [s]."""
    journal = state / "demo" / "journal.sqlite"
    before = read_from_the_bus(journal)
    child = soilco2(state, "demo", "--headless", "--seconds", "300", "--json", "--speed", "30min/1s")
    for _ in range(1200):
        assert child.poll() is None, child.communicate()[1]
        if read_from_the_bus(journal) >= before + 6:
            break
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.1)
    with suppress(subprocess.TimeoutExpired):
        child.wait(longer_s)
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_the_replay_ends_with_the_last_slot_of_the_data() -> None:
    data = load_measured()
    assert data.end_us - data.step_us == END_US
    assert iso_time(END_US) == "2022-06-30T23:30:00Z"  # NEON's files of June end so


def test_a_broker_for_looking_is_called_that_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path))
    demo = Demo(lambda _said: None, "30min/1s")
    notes = {}
    for kind in ("mosquitto", "amqtt"):
        demo.broker = Broker(kind, 1883)
        note = demo.write_station(1883).file.station.note
        assert note is not None
        notes[kind] = note.en, note.zh
    demo.stop()
    assert "amqtt" not in "".join(notes["mosquitto"])
    assert "amqtt is for looking" in notes["amqtt"][0]
    assert "amqtt 只供观看" in notes["amqtt"][1]


@pytest.mark.timeout(300 + 40 * KILLS)
def test_killed_and_started_again_it_loses_and_doubles_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("SOILCO2_SEED", os.getpid()))
    dice = random.Random(seed)
    for _ in range(KILLS):
        kill_while_it_reads(tmp_path, dice.choice([0.0, dice.uniform(0, 3)]))
    told = json.loads(
        finish(soilco2(tmp_path, "demo", "--headless", "--seconds", "12", "--json", "--speed", "30min/1s"))
    )
    assert told["rejected"] == 0
    assert sum(told["samples"].values()) == told["stored"] + told["duplicate"]
    assert {"backfill", "bus1", "bus2", "node3"} <= set(told["samples"])
    if told["waiting"]:
        assert told["forwarded"] > 30_000

    if told["waiting"]:  # source, journal and database: the third place
        third = soilco2(tmp_path, "demo", "--headless", "--seconds", "25", "--speed", "30min/1s")
        compared_with = wait_for(lambda: verified(tmp_path), third)
        assert ": 0 missing, 0 different" in compared_with
        third.send_signal(signal.SIGTERM)
        third.communicate(timeout=60)

    out = tmp_path / "out.csv"
    finish(soilco2(tmp_path, "export", str(tmp_path / "demo" / "sjer.toml"), "-o", str(out)))
    exported = pd.read_csv(out)
    sidecar = json.loads((tmp_path / "out.csv.json").read_text(encoding="utf-8"))
    assert "modelled" in json.dumps(sidecar)
    assert not exported.duplicated(["time_utc", "profile", "position", "variable"]).any()

    source = measured()
    source["time_utc"] = pd.to_datetime(source["time_utc"])
    exported["time_utc"] = pd.to_datetime(exported["time_utc"])
    compared = 0
    for (profile, variable, depth), rows in exported[exported["variable"].isin(RESOLUTION)].groupby(
        ["profile", "variable", exported["depth_m"].fillna(0.0)]
    ):
        plot = {"p003": "003", "p004": "004", "site": "000"}[profile]
        candidates = source[(source["plot"] == plot) & (source["variable"] == variable)]
        if plot != "000":
            distance = (-candidates["depth_m"] - depth).abs()
            candidates = candidates[distance == distance.min()]
            assert distance.min() <= 0.0101
        both = rows.dropna(subset="value").merge(candidates, on="time_utc", suffixes=("", "_in"))
        inside = candidates[candidates["time_utc"] < rows["time_utc"].max()]
        lost = set(inside["time_utc"]) - set(both["time_utc"])
        assert not lost, f"{profile} {variable} {depth}: {sorted(lost)}"
        assert np.allclose(both["value"], both["value_in"], rtol=1e-6, atol=RESOLUTION[variable] * 1.001)
        compared += len(both)
    assert compared > 25_000
    record_property(
        "counts", f"{KILLS} kills of probes, broker and database at work, {compared} readings, none lost"
    )
