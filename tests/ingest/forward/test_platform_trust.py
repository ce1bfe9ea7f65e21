"""Platforms that must prove who they are, that go away, and a collector that is killed while it sends."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soilco2.storage.errors import SinkDenied
from tests.certificates import authority_and_server
from tests.ingest.conftest import Collect
from tests.ingest.forward.receivers import Receiver, sftp_server
from tests.ingest.forward.test_platform import Out, ids, journal_ids, rows_of, sink_of
from tests.ingest.running import message, until
from tests.servers import HOST, Mosquitto


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Out]:
    made = Out(tmp_path)
    yield made
    for one in made.running:
        one.stop()
        one.join(20)
        assert not one.alive
    made.writer.close()


def test_https_is_trusted_by_the_authority_named_and_by_no_other(out: Out, tmp_path: Path) -> None:
    ours, tls = authority_and_server(tmp_path / "ours")
    others, _ = authority_and_server(tmp_path / "others")
    receiver = Receiver(tls=tls)
    try:
        out.commit(0, 5)
        wrong = out.table(kind="http", url=receiver.url, ca_file=str(others))
        one = out.forward(wrong)
        until(lambda: one.status()["state"] == "denied")
        one.stop()
        one.join(20)
        assert (receiver.bodies, out.cursor("institute")[0], out.parked()) == ([], 0, [])
        with pytest.raises(SinkDenied, match="cannot be verified"):
            sink_of(out, out.table(kind="http", url=receiver.url)).write(b"{}")
        out.done(out.forward(out.table(kind="http", url=receiver.url, ca_file=str(ours))))
        assert ids(receiver.kept) == journal_ids(out)
    finally:
        receiver.close()


def test_an_expired_certificate_is_told_as_such(out: Out, tmp_path: Path) -> None:
    ours, tls = authority_and_server(tmp_path / "ours", until=2021)
    receiver = Receiver(tls=tls)
    try:
        sink = sink_of(out, out.table(kind="http", url=receiver.url, ca_file=str(ours)))
        with pytest.raises(SinkDenied, match=r"expired.*check this machine's clock"):
            sink.write(b"{}")
        assert receiver.bodies == []
    finally:
        receiver.close()


def test_sftp_by_a_key_file(out: Out, tmp_path: Path) -> None:
    pytest.importorskip("paramiko")
    import asyncssh

    remote = tmp_path / "remote"
    remote.mkdir()
    right, wrong = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    right.write_private_key(str(tmp_path / "right"))
    wrong.write_private_key(str(tmp_path / "wrong"))
    with sftp_server(remote, "unknown", right.export_public_key().decode()) as (port, known):
        (tmp_path / "known").write_text(known)

        def table(key: str) -> Any:
            return out.table(
                kind="csv", sftp=f"soil@{HOST}:{port}", key_file=str(tmp_path / key),
                known_hosts=str(tmp_path / "known"),
            )  # fmt: skip

        out.commit(0, 4)
        with pytest.raises(SinkDenied, match="does not accept user, password or key"):
            sink_of(out, table("wrong")).write(b"2026-11-01 x")
        assert list(remote.iterdir()) == []
        out.done(out.forward(table("right")))
    (path,) = remote.iterdir()
    assert [float(row["value"]) for row in rows_of(path.read_text())] == [400.0, 401.0, 402.0, 403.0]


def test_a_broker_that_was_away_gets_everything(out: Out, mosquitto: Mosquitto) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    broker = out.station.file.mqtt
    assert broker is not None
    file = out.station.file.model_copy(update={"mqtt": broker.model_copy(update={"port": mosquitto.port})})
    object.__setattr__(out.station, "file", file)
    mosquitto.stop()
    out.commit(0, 15)
    one = out.forward(out.table(kind="mqtt", topic="institute/in"))
    until(lambda: one.status()["state"] == "unavailable")
    assert out.cursor("institute")[0] == 0
    mosquitto.restart()
    heard: list[dict[str, Any]] = []
    ready: list[int] = []
    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_connect = lambda client, *_: client.subscribe("institute/in", 1)
    listener.on_subscribe = lambda *_: ready.append(1)
    listener.on_message = lambda _c, _u, got: heard.extend(json.loads(got.payload))
    listener.connect(HOST, mosquitto.port)
    listener.loop_start()
    try:
        until(lambda: bool(ready))
        with out.mutex:
            out.writer.resend("institute", 0, 2**61)
        one.notify()
        out.done(one)
        until(lambda: set(ids(heard)) == set(journal_ids(out)))
        assert not out.parked()
    finally:
        listener.disconnect()
        listener.loop_stop()


@pytest.mark.mosquitto
@pytest.mark.parametrize("point", ["before-send", "after-204", "before-cursor"])
def test_killed_while_it_sends_nothing_is_left_out_and_ids_are_the_same(
    collect: Collect, mosquitto: Mosquitto, point: str
) -> None:
    receiver = Receiver()
    try:
        station = collect(mosquitto.port)
        table = f'[[platform]]\nid = "institute"\nkind = "http"\nurl = "{receiver.url}"\nbatch = 7\ninterval = "0s"\n'
        station.file.write_text(station.file.read_text(encoding="utf-8") + table, encoding="utf-8")
        station.start(SOILCO2_FAULT=f"{point}:2")
        station.publish([message(n) for n in range(30)])
        assert station.process is not None
        assert station.process.wait(30) == -signal.SIGKILL
        station.start()
        station.publish([message(n) for n in range(30, 35)])
        wanted = {400.0 + n for n in range(35)}
        until(lambda: {row["value"] for row in receiver.kept} == wanted, station.said)
        by_id: dict[str, set[float]] = {}
        for row in receiver.kept:
            by_id.setdefault(row["id"], set()).add(row["value"])
        assert len(by_id) == 35
        assert all(len(values) == 1 for values in by_id.values())
        assert station.stop() == 0
    finally:
        receiver.close()
