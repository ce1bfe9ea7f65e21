"""Stations of true probes from the catalogue, samples, and the measured month that the tests use."""

from __future__ import annotations

import csv
import gzip
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from soilco2.quality.dependence import Dependence
from soilco2.quality.pipeline import Late, Pipeline
from soilco2.quality.plans import ManualFlag, StationPlan
from soilco2.quality.records import Observation, Sample, SeriesKey
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.loader import Station, load_station
from tests.paths import ROOT

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
T0 = 1_654_041_600_000_000
"""2022-06-01T00:00:00Z [µs]"""

HEAD = """
[station]
id = "s"
name = "s"
latitude = 37.1
longitude = -119.7
altitude_m = 1000
timezone = "UTC"
[[connection]]
id = "bus"
kind = "modbus-rtu"
port = "/dev/ttyS9"
baudrate = 9600
[[profile]]
id = "p"
position = [{ id = "d2", depth_m = 0.02 }, { id = "d8", depth_m = 0.08 }, { id = "air", depth_m = -0.5 }]
"""

_ADDRESS = {"C1": 11, "C2": 14, "S1": 12, "S2": 15, "B1": 13}


def probe(
    model: str,
    serial: str,
    position: str,
    *,
    interval: str = "60s",
    more: str = "",
    installed: str = "2020-01-01",
) -> str:
    """An instrument of the station file; `more` are further keys of it."""
    return f"""
[[instrument]]
id = "{serial}"
model = "{model}"
serial = "{serial}"
connection = "bus"
address = {_ADDRESS[serial]}
interval = "{interval}"
{more}
[[instrument.installation]]
position = "{position}"
from = {installed}
"""


def co2(serial: str = "C1", position: str = "p/d2", **more: str) -> str:
    """A GMP252: thermometer inside, no barometer."""
    return probe("vaisala-gmp252", serial, position, **more)


def soil(serial: str = "S1", position: str = "p/d2", **more: str) -> str:
    """A soil probe of family A: water, temperature, conductivity not compensated."""
    return probe("cwt-soil-thc-s", serial, position, **more)


def barometer(serial: str = "B1", **more: str) -> str:
    """A barometer."""
    return probe("linovision-iot-s300ap", serial, "site", **more)


@lru_cache(maxsize=64)
def station(*parts: str) -> Station:
    """A station of these parts of a station file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "station.toml"
        path.write_text("\n".join((HEAD, *parts)), encoding="utf-8")
        return load_station(path)


def sample(serial: str, channel: str, time_us: int, raw: float | None, status: str = "") -> Sample:
    """What a probe said, at its slot."""
    return Sample(serial, channel, time_us, raw, status, None, time_us, time_us, "boot", "bus")


def raw_of(deployments: Deployments, serial: str, channel: str, value: float) -> float:
    """The whole number a register holds for a value in the canonical unit."""
    found = deployments.channel(serial, channel)
    assert found is not None
    raw = (value - found.b) / found.a
    return float(round(raw)) if found.spec.at.type != "float32" else raw


def key(position: str, variable: str) -> SeriesKey:
    """A series of the station ``s``: ``"p/d2"`` or ``"site"``."""
    profile, _, name = position.partition("/")
    return SeriesKey("s", profile, name, variable)


def pipeline(place: Station, manual: Sequence[ManualFlag] = ()) -> Pipeline:
    """A fresh pipeline of a station."""
    return Pipeline(StationPlan(place.deployments, place.hash, manual))


def fed(place: Station, samples: Iterable[Sample], manual: Sequence[ManualFlag] = ()) -> Store:
    """What one call makes of samples that come in the order of time."""
    outcome = pipeline(place, manual).feed(list(samples))
    assert outcome.late == []
    return Store(outcome.observations)


class Store(dict[tuple[SeriesKey, int], Observation]):
    """Observations by series and time; a later one replaces an earlier one."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        super().__init__()
        self.add(observations)

    def add(self, observations: Iterable[Observation]) -> None:
        """Take observations in."""
        for row in observations:
            self[row.series, row.time_us] = row

    def of(self, series: SeriesKey) -> list[Observation]:
        """One series, oldest first."""
        return sorted((row for row in self.values() if row.series == series), key=lambda row: row.time_us)

    def flags(self, series: SeriesKey) -> list[int]:
        """The flags of one series, oldest first."""
        return [int(row.flag) for row in self.of(series)]

    def tests(self, series: SeriesKey) -> list[str]:
        """The failed tests of one series, oldest first."""
        return [row.tests for row in self.of(series)]


class Writer:
    """The part of the journal's writer that the pipeline counts on: keep samples, upsert, judge what is late.

    Parameters
    ----------
    prompt : bool
        Whether what is late is judged after each commit; else `judge` does it.
    """

    def __init__(self, place: Station, manual: Sequence[ManualFlag] = (), *, prompt: bool = True) -> None:
        self.place = place
        self.manual = manual
        self.prompt = prompt
        self.pipeline = pipeline(place, manual)
        self.samples: dict[tuple[str, str, int], Sample] = {}
        self.store = Store()
        self.waiting: list[Late] = []
        self.made_again = 0

    def _between(self, start_us: int, end_us: int) -> list[Sample]:
        found = [row for row in self.samples.values() if start_us <= (row.time_us or 0) < end_us]
        return sorted(found, key=lambda row: row.time_us or 0)

    def _newest(self) -> int:
        return max(row.time_us or 0 for row in self.samples.values())

    def commit(self, samples: Sequence[Sample]) -> None:
        """One transaction."""
        for row in samples:
            assert row.time_us is not None
            self.samples[row.serial, row.channel, row.time_us] = row
        outcome = self.pipeline.feed(samples)
        self.store.add(outcome.observations)
        self.waiting += outcome.late
        if self.prompt:
            self.judge()

    def judge(self, count: int = 1 << 62) -> None:
        """Judge some of what is late in one pass, the oldest first."""
        self.waiting.sort(key=lambda row: row.from_us)
        some, self.waiting = self.waiting[:count], self.waiting[count:]
        if not some:
            return
        self.made_again += 1
        plan = self.pipeline._plan
        hangs = Dependence(plan, {row[:2] for row in self.samples})
        scope = hangs.scope({row[:2] for row in some})
        again = Pipeline(plan, scope.channels)
        start_us = some[0].from_us
        end_us = max(row.until_us for row in some)
        rows = self._between(start_us - scope.lookback_us, end_us + scope.lookahead_us)
        made = again.again(
            [row for row in rows if (row.serial, row.channel) in scope.channels]
        ).observations()
        self.store.add(o for o in made if start_us <= o.time_us < end_us and o.series in scope.series)
        waits = {row[:2] for row in self.waiting}
        level = self.pipeline.level(again, scope.series)
        known = [key for key in level if not hangs.needed(key) & waits]
        self.pipeline.take_over(again, known, start_us)

    def restart(self) -> None:
        """A new process: prime the pipeline with what the journal holds of the last while."""
        since = self._newest() - self.pipeline.lookback_us
        self.pipeline = pipeline(self.place, self.manual)
        self.pipeline.prime(self._between(since, self._newest() + 1), since)


def data_folder(name: str) -> Path:
    """Folder of a measured data set: in the project, else where SOILCO2_DATA says."""
    here = ROOT / "teaching" / "data"
    places = (here, Path(os.environ.get("SOILCO2_DATA", here)))
    for place in places:
        if (place / name).is_dir():
            return place / name
    raise FileNotFoundError(f"data set {name} is in none of {', '.join(map(str, places))}")


@lru_cache(maxsize=16)
def neon(file: str, plot: str, level: str) -> dict[int, float]:
    """Measured half-hourly values of SJER, June 2022, by time [µs]; missing ones left out."""
    path = data_folder("neon_sjer_2022_06") / f"{file}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as rows:
        return {
            int(datetime.fromisoformat(row["time_utc"]).timestamp()) * SECOND: float(row["value"])
            for row in csv.DictReader(rows)
            if row["plot"] == plot and row["level"] == level and row["value"]
        }
