"""The writer's thread, the supervisor of parts and the clock's verdict, in one process on a real journal."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soilco2.ingest.clock.system import BUILT_US, SystemClock
from soilco2.ingest.collector import Collector
from soilco2.ingest.supervisor import Managed, Supervisor
from soilco2.ingest.writer_thread import WriterThread
from soilco2.quality.records import Sample
from soilco2.station_config.message import translate
from soilco2.storage.errors import DiskFullError, JournalDamagedError, StorageError
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer
from tests.ingest.running import START_US, until
from tests.ingest.station import make_station
from tests.servers import free_port

SECOND = 1_000_000


def sample(n: int, *, time_us: int | None = 0, boot: str = "boot") -> Sample:
    at = START_US + n * SECOND if time_us == 0 else time_us
    return Sample("N1", "co2", at, 400.0 + n, "", None, START_US, 1000 + n * SECOND, boot, "field")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(make_station(tmp_path)) as made:
        yield made


def intake_of(writer: Writer) -> WriterThread:
    made = WriterThread(writer, SystemClock(), commit_every_s=0.0, commit_rows=1000, on_commit=lambda: None)
    made.start()
    return made


def counters(writer: Writer) -> dict[str, int]:
    with JournalReader(writer.path) as reader:
        return reader.accounting.counters().get("field", {})


def test_a_sample_that_cannot_be_kept_does_not_keep_the_others_out(writer: Writer) -> None:
    """2⁶³ µs is beyond what SQLite's integers hold."""
    writer_thread = intake_of(writer)
    writer_thread.deliver([sample(0), sample(1, time_us=2**63), sample(2)])
    until(lambda: writer_thread.settled and counters(writer).get("in") == 3)
    writer_thread.close()
    assert counters(writer) == {"in": 3, "stored": 2, "rejected": 1}
    with JournalReader(writer.path) as reader:
        (row,) = reader.accounting.parked()
    assert row.reason.startswith("it cannot be kept: ")
    assert str(2**63).encode() in row.payload


def test_a_full_disk_is_waited_out_and_nothing_is_dropped(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = writer.commit, threading.Event()
    full.set()

    def commit(*args: object, **keys: object) -> object:
        if full.is_set():
            raise DiskFullError("the disk is full")
        return real(*args, **keys)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "commit", commit)
    writer_thread = intake_of(writer)
    writer_thread.deliver([sample(0)])
    until(lambda: writer_thread.error == "the disk is full")
    assert not writer_thread.settled
    writer_thread.deliver([sample(1)])
    assert writer_thread.call(lambda w: w.path) == writer.path  # commands still get an answer
    full.clear()
    until(lambda: writer_thread.settled)
    writer_thread.close()
    assert writer_thread.error == ""
    assert counters(writer)["stored"] == 2


def test_a_journal_that_refuses_as_damaged_ends_the_writer_and_is_marked(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trying for ever would keep the station dark: the next start sets the journal aside."""

    def keep(*_args: object) -> object:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(writer.samples, "keep", keep)
    writer_thread = intake_of(writer)
    writer_thread.deliver([sample(0)])
    until(lambda: not writer_thread.alive)
    assert isinstance(writer_thread.failure, JournalDamagedError)
    assert "malformed" in writer.path.with_name(writer.path.name + ".damaged").read_text(encoding="utf-8")


def test_what_an_operation_raises_is_the_callers(writer: Writer) -> None:
    writer_thread = intake_of(writer)

    def wrong(_writer: Writer) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        writer_thread.call(wrong)
    assert writer_thread.alive
    writer_thread.close()
    with pytest.raises(StorageError):
        writer_thread.call(wrong)


def test_what_was_delivered_is_written_before_the_end(writer: Writer) -> None:
    writer_thread = intake_of(writer)
    for n in range(100):
        writer_thread.deliver([sample(n)], [NewEvent(EventKind.NOTE, "x", str(n))])
    writer_thread.close()
    assert counters(writer)["stored"] == 100


class Flaky:
    """A part that fails as often as told."""

    failures = 0

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.alive = False

    def start(self) -> None:
        if Flaky.failures > 0:
            Flaky.failures -= 1
            self.failure = OSError("no such device")
        else:
            self.alive = True

    def stop(self) -> None:
        self.alive = False

    def join(self, timeout: float | None = None) -> None:
        pass


def test_a_part_that_fails_is_started_again_and_the_others_are_left_alone() -> None:
    said: list[tuple[str, str]] = []
    supervisor = Supervisor(lambda name, text: said.append((name, text)))
    supervisor.install({"calm": Managed(Flaky, 1)})
    (calm,) = supervisor.of(Flaky)
    Flaky.failures = 2
    supervisor.install({"calm": Managed(Flaky, 1), "flaky": Managed(Flaky, 2)})
    until(
        lambda: (
            supervisor.look() is None
            and len(supervisor.of(Flaky)) == 2
            and all(p.alive for p in supervisor.of(Flaky))
        )
    )
    assert [name for name, _ in said] == ["flaky", "flaky"]
    assert "started again in 1 s" in said[0][1]
    assert "started again in 2 s" in said[1][1]
    assert translate(said[0][1], "zh") == "flaky 失败（OSError：no such device）；1 s 后重新启动"
    assert supervisor.of(Flaky)[0] is calm
    supervisor.install({"calm": Managed(Flaky, "changed")})
    assert not calm.alive
    assert supervisor.states() == {"calm": "running"}


def test_samples_under_an_untrusted_clock_wait_and_get_their_time(tmp_path: Path) -> None:
    """Boot in 1970; a time service sets the clock; only then are there observations."""
    wall, synchronised = [0], [False]
    clock = SystemClock(
        wall=lambda: wall[0], mono=lambda: 5 * SECOND, synchronised=lambda: synchronised[0],
        keeps_time=lambda: False, boot_id="this-boot",
    )  # fmt: skip
    station = make_station(tmp_path, port=free_port())
    collector = Collector(station, clock=clock)
    thread = threading.Thread(target=collector.run)
    thread.start()
    try:
        held = [sample(n, time_us=None, boot="this-boot") for n in range(3)]
        until(lambda: collector.writer_thread.alive)
        collector.writer_thread.deliver(held)
        until(lambda: collector.writer_thread.settled)
        with JournalReader(station.journal_path) as reader:
            assert reader.accounting.held() == 3
            assert reader.last_rev() == 0
            assert [event.kind for event in reader.events(["clock_untrusted"])] == ["clock_untrusted"]
            wall[0], synchronised[0] = BUILT_US + 1_000_000 * SECOND, True
            until(lambda: reader.accounting.held() == 0)
            until(lambda: len(reader.events(["clock_step"])) == 1)
            assert len(reader.events(["clock_set"])) == 1
            offset = wall[0] - 5 * SECOND
            times = [row.time_us for row in reader.samples(0, 2**62)]
            assert times == [offset + 1000 + n * SECOND for n in range(3)]
            assert [row.value for _, row in reader.observations_after(0, 10)] == [400.0, 401.0, 402.0]
    finally:
        collector.stop()
        thread.join(30)
    assert not thread.is_alive()
