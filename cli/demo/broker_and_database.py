"""The real parts a demo finds on the machine: a broker and an InfluxDB, started on loopback with their own folders."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from soilco2.cli.demo.reaper import Reaper
from soilco2.station_config.message import Message

LOOPBACK = "127.0.0.1"
START_S = 20.0
"""How long a part may take to answer [s]."""
INFLUXD_VERSION = "2.7.12"


class Broker(NamedTuple):
    """A broker that answers."""

    kind: str
    port: int


class Influx(NamedTuple):
    """An InfluxDB that answers; `secret` is how a station file names the token: never the token itself."""

    kind: str
    url: str
    org: str
    bucket: str
    secret: str


def free_port(wanted: int | None = None) -> int:
    """`wanted` when it is free, else a free port of the kernel's choice."""
    for port in (wanted, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(Message("no free port on loopback"))


def _answers(port: int, child: Popen[bytes]) -> bool:
    end = time.monotonic() + START_S
    while time.monotonic() < end and child.poll() is None:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _find(name: str) -> str | None:
    return shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )


def start_broker(folder: Path, reaper: Reaper, wanted: int | None) -> Broker | None:
    """Start mosquitto, else amqtt; None when neither is here or answers.

    Parameters
    ----------
    folder : Path
        Where the broker keeps its state and its log.
    reaper : Reaper
    wanted : int or None
        The port of the last time.
    """
    port = free_port(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    program = _find("mosquitto")
    if program is not None:
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 10\nmax_queued_messages 100000\n"
            + ("user root\n" if os.geteuid() == 0 else ""),
            encoding="utf-8",
        )
        words, kind = [program, "-c", str(config)], "mosquitto"
    else:
        words, kind = [sys.executable, "-m", "soilco2.cli.demo.amqtt_broker", str(port)], "amqtt"
        try:
            import amqtt  # noqa: F401
        except ImportError:
            return None
    with (folder / "broker.log").open("ab") as log:
        child = reaper.start("broker", words, stdout=log, stderr=log)
    return Broker(kind, port) if _answers(port, child) else None


def start_influx(folder: Path, reaper: Reaper, wanted: int | None) -> Influx | None:
    """The InfluxDB of the environment, else one started here; None when there is none.

    The environment's is named by ``SOILCO2_INFLUX_URL``, ``_ORG``, ``_BUCKET`` and ``_TOKEN``.
    """
    given = [os.environ.get(f"SOILCO2_INFLUX_{name}", "") for name in ("URL", "ORG", "BUCKET", "TOKEN")]
    if all(given):
        return Influx(
            Message("given by the environment"),
            given[0],
            given[1],
            given[2],
            '{ env = "SOILCO2_INFLUX_TOKEN" }',
        )
    cache = Path(
        os.environ.get("SOILCO2_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soilco2"
    )
    built = cache / f"influxd-{INFLUXD_VERSION}"
    program = _find("influxd") or (str(built) if os.access(built, os.X_OK) else None)
    if program is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port(wanted)
    with (folder / "influxd.log").open("ab") as log:
        child = reaper.start(
            "influxd",
            [program, "--bolt-path", str(folder / "influxd.bolt"), "--sqlite-path", str(folder / "influxd.sqlite"),
             "--engine-path", str(folder / "engine"), "--http-bind-address", f"{LOOPBACK}:{port}",
             "--reporting-disabled", "--log-level", "error"],
            stdout=log, stderr=log,
        )  # fmt: skip
    if not _answers(port, child):
        return None
    secret = folder / "token"
    if not secret.exists():
        handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(32))
    token = secret.read_text(encoding="utf-8").strip()
    url = f"http://{LOOPBACK}:{port}"
    named = f"{{ file = {json.dumps(str(secret))} }}"
    return (
        Influx(Message("influxd on this machine"), url, "demo", "soil", named)
        if _set_up(url, token)
        else None
    )


def _set_up(url: str, token: str) -> bool:
    """Make user, organisation, bucket and token on first use; True when the database is ready."""
    body = {
        "username": "demo",
        "password": secrets.token_urlsafe(16),
        "org": "demo",
        "bucket": "soil",
        "token": token,
    }
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/api/v2/setup", timeout=5) as answer:  # noqa: S310
                if not json.load(answer)["allowed"]:
                    return True
            request = urllib.request.Request(  # noqa: S310 - a loopback address made above
                f"{url}/api/v2/setup", json.dumps(body).encode(), {"content-type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310
                return True
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.2)
    return False
