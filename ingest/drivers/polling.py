"""The instruments of one line that are asked: a thread that reads them in scheduled rounds.

The schedule clock is handed in and says when a round is due; slots are the multiples of an instrument's
interval since 1970 UTC, and the slot is the time of the sample. Deadlines on the line are real monotonic
time.

One bad device costs the others at most its own deadline, and is asked after them once it is known to be bad. Who was
held up by it for more than half an interval is not read for that slot: the time of a sample is its slot. A device that
failed gets a second try at the end of the round, after the others, if it was well before. Where the line knows how,
those that can measure at the same time begin together (`Together`). A device that goes on
failing is left out for 2, 4, 8 … of its intervals, five minutes at most. Nothing is made up: a device that does not
answer gives no sample; it gives an event when it falls silent and one when it is back.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.clock.replay import ReplayClock
from soilco2.ingest.drivers.device import Device
from soilco2.ingest.drivers.driver import DriverEvent, Host, Line
from soilco2.ingest.drivers.power import SwitchedPower, power_of
from soilco2.ingest.drivers.sample import Arrival, sample_of
from soilco2.ingest.drivers.turn import Turn
from soilco2.ingest.errors import BusError, PortBusy, PortGone
from soilco2.ingest.supervisor import Managed
from soilco2.quality.records import Sample
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.times import DAY_US

WARM_UP = "warm-up"
"""Status of samples from a device that was silent and is warming up again."""

_REOPEN_S = (0.5, 10.0)
_NEVER = 1 << 62
_UNTRUSTED = -2
"""In place of the day on which settings were read, while nobody knows it."""


Deliver = Callable[[list[Sample], list[DriverEvent]], None]
Rows = Sequence[tuple[Instrument, ProbeModel]]
"""The instruments of a connection."""


class PollingThread:
    """Reads the instruments of one connection, round by round, until stopped.

    Parameters
    ----------
    connection, port : str
        Id of the connection, and what it is on this machine, for people.
    line : Line
        The driver's side.
    instruments : sequence of (Instrument, ProbeModel)
        Those on this connection.
    clock : Clock
    deliver : callable
        Takes the samples and events of a round, in the bus thread, before the next round; it may block. What
        it raises ends the thread and stands in `failure`.
    active : callable, optional
        From serial number and slot [µs UTC] to whether the instrument is to be read, such as
        `Deployments.active`.
    on_round : callable, optional
        Called with the slot [µs UTC] when a round is over and delivered.
    punctual : bool
        Whether a reading that comes too late for its slot is left out.
    power : SwitchedPower, optional
        On ahead of a round and off after it; None where it is on all the time.

    Notes
    -----
    The thread is a member of the clock's schedule: a replay goes on once its round is over and delivered.
    """

    def __init__(
        self,
        connection: str,
        port: str,
        line: Line,
        instruments: Rows,
        clock: Clock,
        deliver: Deliver,
        *,
        active: Callable[[str, int], bool] | None = None,
        on_round: Callable[[int], None] | None = None,
        punctual: bool = True,
        power: SwitchedPower | None = None,
    ) -> None:
        self.connection = connection
        self.port = port
        self.failure: BaseException | None = None
        """What ended the thread, if it did not end by `stop`."""
        self._clock = clock
        self._deliver = deliver
        self._active = active or (lambda _serial, _slot: True)
        self._on_round = on_round or (lambda _slot: None)
        self._punctual = punctual
        self._power = power
        self.lead_us = 0 if power is None else power.lead_us
        self._devices = [Device(row, model, line.plan(row, model)) for row, model in instruments]
        self._devices.sort(key=lambda device: device.plan.address)
        self._line = line
        self._turn = Turn()
        self._stop = threading.Event()
        self._joined = threading.Event()
        self._mutex = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"bus {connection}", daemon=True)
        self._port_error = Message.of("")
        self._port_errors: Counter[str] = Counter()
        self._reopen_wait = 0.0
        self._reopen_at = 0.0
        self._rounds = 0
        self._missed = 0
        self._last_round_us: int | None = None
        self._next_us = 0

    @property
    def next_slot_us(self) -> int:
        """The slot this bus waits for or works on [µs UTC]; every earlier round is over and delivered."""
        return self._next_us

    def start(self) -> None:
        """Begin; the first round is the next slot. Returns once the thread belongs to the schedule."""
        self._thread.start()
        self._joined.wait()

    def stop(self) -> None:
        """Ask the thread to end; a request on its way is waited for."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def ending(self) -> bool:
        """Whether it was asked to end, or has ended: who borrowed the line gives it back."""
        return self._stop.is_set() or not self.alive

    @contextmanager
    def borrowed(self) -> Iterator[Line]:
        """The line between two rounds, open or closed; rounds wait until it is given back."""
        with self._turn.borrow():
            if (
                self._power is not None
            ):  # who borrows tells nothing: that is this thread's, before the next round
                self._power.turn(True, self.connection, self._devices, self._clock)
            yield self._line

    def status(self) -> dict[str, Any]:
        """How the line and each instrument are doing: state, counters by kind of error, times."""
        with self._mutex:
            return {
                "connection": self.connection,
                "port": self.port,
                "state": "open" if self._line.is_open else "closed",
                **(
                    {} if self._power is None else {"power": self._power.on, "power_error": self._power.error}
                ),
                "error": self._port_error,
                "errors": dict(self._port_errors),
                "rounds": self._rounds,
                "missed_slots": self._missed,
                "late_answers": self._line.late,
                "last_round_us": self._last_round_us,
                "instruments": {
                    device.serial: {
                        "id": device.instrument.id,
                        "address": device.plan.address,
                        "state": "not reached" if self._port_error else device.state,
                        "failed_rounds": device.failures,
                        "answered": device.answered,
                        "errors": dict(device.errors),
                        "last_answer_us": device.last_answer_us,
                        "last_error": device.last_error,
                    }
                    for device in self._devices
                },
            }

    # the thread

    def _run(self) -> None:
        try:
            with self._clock.member():
                self._begin()
                self._joined.set()
                while not self._stop.is_set():
                    self._wait_and_read()
        except BaseException as error:  # noqa: BLE001 - kept for the supervisor, who starts another thread
            self.failure = error
        finally:
            self._joined.set()
            if self._power is not None:
                self._power.end()
            self._line.close()

    def _begin(self) -> None:
        now = self._clock.now_us()
        for device in self._devices:
            device.align(now + self.lead_us)
        self._next_us = min((device.next_slot_us for device in self._devices), default=_NEVER)
        events: list[DriverEvent] = []
        try:  # a missing adapter is told at once, not at the first slot
            self._open(now, events)
        except (PortGone, PortBusy) as error:
            self._port_lost(error, now, events)
        if events:
            self._deliver([], events)
        self._switch(False)  # whatever it was left as

    def _late(self, device: Device, slot: int, now: int) -> DriverEvent:
        """Its slot has gone by: what was not taken, and the next slot."""
        device.align(now)
        gone = (device.next_slot_us - slot) // device.interval_us
        with self._mutex:
            self._missed += gone
        text = Message(
            "{gone} readings were not taken: the round before took too long, a command had the line, or the clock "
            "was set forward",
            gone=gone,
        )
        return DriverEvent(slot, "slots-missed", device.serial, text)

    def _wait_and_read(self) -> None:
        now = self._clock.now_us()
        for device in self._devices:
            if device.next_slot_us - now > device.interval_us + self.lead_us:  # the clock was set back
                device.align(now)
        slot = min((device.next_slot_us for device in self._devices), default=_NEVER)
        self._next_us = slot
        if now < slot - self.lead_us:
            self._clock.wait_until(slot - self.lead_us, self._stop)
            return
        if self._power is not None and not self._power.on:
            with self._turn.own():
                self._switch(True)
        if now < slot:
            self._clock.wait_until(slot, self._stop)
            return
        with self._turn.own():
            self._read_due(slot)

    def _read_due(self, slot: int) -> None:
        now = self._clock.now_us()  # somebody may have borrowed the line
        due = [device for device in self._devices if device.next_slot_us == slot]
        events: list[DriverEvent] = []
        reading = []
        for device in due:
            behind = now - slot
            device.next_slot_us = slot + device.interval_us
            if behind * 2 > device.interval_us:  # too late for this slot; the label would be a lie
                events.append(self._late(device, slot, now))
            elif self._active(device.serial, slot) and not device.resting(slot):
                reading.append(device)
        # who was passed over comes first, who failed before comes last
        reading.sort(key=lambda device: (device.failures > 0, not device.passed_over))
        samples: list[Sample] = []
        self._round(slot, reading, samples, events)
        if samples or events:
            self._deliver(samples, events)
        self._read_settings(slot, reading)
        with self._mutex:
            self._rounds += 1
            self._last_round_us = slot
        self._next_us = min(device.next_slot_us for device in self._devices)
        if self._next_us - self._clock.now_us() > self.lead_us:
            self._switch(False)
        self._on_round(slot)

    def _switch(self, on: bool) -> None:
        if self._power is not None:
            self._power.turn(on, self.connection, self._devices, self._clock)
            if told := self._power.untold():
                self._deliver([], told)

    def _round(
        self, slot: int, devices: Sequence[Device], samples: list[Sample], events: list[DriverEvent]
    ) -> None:
        again: list[tuple[Device, BusError]] = []
        devices, not_begun = self._begun(slot, devices, events)
        held_up = bool(not_begun)
        for device in devices:
            if self._stop.is_set():
                return
            if self._over(device, slot, events, held_up):
                continue
            error = not_begun.get(device.serial) or self._poll(device, slot, samples, events)
            if error is None or isinstance(error, PortGone | PortBusy):
                continue
            held_up = True
            if device.failures:
                device.failed(error, slot)
            else:
                again.append((device, error))
        for device, error_before in again:
            if self._stop.is_set():
                return
            late = self._over(device, slot, [], held_up)  # what is told of it is that it does not answer
            error = error_before if late else self._poll(device, slot, samples, events)
            if error is not None and not isinstance(error, PortGone | PortBusy):
                device.failed(error, slot)
                events.append(DriverEvent(slot, "device-silent", device.serial, Message.of(error)))

    def _begun(
        self, slot: int, devices: Sequence[Device], events: list[DriverEvent]
    ) -> tuple[Sequence[Device], dict[str, BusError]]:
        """Begin what can go on at the same time; who is read in which order, and who could not begin, by serial number.

        Who failed before does not begin: it is asked last, and alone.
        """
        begin = getattr(self._line, "begin", None)
        if begin is None:
            return devices, {}
        errors: dict[str, BusError] = {}
        ready: dict[str, float] = {}
        for device in (row for row in devices if not row.failures):
            if self._stop.is_set():
                break
            try:
                self._open(slot, events)
                left = begin(device.plan, device.timeout, partial(self._failed, device))
                ready[device.serial] = monotonic() + left
            except (PortGone, PortBusy) as error:
                self._port_lost(error, slot, events)
                break
            except BusError as error:
                errors[device.serial] = error
        rank = lambda row: (row.failures > 0, not row.passed_over, ready.get(row.serial, 0.0))  # noqa: E731
        return sorted(devices, key=rank), errors

    def _over(self, device: Device, slot: int, events: list[DriverEvent], held_up: bool) -> bool:
        """Whether it is too late for a device's slot: another one has held up the round, or the next slot is due."""
        now = self._clock.now_us()
        limit = device.interval_us // 2 if held_up else device.interval_us
        device.passed_over = self._punctual and now - slot > limit
        if device.passed_over:
            events.append(self._late(device, slot, now))
        return device.passed_over

    def _poll(
        self, device: Device, slot: int, samples: list[Sample], events: list[DriverEvent]
    ) -> BusError | None:
        """Read one device; None when it answered, else the error it failed with."""
        try:
            self._open(slot, events)
            readings = self._line.read(device.plan, device.timeout, partial(self._failed, device))
        except BusError as error:
            if isinstance(error, PortGone | PortBusy):
                self._port_lost(error, slot, events)
            return error
        arrival, mono = self._clock.now_us(), self._clock.mono_us()
        if device.failures:
            device.settings_day = -1
            text = Message("answers again after {failures} failed rounds", failures=device.failures)
            events.append(DriverEvent(slot, "device-back", device.serial, text))
            if device.silent:  # it may have been without power
                device.warm_until_us = slot + device.warm_up_us
        note = f"{WARM_UP} " if slot < device.warm_until_us else ""
        time = slot if self._clock.trusted() else None
        came = Arrival(arrival, mono, self._clock.boot_id, self.connection)
        samples.extend(
            sample_of(
                device.serial, row.channel, time, row.raw, f"{note}{row.status}".strip(), None, came, row.said
            )
            for row in readings
        )
        with self._mutex:
            device.failures = 0
            device.silent = False
            device.paused_until_us = 0
            device.answered += 1
            device.last_answer_us = arrival
            device.last_error = Message.of("")
        return None

    def _counted(self, device: Device, error: BusError) -> None:
        with self._mutex:
            device.errors[error.kind] += 1

    def _failed(self, device: Device, error: BusError) -> None:
        with self._mutex:
            device.errors[error.kind] += 1
            device.last_error = Message.of(error)

    # the port

    def _open(self, slot: int, events: list[DriverEvent]) -> None:
        if self._line.is_open:
            return
        if monotonic() < self._reopen_at:
            raise PortGone(self._port_error)
        self._line.open()
        if self._port_error:
            events.append(
                DriverEvent(slot, "port-back", self.connection, Message("{port} is back", port=self.port))
            )
        with self._mutex:
            self._port_error = Message.of("")
            self._reopen_wait = 0.0

    def _port_lost(self, error: BusError, slot: int, events: list[DriverEvent]) -> None:
        if monotonic() < self._reopen_at:
            return
        if not self._port_error:
            events.append(DriverEvent(slot, "port-gone", self.connection, Message.of(error)))
        shortest, longest = _REOPEN_S
        with self._mutex:
            self._port_error = Message.of(error)
            self._port_errors[error.kind] += 1
            self._reopen_wait = min(max(shortest, 2 * self._reopen_wait), longest)
            self._reopen_at = monotonic() + self._reopen_wait

    # registers that change what readings mean

    def _read_settings(self, slot: int, devices: Sequence[Device]) -> None:
        trusted = self._clock.trusted()
        day = slot // DAY_US if trusted else _UNTRUSTED
        events = []
        for device in devices:
            if self._stop.is_set() or not self._line.is_open:
                break
            if device.settings_day == day or device.failures or not device.answered:
                continue
            device.settings_day = day
            told = self._line.settings(device.plan, device.timeout, partial(self._counted, device))
            # what readings are corrected by holds from a time on: it is told again when that is known
            if told.text and (told.text, trusted) != device.settings_told:
                device.settings_told = (told.text, trusted)
                data = {"values": dict(told.values)} if trusted else {}
                events.append(DriverEvent(slot, "settings", device.serial, Message.of(told.text), data))
        if events:
            self._deliver([], events)


def polled(
    host: Host, connections: Sequence[Connection], line_of: Callable[[Any, Rows], Line]
) -> Mapping[str, Managed]:
    """The threads that poll some connections, which is what `Driver.services` of a polled kind gives.

    Parameters
    ----------
    host : Host
    connections : sequence of Connection
    line_of : callable
        Makes the line of a connection for its instruments, anew for each thread.
    """
    station = host.station()
    found = {}
    for connection in connections:
        rows = [
            (row.model_copy(update={"interval": 1.0} if host.once else {}), station.models[row.model_key])
            for row in station.file.instrument
            if row.connection == connection.id
        ]
        if rows:
            plain = [(row.model_copy(update={"calibration": (), "note": ""}), m) for row, m in rows]
            longest = max(row.interval for row, _ in rows)
            name = f"bus {connection.id}"
            found[name] = Managed(
                partial(_thread, host, name, connection, rows, line_of),
                (connection, plain),
                patience_s=None if isinstance(host.clock, ReplayClock) else 2 * longest + 300.0,
            )
    return found


def _thread(
    host: Host, name: str, connection: Connection, rows: Rows, line_of: Callable[[Any, Rows], Line]
) -> PollingThread:
    line = line_of(connection, rows)
    return PollingThread(
        connection.id,
        kind_of(connection).place(connection),
        line,
        rows,
        host.clock,
        host.deliver,
        active=lambda serial, at: host.station().deployments.active(serial, at),
        on_round=lambda _slot_us: host.beat(name),
        punctual=not host.once,
        power=power_of(connection, line, rows),
    )
