"""Real servers for tests: InfluxDB, mosquitto, amqtt, each on a free loopback port with a folder of its own.

A part that is not on the machine skips the tests that need it, by name and with the way to get it; with
``SOILCO2_REQUIRE=all`` in the environment it fails them instead.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import pytest
import urllib3

from soilco2.station_config.tables.influxdb import InfluxdbTable

HOST = "127.0.0.1"
ORG = "tests"
TOKEN_VARIABLE = "SOILCO2_TEST_INFLUX_TOKEN"
TOKEN = "a-token-for-tests-only"
START_S = 30.0
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def missing(part: str, how: str) -> NoReturn:
    """Skip the test that needs `part`, or fail it where everything is required."""
    text = f"{part} is not on this machine: {how}"
    if os.environ.get("SOILCO2_REQUIRE") == "all":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def free_port() -> int:
    """A port that the kernel says is free on loopback."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def influxd_binary() -> str:
    """The real InfluxDB, or the end of the test."""
    cache = Path(
        os.environ.get("SOILCO2_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soilco2"
    )
    built = cache / "influxd-2.7.12"
    found = str(built) if os.access(built, os.X_OK) else shutil.which("influxd", path=_PATH)
    if found is None:
        missing("influxd", "tools/influxd/build.sh builds it (needs Go, Rust and a C compiler)")
    return found


class Server:
    """A process that listens on `port`; it can be stopped, killed and started again on the same state."""

    name = "server"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        """The words that start it on ``self.port``."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def start(self, *, same_port: bool = False) -> None:
        """Start and wait until it answers; a port taken meanwhile is changed, unless it must stay."""
        for attempt in range(3):
            words = list(self.command())
            # a test run that is killed leaves no server behind
            if (setpriv := shutil.which("setpriv")) is not None:
                words = [setpriv, "--pdeathsig", "KILL", *words]
            with (self.folder / "log.txt").open("ab") as log:
                self.process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            deadline = time.monotonic() + START_S
            while self.process.poll() is None and time.monotonic() < deadline:
                if self.ready():
                    return
                time.sleep(0.02)
            self.kill()
            if not same_port and attempt < 2:
                self.port = free_port()
        tail = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-1000:]
        pytest.fail(f"{self.name} did not start:\n{tail}", pytrace=False)

    def _end(self, how: int) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stop(self) -> None:
        """Ask it to stop and wait until it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again on the same port and state."""
        self.start(same_port=True)


class InfluxServer(Server):
    """A real InfluxDB 2.7 that has been set up: organisation `ORG`, token `TOKEN`."""

    name = "influxd"

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self._binary = influxd_binary()
        self._options = options
        self._numbers = itertools.count(1)
        self._http = urllib3.PoolManager(retries=False, timeout=20)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def command(self) -> Sequence[str]:
        return (
            self._binary, "--bolt-path", str(self.folder / "i.bolt"),
            "--sqlite-path", str(self.folder / "i.sqlite"),
            "--engine-path", str(self.folder / "engine"), "--http-bind-address", f"{HOST}:{self.port}",
            "--reporting-disabled", "--log-level", "error", *self._options,
        )  # fmt: skip

    def ready(self) -> bool:
        try:
            return self._http.request("GET", self.url + "/health").status == 200
        except (urllib3.exceptions.HTTPError, OSError):
            return False

    def start(self, *, same_port: bool = False) -> None:
        super().start(same_port=same_port)
        if self.request("GET", "/api/v2/setup")["allowed"]:
            body = {
                "username": "tests",
                "password": "not-a-secret",
                "org": ORG,
                "bucket": "first",
                "token": TOKEN,
            }
            self.request("POST", "/api/v2/setup", body)

    def request(self, method: str, path: str, body: Any = None, **fields: str) -> Any:
        """One call of its API, as the owner; the JSON of the answer."""
        query = "?" + urlencode(fields) if fields else ""
        answer = self._http.request(
            method,
            self.url + path + query,
            headers={"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"},
            body=None if body is None else json.dumps(body).encode(),
        )
        assert answer.status < 300, answer.data
        return json.loads(answer.data) if answer.data else None

    def bucket(self, retention_s: int = 0) -> InfluxBucket:
        """A new empty bucket."""
        name = f"bucket-{next(self._numbers)}"
        org_id = self.request("GET", "/api/v2/orgs", org=ORG)["orgs"][0]["id"]
        rules = [{"type": "expire", "everySeconds": retention_s}] if retention_s else []
        self.request("POST", "/api/v2/buckets", {"orgID": org_id, "name": name, "retentionRules": rules})
        return InfluxBucket(self, name)

    def close(self) -> None:
        """Stop the server and let go of the connections to it."""
        self.stop()
        self._http.clear()


@dataclass(frozen=True)
class InfluxBucket:
    """An empty bucket of a real InfluxDB, and the table of a station file that names it."""

    server: InfluxServer
    name: str

    def table(self, **changes: Any) -> InfluxdbTable:
        """The table ``[influxdb]`` for it; keywords replace keys."""
        keys: dict[str, Any] = {
            "url": self.server.url, "org": ORG, "bucket": self.name, "token": {"env": TOKEN_VARIABLE},
        }  # fmt: skip
        return InfluxdbTable.model_validate(keys | changes)

    def query(self, influxql: str) -> list[dict[str, Any]]:
        """The series that an InfluxQL query finds, times in microseconds."""
        found = self.server.request("GET", "/query", db=self.name, q=influxql, epoch="u")["results"][0]
        assert "error" not in found, found
        series: list[dict[str, Any]] = found.get("series", [])
        return series


class Mosquitto(Server):
    """A real mosquitto with a configuration of its own."""

    name = "mosquitto"

    def __init__(self, folder: Path, *lines: str) -> None:
        super().__init__(folder)
        found = shutil.which("mosquitto", path=_PATH)
        if found is None:
            missing("mosquitto", "on Debian: apt install mosquitto")
        self._binary = found
        self._lines = lines

    def command(self) -> Sequence[str]:
        config = self.folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} {HOST}", "allow_anonymous true", "persistence true",
            f"persistence_location {self.folder}/", "max_queued_messages 0", *self._lines,
        ]  # fmt: skip
        if os.geteuid() == 0:
            lines.append("user root")
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self._binary, "-c", str(config)


class Amqtt(Server):
    """The pure-Python broker (MQTT 3.1.1) in a process of its own."""

    name = "amqtt"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if importlib.util.find_spec("amqtt") is None:
            missing("amqtt", "pip install -c constraints.txt '.[demo]'")

    def command(self) -> Sequence[str]:
        return sys.executable, "-m", "soilco2.cli.demo.amqtt_broker", str(self.port)


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """One real InfluxDB for the whole run; tests that kill it make an `InfluxServer` of their own."""
    server = InfluxServer(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def influx(influxd: InfluxServer, monkeypatch: pytest.MonkeyPatch) -> InfluxBucket:
    """An empty bucket; its token is in the environment."""
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    return influxd.bucket()


@pytest.fixture
def own_influxd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InfluxServer]:
    """A real InfluxDB that this test alone has: it may be killed, restarted, restored."""
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    server = InfluxServer(tmp_path / "influxd")
    server.start()
    yield server
    server.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real mosquitto that this test alone has."""
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def amqtt(tmp_path: Path) -> Iterator[Amqtt]:
    """The broker amqtt that this test alone has."""
    server = Amqtt(tmp_path / "amqtt")
    server.start()
    yield server
    server.stop()
