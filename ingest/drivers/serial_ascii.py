"""Instruments on a serial line that speak lines of text, asked or sending by themselves."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from soilco2.ingest.drivers.driver import Bench, Driver, FarEnd, Host, Told
from soilco2.ingest.drivers.polling import Rows, polled
from soilco2.ingest.drivers.search import Scan, Search
from soilco2.ingest.errors import BusError, NoAnswer, PortBusy, PortGone, Refused, Unasked, WrongAnswer
from soilco2.ingest.protocols.ascii_lines import Judge, Said, judge, named_values
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.ascii_serial import ENDS, AsciiMaster, LineStream
from soilco2.ingest.transports.serial_port import SerialPort
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.line_pattern import ADDRESS, number, pattern
from soilco2.station_config.catalogue.probe import ChannelSpec, ProbeModel
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.connections.ascii_model import AsciiModel, LineSetting, setting_values
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.serial_ascii import SerialAsciiConnection, address_of
from soilco2.station_config.connections.serial_port import is_serial
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

NO_VALUE = "nan"
"""Status of a channel whose place in the line says that there is none."""
_SETUP_AGAIN_S = 600.0
"""Between two set-ups of an instrument whose lines are other ones, unless it was switched on anew [s]."""

Happened = Callable[[str, str, Message], None]
Failed = Callable[[BusError], None]


class LinePlan(NamedTuple):
    """How one instrument is read."""

    address: str
    model: AsciiModel
    instrument: Instrument
    channels: tuple[ChannelSpec, ...]
    judge: Judge

    def command(self, text: str) -> str:
        """A command of the catalogue for this instrument."""
        return pattern(text).render({ADDRESS: self.address})


def readings(model: AsciiModel, channels: Sequence[ChannelSpec], said: Said) -> list[Reading]:
    """What a line says of each channel; the whole line is kept with it, so that another file can read it anew."""
    data = said.line.encode("latin-1")
    found = []
    for spec in channels:
        notes = []
        for row in model.status:
            word = said.words.get(row.id, "").strip()
            with contextlib.suppress(ValueError):
                if (not row.channels or spec.id in row.channels) and (value := int(word, 16)):
                    notes.append(f"{row.id}=0x{value:x}")
        raw: float | None = number(said.words[spec.id])
        if raw is not None and math.isnan(raw):
            raw = None
            notes.insert(0, NO_VALUE)
        found.append(Reading(spec.id, raw, " ".join(notes), data))
    return found


class AsciiLine:
    """The serial line as polling sees it.

    Parameters
    ----------
    connection : SerialAsciiConnection
    rows : sequence of (Instrument, ProbeModel)
        The instruments on it.
    trace : callable, optional
        Sees every byte on the line.
    happened : callable, optional
        Takes kind, subject and one sentence.
    """

    def __init__(
        self,
        connection: SerialAsciiConnection,
        rows: Rows,
        trace: Trace | None = None,
        happened: Happened | None = None,
    ) -> None:
        self._connection = connection
        self._happened = happened
        self._port = _port(connection, trace, _line(connection))
        self._master = AsciiMaster(self._port, max([connection.quiet, *(model.quiet for _, model in rows)]))
        self._streaming = [
            self.plan(*row) for row in rows if isinstance(row[1], AsciiModel) and row[1].streams
        ]
        self._banners = {model.banner for _, model in rows if isinstance(model, AsciiModel) and model.banner}
        self._stream: LineStream | None = None
        self._addresses = [address_of(*row) for row in rows]
        self._new: set[str] = set()  # not heard as wanted since opening, or since a restart
        self._set_up: dict[str, float] = {}
        self._last: dict[str, Said] = {}
        self._talking = False

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port.is_open

    @property
    def late(self) -> int:
        """Answers that came too late and were dropped."""
        return self._master.late

    def open(self) -> None:
        """Take the port; errors as of `SerialPort.open`."""
        if self.is_open:
            return
        self._master.open()
        self._new = set(self._addresses)
        self._set_up.clear()
        if self._streaming:
            self._stream = LineStream(self._port, self._streaming[0].judge)

    def close(self) -> None:
        """Let go of the port."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.stop()
        self._port.close()

    def listen(self, trace: Trace) -> None:
        """Show every byte to another listener from now on."""
        self._port.trace = trace

    def plan(self, instrument: Instrument, model: ProbeModel) -> LinePlan:
        """Address, channels and the lines of an instrument."""
        assert isinstance(model, AsciiModel)
        address = address_of(instrument, model)
        port = str(self._connection.port)

        def judged(line: str) -> Said | BusError | None:
            return judge(model, address, line, port)

        return LinePlan(address, model, instrument, model.used(instrument.channels), judged)

    def read(self, plan: LinePlan, timeout_s: float, failed: Failed) -> list[Reading]:
        """What an instrument says now, or said last."""
        try:
            said = self._attempt(plan, timeout_s, failed)
        except (PortGone, PortBusy):
            raise
        except BusError as error:
            if not self._wants_setup(plan, error):
                if isinstance(error, NoAnswer | Refused | Unasked):
                    raise
            else:
                self._set_up_now(plan, timeout_s, failed)
            said = self._attempt(plan, timeout_s, failed)
        self._new.discard(plan.address)
        self._last[plan.address] = said
        return readings(plan.model, plan.channels, said)

    def _attempt(self, plan: LinePlan, timeout_s: float, failed: Failed) -> Said:
        try:
            if plan.model.streams:
                return self._newest(plan, timeout_s, failed)
            self._unasked(plan, self._master.drain(timeout_s))
            request = plan.command(plan.model.request or "")
            return self._master.ask(request, ENDS[plan.model.command_end], plan.judge, timeout_s)
        except BusError as error:
            self._restarted(error.data.decode("latin-1"))
            failed(error)
            raise

    def _newest(self, plan: LinePlan, timeout_s: float, failed: Failed) -> Said:
        """The newest whole line before now; one that comes within the time-out where there is none."""
        assert self._stream is not None
        try:
            said, faults = self._stream.take(timeout_s)
        except PortGone:
            self.close()
            raise
        for fault in faults if said is not None else faults[:-1]:
            failed(fault)
        if said is not None:
            return said
        if faults:
            raise faults[-1]
        raise NoAnswer(
            Message("{port}: no line came within {timeout:g} s: the instrument has stopped sending, or has no power",
                    port=self._connection.port, timeout=timeout_s))  # fmt: skip

    def _unasked(self, plan: LinePlan, lines: Sequence[str]) -> None:
        """Notice what came without being asked for: a restart, or an instrument that sends by itself."""
        for line in lines:
            self._restarted(line)
        if (
            self._happened is None
            or self._talking
            or not any(isinstance(plan.judge(row), Said) for row in lines)
        ):
            return
        self._talking = True
        text = Message(
            "{port}: an instrument sends without being asked: set it to answer only when it is asked, or its readings "
            "and those of others may meet on the line",
            port=self._connection.port,
        )
        self._happened("stray-answer", self._connection.id, text)

    def _restarted(self, text: str) -> None:
        if any(banner in text for banner in self._banners):
            self._new = set(self._addresses)
            self._set_up.clear()

    def _wants_setup(self, plan: LinePlan, error: BusError) -> bool:
        """Whether to tell an instrument how to speak: it is new and not understood, or now speaks otherwise."""
        if not plan.model.setup:
            return False
        done = self._set_up.get(plan.address)
        if done is None:
            return plan.address in self._new or _of_another_form(error)
        return _of_another_form(error) and monotonic() - done > _SETUP_AGAIN_S

    def _set_up_now(self, plan: LinePlan, timeout_s: float, failed: Failed) -> None:
        self._set_up[plan.address] = monotonic()
        for text in plan.model.setup:
            try:
                self._obeyed(plan, plan.command(text), timeout_s)
            except (PortGone, PortBusy):
                raise
            except BusError as error:  # the reading that follows tells whether it matters
                failed(error)

    def _obeyed(self, plan: LinePlan, command: str, timeout_s: float) -> list[str]:
        """Send a command and hear what is answered; nothing is heard of an instrument that sends by itself."""
        end = ENDS[plan.model.command_end]
        if self._stream is not None:
            self._port.send(f"{command}{end}".encode("latin-1"))
            return []
        lines = self._master.command(command, end, timeout_s)
        refused = next((line for line in lines if any(word in line for word in plan.model.refusals)), None)
        if refused is not None:
            raise Refused(
                Message("{port}: the command {command!r} was answered with {line!r}",
                        port=self._connection.port, command=command, line=refused[:60]),
                refused.encode("latin-1"))  # fmt: skip
        return lines

    def settings(self, plan: LinePlan, timeout_s: float, failed: Failed) -> Told:
        """What an instrument says of its settings, in its last line and when it is asked."""
        said = self._last.get(plan.address)
        lines: list[str] = []
        if not plan.model.streams:
            for text in plan.model.ask_settings:
                try:
                    lines += self._obeyed(plan, plan.command(text), timeout_s)
                except BusError as error:
                    failed(error)
                    break
        values = setting_values(plan.model, {} if said is None else said.words, named_values(lines))
        found = [_setting_text(row, values.get(row.id), plan.instrument) for row in plan.model.setting]
        return Told(Message.joined(found), values)


def _of_another_form(error: BusError) -> bool:
    return isinstance(error, WrongAnswer) and error.kind == "wrong_format"


def _setting_text(setting: LineSetting, value: float | None, instrument: Instrument) -> Message:
    if value is None:
        return Message("{setting}: the instrument does not tell", setting=setting.id)
    found = f"{value:.6g} {setting.unit}".rstrip()
    expected = instrument.settings.get(setting.id)
    if expected is None or math.isclose(expected, value, rel_tol=1e-6, abs_tol=1e-6):
        return Message("{setting} = {found}", setting=setting.id, found=found)
    return Message(
        "{setting} = {found} but the station file says {expected:g}",
        setting=setting.id,
        found=found,
        expected=expected,
    )


def line_of(
    connection: SerialAsciiConnection,
    rows: Rows,
    trace: Trace | None = None,
    happened: Happened | None = None,
) -> AsciiLine:
    """The line of a connection."""
    return AsciiLine(connection, rows, trace, happened)


USUAL = LineSettings(baudrate=19200)
"""What most of these instruments leave the factory with."""


def _port(connection: SerialAsciiConnection, trace: Trace | None, line: LineSettings) -> SerialPort:
    return SerialPort(
        str(connection.port),
        baudrate=line.baudrate,
        bytesize=line.bytesize,
        parity=line.parity,
        stopbits=line.stopbits,
        trace=trace,
    )


def _line(connection: SerialAsciiConnection) -> LineSettings:
    return LineSettings(
        baudrate=connection.baudrate,
        bytesize=connection.bytesize,
        parity=connection.parity,
        stopbits=connection.stopbits,
    )


class _SerialAsciiDriver(Driver):
    victims = Message("on a line of text")
    own_faults = frozenset({"address-clash", "noise"})

    def at(self, place: str, settings: LineSettings | None = None) -> SerialAsciiConnection | None:
        if not is_serial(place):
            return None
        line = settings or USUAL
        return SerialAsciiConnection(
            id="line",
            kind="serial-ascii",
            port=Path(place),
            baudrate=line.baudrate,
            bytesize=line.bytesize,
            parity=line.parity,
            stopbits=line.stopbits,
        )

    def line(self, connection: SerialAsciiConnection, rows: Rows, trace: Trace) -> AsciiLine:
        return line_of(connection, rows, trace)

    def scan(self, connection: SerialAsciiConnection, search: Search, trace: Trace) -> Scan:
        from soilco2.ingest.drivers.ascii_commission import sweep

        known = [
            model.line for model in search.models if isinstance(model, AsciiModel) and model.line is not None
        ]
        lines = search.lines or list({str(line): line for line in [USUAL, *known]}.values())
        return sweep(connection.kind, partial(_port, connection, trace), lines, search, connection.quiet)

    def set_address(
        self,
        connection: SerialAsciiConnection,
        model: ProbeModel,
        old: int | str,
        new: int | str,
        trace: Trace,
    ) -> Message:
        from soilco2.ingest.drivers.ascii_commission import change_address

        port = _port(connection, trace, _line(connection))
        return change_address(port, connection.quiet, model, old, new)

    def set_line(
        self,
        connection: SerialAsciiConnection,
        model: ProbeModel,
        address: int | str,
        settings: LineSettings,
        trace: Trace,
    ) -> Message:
        from soilco2.ingest.drivers.ascii_commission import change_line

        ports = partial(_port, connection, trace)
        return change_line(ports, connection.quiet, _line(connection), model, address, settings)

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        return polled(host, connections, partial(line_of, happened=host.happened))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.ascii_instruments import SimulatedAsciiLine

        return SimulatedAsciiLine.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        assert isinstance(model, AsciiModel)
        from soilco2.ingest.simulate.ascii_instruments import message

        line = message(model, raws)
        taken = model.take(line)
        assert taken is not None  # what a pattern writes it reads
        return readings(model, model.used(names), Said(line, taken.words))


DRIVER = _SerialAsciiDriver()
