"""SDI-12 probes on a line behind a serial adapter.

A probe is asked who it is before its values are taken, after every failure and once a day. That its identity came is
also the sign that nothing older can come: probes answer in order, so a late answer is never taken for a newer one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple, TypeVar

from soilco2.ingest.drivers import sdi12_commission
from soilco2.ingest.drivers.driver import Bench, Driver, FarEnd, Host, Told
from soilco2.ingest.drivers.polling import Rows, polled
from soilco2.ingest.drivers.search import Scan, Search
from soilco2.ingest.errors import BadFrame, BusError, DoubleAnswer, NoAnswer, NotChanged, WrongAnswer
from soilco2.ingest.protocols import sdi12
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.sdi12_port import Sdi12Port
from soilco2.ingest.transports.trace import Trace, untraced
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.sdi12 import Sdi12Connection
from soilco2.station_config.connections.sdi12_model import TRIES, Command, Sdi12Model, ValueChannel
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import ON_THE_BENCH, Instrument

NO_VALUE = "none"
"""Status of a channel that the answer has no value for."""
_QUIET_S = 0.05
"""How long a second probe at the address may take to tell its identity too [s]."""

Failed = Callable[[BusError], None]
Answer = TypeVar("Answer")


class Sdi12Plan(NamedTuple):
    """What is asked of one probe."""

    address: str
    model: Sdi12Model
    instrument: Instrument
    channels: tuple[ValueChannel, ...]
    commands: tuple[Command, ...]


class _Begun(NamedTuple):
    """A measurement that was started: how many values will be there, and when at the latest [s, monotonic]."""

    values: int
    ready: float


class Sdi12Line:
    """The line as polling sees it.

    Parameters
    ----------
    connection : Sdi12Connection
    trace : callable, optional
        Sees every byte that goes out or comes in.
    """

    def __init__(self, connection: Sdi12Connection, trace: Trace = untraced) -> None:
        self.late = 0
        """Answers that came when nobody waited for them."""
        self._connection = connection
        self._port = Sdi12Port.of(connection, self._unasked, trace)
        self._identities: dict[str, sdi12.Identity] = {}  # of probes that owe no answer
        self._fresh: set[str] = set()  # identified since the settings were told
        self._begun: dict[str, _Begun] = {}
        self._doubled: set[str] = set()
        self.close = self._port.close

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port.is_open

    def open(self) -> None:
        """Open the port; every probe is asked anew who it is."""
        if self._port.is_open:
            return
        self._identities.clear()
        self._begun.clear()
        self._port.open()

    def plan(self, instrument: Instrument, model: ProbeModel) -> Sdi12Plan:
        """Address, channels and commands of an instrument."""
        assert isinstance(model, Sdi12Model)
        channels = model.used(instrument.channels)
        needed = {spec.at.command for spec in channels}
        commands = tuple(row for row in model.command if row.id in needed)
        return Sdi12Plan(str(instrument.address), model, instrument, channels, commands)

    def begin(self, plan: Sdi12Plan, timeout_s: float, failed: Failed) -> float:
        """Let a probe begin to measure while others do; the time until its values are there [s]."""
        self._begun.pop(plan.address, None)  # of a round in which it was passed over
        first = plan.commands[0]
        if first.concurrent is None:
            return 0.0
        if plan.address not in self._identities:
            self._identify(plan, timeout_s, failed)
        begun = self._start(plan, first, first.concurrent, timeout_s, failed)
        self._begun[plan.address] = begun
        return begun.ready - monotonic()

    def read(self, plan: Sdi12Plan, timeout_s: float, failed: Failed) -> list[Reading]:
        """What a probe measures now, or has measured since `begin`."""
        begun = self._begun.pop(plan.address, None)
        if begun is None and plan.address not in self._identities:
            self._identify(plan, timeout_s, failed)
        said: dict[str | None, bytes] = {}
        for command in plan.commands:
            if command.send[0] == "R":
                said[command.id] = self._values(plan, command, command.send, timeout_s, failed)
                continue
            sent = command.concurrent if begun and command.concurrent else command.send
            started = begun or self._start(plan, command, sent, timeout_s, failed)
            begun = None
            said[command.id] = self._collect(plan, command, sent, started, timeout_s, failed)
        return readings(plan.channels, plan.model, said)

    def settings(self, plan: Sdi12Plan, timeout_s: float, failed: Failed) -> Told:
        """What the probe tells of itself: maker, model, firmware, serial number."""
        known = self._identities.get(plan.address) if plan.address in self._fresh else None
        try:
            told = known or self._identify(plan, timeout_s, failed)
        except BusError as error:
            return Told(Message.of(error))
        self._fresh.discard(plan.address)
        return Told(str(told))

    # one measurement

    def _start(
        self, plan: Sdi12Plan, command: Command, sent: str, timeout_s: float, failed: Failed
    ) -> _Begun:
        self._doubled.discard(plan.address)
        text = sdi12.with_crc(sent) if self._checked(plan, sent) else sent
        found = self._ask(
            plan, text, lambda line: sdi12.announced(line, plan.address, sent), timeout_s, failed
        )
        if found.seconds > plan.model.longest_wait:
            raise self._wrong(
                plan, "wait", failed,
                Message(
                    "{name}: the probe announces values in {seconds} s; the longest of its model is {longest:g} s",
                    name=plan.instrument.id, seconds=found.seconds, longest=plan.model.longest_wait,
                ),
            )  # fmt: skip
        if command.values is not None and found.values != command.values:
            raise self._wrong_count(plan, command, found.values, failed)
        return _Begun(found.values, monotonic() + found.seconds)

    def _collect(
        self, plan: Sdi12Plan, command: Command, sent: str, begun: _Begun, timeout_s: float, failed: Failed
    ) -> bytes:
        """The answers that hold the values of a measurement, a line each."""
        left = begun.ready - monotonic()
        if left > 0:
            self._port.wait("" if sent[0] == "C" else plan.address, left)  # only after M there is a request
        else:
            self._port.drain(timeout_s)
        if plan.address in self._doubled and plan.address in self._identities:
            raise self._clash(plan, failed)
        parts: list[bytes] = []
        there = 0
        for n in range(10):
            if there >= begun.values:
                break
            if n and plan.address not in self._identities:  # an answer to the last one may still come
                self._identify(plan, timeout_s, failed)
            parts.append(self._values(plan, command, f"D{n}", timeout_s, failed, self._checked(plan, sent)))
            there += sdi12.count(parts[-1])
        if there != begun.values:
            raise self._wrong_count(plan, command, there, failed)
        return b"\n".join(parts)

    def _values(
        self,
        plan: Sdi12Plan,
        command: Command,
        text: str,
        timeout_s: float,
        failed: Failed,
        checked: bool | None = None,
    ) -> bytes:
        if checked is None:  # the values come at once
            checked = self._checked(plan, text)
            text = sdi12.with_crc(text) if checked else text
        line = self._ask(
            plan, text, lambda line: sdi12.values(line, plan.address, checked), timeout_s, failed
        )
        if text[0] == "R" and command.values is not None and sdi12.count(line) != command.values:
            raise self._wrong_count(plan, command, sdi12.count(line), failed)
        return line

    def _checked(self, plan: Sdi12Plan, sent: str) -> bool:
        return plan.model.crc and self._connection.crc and sent[0] != "V"

    def _ask(
        self,
        plan: Sdi12Plan,
        text: str,
        take: Callable[[bytes], Answer | None],
        timeout_s: float,
        failed: Failed,
    ) -> Answer:
        """Send a command, three times if need be."""
        for left in reversed(range(TRIES)):
            try:
                return self._port.ask(f"{plan.address}{text}!", take, timeout_s)
            except (NoAnswer, BadFrame) as error:
                self._identities.pop(plan.address, None)  # what did not come may still come
                failed(error)
                if not left:
                    raise
        raise AssertionError

    # who answers

    def _identify(self, plan: Sdi12Plan, timeout_s: float, failed: Failed) -> sdi12.Identity:
        """Who answers at an address; an error when it is not who is expected there."""
        before: sdi12.Identity | None = None
        for _ in range(TRIES):
            told = self._told(plan, timeout_s, failed)
            wrong = self._mismatch(plan, told)
            if wrong is None:
                self._identities[plan.address] = told
                self._fresh.add(plan.address)
                return told
            if told == before:  # said twice, so it was no noise
                break
            before = told
        assert wrong is not None
        raise self._wrong(plan, "device", failed, wrong)

    def _told(self, plan: Sdi12Plan, timeout_s: float, failed: Failed) -> sdi12.Identity:
        """What the probe at an address tells of itself; an error when two do."""
        tries = 0

        def counted(error: BusError) -> None:
            nonlocal tries
            tries += 1
            failed(error)

        def take(line: bytes) -> sdi12.Identity | None:
            found = sdi12.identity(line)
            return found if found is not None and found.address == plan.address else None

        told = self._ask(plan, "I", take, timeout_s, counted)
        more = self._port.drain(timeout_s, _QUIET_S)
        if not tries and any(take(line) is not None for line in more):
            raise self._clash(plan, failed)
        return told

    def _mismatch(self, plan: Sdi12Plan, told: sdi12.Identity) -> Message | None:
        """Why a probe is not the one that the station file says."""
        if not sdi12.is_model(told, plan.model):
            return Message(
                "{name}: the probe at address {address} says it is {told}, which is no {model}; its values are not "
                "taken. Mend model or address in the station file, or the wiring; do two probes share the address?",
                name=plan.instrument.id,
                address=plan.address,
                told=str(told),
                model=plan.model.id,
            )
        compared = self._connection.serials and plan.instrument.serial != ON_THE_BENCH
        if compared and not sdi12.is_serial(told, plan.instrument.serial):
            return Message(
                "{name}: the probe at address {address} tells the serial number {told}, the station file says "
                "{serial}; its values are not taken. Was it replaced? Then it is an instrument of its own, with "
                'serial = "{told}"; do two probes share the address?',
                name=plan.instrument.id,
                address=plan.address,
                told=told.serial,
                serial=plan.instrument.serial,
            )
        return None

    def _clash(self, plan: Sdi12Plan, failed: Failed) -> DoubleAnswer:
        self._identities.pop(plan.address, None)
        error = DoubleAnswer(
            Message(
                "{port}: two answers to one command at address {address}: two probes share it; give each an address of "
                "its own",
                port=self._connection.port,
                address=plan.address,
            )
        )
        failed(error)
        return error

    def _wrong(self, plan: Sdi12Plan, what: str, failed: Failed, text: Message) -> WrongAnswer:
        self._identities.pop(plan.address, None)
        error = WrongAnswer(text, b"", what)
        failed(error)
        return error

    def _wrong_count(self, plan: Sdi12Plan, command: Command, count: int, failed: Failed) -> WrongAnswer:
        text = Message(
            "{name}: {count} values came for {command}, {expected} were expected: another model, another firmware, or "
            "a measurement that was broken off",
            name=plan.instrument.id,
            count=count,
            command=command.send,
            expected=command.values if command.values is not None else Message("as many as announced"),
        )
        return self._wrong(plan, "count", failed, text)

    def _unasked(self, line: bytes) -> None:
        """A line that nobody waited for."""
        self.late += line[:1].isalnum()
        if sdi12.is_announcement(line):
            self._doubled.add(chr(line[0]))


def readings(
    channels: Sequence[ValueChannel], model: Sdi12Model, said: Mapping[str | None, bytes]
) -> list[Reading]:
    """What the answers to each command say of each channel."""
    found = []
    for spec in channels:
        text = said[spec.at.command]
        raw: float | None = model.decoder(spec)(text)
        assert raw is not None
        none = math.isnan(raw)
        found.append(Reading(spec.id, None if none else raw, NO_VALUE if none else "", text))
    return found


class _Sdi12Driver(Driver):
    victims = Message("on an SDI-12 line")
    own_faults = frozenset({"address-clash", "noise"})

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        return polled(host, connections, lambda connection, _rows: Sdi12Line(connection))

    def at(self, place: str, settings: LineSettings | None = None) -> Sdi12Connection | None:
        return sdi12_commission.connection_at(place, settings)

    def line(self, connection: Sdi12Connection, _rows: Rows, trace: Trace) -> Sdi12Line:
        return Sdi12Line(connection, trace)

    def scan(self, connection: Sdi12Connection, search: Search, trace: Trace) -> Scan:
        return sdi12_commission.look(connection, search, trace)

    def set_address(
        self, connection: Sdi12Connection, model: ProbeModel, old: int | str, new: int | str, trace: Trace
    ) -> Message:
        return sdi12_commission.change_address(connection, model, str(old), str(new), trace)

    def set_line(
        self,
        connection: Sdi12Connection,
        model: ProbeModel,
        address: int | str,
        settings: LineSettings,
        trace: Trace,
    ) -> Message:
        raise NotChanged(
            Message("every SDI-12 line runs at 1200 baud 7E1: nothing can be set, and nothing was written")
        )

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.sdi12_probes import SimulatedSdi12

        return SimulatedSdi12.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        from soilco2.ingest.simulate.sdi12_probes import answers

        assert isinstance(model, Sdi12Model)
        channels = model.used(names)
        return readings(channels, model, answers(model, channels, raws))


DRIVER = _Sdi12Driver()
