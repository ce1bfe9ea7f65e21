"""The collector as a user runs it: real broker, real database, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ingest.conftest import Collect
from tests.ingest.running import TOPIC, held, message, sink_of, until
from tests.ingest.station import station_text
from tests.paths import ROOT
from tests.servers import ORG, TOKEN, TOKEN_VARIABLE, InfluxBucket, InfluxServer, Mosquitto, free_port


def status(station: object, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "status", str(station.file), "--json", *words],  # type: ignore[attr-defined]
        env=station.environment, cwd=ROOT, capture_output=True, text=True, check=True,  # type: ignore[attr-defined]
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.mosquitto
def test_poison_is_counted_kept_and_acknowledged(collect: Collect, mosquitto: Mosquitto) -> None:
    import paho.mqtt.publish

    station = collect(mosquitto.port)
    paho.mqtt.publish.single(
        TOPIC, message(99), qos=1, retain=True, hostname="127.0.0.1", port=mosquitto.port
    )
    station.start()
    station.until_in(1)  # the retained one
    good = message(1)
    poison = [
        b"{", b"", b"\xff", good.replace(b"401.0", b"NaN"), good.replace(b"401.0", b'"401"'),
        good.replace(b'"N1"', b'"N7"'), good.replace(b'"ppm"', b'"hPa"'), b"x" * 1_000_000,
        good.replace(b"2026-11", b"1970-01"), good.replace(b"2026-11", b"2099-11"),
    ]  # fmt: skip
    station.publish([message(0), *poison, message(1), message(1)])
    station.until_in(1 + 2 + len(poison) + 1)
    assert station.counters() == {
        "in": 14, "stored": 3, "duplicate": 1, "rejected": 10, "retained": 1, "messages": 13,
    }  # fmt: skip
    assert station.stored() == [400.0, 401.0, 499.0], "the retained one has a time of its own that nobody had"
    with station.reader() as reader:
        parked = reader.accounting.parked()
    assert len(parked) == len(poison)
    assert {bytes(row.payload) for row in parked} >= {b"{", b"", b"\xff", b"x" * 1_000_000}
    assert station.stop() == 0
    station.start()  # all were acknowledged: none comes again
    station.publish([message(2)])
    station.until_in(15)
    assert station.counters()["duplicate"] == 2  # the retained one again, by its nature
    assert station.balanced()


@pytest.mark.mosquitto
def test_another_number_is_kept_and_told(collect: Collect, mosquitto: Mosquitto) -> None:
    station = collect(mosquitto.port)
    station.start()
    station.publish([message(1), message(1).replace(b"401.0", b"402.0")])
    station.until_in(2)
    assert station.stored() == [401.0, 402.0]
    assert station.counters()["stored"] == 2
    assert station.balanced()
    with station.reader() as reader:
        until(lambda: [(e.kind, e.state) for e in reader.accounting.parked()] == [("conflict", "waiting")])
        assert [(o.value, o.flag) for o in reader.observations(0, 2**62)] == [(401.0, 3)]


@pytest.mark.mosquitto
def test_broker_and_database_away_at_the_start(
    collect: Collect, mosquitto: Mosquitto, own_influxd: InfluxServer
) -> None:
    bucket = own_influxd.bucket()
    own_influxd.stop()
    station = collect(mosquitto.port, sinks=(sink_of(bucket),))
    station.start()
    station.kill()  # the session is there
    station.publish([message(n) for n in range(50)])
    mosquitto.stop()
    station.start(ready=False)
    until(lambda: any("trying again" in text for text in station.events("broker_gone")), station.said)
    mosquitto.restart()
    station.until_in(50)
    until(lambda: station.events("sink_gone") != [], station.said)
    shown = status(station)["sinks"]["influxdb"]  # type: ignore[index]
    assert shown["state"] == "unavailable"
    assert shown["backlog_samples"] == 50
    assert "connection refused" in shown["last_error"]
    own_influxd.restart()
    until(lambda: len(held(bucket)) == 50, station.said)
    until(lambda: station.events("sink_back") != [], station.said)
    assert len(station.events("sink_gone")) == 1
    assert len(station.events("broker_back")) == 1
    assert station.stop() == 0
    shown = status(station)["sinks"]["influxdb"]  # type: ignore[index]
    assert shown["backlog_samples"] == 0
    assert shown["last_error"] == ""


@pytest.mark.mosquitto
@pytest.mark.influx
def test_a_wrong_token_keeps_everything_and_raises_an_alarm(
    collect: Collect, mosquitto: Mosquitto, influx: InfluxBucket
) -> None:
    station = collect(
        mosquitto.port, sinks=(sink_of(influx), sink_of(influx, id="second", token="OTHER_TOKEN"))
    )
    station.start(**{"OTHER_TOKEN": "not-the-token"})
    station.publish([message(n) for n in range(20)])
    until(lambda: len(held(influx)) == 20, station.said)  # the one that works is not held up
    until(lambda: station.events("sink_denied") != [], station.said)
    (text,) = station.events("sink_denied")
    assert "token is not accepted" in text
    assert "not-the-token" not in station.said()
    assert TOKEN not in station.said()
    until(lambda: status(station)["sinks"]["influxdb"]["backlog_samples"] == 0, station.said)  # type: ignore[index]
    assert status(station)["sinks"]["second"]["backlog_samples"] == 20  # type: ignore[index]
    assert station.stop() == 0


@pytest.mark.mosquitto
def test_a_faulty_station_file_leaves_the_last_valid_one_running(
    collect: Collect, mosquitto: Mosquitto
) -> None:
    station = collect(mosquitto.port)
    station.start()
    text = station.file.read_text(encoding="utf-8")
    station.file.write_text(text.replace('interval = "30min"', 'interval = "30"'), encoding="utf-8")
    station.signal(signal.SIGHUP)
    until(lambda: station.events("config_fault") != [], station.said)
    assert "interval" in station.events("config_fault")[0]
    station.publish([message(0)])
    station.until_in(1)
    station.kill()
    station.start()  # started with a faulty file
    station.publish([message(1)])
    station.until_in(2, name="stored")
    assert len(station.events("config_fault")) == 2
    until(lambda: status_fails(station))
    # a second node appears: a valid file is taken over without a restart
    station.file.write_text(station_text(station.folder, depths=3, port=mosquitto.port), encoding="utf-8")
    station.signal(signal.SIGHUP)
    until(lambda: len(station.events("config")) == 2, station.said)
    station.publish([message(2).replace(b'"N1"', b'"N2"')])
    station.until_in(3, name="stored")
    assert station.stop() == 0


def status_fails(station: object) -> bool:
    """`status` on a faulty file says what is wrong, and is no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "status", str(station.file)],  # type: ignore[attr-defined]
        env=station.environment, cwd=ROOT, capture_output=True, text=True,  # type: ignore[attr-defined]
    )  # fmt: skip
    return done.returncode == 2 and "interval" in done.stderr and "Traceback" not in done.stderr


def test_a_faulty_file_without_a_predecessor_is_refused(collect: Collect) -> None:
    station = collect(free_port())
    station.file.write_text("[station]\nid = 3\n", encoding="utf-8")
    station.start(ready=False)
    assert station.process is not None
    assert station.process.wait(60) == 2
    assert "Traceback" not in station.said()


ROOT_LIKE_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Rights of files hold for root too (setpriv, util-linux)."""


def test_a_state_folder_without_rights_ends_in_order_and_may_be_tried_again(collect: Collect) -> None:
    """Exit 2 would leave the unit stopped for ever (`RestartPreventExitStatus` in deploy/soilco2@.service)."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    station = collect(free_port())
    manager.bind(str(station.folder / "notify"))
    manager.settimeout(60)
    kept = station.folder / "kept"
    kept.mkdir()
    station.file.write_text(
        station.file.read_text(encoding="utf-8").replace(str(station.journal), str(kept / "journal.sqlite")),
        encoding="utf-8",
    )
    station.journal = kept / "journal.sqlite"
    station.start(ready=False)
    until(lambda: "collecting" in station.said(), station.said)
    station.kill()  # its log stays beside the journal, so that the journal opens in a folder without rights
    whole = station.file.read_text(encoding="utf-8")
    for mode, place, text in (
        (0o555, kept, whole),  # opened, and then no place for its socket
        (0o000, kept, whole),
        (0o000, station.folder / "state", "[station]\nid = 3\n"),  # whether one ran before cannot be known
    ):
        station.file.write_text(text, encoding="utf-8")
        place.chmod(mode)
        try:
            station.start(ready=False, within=ROOT_LIKE_ANYBODY, NOTIFY_SOCKET=str(station.folder / "notify"))
            assert station.process is not None
            assert station.process.wait(60) == 3, station.said()
        finally:
            place.chmod(0o755)
        assert "Traceback" not in station.said()
        last = station.said().splitlines()[-1]
        assert "ermission denied" in last
        while manager.recv(65536).decode() != f"STATUS={last}":  # within the time-out, else it was not told
            pass
    manager.close()
    assert station.events("stop") == ["stopped"]  # of the first: it had begun


@pytest.mark.mosquitto
def test_a_second_collector_is_refused_and_does_no_harm(collect: Collect, mosquitto: Mosquitto) -> None:
    station = collect(mosquitto.port)
    station.start()
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", "collect", str(station.file)],
        env=station.environment, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3  # whoever has the journal ends some time: a unit must go on trying
    assert f"pid {station.process.pid}" in done.stderr  # type: ignore[union-attr]
    station.publish([message(0)])
    station.until_in(1)
    assert status(station)["collector"] == "running"


@pytest.mark.mosquitto
def test_a_journal_that_cannot_be_written_acknowledges_nothing(
    collect: Collect, mosquitto: Mosquitto
) -> None:
    """A file-size limit stands for the full disk."""
    import resource

    station = collect(mosquitto.port)
    station.start()
    station.publish([message(0)])
    station.until_in(1)
    assert station.process is not None
    used = station.journal.stat().st_size + 200_000
    resource.prlimit(station.process.pid, resource.RLIMIT_FSIZE, (used, resource.RLIM_INFINITY))
    station.publish([message(n) for n in range(1, 4000)])
    until(lambda: any("trying again" in text for text in station.messages()), station.said)
    assert not station.ended
    resource.prlimit(
        station.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    until(lambda: len(station.stored()) == 4000, lambda: (station.counters(), station.said()[-2000:]))
    assert station.balanced()
    assert station.stop() == 0


@pytest.mark.mosquitto
@pytest.mark.influx
def test_once_takes_what_waits_and_ends(collect: Collect, mosquitto: Mosquitto, influx: InfluxBucket) -> None:
    station = collect(mosquitto.port, sinks=(sink_of(influx),))
    station.start()
    assert station.stop() == 0
    station.publish([message(n) for n in range(30)])
    station.start("--once")
    assert station.process is not None
    assert station.process.wait(60) == 0
    assert len(held(influx)) == 30
    assert station.stored() == [400.0 + n for n in range(30)]


def test_once_without_broker_tells_by_its_exit_code(collect: Collect) -> None:
    station = collect(free_port())
    station.start("--once", ready=False)
    assert station.process is not None
    assert station.process.wait(90) == 3


@pytest.mark.mosquitto
def test_the_service_manager_is_told(collect: Collect, mosquitto: Mosquitto, tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(60)
        station = collect(mosquitto.port)
        station.start(NOTIFY_SOCKET=str(address), WATCHDOG_USEC="3000000")
        heard = ""
        while "WATCHDOG=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"
        assert heard.startswith("READY=1\nSTATUS=collecting streamlet")
        assert station.stop() == 0
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"


@pytest.mark.mosquitto
@pytest.mark.influx
def test_what_a_database_has_lost_is_sent_again(
    collect: Collect, mosquitto: Mosquitto, own_influxd: InfluxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It acknowledged, died, and came back without: the tail is replayed, and the journal and it agree."""
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    bucket = own_influxd.bucket()
    station = collect(mosquitto.port, sinks=(sink_of(bucket),))
    station.start()
    station.publish([message(n) for n in range(100)])
    until(lambda: len(held(bucket)) == 100, station.said)
    until(lambda: status(station)["sinks"]["influxdb"]["backlog_samples"] == 0, station.said)  # type: ignore[index]
    own_influxd.request(
        "POST", "/api/v2/delete", {"start": "2026-10-31T00:00:00Z", "stop": "2026-11-02T00:00:00Z"},
        org=ORG, bucket=bucket.name,
    )  # fmt: skip
    assert held(bucket) == []
    own_influxd.kill()
    station.publish([message(n) for n in range(100, 110)])
    until(lambda: station.events("sink_gone") != [], station.said)
    own_influxd.restart()
    until(lambda: len(held(bucket)) == 110, lambda: (len(held(bucket)), station.said()))
    assert station.stop() == 0
