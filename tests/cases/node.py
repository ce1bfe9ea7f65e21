"""A station with one node at p1/d10, its collector and its commands, as the cases of messages and tables need them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.publish import publish
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.running import PATIENCE_S, until
from tests.paths import ROOT

TOPIC = "soilco2/trial/data"
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
[[connection]]
id = "node"
kind = "mqtt"
[mqtt]
host = "127.0.0.1"
port = {port}
[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
[[instrument]]
id = "soil10"
model = "soilco2-node"
serial = "S-010"
connection = "node"
interval = "10min"
channels = ["co2", "soil_temperature"]
[[instrument.installation]]
position = "p1/d10"
from = 2015-01-01
"""
Row = tuple[str, float | None, int, str]
"""Time, value, flag, tests of an observation."""


class Node:
    """The station in a folder.

    Parameters
    ----------
    folder : Path
    port : int
        Of the broker; 1 where none is needed.
    """

    def __init__(self, folder: Path, port: int = 1) -> None:
        self.folder, self.port = folder, port
        self.file = folder / "trial.toml"
        self.file.write_text(STATION.format(port=port), encoding="utf-8")
        self._environment = os.environ | {"SOILCO2_CLOCK": "trusted", "SOILCO2_STATE": str(folder / "state")}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log.txt"

    def run(self, *words: str | Path, code: int = 0) -> str:
        """What a command says."""
        done = subprocess.run(
            [sys.executable, "-m", "soilco2", words[0], self.file, *words[1:]] if words[0] != "parked" else
            [sys.executable, "-m", "soilco2", "parked", words[1], self.file, *words[2:]],
            env=self._environment, capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bring(self, name: str, text: str, *options: str, code: int = 0) -> dict[str, int]:
        """Import a table; what became of its rows."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "soilco2", "import", self.file, path, "--json", *options],
            env=self._environment, capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        self.said = done.stderr
        (found,) = json.loads(done.stdout)["files"]
        ends = ("rows", "stored", "duplicate", "conflict", "rejected")
        assert found["rows"] == sum(found[name] for name in ends[1:]), "every row has its end"
        return {name: found[name] for name in ends}

    def start(self) -> None:
        """Collect; it listens when this returns."""
        said = self.log().count("listening to the broker")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "soilco2", "collect", self.file, "--log-format", "json"],
                env=self._environment, stdin=subprocess.DEVNULL, stderr=log, cwd=ROOT,
            )  # fmt: skip
        until(lambda: self.log().count("listening to the broker") > said, self.log)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the collector."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE_S)
            self._process = None

    def publish(self, *messages: str, came: int) -> dict[str, int]:
        """Publish; the counters of the node once so many readings have come in all."""
        publish(self.port, TOPIC, [message.encode() for message in messages])
        return self.until_in(came)

    def until_in(self, came: int) -> dict[str, int]:
        """The counters of the node once so many readings have come."""
        until(lambda: self.counters().get("in", 0) >= came, lambda: (self.counters(), self.log()))
        found = self.counters()
        assert found["in"] == came == sum(found.get(name, 0) for name in ("stored", "duplicate", "rejected"))
        return found

    def counters(self) -> dict[str, int]:
        try:
            with JournalReader(self.folder / "journal.sqlite") as reader:
                return reader.accounting.counters().get("node", {})
        except StorageError:
            return {}

    def observations(self, variable: str) -> list[Row]:
        """What a variable is, in the order of time."""
        from soilco2.station_config.times import iso

        with JournalReader(self.folder / "journal.sqlite") as reader:
            return [
                (iso(o.time_us), o.value, int(o.flag), o.tests)
                for o in sorted(reader.observations(0, 2**62))
                if o.series.variable == variable
            ]

    def becomes(self, variable: str, expected: list[tuple[float | None, int]]) -> None:
        """Wait until a variable's values and flags are these: what is late is judged after it was kept."""

        def found() -> list[tuple[float | None, int]]:
            return [(value, flag) for _, value, flag, _ in self.observations(variable)]

        until(lambda: found() == expected, found)

    def parked(self) -> list[dict[str, Any]]:
        """What waits."""
        found: list[dict[str, Any]] = json.loads(self.run("parked", "list", "--json"))["parked"]
        return found

    def exported(self) -> list[dict[str, str]]:
        """The table that an export gives."""
        path = self.folder / "out.csv"
        self.run("export", "-o", path, "--force")
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
