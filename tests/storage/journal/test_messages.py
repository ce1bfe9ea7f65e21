"""What the journal keeps is said again in another language, and reads as it always did in English."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, translate
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.errors import ControlError, JournalFullError, StorageError
from soilco2.storage.influx.http import answer_error
from soilco2.storage.journal.connection import mark_damaged
from soilco2.storage.journal.control import ControlServer, Submitter
from soilco2.storage.journal.operations import run
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent, Parked
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer
from tests.storage.journal.test_writer import T0, make

LONG = Message("{path}: {why}", path="p.csv", why=Message("value {cell!r} is not finite", cell="inf"))
LONG_ENGLISH, LONG_CHINESE = "p.csv: value 'inf' is not finite", "p.csv: 数值 'inf' 不是有限数"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setenv("SOILCO2_STATE", str(tmp_path / "state"))
    return make(tmp_path)


@pytest.fixture
def writer(station: Station) -> Iterator[Writer]:
    with Writer.open(station) as writer:
        yield writer


def kept(station: Station, columns: str, table: str) -> list[tuple[str, ...]]:
    """Columns of a table, read by nothing under test."""
    with closing(sqlite3.connect(f"{station.journal_path.as_uri()}?mode=ro", uri=True)) as bare:
        return bare.execute(f"SELECT {columns} FROM {table}").fetchall()


def parked(reason: str) -> Parked:
    return Parked("message", "bus", reason, b"", None, T0)


def reading(raw: float) -> Sample:
    return Sample("N1", "soil_temperature", T0, raw, "", None, T0, T0, "boot", "air")


def test_an_event_is_said_in_chinese_and_its_text_is_what_it_was(station: Station, writer: Writer) -> None:
    writer.event(NewEvent(EventKind.OTHER, "p.csv", LONG))
    config, other = kept(station, "text, message", "event")
    assert config[0] == f"configuration {station.hash} in force"
    assert other[0] == LONG_ENGLISH
    assert json.loads(config[1]) == {
        "message": "configuration {hash} in force",
        "values": {"hash": station.hash},
    }
    with JournalReader(station.journal_path) as reader:
        events = [event.text for event in reader.events()]
    assert events == [config[0], LONG_ENGLISH]
    assert [translate(text, "zh") for text in events] == [f"配置 {station.hash} 生效", LONG_CHINESE]


def test_a_person_s_words_stay_as_they_are(station: Station, writer: Writer) -> None:
    """Even words that the program says too."""
    writer.note("somebody", "asked for")
    assert kept(station, "text, message", "event")[-1] == ("asked for", "")
    with JournalReader(station.journal_path) as reader:
        assert translate(reader.events(["note"])[0].text, "zh") == "asked for"


def test_a_parked_reason_is_said_in_chinese(station: Station, writer: Writer) -> None:
    writer.commit([reading(1.0)])
    writer.commit([reading(2.5)], parked=[parked(LONG), parked("a device's words")])
    while writer.judging.go_on():
        pass
    with JournalReader(station.journal_path) as reader:
        (conflict, device, long) = reader.accounting.parked()
    assert (
        conflict.reason
        == "p1/d10/soil_temperature at 2023-11-14T22:13:20Z: 1 (air) and 2.5 (air); which one holds?"
    )
    assert [device.reason, long.reason] == ["a device's words", LONG_ENGLISH]
    assert (conflict.source, conflict.time_us, conflict.state, conflict.why) == ("air", T0, "waiting", "")
    assert [translate(row.reason, "zh") for row in (conflict, device, long)] == [
        "p1/d10/soil_temperature 在 2023-11-14T22:13:20Z：1 (air) 与 2.5 (air)；以哪个为准？",
        "a device's words",
        LONG_CHINESE,
    ]


def test_half_a_character_that_a_device_sent_is_kept(station: Station, writer: Writer) -> None:
    """JSON allows it, UTF-8 has no way to write it; the sentence shows it escaped."""
    writer.commit(parked=[parked(Message("value {cell!r} is no number", cell="\ud800"))])
    with JournalReader(station.journal_path) as reader:
        (row,) = reader.accounting.parked()
    assert row.reason == r"value '\ud800' is no number"
    assert translate(row.reason, "zh") == r"数值 '\ud800' 不是数"


def test_a_database_s_error_is_said_in_chinese(
    station: Station, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOILCO2_TEST_TOKEN", "the-token")
    table = InfluxdbTable.model_validate(
        {"id": "db", "url": "http://127.0.0.1:1", "org": "o", "bucket": "b", "token": {"env": "SOILCO2_TEST_TOKEN"}}
    )  # fmt: skip
    error = answer_error(table, 401, b'{"message": "unauthorized access"}', {}, "the-token")
    event = NewEvent(EventKind.SINK_DENIED, "db", Message.of(error))
    writer.move_cursor("db", 0, error=str(error), events=[event])
    english = (
        "db at http://127.0.0.1:1: the token is not accepted (401: unauthorized access); give one that may write to "
        "and read from bucket 'b' of organisation 'o'"
    )
    assert kept(station, "error", "cursor") == [(english,)]
    with JournalReader(station.journal_path) as reader:
        (cursor,) = reader.accounting.cursors()
        (told,) = reader.events(["sink_denied"])
    assert cursor.error == told.text == english
    assert translate(cursor.error, "zh") == translate(told.text, "zh")
    assert translate(cursor.error, "zh") == (
        "db（http://127.0.0.1:1）：令牌不被接受（401：未授权）；请给出可读写组织 'o' 的存储桶 'b' 的令牌"
    )
    writer.move_cursor("db", 1)
    assert kept(station, "error, message", "cursor") == [("", "")]


def test_messages_pass_through_the_running_writer(station: Station, writer: Writer) -> None:
    server = ControlServer(station.journal_path, lambda op, arguments: run(writer, op, arguments))
    try:
        with Submitter(station) as door:
            door.submit("event", event=[EventKind.PRUNED.value, "a", LONG, {}, None])
            door.submit("import", samples=[], parked=[parked(LONG)._replace(payload="x")], counts=[])
            with pytest.raises(ControlError) as refused:
                door.submit("revoke", event=99, who="w", why="y")
            with pytest.raises(ControlError) as unknown:
                door.submit("nothing")
    finally:
        server.close()
    with JournalReader(station.journal_path) as reader:
        assert translate(reader.events(["pruned"])[0].text, "zh") == LONG_CHINESE
        assert translate(reader.accounting.parked()[0].reason, "zh") == LONG_CHINESE
    assert str(refused.value) == "event 99 is no manual flag; flags in force: none"
    assert translate(str(refused.value), "zh") == "事件 99 不是人工标记；有效的标记为 无"
    assert translate(str(unknown.value), "zh").startswith("没有操作 'nothing'；可用的有 import, begin_import")


def test_what_befalls_a_journal_is_said_in_chinese(station: Station) -> None:
    with Writer.open(station):
        pass
    mark_damaged(station.journal_path, "database disk image is malformed")
    with Writer.open(station), JournalReader(station.journal_path) as reader:
        (event,) = reader.events(["damage"])
    aside = next(station.journal_path.parent.glob("*.damaged-*.sqlite")).name
    assert event.text == (
        "the journal could not be read (database disk image is malformed); it was set aside as "
        f"{aside} and a new one begun"
    )
    assert translate(event.text, "zh") == (
        f"日志库无法读取（database disk image is malformed）；已移存为 {aside}，并新建了一个"
    )


def test_a_full_journal_is_said_in_chinese(
    tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer.retention, "bytes_in_use", lambda: 2**62)
    with pytest.raises(JournalFullError) as full:
        writer.commit([reading(1.0)])
    said = translate(str(full.value), "zh")
    assert said.startswith(f"{writer.path}: 日志库已达 ")
    with JournalReader(writer.path) as reader:
        assert said == f"{writer.path}: {translate(reader.events(['limit'])[0].text, 'zh')}"


def test_a_file_that_is_no_journal_is_told_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 30)
    with pytest.raises(StorageError) as error:
        JournalReader(path)
    assert str(error.value).startswith(
        f"{path}: the file is damaged (file is not a database); 'soilco2 verify"
    )
    assert translate(str(error.value), "zh").startswith(
        f"{path}：文件损坏（file is not a database）；soilco2 verify"
    )
