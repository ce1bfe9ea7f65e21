"""Platforms of institutes: real receivers on loopback; whatever they answer, nothing is lost and nothing hidden."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from soilco2.ingest.forward.forwarder import Forwarder
from soilco2.ingest.forward.platforms.opening import layout_of, open_platform
from soilco2.ingest.forward.platforms.template import Template
from soilco2.ingest.forward.sink import Sink
from soilco2.quality.records import Flag, Observation, SeriesKey
from soilco2.station_config.tables.platform import Platform
from soilco2.storage.errors import LineError, SinkDenied, SinkUnavailable
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.reader import JournalReader
from tests.ingest.forward.receivers import Receiver, sftp_server
from tests.ingest.forward.test_forwarder import Bench
from tests.ingest.running import START_US, until
from tests.servers import HOST, Mosquitto

KEY = SeriesKey("streamlet", "p1", "d1", "soil_water")


class Killed(BaseException):
    """Stands for the end of the process."""


class Out(Bench):
    """A journal, and forwarders to platforms."""

    killed = False

    def table(self, **keys: Any) -> Any:
        return TypeAdapter(Platform).validate_python({"id": "institute", "batch": 10} | keys)

    def forward(self, table: Any, **how: Any) -> Forwarder:
        def whole() -> JournalReader:
            return open_journal(self.station)

        def move(sink: str, rev: int, **rest: Any) -> None:
            if self.killed:
                raise Killed
            self.move(sink, rev, **rest)

        one = Forwarder(
            table, self.station.journal_path, move, lambda: START_US, linger_s=0.0, denied_s=0.05,
            open_sink=lambda _: open_platform(table, self.station, whole),
            layout=layout_of(table, self.station), resent=self.resent, whole=whole, **how,
        )  # fmt: skip
        self.running.append(one)
        one.start()
        return one


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Out]:
    made = Out(tmp_path)
    yield made
    for one in made.running:
        one.stop()
        one.join(20)
        assert not one.alive
    made.writer.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def sink_of(out: Out, table: Any) -> Sink:
    return open_platform(table, out.station, lambda: open_journal(out.station))


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def journal_ids(out: Out) -> list[str]:
    with JournalReader(out.station.journal_path) as reader:
        return [f"{reader.journal_id}:{rev}" for rev, _ in reader.observations_after(0, 1000)]


def test_a_receiver_that_was_away_gets_everything_once(out: Out) -> None:
    gone = Receiver()
    table = out.table(kind="http", url=gone.url)
    gone.close()
    out.commit(0, 25)
    one = out.forward(table)
    until(lambda: one.status()["state"] == "unavailable")
    assert out.cursor("institute")[0] == 0
    one.stop()
    one.join(20)
    back = Receiver()
    try:
        out.done(out.forward(table.model_copy(update={"url": back.url})))
        assert ids(back.kept) == journal_ids(out)
        assert len(back.kept) == 25
    finally:
        back.close()


def test_killed_between_answer_and_cursor_sends_the_same_ids_again(out: Out, receiver: Receiver) -> None:
    out.commit(0, 5)
    out.killed = True
    table = out.table(kind="http", url=receiver.url)
    one = out.forward(table)
    one.join(20)
    assert isinstance(one.failure, Killed)
    assert out.cursor("institute")[0] == 0
    out.killed = False
    out.done(out.forward(table))
    assert ids(receiver.kept) == journal_ids(out) * 2


def test_an_error_in_a_body_of_200_loses_nothing(out: Out, receiver: Receiver) -> None:
    receiver.answers = [(200, {}, b'{"code": 500, "message": "busy"}'), (200, {}, b"<html>login</html>")]
    out.commit(0, 5)
    one = out.forward(out.table(kind="http", url=receiver.url, ok_path="code", ok_value=0))
    out.done(one)
    assert len(receiver.bodies) == 3
    assert ids(receiver.kept) == journal_ids(out)
    assert not out.parked()
    assert out.events("sink_gone", "sink_back") == ["sink_gone", "sink_back"]


@pytest.mark.parametrize(
    "refusal", [(400, {}, b'{"message": "406"}'), (200, {}, b'{"code": 1002, "message": "406"}')]
)
def test_a_reading_that_is_refused_is_found_and_parked_alone(
    out: Out, receiver: Receiver, refusal: Any
) -> None:
    receiver.judge = lambda rows: (
        refusal if any(r["value"] == 406.0 for r in rows) else (200, {}, b'{"code": 0}')
    )
    out.commit(0, 10)
    said = {"ok_path": "code", "ok_value": 0, "refused_values": [1002]}
    out.done(out.forward(out.table(kind="http", url=receiver.url, **said)))
    (parked,) = out.parked()
    assert json.loads(parked.payload)["value"] == 406.0
    assert {row["value"] for row in receiver.kept} == {400.0 + n for n in range(10)} - {406.0}


def test_the_wait_that_is_asked_for_is_kept(
    out: Out, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Forwarder, "_pause", lambda self, seconds: waits.append(seconds))
    receiver.answers = [(429, {"Retry-After": "7"}, b"slowly")]
    out.commit(0, 3)
    out.done(out.forward(out.table(kind="http", url=receiver.url)))
    assert waits[0] == 7.0
    assert len(receiver.kept) == 3


def test_the_token_goes_in_its_header_and_to_no_other_address(
    out: Out, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM", "geheim")
    other = Receiver()
    try:
        receiver.answers = [(307, {"Location": other.url}, b""), (401, {}, b"bad token geheim")]
        token = {"token": {"env": "PLATFORM"}, "token_header": "X-Key", "token_prefix": ""}
        sink = sink_of(out, out.table(kind="http", url=receiver.url, **token))
        with pytest.raises(SinkDenied, match="redirects"):
            sink.write(b"{}")
        with pytest.raises(SinkDenied) as refused:
            sink.write(b"{}")
        assert "geheim" not in str(refused.value)
        assert [one["X-Key"] for one in receiver.headers] == ["geheim"] * 2
        assert not other.headers
        sink.close()
    finally:
        other.close()


def test_of_an_endless_answer_a_bounded_part_is_read(out: Out, receiver: Receiver) -> None:
    receiver.answers = [(200, {}, b" " * 200_000 + b'{"code": 0}')]
    table = out.table(kind="http", url=receiver.url, ok_path="code", ok_value=0)
    with pytest.raises(SinkUnavailable):
        sink_of(out, table).write(b"{}")


def test_a_reading_in_the_receiver_s_words(out: Out) -> None:
    fields = {
        "dev": "{station}-{position}",
        "v": "{value}",
        "u": "{unit}",
        "n": "{name}",
        "t": "{time}",
        "k": 7,
    }
    table = out.table(
        kind="http", url="http://127.0.0.1:1", fields=fields, names={"soil_water": "VWC"},
        units={"soil_water": "%"}, zone="Asia/Shanghai", time_format="%Y-%m-%d %H:%M:%S",
    )  # fmt: skip
    row = Observation(KEY, START_US, 0.234, 0.234, Flag.GOOD, "", "", "c")
    template = Template(table, out.station)
    # 2026-11-01T00:00Z is eight in the morning there; 0.234 m³/m³ is 23.4 %
    assert template.reading("j", 3, row) == {
        "dev": "streamlet-d1", "v": 23.4, "u": "%", "n": "VWC", "t": "2026-11-01 08:00:00", "k": 7
    }  # fmt: skip
    bad = template.reading("j", 4, row._replace(flag=Flag.BAD))
    assert bad is not None
    assert bad["v"] is None
    with pytest.raises(LineError):
        template.reading("j", 4, row._replace(value=math.inf))


def test_mqtt_is_confirmed_by_the_broker(out: Out, mosquitto: Mosquitto) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    heard: list[dict[str, Any]] = []
    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_connect = lambda client, *_: client.subscribe("institute/in", 1)
    ready: list[int] = []
    listener.on_subscribe = lambda *_: ready.append(1)
    listener.on_message = lambda _c, _u, got: heard.extend(json.loads(got.payload)["data"])
    listener.connect(HOST, mosquitto.port)
    listener.loop_start()
    try:
        until(lambda: bool(ready))
        out.commit(0, 25)
        mqtt_table = out.station.file.mqtt
        assert mqtt_table is not None
        file = out.station.file.model_copy(
            update={"mqtt": mqtt_table.model_copy(update={"port": mosquitto.port})}
        )
        object.__setattr__(out.station, "file", file)
        one = out.forward(out.table(kind="mqtt", topic="institute/in", under="data"))
        out.done(one)
        until(lambda: len(heard) >= 25)
        assert ids(heard) == journal_ids(out)
    finally:
        listener.disconnect()
        listener.loop_stop()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_file_a_day_of_the_receiver_s_zone_made_anew_by_what_comes_late(out: Out, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    table = out.table(kind="csv", folder=str(folder), zone="America/Los_Angeles")
    out.commit(0, 3)
    one = out.forward(table)
    until(lambda: one.status()["state"] == "unavailable")  # a folder that is not mounted is not made
    assert out.cursor("institute")[0] == 0
    folder.mkdir()
    out.done(one)
    # 2026-11-01T00:00Z is 17 o'clock of the day before there
    assert [path.name for path in folder.iterdir()] == ["streamlet_2026-10-31.csv"]
    out.commit(3, 2)
    out.done(one)
    (path,) = folder.iterdir()
    rows = rows_of(path.read_text())
    assert [float(row["value"]) for row in rows] == [400.0, 401.0, 402.0, 403.0, 404.0]
    assert rows[0]["time"] == "2026-10-31T17:00:00-07:00"


def test_by_sftp_to_a_server_whose_key_is_known(
    out: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("paramiko")
    remote = tmp_path / "remote"
    remote.mkdir()
    monkeypatch.setenv("SFTP", "geheim")
    with sftp_server(remote, "geheim") as (port, known):
        strange = tmp_path / "strange"
        strange.write_text("")
        table = out.table(
            kind="csv", sftp=f"soil@{HOST}:{port}", password={"env": "SFTP"}, known_hosts=str(strange)
        )
        out.commit(0, 4)
        with pytest.raises(SinkDenied, match="known_hosts"):
            sink_of(out, table).write(b"2026-11-01 x")
        known_file = tmp_path / "known"
        known_file.write_text(known)
        out.done(out.forward(table.model_copy(update={"known_hosts": known_file})))
    (path,) = remote.iterdir()
    assert path.name == "streamlet_2026-11-01.csv"
    assert [float(row["value"]) for row in rows_of(path.read_text())] == [400.0, 401.0, 402.0, 403.0]


def test_what_is_sent_again_keeps_its_id(out: Out, receiver: Receiver) -> None:
    out.commit(0, 5)
    one = out.forward(out.table(kind="http", url=receiver.url))
    out.done(one)
    with out.mutex:
        out.writer.resend("institute", START_US, START_US + 2_000_000)
    one.notify()
    until(lambda: not out.reader_resend("institute"))
    assert ids(receiver.kept) == journal_ids(out) + journal_ids(out)[:2]
