"""The collector: every part of a running station, watched over; one that fails is started again, alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.clock.replay import ReplayClock
from soilco2.ingest.clock.system import SystemClock
from soilco2.ingest.drivers.driver import DriverEvent, Fetcher, Host
from soilco2.ingest.drivers.file_driver import FileWatch
from soilco2.ingest.drivers.polling import PollingThread
from soilco2.ingest.drivers.registry import driver_of, services
from soilco2.ingest.errors import CollectorError
from soilco2.ingest.events import event_of, log_event, log_failure
from soilco2.ingest.forward.forwarder import Forwarder
from soilco2.ingest.forward.platforms.opening import means
from soilco2.ingest.health import event_lines, give_back, health_lines, last_heard, link_lines, take_health
from soilco2.ingest.requests import Requests
from soilco2.ingest.station_file import check_same, remember, stamp
from soilco2.ingest.supervisor import Listener, Managed, Service, Supervisor, dialled
from soilco2.ingest.systemd import Notifier, Pulse, hung
from soilco2.ingest.writer_thread import WriterThread
from soilco2.quality.records import Sample
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.errors import StationConfigError
from soilco2.station_config.loader import Station, load_station
from soilco2.station_config.message import Message
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.archive import open_journal
from soilco2.storage.journal.archiving import make_room
from soilco2.storage.journal.control import ControlServer
from soilco2.storage.journal.migration import at_work
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import NewEvent
from soilco2.storage.journal.schema import EventKind
from soilco2.storage.journal.writer import Writer

log = logging.getLogger(__name__)

HEALTH_S = 300.0
"""Between two looks at the station itself [s]."""
_LOOK_S = 1.0
_FILE_S = 5.0
_PORTS_S = 60.0
_TRIM_S = 60.0
_RELIEVE_S = 60.0
_EVENTS = 200
"""Events that are told to a database at once, at most."""


class Collector:
    """Reads a station until it is told to stop.

    Parameters
    ----------
    station : Station
    file : Path or None
        The station file, to be read again when it changes.
    clock : Clock, optional
        The system's by default.
    extra : sequence of callable
        From the collector to further parts, such as the live page.
    fault : str
        What is wrong with the station file, when `station` is the last valid one from the journal.

    Raises
    ------
    StorageError
        When the journal is another process's or cannot be written.
    """

    def __init__(
        self,
        station: Station,
        file: Path | None = None,
        *,
        clock: Clock | None = None,
        extra: Sequence[tuple[str, Callable[[Collector], Service]]] = (),
        fault: str = "",
        health_s: float = HEALTH_S,
    ) -> None:
        self.station = station
        self.clock: Clock = clock or SystemClock()
        self.fault = Message.of(fault)
        self._file = file
        self._extra = extra
        self._health_s = health_s
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._supervisor = Supervisor(self._part_failed)
        self._seen = stamp(file)
        self._looked = self._healthy = monotonic()
        self._events_told = 0
        self._errors_told: dict[tuple[str, str], int] = {}
        self._trusted: bool | None = None
        self._control: ControlServer | None = None
        self._notifier = Notifier()
        self._fed = monotonic()
        self._trimmed = monotonic() - _TRIM_S + 2.0
        self._relieved = monotonic() - _RELIEVE_S
        self._relief: threading.Thread | None = None
        self._relief_error = Message.of("")
        told = at_work.set(self._notifier.starting)
        try:
            self._writer = Writer.open(station, now_us=self.clock.now_us)
        finally:
            at_work.reset(told)
        self.writer_thread = WriterThread(
            self._writer,
            self.clock,
            commit_every_s=self._every(station),
            commit_rows=station.file.journal.commit_rows,
            on_commit=self._committed,
        )
        self.writer_thread.answered.update(last_heard(station))
        self._call = Requests(lambda: self.station, self._supervisor, self.writer_thread, self.status)

    # from outside

    def stop(self) -> None:
        """End `run`; may be called from a signal handler."""
        self._stop.set()

    def reload(self) -> None:
        """Read the station file again; may be called from a signal handler."""
        self._reload.set()

    def run(self) -> bool:
        """Collect until `stop`.

        Returns
        -------
        bool
            False when something other than `stop` ended it: starting it again may help.
        """
        try:
            self._begin()
            while not self._stop.wait(_LOOK_S) and self.writer_thread.alive:
                self._look()
        finally:
            self._end()
        return self.writer_thread.failure is None

    def run_once(self, *, patience_s: float = 60.0) -> bool:
        """Read every polled instrument once, take what waits at the broker, forward it, and end.

        Returns
        -------
        bool
            False when an instrument, the broker or a database failed.
        """
        fine = True
        try:
            self._begin(once=True)
            lines = self._supervisor.of(PollingThread)
            end = monotonic() + patience_s + max((line.lead_us for line in lines), default=0) / 1e6
            while monotonic() < end and any(line.status()["rounds"] == 0 for line in lines):
                self._stop.wait(0.05)
            fine = all(row["answered"] for line in lines for row in line.status()["instruments"].values())
            sources = list(self.writer_thread.sources.values())
            quiet = monotonic() + 3.0
            received = [-1 for _ in sources]
            while sources and monotonic() < min(quiet, end):
                if received != [source.received for source in sources]:
                    received, quiet = [source.received for source in sources], monotonic() + 3.0
                self._stop.wait(0.1)
            fine = fine and all(source.connected for source in sources)
            self._look()
            while not self.writer_thread.settled and monotonic() < end:
                self._stop.wait(0.05)
            for forwarder in self._supervisor.of(Forwarder):
                forwarder.notify()
                fine = forwarder.wait_idle(max(1.0, end - monotonic())) and fine
        finally:
            self._end()
        return fine and self.writer_thread.failure is None

    def status(self) -> dict[str, Any]:
        """How every part is doing."""
        sources = self.writer_thread.sources
        listeners = [one.status() for one in self._supervisor.of(Listener)]  # type: ignore[type-abstract]
        return {
            "fault": self.fault,
            "configuration": self.station.hash,
            "now_us": self.clock.now_us(),
            "clock_trusted": self.clock.trusted(),
            "journal_error": self.writer_thread.error,
            "commits": self.writer_thread.commits,
            "hung": hung(self._pulses()),
            "answered_us": dict(self.writer_thread.answered),
            "buses": [dialled(line.status(), listeners) for line in self._supervisor.of(PollingThread)],
            "listeners": listeners,
            **{name: source.status() for name, source in sources.items()},
            "files": [one.status() for one in self._supervisor.of(FileWatch)],
            "fetched": [one.status() for one in self._supervisor.of(Fetcher)],
            "sinks": {one.table.id: one.status() for one in self._supervisor.of(Forwarder)},
            "parts": self._supervisor.states(),
        }

    # start and end

    def _wait_for_ports(self) -> None:
        """Simulated probes make their ports when they start: a replay does not run away from them."""
        ports = [port for row in self.station.file.connection for port in kind_of(row).ports(row)]
        end = monotonic() + _PORTS_S
        while monotonic() < end and not all(port.exists() for port in ports):
            if self._stop.wait(0.05):
                return

    def _begin(self, *, once: bool = False) -> None:
        self.writer_thread.start()
        self.writer_thread.note(
            NewEvent(EventKind.START, "collector", Message("configuration {hash}", hash=self.station.hash))
        )
        if self.fault:
            self._say_fault(self.fault)
        self._watch_clock()
        self._control = ControlServer(self.station.journal_path, self._call)
        remember(self._file, self.station)
        if isinstance(self.clock, ReplayClock):
            self._wait_for_ports()
        self._supervisor.install(self._wanted(once=once))
        if isinstance(self.clock, ReplayClock) and self.clock.owner:
            self.clock.settled = lambda: self.writer_thread.settled
            for source in self.writer_thread.sources.values():  # nobody sends before somebody listens
                source.wait_ready(_PORTS_S)
            self.clock.start()
        self._notifier.ready(f"collecting {self.station.file.station.id}")
        log.info("collecting %s, configuration %s", self.station.file.station.id, self.station.hash)

    def _end(self) -> None:
        self._notifier.stopping()
        if self._control is not None:  # None when it could not begin
            self._control.close()
        for source in self.writer_thread.sources.values():
            source.pause()
        if isinstance(self.clock, ReplayClock):
            self.clock.halt()
        self._supervisor.stop(PollingThread, FileWatch, Fetcher, Forwarder)
        if isinstance(self.clock, ReplayClock):
            self.clock.close()
        # what was read goes on disk, and is acknowledged, before the broker is left
        self.writer_thread.note(NewEvent(EventKind.STOP, "collector", Message("stopped")))
        self.writer_thread.close()
        self._supervisor.stop()
        try:
            self._writer.close()
        except StorageError as error:
            log_failure(f"the journal could not be closed: {error}", error)
        if (failure := self.writer_thread.failure) is not None:
            log_failure(f"the journal's writer ended: {failure}", failure)

    # parts

    def _wanted(self, *, once: bool = False) -> dict[str, Managed]:
        file = self.station.file
        wanted = services(self._host(once), file.connection)
        for table in file.sinks:
            how = means(table, self.station, once=once)
            wanted[f"forwarder {table.id}"] = Managed(
                lambda t=table, h=how: self._forwarder(t, **h),  # type: ignore[misc]
                (table, self.station.hash if how else ""),
                patience_s=2 * table.timeout + (600.0 if how else 120.0),
            )
        for name, make in self._extra:
            wanted[name] = Managed(lambda m=make: m(self), (name, self.station.hash))  # type: ignore[misc]
        return wanted

    def _host(self, once: bool) -> Host:
        def deliver(samples: Sequence[Sample], events: Sequence[DriverEvent]) -> None:
            said = [event_of(row.kind, row.subject, row.text, row.time_us, row.data) for row in events]
            for event in said:
                log_event(event)
            self.writer_thread.deliver(samples, said)

        return Host(
            station=lambda: self.station,
            clock=self.clock,
            deliver=deliver,
            beat=self._supervisor.beat,
            happened=lambda kind, subject, text: self._happened(event_of(kind, subject, text)),
            attach=self.writer_thread.attach,
            wake=self.writer_thread.messages_wait,
            once=once,
            submit=lambda op, **arguments: self._call(op, arguments),
        )

    def _forwarder(self, table: Any, **how: Any) -> Service:
        def move(sink: str, rev: int, **rest: Any) -> None:
            self.writer_thread.call(lambda writer: writer.move_cursor(sink, rev, **rest), quiet=True)
            for event in rest.get("events", ()):
                log_event(event)

        def resent(sink: str, from_us: int, to_us: int, **rest: Any) -> None:
            self.writer_thread.call(lambda writer: writer.resent(sink, from_us, to_us, **rest), quiet=True)

        return Forwarder(
            table, self.station.journal_path, move, self.clock.now_us, resent=resent,
            whole=lambda: open_journal(self.station), **how,
        )  # fmt: skip

    def _part_failed(self, name: str, text: Message) -> None:
        self.writer_thread.note(NewEvent(EventKind.PART_FAILED, name, text))

    # what is looked at every second

    def _look(self) -> None:
        self._supervisor.look()
        self._watch_clock()
        now = monotonic()
        if now - self._looked > _FILE_S and stamp(self._file) != self._seen:
            self._reload.set()
        if now - self._looked > _FILE_S:
            self._looked = now
        if self._reload.is_set():
            self._reload.clear()
            self._read_file()
        if now - self._healthy > self._health_s:
            self._healthy = now
            self._report()
        if now - self._relieved > _RELIEVE_S and not (self._relief and self._relief.is_alive()):
            self._relieved = now
            self._relief = threading.Thread(target=self._make_room, name="archive", daemon=True)
            self._relief.start()
        if now - self._trimmed > _TRIM_S:
            self._trimmed = now
            give_back()
        self._feed(now)

    def _feed(self, now: float) -> None:
        """Tell the service manager that all is well, if it is."""
        every = self._notifier.watchdog_s
        if every is None or now - self._fed < every / 3:
            return
        stuck = hung(self._pulses())
        if stuck:
            log.error("no sign of life: %s", ", ".join(stuck))
            return
        self._fed = now
        status = self.writer_thread.error or self.fault or f"collecting, {self.writer_thread.commits} commits"
        self._notifier.alive(status)

    def _pulses(self) -> list[Pulse]:
        # a round that waits for a journal that cannot be written is no hung bus
        excused = self.writer_thread.beat if self.writer_thread.error else 0.0
        return [Pulse("writer", self.writer_thread.beat, 120.0), *self._supervisor.pulses(excused)]

    def _watch_clock(self) -> None:
        clock = self.clock
        if not isinstance(clock, SystemClock):
            return
        for step in clock.take_steps():
            text = Message("the clock was set by {step:+.3f} s", step=step / 1000000.0)
            self._happened(NewEvent(EventKind.CLOCK_STEP, "clock", text, {"step_us": step}))
        trusted = clock.trusted()
        if trusted == self._trusted:
            return
        if trusted:
            first = self._trusted is None
            why = Message("the clock is trusted") if first else Message("the clock is trusted again")
            offset = clock.offset_us()
            try:
                self.writer_thread.call(lambda writer: writer.set_time(clock.boot_id, offset, why))
                self.writer_thread.call(lambda writer: writer.flag_ahead(clock.boot_id, offset))
            except StorageError as error:
                log.warning("%s", error)
                return
        else:
            text = Message(
                "the clock is not trusted: samples of polled probes wait for their time. Let a time service "
                "set it, or set SOILCO2_CLOCK=trusted if you know that it is right"
            )
            self._happened(NewEvent(EventKind.CLOCK_UNTRUSTED, "clock", text))
        self._trusted = trusted

    def _report(self) -> None:
        """Health to every database, errors of the buses to the journal's counters."""
        forwarders = self._supervisor.of(Forwarder)
        errors: dict[str, dict[str, int]] = {
            serial: row["errors"]
            for line in self._supervisor.of(PollingThread)
            for serial, row in line.status()["instruments"].items()
        }
        for serial, counts in errors.items():
            for kind, count in counts.items():
                told = self._errors_told.get((serial, kind), 0)
                self._errors_told[serial, kind] = count
                if fresh := count - (told if count >= told else 0):
                    self.writer_thread.count(serial, f"error_{kind}", fresh)
        if not forwarders:
            return
        try:
            with JournalReader(self.station.journal_path) as reader:
                answered = dict(self.writer_thread.answered)
                health = take_health(self.station, reader, self.clock.now_us(), answered, errors)
                cursors = {row.sink: row for row in reader.accounting.cursors()}
                events = [row for row in reader.events(limit=_EVENTS) if row.id > self._events_told]
        except (StorageError, OSError) as error:
            log.warning("the station's health is not known: %s", error)
            return
        links = link_lines(self.station, [one.status() for one in self.writer_thread.sources.values()])
        for forwarder in forwarders:
            cursor = cursors.get(forwarder.table.id)
            backlog, oldest = (cursor.backlog, cursor.oldest_us) if cursor else (0, None)
            forwarder.offer(health_lines(self.station, health, backlog, oldest))
            if links:
                forwarder.offer(links)
            if events:
                forwarder.offer(event_lines(self.station, events))
        if events:
            self._events_told = events[-1].id

    def _make_room(self) -> None:
        """Archive and prune while the journal is nearly full; on a thread of its own."""
        try:
            for step in make_room(self.station, lambda op, **a: self._call(op, a), self.clock.now_us()):
                log.info("%s: %d rows pruned", step.archive.path.name, step.pruned)
                if self._stop.is_set():
                    return
        except StorageError as error:
            if str(error) != self._relief_error:
                self._happened(NewEvent(EventKind.PART_FAILED, "archive", Message.of(error)))
            self._relief_error = Message.of(error)
        else:
            self._relief_error = Message.of("")

    # the station file

    def _read_file(self) -> None:
        if self._file is None:
            return
        self._notifier.reloading()
        self._seen = stamp(self._file)
        try:
            station = load_station(self._file)
            check_same(self._file, self.station, station)
            for row in station.file.connection:
                driver_of(kind_of(row))  # one that cannot be used is told before anything is taken over
        except (StationConfigError, CollectorError, OSError) as error:
            self._say_fault(Message.of(error))
        else:
            self.fault = Message.of("")
            if station.hash != self.station.hash:
                self._take_over(station)
        self._notifier.ready(self.fault or f"collecting {self.station.file.station.id}")

    def _take_over(self, station: Station) -> None:
        table = station.file.journal

        def change(writer: Writer) -> None:
            writer.install_config(station)
            self.writer_thread.use(
                station, commit_every_s=self._every(station), commit_rows=table.commit_rows
            )

        try:
            self.writer_thread.call(change)
        except StorageError as error:
            self._say_fault(
                Message(
                    "{file}: the new configuration could not be taken over: {why}", file=self._file, why=error
                )
            )
            return
        self.station = station
        self._supervisor.install(self._wanted())
        serving = {one for one in self.writer_thread.sources.values() if one.alive}
        self.writer_thread.sources = {one.kind: one for one in serving}
        log.info("configuration %s in force", station.hash)

    def _say_fault(self, text: Message) -> None:
        self.fault = text
        log.error(
            "the station file has faults; configuration %s stays in force:\n%s", self.station.hash, text
        )
        self.writer_thread.note(
            NewEvent(EventKind.CONFIG_FAULT, "station", text, {"in_force": self.station.hash})
        )

    # small things

    def _every(self, station: Station) -> float:
        return 0.0 if isinstance(self.clock, ReplayClock) else station.file.journal.commit_every

    def _committed(self) -> None:
        for forwarder in self._supervisor.of(Forwarder):
            forwarder.notify()

    def _happened(self, event: NewEvent) -> None:
        log_event(event)
        self.writer_thread.note(event)
