"""The forwarder on a real journal: whatever the database answers, each point arrives and the cursor is true."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.forward.forwarder import Forwarder
from soilco2.quality.records import Sample
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station
from soilco2.station_config.tables.influxdb import InfluxdbTable
from soilco2.storage.errors import DiskFullError, SinkDenied, SinkRefused, SinkUnavailable
from soilco2.storage.influx.sink import InfluxSink
from soilco2.storage.journal.archive import open_journal, write_archive
from soilco2.storage.journal.writer import Writer
from tests.ingest.running import START_US, until
from tests.ingest.station import make_station
from tests.servers import InfluxBucket

SECOND = 1_000_000


def samples(first: int, count: int) -> list[Sample]:
    return [
        Sample("N1", "co2", START_US + n * SECOND, 400.0 + n, "", None, START_US, n, "boot", "field")
        for n in range(first, first + count)
    ]


class Scripted:
    """A database that answers as told, one answer a request, and then takes everything."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.lines: list[str] = []
        self.requests: list[int] = []

    def __call__(self, _table: InfluxdbTable) -> Scripted:
        return self

    def write(self, lines: bytes) -> None:
        text = lines.decode().split("\n")
        self.requests.append(len(text))
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.lines += text

    def close(self) -> None:
        pass

    def times(self) -> set[int]:
        return {(int(line.rsplit(" ", 1)[1]) - START_US) // SECOND for line in self.lines}


class Bench:
    """A journal and forwarders on it."""

    def __init__(self, folder: Path) -> None:
        self.station: Station = make_station(folder)
        self.writer = Writer.open(self.station)
        self.mutex = threading.Lock()
        self.running: list[Forwarder] = []
        self.fail_moves = 0

    def commit(self, first: int, count: int) -> None:
        with self.mutex:
            self.writer.commit(samples(first, count))
        for one in self.running:
            one.notify()

    def move(self, sink: str, rev: int, **rest: Any) -> None:
        with self.mutex:
            if self.fail_moves:
                self.fail_moves -= 1
                raise DiskFullError("the disk is full")
            self.writer.move_cursor(sink, rev, **rest)

    def resent(self, sink: str, from_us: int, to_us: int, **rest: Any) -> None:
        with self.mutex:
            self.writer.resent(sink, from_us, to_us, **rest)

    def forwarder(self, open_sink: Callable[..., Any], *, denied_s: float = 0.05, **keys: Any) -> Forwarder:
        table = {"url": "http://127.0.0.1:1", "org": "o", "bucket": "b", "token": {"env": "T"}, "batch": 10}
        one = Forwarder(
            InfluxdbTable.model_validate(table | keys), self.station.journal_path, self.move, lambda: START_US,
            open_sink=open_sink, denied_s=denied_s, linger_s=0.0, resent=self.resent,
            whole=lambda: open_journal(self.station),
        )  # fmt: skip
        self.running.append(one)
        one.start()
        return one

    def cursor(self, sink: str = "influxdb") -> tuple[int, int]:
        """Revision and backlog."""
        from soilco2.storage.journal.reader import JournalReader

        with JournalReader(self.station.journal_path) as reader:
            return next(
                ((row.rev, row.backlog) for row in reader.accounting.cursors() if row.sink == sink), (0, -1)
            )

    def done(self, one: Forwarder) -> None:
        assert one.wait_idle(30), one.status()
        assert one.failure is None
        assert self.cursor(one.table.id)[1] == 0

    def reader_resend(self, sink: str) -> list[tuple[int, int]]:
        from soilco2.storage.journal.reader import JournalReader

        with JournalReader(self.station.journal_path) as reader:
            return reader.accounting.resend(sink)

    def events(self, *kinds: str) -> list[str]:
        from soilco2.storage.journal.reader import JournalReader

        with JournalReader(self.station.journal_path) as reader:
            return [event.kind for event in reader.events(kinds)]

    def parked(self) -> list[Any]:
        from soilco2.storage.journal.reader import JournalReader

        with JournalReader(self.station.journal_path) as reader:
            return reader.accounting.parked()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for one in made.running:
        one.stop()
        one.join(20)
        assert not one.alive
    made.writer.close()


def test_batches_that_do_not_divide_the_backlog(bench: Bench) -> None:
    bench.commit(0, 37)
    sink = Scripted()
    one = bench.forwarder(sink)
    bench.done(one)
    assert sink.times() == set(range(37))
    assert len(sink.lines) == 37
    assert max(sink.requests) == 10
    bench.commit(37, 5)  # empty, filled again
    bench.done(one)
    assert sink.times() == set(range(42))


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (SinkUnavailable("503"), "sink_gone"),
        (SinkUnavailable("429", retry_after=0.05), "sink_gone"),
        (SinkDenied("401"), "sink_denied"),
        (SinkDenied("404"), "sink_denied"),
    ],
)
def test_what_passes_is_tried_again_and_told_once(bench: Bench, error: Exception, event: str) -> None:
    bench.commit(0, 25)
    sink = Scripted(None, error, error)
    one = bench.forwarder(sink)
    bench.done(one)
    assert sink.times() == set(range(25))
    assert bench.events("sink_gone", "sink_denied", "sink_back") == [event, "sink_back"]
    assert bench.parked() == []
    assert one.status()["error"] == ""


def test_the_cursor_stands_still_while_the_database_is_away(bench: Bench) -> None:
    bench.commit(0, 5)
    sink = Scripted(*[SinkDenied("401 no")] * 10_000)
    one = bench.forwarder(sink)
    until(lambda: bench.events("sink_denied") != [])
    assert bench.cursor() == (0, 5)
    assert one.status()["state"] == "denied"
    assert one.status()["error"] == "401 no"


def test_a_token_that_is_not_set_is_said_before_there_is_anything_to_send(bench: Bench) -> None:
    sentence = "the environment variable T is not set; put the secret there"
    sink = Scripted()
    answers = [StationConfigError(sentence)]

    def open_sink(table: InfluxdbTable) -> Scripted:
        if answers:
            raise answers.pop()
        return sink(table)

    one = bench.forwarder(open_sink)
    until(lambda: bench.events("sink_denied") != [])
    assert (one.status()["state"], one.status()["error"]) == ("denied", sentence)
    bench.commit(0, 25)
    bench.done(one)
    assert sink.times() == set(range(25))
    assert bench.events("sink_denied", "sink_back") == ["sink_denied", "sink_back"]


def test_after_an_outage_the_tail_is_sent_again(bench: Bench) -> None:
    bench.commit(0, 30)
    sink = Scripted()
    one = bench.forwarder(sink)
    bench.done(one)
    sink.lines.clear()  # what it had acknowledged and then lost
    sink.answers = [SinkUnavailable("cut")]
    bench.commit(30, 5)
    bench.done(one)
    until(lambda: sink.times() == set(range(35)))


def test_a_start_sends_the_tail_again_and_nothing_before_it(bench: Bench) -> None:
    """The last ten minutes of 1000 s are those from 399 s on; the machine may have lost power with its database."""
    bench.commit(0, 1000)
    first = bench.forwarder(Scripted())
    bench.done(first)
    first.stop()
    first.join(20)
    sink = Scripted()
    second = bench.forwarder(sink, tail="10min")
    until(lambda: len(sink.lines) >= 601)
    bench.done(second)
    assert sink.times() == set(range(399, 1000))
    with_parked = bench.parked()
    assert with_parked == []


def test_a_refused_point_is_parked_with_the_words_in_one_transaction_with_the_cursor(bench: Bench) -> None:
    bench.commit(0, 10)

    class Picky(Scripted):
        def write(self, lines: bytes) -> None:
            if f" {START_US + 3 * SECOND}".encode() in lines:
                raise SinkRefused("no value of this kind", 400)
            super().write(lines)

    sink = Picky()
    bench.fail_moves = 2  # the journal cannot be written at once
    one = bench.forwarder(sink)
    bench.done(one)
    assert sink.times() == set(range(10)) - {3}
    (row,) = bench.parked()
    assert (row.kind, row.source, row.reason) == ("point", "influxdb", "no value of this kind")
    assert b"co2=403.0" in row.payload
    assert one.status()["sent"] == 9


def test_a_dead_database_does_not_delay_another(bench: Bench) -> None:
    dead, alive = Scripted(*[SinkUnavailable("cut")] * 10_000), Scripted()
    bench.forwarder(dead, id="dead")
    one = bench.forwarder(alive, id="alive")
    bench.commit(0, 40)
    bench.done(one)
    assert alive.times() == set(range(40))
    assert bench.cursor("dead")[0] == 0


def test_a_window_goes_again_to_the_database_that_asked_and_to_no_other(bench: Bench) -> None:
    one, other = Scripted(), Scripted()
    forwarders = [bench.forwarder(one, id="one"), bench.forwarder(other, id="other")]
    bench.commit(0, 60)
    for forwarder in forwarders:
        bench.done(forwarder)
    made = write_archive(bench.station, START_US, START_US + 20 * SECOND)  # part of it is archived and pruned
    assert made is not None
    with bench.mutex:
        while bench.writer.prune(str(made.archive.path)):
            pass
    before, rev = list(other.lines), bench.cursor("one")
    one.lines.clear()
    with bench.mutex:
        bench.writer.resend("one", START_US + 10 * SECOND, START_US + 50 * SECOND)
    forwarders[0].notify()
    bench.commit(60, 1)  # what is new goes on meanwhile
    until(lambda: {*range(10, 50), 60} <= one.times())
    until(lambda: bench.reader_resend("one") == [])
    bench.done(forwarders[0])
    bench.done(forwarders[1])
    assert one.times() == {*range(10, 50), 60}
    assert {line for line in other.lines if line not in before} == {other.lines[-1]}
    assert bench.cursor("one")[0] == rev[0] + 1, "what is sent again gets no new revision"
    assert bench.parked() == []


def test_what_is_refused_when_it_is_sent_again_is_parked(bench: Bench) -> None:
    sink = Scripted()
    one = bench.forwarder(sink)
    bench.commit(0, 5)
    bench.done(one)
    sink.answers = [SinkRefused("out of range")]
    with bench.mutex:
        bench.writer.resend("influxdb", START_US + 2 * SECOND, START_US + 3 * SECOND)
    one.notify()
    until(lambda: bench.reader_resend("influxdb") == [])
    (row,) = bench.parked()
    assert (row.kind, row.source, row.time_us) == ("point", "influxdb", START_US + 2 * SECOND)


def test_points_about_the_station_are_kept_while_the_database_is_away_but_not_for_ever(bench: Bench) -> None:
    from soilco2.ingest.forward.forwarder import OFFERS

    sink = Scripted(SinkUnavailable("cut"))
    one = bench.forwarder(sink)
    for n in range(OFFERS + 10):
        one.offer(f"soil_health,station=s n={n} {n}".encode())
    until(lambda: bool(sink.lines) and sink.lines[-1].endswith(f" {OFFERS + 9}"))
    assert len(sink.lines) <= OFFERS + 10
    assert bench.events("sink_back") == ["sink_back"]


@pytest.mark.influx
def test_derived_values_and_observations_share_one_order(bench: Bench, influx: InfluxBucket) -> None:
    key = ("streamlet", "p1", "d1", "co2_flux")
    with bench.mutex:
        bench.writer.commit(samples(0, 12))
        bench.writer.append_derived(
            [(key, START_US + n * SECOND, 2.5 + n, 2.0, None, "gradient", "") for n in range(25)]
        )
        bench.writer.append_derived([(key, START_US + 25 * SECOND, None, None, None, "gradient", "frozen")])
        bench.writer.commit(samples(12, 12))
    table = influx.table()
    one = bench.forwarder(
        InfluxSink, url=table.url, org=table.org, bucket=table.bucket, token={"env": table.token.env}
    )
    bench.done(one)
    assert influx.query("SELECT count(co2) FROM soil")[0]["values"][0][1] == 24
    (series,) = influx.query(
        "SELECT value, lower, flag FROM soil_derived WHERE method = 'gradient' GROUP BY variable"
    )
    assert series["tags"] == {"variable": "co2_flux"}
    assert len(series["values"]) == 26
    assert series["values"][3] == [START_US + 3 * SECOND, 5.5, 2.0, 1.0]
    (withheld,) = influx.query("SELECT flag, reason FROM soil_derived WHERE flag = 9")[0]["values"]
    assert withheld == [START_US + 25 * SECOND, 9.0, "frozen"]


def test_numpy_is_not_loaded_for_a_database(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import os, sys; os.environ['T'] = 'x'\n"
        "from soilco2.ingest.forward.sink import open_influx\n"
        "from soilco2.station_config.tables.influxdb import InfluxdbTable\n"
        "open_influx(InfluxdbTable(url='http://127.0.0.1:1', org='o', bucket='b', token={'env': 'T'}))\n"
        "assert 'urllib3' in sys.modules\n"
        "assert not {'numpy', 'pandas', 'influxdb_client'} & set(sys.modules), 'loaded'\n"
        "import numpy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
