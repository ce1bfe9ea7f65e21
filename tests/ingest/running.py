"""A collector as its own process, and what a test asks of the journal and the database beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.publish import publish
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.station import STATION, write_station
from tests.paths import ROOT
from tests.servers import ORG, TOKEN, TOKEN_VARIABLE, InfluxBucket

START_US = 1_793_491_200_000_000
"""2026-11-01T00:00Z, in the past of any machine that runs this."""
TOPIC = f"soilco2/{STATION}/data"
PATIENCE_S = 60.0


def until(
    condition: Callable[[], bool], why: Callable[[], object] = lambda: "", patience_s: float = PATIENCE_S
) -> None:
    """Wait for something other processes bring about."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.02)


def sink_of(bucket: InfluxBucket, **keys: Any) -> dict[str, Any]:
    """The table of a station file for a bucket."""
    table = bucket.table()
    return {"url": table.url, "org": ORG, "bucket": table.bucket, "token": TOKEN_VARIABLE} | keys


def message(number: int, *, node: str = "n") -> bytes:
    """One numbered reading, a second after the one before."""
    reading = Reading("N1", "co2", START_US + number * 1_000_000, 400.0 + number, "ppm")
    return encode_message(STATION, node, number, [reading])


class Collecting:
    """A station in a folder and the collector that runs on it."""

    def __init__(self, folder: Path, port: int, **options: Any) -> None:
        self.folder, self.port = folder, port
        self.file = write_station(folder, port=port, **options)
        self.journal = folder / "journal.sqlite"
        self.log = folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            TOKEN_VARIABLE: TOKEN,
            "SOILCO2_STATE": str(folder / "state"),
            "SOILCO2_CLOCK": "trusted",
        }

    def start(self, *words: str, ready: bool = True, within: Sequence[str] = (), **environment: str) -> None:
        """Start, `within` another program if one is named; by default wait until it listens to the broker."""
        known = self.said().count("listening to the broker")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *within,
                    sys.executable,
                    "-m",
                    "soilco2",
                    "collect",
                    str(self.file),
                    "--log-format",
                    "json",
                    *words,
                ],
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                cwd=ROOT,
            )
        if ready:
            until(lambda: self.said().count("listening to the broker") > known or self.ended, self.said)

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def messages(self) -> list[str]:
        """What the log says, without its frames."""
        return [json.loads(line)["message"] for line in self.said().splitlines()]

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def publish(self, payloads: Iterable[bytes], topic: str = TOPIC) -> None:
        publish(self.port, topic, payloads)

    def reader(self) -> JournalReader:
        return JournalReader(self.journal)

    def counters(self, source: str = "field") -> dict[str, int]:
        try:
            with self.reader() as reader:
                return reader.accounting.counters().get(source, {})
        except StorageError:
            return {}

    def until_in(self, count: int, source: str = "field", *, name: str = "in") -> None:
        """Wait until this many readings were counted; after a kill what was not acknowledged comes in again."""
        until(
            lambda: self.counters(source).get(name, 0) >= count, lambda: (self.counters(source), self.said())
        )

    def balanced(self) -> bool:
        """In = stored + duplicate + rejected, for every source."""
        with self.reader() as reader:
            return all(
                row["in"] == row.get("stored", 0) + row.get("duplicate", 0) + row.get("rejected", 0)
                for row in reader.accounting.counters().values()
                if "in" in row
            )

    def stored(self) -> list[float | None]:
        """Numbers of the samples in the journal, in the order of time."""
        with self.reader() as reader:
            return [sample.raw for sample in reader.samples(0, 2**62)]

    def events(self, kind: str) -> list[str]:
        with self.reader() as reader:
            return [event.text for event in reader.events([kind])]


def held(bucket: InfluxBucket) -> list[float]:
    """Numbers of the points in the database, in the order of time."""
    return [value for series in bucket.query("SELECT co2 FROM soil") for _, value in series["values"]]
