"""A real InfluxDB that the project's own writer, forwarder and health report have filled, and how Grafana asks it.

Two days of SJER (June 2022) with two stretches flagged by hand, fluxes every two hours, a report of health every five
minutes, and a second station whose tags try to break out of queries.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from click.testing import CliRunner

from soilco2.cli.commands.analyse.flux import command as flux
from soilco2.dashboards.grafana.provision import TOKEN_VARIABLE, files
from soilco2.ingest.forward.forwarder import Forwarder
from soilco2.ingest.health import Health, event_lines, health_lines
from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.influx.line_protocol import encode
from soilco2.storage.influx.sink import InfluxSink
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.teaching.demo import station_text
from tests.servers import ORG, TOKEN, InfluxServer
from tests.servers import TOKEN_VARIABLE as WRITE_VARIABLE

START = 1_654_041_600_000_000
"""2022-06-01T00:00Z."""
DAY = 86_400_000_000
END = START + 2 * DAY
HALF_HOUR = 1_800_000_000
FIVE_MINUTES = 300_000_000

HOSTILE = SeriesKey("sjer' OR '1'='1", "p004' OR '1'='1", 'd08" --', "co2")
POISON = 123_456.0
"""The number of the hostile station: a panel that shows it asked too much."""

SUSPECT = (SeriesKey("sjer", "p004", "d08", "co2"), START + DAY, START + DAY + 3 * HALF_HOUR)
BAD = (SeriesKey("sjer", "p004", "d21", "co2"), START + DAY, START + DAY + 5 * HALF_HOUR)


def station_file(folder: Path, url: str, bucket: str) -> Path:
    """The demonstration's station file with a journal of its own and this database."""
    path = folder / "sjer.toml"
    path.write_text(
        station_text(1883) + '\n[journal]\npath = "journal.sqlite"\n'
        f'\n[influxdb]\nurl = "{url}"\norg = "{ORG}"\nbucket = "{bucket}"\n'
        f'token = {{ env = "{WRITE_VARIABLE}" }}\n',
        encoding="utf-8",
    )
    return path


@dataclass
class Filled:
    """The station, its database, and what was written.

    Parameters
    ----------
    station : Station
    server : InfluxServer
    observations : dict of SeriesKey to list of Observation
        What the journal holds.
    fluxes : dict of SeriesKey to list of (time [µs], value, lower, upper)
    reports : list of Health
    token : str
        May read the bucket and nothing else.
    """

    station: Station
    server: InfluxServer
    observations: dict[SeriesKey, list[Observation]]
    fluxes: dict[SeriesKey, list[tuple[int, float | None, float | None, float | None]]]
    reports: list[Health]
    token: str

    def good(self, profile: str, position: str, variable: str) -> list[tuple[int, float]]:
        """Times [µs] and values that may be shown."""
        rows = self.observations[SeriesKey("sjer", profile, position, variable)]
        return [
            (row.time_us, row.value)
            for row in rows
            if row.flag <= Flag.NOT_EVALUATED and row.value is not None
        ]


def fill(folder: Path, server: InfluxServer) -> Filled:
    """Everything, through the parts that a station has."""
    bucket = server.bucket()
    path = station_file(folder, server.url, bucket.name)
    station = load_station(path)
    with Writer.open(station, now_us=lambda: END) as writer:
        writer.commit([s for batch in backfill_samples(station, START, END) for s in batch])
        writer.flag(SUSPECT[0], SUSPECT[1], SUSPECT[2], Flag.SUSPECT, "test", "a stretch to be seen")
        writer.flag(BAD[0], BAD[1], BAD[2], Flag.BAD, "test", "a stretch to be seen")
    done = CliRunner().invoke(flux, [str(path), "--every", "2h", "--once"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    reports = [health(station, START + n * FIVE_MINUTES, n) for n in range(2 * 288)]
    with Writer.open(station, now_us=lambda: END) as writer:
        forward(station, writer, reports)
    with JournalReader(station.journal_path) as reader:
        observations: dict[SeriesKey, list[Observation]] = {}
        for row in reader.observations(START, END):
            observations.setdefault(row.series, []).append(row)
        fluxes: dict[SeriesKey, list[tuple[int, float | None, float | None, float | None]]] = {}
        for _, key, _, time_us, *numbers in reader.derived_after(0, 100_000):
            fluxes.setdefault(key, []).append((time_us, *numbers))
    sink = InfluxSink(station.file.influxdb[0])
    times = range(START, END, HALF_HOUR)
    sink.write(encode(Observation(HOSTILE, t, POISON, POISON, Flag.GOOD, "", "", "0" * 12) for t in times))
    sink.close()
    return Filled(station, server, observations, fluxes, reports, read_token(server, bucket.name))


def health(station: Station, time_us: int, n: int) -> Health:
    """A report of a station that does well, with numbers that tell moments apart."""
    instruments = [row.id for row in station.file.instrument]
    return Health(
        time_us, 100.0 - n / 288, 10 * 2**30 - n * 2**20, 0.001 * (n % 7), 12.0 + 0.01 * (n % 50),
        {name: float(60 + 10 * number + n % 6) for number, name in enumerate(instruments)},
        {name: 200.0 - number - n / 288 for number, name in enumerate(instruments[:5])},
        {(instruments[0], "timeout"): n // 12, (instruments[1], "crc"): n // 24},
    )  # fmt: skip


def forward(station: Station, writer: Writer, reports: list[Health]) -> None:
    """Send the journal and the reports, as the collector's forwarder does."""
    one = Forwarder(
        station.file.influxdb[0], station.journal_path, writer.move_cursor, lambda: END, linger_s=0.0,
        whole=lambda: open_journal(station),
    )  # fmt: skip
    waiting = [
        health_lines(station, report, n % 40, report.time_us - 1_000_000) for n, report in enumerate(reports)
    ]
    with JournalReader(station.journal_path) as reader:
        one.offer(event_lines(station, reader.events()))
    for first in range(0, len(waiting), 100):
        one.offer(b"\n".join(waiting[first : first + 100]))
    one.start()
    assert one.wait_idle(60), one.status()
    one.stop()
    one.join(30)
    assert one.failure is None, one.failure


def read_token(server: InfluxServer, bucket: str) -> str:
    """A token that may read one bucket, as docs/howto/grafana.md makes it."""
    found = server.request("GET", "/api/v2/buckets", name=bucket)["buckets"][0]
    right = {"type": "buckets", "id": found["id"], "orgID": found["orgID"]}
    made = server.request(
        "POST",
        "/api/v2/authorizations",
        {
            "orgID": found["orgID"],
            "description": "grafana",
            "permissions": [{"action": "read", "resource": right}],
        },
    )
    return str(made["token"])


class Asker:
    """Asks a database what a panel of Grafana would, by the provisioned data source.

    Parameters
    ----------
    found : Filled
    """

    def __init__(self, found: Filled) -> None:
        document = yaml.safe_load(files([found.station])["datasources/soilco2.yaml"])
        self.source = document["datasources"][0]
        assert self.source["access"] == "proxy"
        name, value = (
            self.source["jsonData"]["httpHeaderName1"],
            self.source["secureJsonData"]["httpHeaderValue1"],
        )
        environment = {**os.environ, TOKEN_VARIABLE: found.token}
        self.headers = {name: re.sub(r"\$\{(\w+)\}", lambda seen: environment[seen[1]], value)}
        self._http = urllib3.PoolManager(retries=False, timeout=30)

    def close(self) -> None:
        self._http.clear()

    def raw(self, query: str, *, database: str = "") -> list[dict[str, Any]]:
        """The series that InfluxQL finds, times in milliseconds."""
        answer = self._http.request(
            self.source["jsonData"]["httpMode"], self.source["url"] + "/query", headers=self.headers,
            fields={"db": database or self.source["jsonData"]["dbName"], "q": query, "epoch": "ms"},
        )  # fmt: skip
        body = json.loads(answer.data)
        assert answer.status == 200, body
        result = body["results"][0]
        assert "error" not in result, (query, result)
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def panel(self, query: str, interval: str, **variables: str) -> list[dict[str, Any]]:
        """What a panel's query finds over the two days."""
        return self.raw(rendered(query, START, END, interval, **variables))


def rendered(query: str, start_us: int, end_us: int, interval: str, **variables: str) -> str:
    """A query as Grafana sends it: its macros, and template variables in the formats it documents."""
    text = query.replace("$timeFilter", f"time >= {start_us // 1000}ms and time < {end_us // 1000}ms")
    text = text.replace("$__interval", interval)

    def value(seen: re.Match[str]) -> str:
        word = variables[seen[1]]
        if seen[2] == "singlequote":
            return "'" + word.replace("'", "\\'") + "'"
        assert seen[2] == "regex", seen[0]
        return re.sub(r"([^\w\s])", r"\\\1", word)

    text = re.sub(r"\$\{(\w+):(\w+)\}", value, text)
    assert "$" not in text.replace("$/", ""), text
    return text


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those in closed rows too."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def values(series: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Times [µs] and numbers of the only series."""
    (one,) = series
    return [(row[0] * 1000, row[1]) for row in one["values"]]


__all__ = ["TOKEN", "Asker", "Filled", "fill", "panels", "rendered", "values"]
