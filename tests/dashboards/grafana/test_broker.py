"""A shared broker: the real mosquitto on deploy/mosquitto.conf under TLS, two stations that must not see each other."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from click.testing import CliRunner, Result
from paho.mqtt.enums import CallbackAPIVersion

from soilco2.cli.broker import BrokerFilesError, accounts, fits, hashed
from soilco2.cli.main import cli
from soilco2.ingest.clock.system import SystemClock
from soilco2.ingest.transports.mqtt import Subscriber
from soilco2.station_config.connections.mqtt import MqttConnection
from soilco2.station_config.connections.over_mqtt import meet
from soilco2.station_config.loader import Station, load_station
from tests.paths import ROOT
from tests.servers import _PATH, HOST, Server, missing

DEPLOY = ROOT / "deploy"
PATIENCE_S = 60.0

STATION = """
[station]
id = "{id}"
name = "{id}"
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "UTC"

[[connection]]
id = "north"
kind = "mqtt"
{topic}

[mqtt]
host = "localhost"
port = {port}
tls = true
ca_file = "{folder}/tls/ca.crt"
{user}
"""


def station(folder: Path, name: str, *, port: int = 8883, topic: str = "", user: str | None = None) -> Path:
    """A station file for the shared broker."""
    path = folder / f"{name}.toml"
    account = user or f"soilco2-{name}"
    secret = json.dumps(f"{folder}/broker/secrets/{account}")
    login = f"username = {json.dumps(account)}\npassword = {{ file = {secret} }}"
    line = f"topic = {json.dumps(topic)}" if topic else ""
    path.write_text(
        STATION.format(id=name, port=port, folder=folder, topic=line, user=login), encoding="utf-8"
    )
    return path


def run(folder: Path, *words: Path | str) -> Result:
    return CliRunner().invoke(cli, ["broker", str(folder), *map(str, words)])


class Shared(Server):
    """mosquitto on the project's own configuration, with the container's paths turned into a folder's."""

    name = "mosquitto"

    def __init__(self, folder: Path, home: Path) -> None:
        super().__init__(folder)
        found = shutil.which("mosquitto", path=_PATH)
        if found is None:
            missing("mosquitto", "on Debian: apt install mosquitto")
        self._binary, self._home = found, home

    def command(self) -> Sequence[str]:
        text = (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")
        for inside, outside in (
            ("/mosquitto/accounts", self._home / "broker" / "config"),
            ("/mosquitto/tls", self._home / "tls"),
            ("/mosquitto/data", self._home / "broker" / "data"),
        ):
            assert inside in text
            text = text.replace(inside, str(outside))
        text = text.replace("listener 8883", f"listener {self.port} {HOST}")
        if os.geteuid() == 0:
            text += "user root\n"
        config = self.folder / "mosquitto.conf"
        config.write_text(text, encoding="utf-8")
        return self._binary, "-c", str(config)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates made by the project's own script."""
    if shutil.which("openssl") is None:
        missing("openssl", "on Debian: apt install openssl")
    folder = tmp_path_factory.mktemp("tls")
    done = subprocess.run(
        [DEPLOY / "certificates.sh", str(folder), "broker.example.org", "192.0.2.7"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def home(tmp_path: Path, tls: Path) -> Path:
    shutil.copytree(tls, tmp_path / "tls")
    return tmp_path


@pytest.fixture
def broker(home: Path) -> Iterator[Shared]:
    """The broker with the accounts of stations dune and yulin."""
    one = Shared(home / "run", home)
    assert run(home / "broker", station(home, "dune"), station(home, "yulin")).exit_code == 0
    one.start()
    for name in ("dune", "yulin"):
        station(home, name, port=one.port)
    yield one
    one.stop()


class Guests:
    """Subscribers and publishers that leave when the test is over."""

    def __init__(self, home: Path, broker: Shared) -> None:
        self.home, self.broker = home, broker
        self._subscribers: list[Subscriber] = []
        self._clients: list[mqtt.Client] = []

    def collector(self, name: str) -> Subscriber:
        """The collector's own side of a station, as its file says."""
        loaded = load_station(self.home / f"{name}.toml")
        table = loaded.file.mqtt
        assert table is not None
        topics = {
            row.topic or f"soilco2/{name}/data": row.id
            for row in loaded.file.connection
            if isinstance(row, MqttConnection)
        }
        one = Subscriber(
            table, name, topics, SystemClock(), on_messages=lambda: None, on_event=lambda *_: None
        )
        self._subscribers.append(one)
        one.start()
        until(lambda: one.status()["state"] == "connected", lambda: one.status())
        return one

    def client(
        self, user: str | None, password: str | None = None, *, client_id: str = "", ca: Path | None = None
    ) -> Guest:
        """A node, or somebody who says to be one."""
        one = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        self._clients.append(one)
        one.tls_set(ca_certs=str(self.home / "tls" / "ca.crt"))
        if user is not None:
            secret = password or (self.home / "broker" / "secrets" / user).read_text(encoding="utf-8").strip()
            one.username_pw_set(user, secret)
        return Guest(one, self.broker.port)

    def close(self) -> None:
        for one in self._subscribers:
            one.stop()
        for one in self._subscribers:
            one.join(20)
        for client in self._clients:
            client.disconnect()
            client.loop_stop()
            # paho closes its last sockets when nothing refers to the client any more
            client.on_connect = client.on_message = client.on_subscribe = client.on_publish = None
        self._clients.clear()


class Guest:
    """One client of the broker."""

    def __init__(self, client: mqtt.Client, port: int) -> None:
        self._client = client
        self.answer: str = ""
        self.heard: list[bytes] = []
        self._said = threading.Event()
        self._done = threading.Event()

        def connected(_c: object, _u: object, _f: object, reason: object, _p: object) -> None:
            self.answer = str(reason)
            self._said.set()

        client.on_connect = connected
        client.on_message = lambda _c, _u, message: self.heard.append(message.payload)
        client.on_subscribe = lambda *_: self._done.set()
        client.on_publish = lambda *_: self._done.set()
        client.connect("localhost", port, 60)
        client.loop_start()
        assert self._said.wait(PATIENCE_S)

    def publish(self, topic: str, payload: bytes) -> None:
        """Until the broker has acknowledged, which it does whether it may be heard or not."""
        self._done.clear()
        self._client.publish(topic, payload, qos=1)
        assert self._done.wait(PATIENCE_S)

    def subscribe(self, topic: str) -> None:
        self._done.clear()
        self._client.subscribe(topic, qos=1)
        assert self._done.wait(PATIENCE_S)


def until(condition: Callable[[], bool], why: Callable[[], object] = lambda: "") -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.02)


@pytest.fixture
def guests(home: Path, broker: Shared) -> Iterator[Guests]:
    made = Guests(home, broker)
    yield made
    made.close()


def taken(collector: Subscriber, count: int) -> list[bytes]:
    """Wait for this many messages."""
    found: list[bytes] = []

    def enough() -> bool:
        if (batch := collector.take()) is not None:
            found.extend(bytes(message.payload) for message in batch.messages)
            collector.acknowledge(batch)
        return len(found) >= count

    until(enough, lambda: found)
    return found


@pytest.mark.mosquitto
def test_each_station_hears_its_own_nodes_and_no_others(guests: Guests) -> None:
    dune, yulin = guests.collector("dune"), guests.collector("yulin")
    node, foreign = guests.client("dune.north"), guests.client("yulin.north")
    assert (node.answer, foreign.answer) == ("Success", "Success")
    foreign.publish("soilco2/dune/data", b"forged")
    foreign.publish("soilco2/yulin/data", b"yulin's")
    node.publish("soilco2/dune/data", b"dune's")
    node.publish("soilco2/yulin/data", b"forged")
    # the broker keeps order: what was forged first would have come first
    node.publish("soilco2/dune/data", b"end")
    foreign.publish("soilco2/yulin/data", b"end")
    assert taken(dune, 2) == [b"dune's", b"end"]
    assert taken(yulin, 2) == [b"yulin's", b"end"]


@pytest.mark.mosquitto
def test_nobody_listens_in(guests: Guests, home: Path) -> None:
    node = guests.client("dune.north")
    mine = guests.collector("dune")
    for name in ("yulin.north", "dune.north"):
        spy = guests.client(name) if name != "dune.north" else node
        for topic in ("#", "soilco2/#", "soilco2/dune/data", "$SYS/#"):
            spy.subscribe(topic)
        node.publish("soilco2/dune/data", b"secret")
        assert taken(mine, 1) == [b"secret"]
        spy.publish("soilco2/yulin/data", b"x")
        assert spy.heard == []


@pytest.mark.mosquitto
def test_a_session_cannot_be_taken_over_by_its_client_id(guests: Guests) -> None:
    dune = guests.collector("dune")
    thief = guests.client("yulin.north", client_id="soilco2-dune")
    assert thief.answer == "Success"
    node = guests.client("dune.north")
    node.publish("soilco2/dune/data", b"1")
    assert taken(dune, 1) == [b"1"]
    assert dune.status()["connections"] == 1
    assert thief.heard == []


@pytest.mark.mosquitto
def test_without_account_or_password_nobody_comes_in(guests: Guests) -> None:
    for user, password in ((None, None), ("dune.north", "guess"), ("nobody", "guess")):
        assert guests.client(user, password).answer == "Not authorized"


@pytest.mark.mosquitto
def test_the_line_is_encrypted_and_the_broker_proves_who_it_is(broker: Shared, home: Path, tls: Path) -> None:
    hello = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
    with (
        socket.create_connection((HOST, broker.port), PATIENCE_S) as plain,
        contextlib.suppress(ConnectionError),
    ):
        plain.sendall(hello)
        assert not plain.recv(4).startswith(b"\x20")  # no CONNACK without TLS

    def shake(ca: Path, name: str) -> str | None:
        context = ssl.create_default_context(cafile=str(ca))
        with (
            socket.create_connection((HOST, broker.port), PATIENCE_S) as line,
            context.wrap_socket(line, server_hostname=name) as wrapped,
        ):
            return wrapped.version()

    assert shake(tls / "ca.crt", "broker.example.org") in ("TLSv1.2", "TLSv1.3")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(tls / "ca.crt", "another.example.org")
    subprocess.run([DEPLOY / "certificates.sh", str(home / "other"), "x"], check=True, capture_output=True)
    with pytest.raises(
        ssl.SSLCertVerificationError, match=r"unable to get local issuer|self.signed|signature"
    ):
        shake(home / "other" / "ca.crt", "localhost")


@pytest.mark.mosquitto
def test_a_new_station_is_let_in_while_the_broker_runs(guests: Guests, home: Path, broker: Shared) -> None:
    result = run(
        home / "broker", *(station(home, name, port=broker.port) for name in ("dune", "yulin", "oasis"))
    )
    assert result.exit_code == 0
    assert result.stdout.count("(new password)") == 2
    assert broker.process is not None
    broker.process.send_signal(signal.SIGHUP)
    until(lambda: guests.client("oasis.north").answer == "Success")
    assert guests.client("dune.north").answer == "Success"


@pytest.mark.mosquitto
def test_what_waits_survives_a_restart_of_the_broker(guests: Guests, broker: Shared) -> None:
    dune = guests.collector("dune")
    dune.stop()
    dune.join(20)
    guests.client("dune.north").publish("soilco2/dune/data", b"while it was away")
    broker.stop()
    broker.restart()
    assert taken(guests.collector("dune"), 1) == [b"while it was away"]


def test_mosquittos_own_tool_makes_hashes_that_we_know(tmp_path: Path) -> None:
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        missing("mosquitto_passwd", "on Debian: apt install mosquitto")
    path = tmp_path / "passwords"
    subprocess.run([tool, "-b", "-c", str(path), "u", "a pass:word"], check=True, capture_output=True)
    line = path.read_text(encoding="utf-8").strip().removeprefix("u:")
    assert line.startswith("$7$101$")
    assert fits("a pass:word", line)
    assert not fits("a pass:wor", line)
    assert re.fullmatch(r"\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==", hashed("x"))


def test_files_are_private_and_the_same_the_second_time(tmp_path: Path) -> None:
    folder, one = tmp_path / "broker", station(tmp_path, "dune")
    assert "(new password)" in run(folder, one).stdout
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert {str(p.relative_to(folder)) for p in before} == {
        "config/passwords", "config/acl", "secrets/dune.north", "secrets/soilco2-dune",
    }  # fmt: skip
    assert {stat.S_IMODE(p.stat().st_mode) for p in before} == {0o600}
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    passwords = [p.read_text(encoding="utf-8").strip() for p in before if p.parent.name == "secrets"]
    assert len(set(passwords)) == 2
    assert all(len(p) == 32 for p in passwords)
    config = b"".join(body for p, body in before.items() if p.parent.name == "config")
    assert not [p for p in passwords if p.encode() in config]
    again = run(folder, one, "--json")
    assert json.loads(again.stdout)["new"] == []
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    (folder / "secrets" / "dune.north").unlink()
    renewed = run(folder, one, "--json")
    assert json.loads(renewed.stdout)["new"] == ["dune.north"]
    assert not [p for p in passwords if p in renewed.stdout]


def test_what_the_station_file_lacks_is_said(tmp_path: Path) -> None:
    path = station(tmp_path, "dune")
    assert run(tmp_path / "broker", path).stderr == ""
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^(username|password|tls) = .*\n?", "", text), encoding="utf-8")
    (line,) = run(tmp_path / "broker", path).stderr.splitlines()
    assert line == (
        'station dune: its table [mqtt] needs username = "soilco2-dune", password = { file = '
        f'"{tmp_path}/broker/secrets/soilco2-dune" }} and tls = true'
    )


def test_the_access_file_gives_each_account_its_topics(tmp_path: Path) -> None:
    run(
        tmp_path / "broker",
        station(tmp_path, "dune"),
        station(tmp_path, "yulin", topic="shed/+/data", user="y@lab"),
    )
    text = (tmp_path / "broker" / "config" / "acl").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in text.split("\n\n")[1:]]
    assert blocks == [
        ["user dune.north", "topic write soilco2/dune/data"],
        ["user soilco2-dune", "topic read soilco2/dune/data"],
        ["user yulin.north", "topic write shed/+/data"],
        ["user y@lab", "topic read shed/+/data"],
    ]


def refused(folder: Path, *files: Path) -> str:
    result = run(folder / "broker", *files)
    assert result.exit_code == 2, result.output
    assert not (folder / "broker").exists()
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("soilco2/yulin/data", "meets 'soilco2/yulin/data' of station yulin"),
        ("soilco2/+/data", "meets 'soilco2/yulin/data' of station yulin"),
        ("soilco2/#", "meets 'soilco2/yulin/data' of station yulin"),
        ("#", "reaches into other stations"),
        ("+/yulin/data", "reaches into other stations"),
        ("$SYS/broker", "reaches into other stations or the broker"),
        ("a\nuser root\ntopic readwrite #", "is no topic of MQTT"),
        ("a/b#", "is no topic of MQTT"),
        ("a/#/b", "is no topic of MQTT"),
        ("a\tb", "is no topic of MQTT"),
    ],
)
def test_no_topic_lets_one_station_into_another(tmp_path: Path, topic: str, said: str) -> None:
    assert said in refused(tmp_path, station(tmp_path, "yulin"), station(tmp_path, "dune", topic=topic))


@pytest.mark.parametrize("user", ["a:b", "a b", "a\nb", "../x", "..", "#", "ü", "a" * 65])
def test_no_user_name_breaks_the_files(tmp_path: Path, user: str) -> None:
    assert "cannot be an account of the broker" in refused(tmp_path, station(tmp_path, "dune", user=user))


def test_accounts_are_never_shared(tmp_path: Path) -> None:
    one, other = station(tmp_path, "dune"), station(tmp_path, "yulin", user="soilco2-dune")
    assert "would share the account 'soilco2-dune'" in refused(tmp_path, one, other)
    assert "would share the account" in refused(tmp_path, one, one)


def test_a_station_without_mqtt_and_a_folder_in_a_repository(tmp_path: Path) -> None:
    path = station(tmp_path, "dune")
    text = path.read_text(encoding="utf-8")
    bare = tmp_path / "bare.toml"
    bare.write_text(text[: text.index("[[connection]]")], encoding="utf-8")
    assert "has no [[connection]] of kind 'mqtt'" in refused(tmp_path, bare)
    inside = tmp_path / "clone"
    (inside / ".git").mkdir(parents=True)
    result = run(inside / "deploy" / "broker", path)
    assert result.exit_code == 2
    assert "keep passwords outside of repositories" in result.stderr
    assert not (inside / "deploy").exists()
    blocked = tmp_path / "blocked"
    blocked.write_text("", encoding="utf-8")
    result = run(blocked / "x", path)
    assert "cannot be read or written" in result.stderr


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a/b", "a/b", True), ("a/+", "a/b", True), ("a/#", "a", True), ("a/#", "a/b/c", True), ("a/b", "a/c", False),
        ("a/b", "a/b/c", False), ("+/b", "a/+", True), ("a/+/c", "a/b/d", False), ("a/b/#", "a/+", True),
    ],
)  # fmt: skip
def test_filters_that_meet(one: str, other: str, same: bool) -> None:
    """By MQTT 3.1.1, section 4.7: ``+`` is one level, ``#`` all below and the level itself."""
    assert meet(one, other) is same
    assert meet(other, one) is same


def test_the_base_install_is_enough() -> None:
    """Neither the page's packages nor the analysis' are needed for accounts; PyYAML waits until a file is written."""
    code = (
        "import sys, soilco2.cli.broker, soilco2.dashboards.grafana.provision\n"
        "print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"starlette", "uvicorn", "grafana_api", "requests", "numpy", "pandas", "yaml"} & set(loaded)


def test_the_page_is_served_without_pyyaml() -> None:
    """Neither its server nor its framework brings it in."""
    code = (
        "import sys, soilco2.dashboards.live.app, soilco2.dashboards.web.server\n"
        "print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"starlette", "uvicorn"} <= loaded
    assert "yaml" not in loaded


def test_the_error_is_told_of_the_library_too(tmp_path: Path) -> None:
    loaded: Station = load_station(station(tmp_path, "dune", topic="#"))
    with pytest.raises(BrokerFilesError, match="begin it with a word of your own"):
        accounts([loaded])


def test_certificates_name_the_broker_and_are_kept(tls: Path, tmp_path: Path) -> None:
    before = (tls / "server.crt").read_bytes()
    said = subprocess.run(
        [DEPLOY / "certificates.sh", str(tls), "x"], capture_output=True, text=True, check=True
    )
    assert (tls / "server.crt").read_bytes() == before
    assert "server.crt" in said.stdout
    text = subprocess.run(
        ["openssl", "x509", "-in", str(tls / "server.crt"), "-noout", "-ext", "subjectAltName"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in ("DNS:broker.example.org", "IP Address:192.0.2.7", "DNS:localhost", "DNS:mosquitto"):
        assert name in text
    assert stat.S_IMODE((tls / "server.key").stat().st_mode) == 0o600
    for words in ([], [str(tmp_path / "t")], [str(tmp_path / "t"), "a b;c"]):
        assert subprocess.run([DEPLOY / "certificates.sh", *words], capture_output=True).returncode == 2
