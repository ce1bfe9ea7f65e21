"""Modbus RTU slaves on a serial line."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.driver import Bench, Driver, FarEnd, Host, Scan, Search, Told
from soilco2.ingest.drivers.modbus_change import change_address, change_line
from soilco2.ingest.drivers.modbus_scan import Pitch, sweep
from soilco2.ingest.drivers.polling import Deliver, PollingThread, Rows, polled
from soilco2.ingest.errors import BusError, ExceptionAnswer, NoAnswer, PortBusy, PortGone
from soilco2.ingest.protocols.modbus import Request
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.protocols.register_map import blocks_to_read, raw_readings, register_image
from soilco2.ingest.supervisor import Managed
from soilco2.ingest.transports.modbus_serial import RtuMaster
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.catalogue.registers import WIDTH, decode
from soilco2.station_config.connections.kind import Connection
from soilco2.station_config.connections.modbus_model import Block, ModbusModel, RegisterChannel, Setting
from soilco2.station_config.connections.modbus_rtu import ModbusRtuConnection
from soilco2.station_config.connections.serial_port import is_serial
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

Happened = Callable[[str, str, Message], None]


class RegisterPlan(NamedTuple):
    """What is asked of one slave."""

    address: int
    model: ModbusModel
    instrument: Instrument
    channels: tuple[RegisterChannel, ...]
    blocks: tuple[Block, ...]


class ModbusLine:
    """The serial line as polling sees it.

    Parameters
    ----------
    connection : ModbusRtuConnection
    quiet_s : float
        Silence between frames [s].
    trace : callable, optional
        Sees every byte on the line.
    happened : callable, optional
        Takes kind, subject and one sentence.
    """

    def __init__(
        self,
        connection: ModbusRtuConnection,
        quiet_s: float,
        trace: Trace | None = None,
        happened: Happened | None = None,
    ) -> None:
        self._connection = connection
        self._happened = happened
        self._strays: set[int] = set()
        self._master = RtuMaster(
            str(connection.port),
            baudrate=connection.baudrate,
            bytesize=connection.bytesize,
            parity=connection.parity,
            stopbits=connection.stopbits,
            quiet=quiet_s,
            trace=trace,
            stray=self._stray,
        )
        self.open = self._master.open
        self.close = self._master.close

    def _stray(self, address: int) -> None:
        """Tell once of an address that answers when nobody waits for it."""
        if self._happened is None or address in self._strays:
            return
        self._strays.add(address)
        text = Message(
            "{port}: address {address} answered when nobody waited for it: two devices share it, or another master "
            "asks on this line; a reading of it may be the other device's. Give each device an address of its own, and "
            "the line one master",
            port=self._connection.port,
            address=address,
        )
        self._happened("stray-answer", self._connection.id, text)

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._master.is_open

    @property
    def late(self) -> int:
        """Answers that came too late and were dropped."""
        return self._master.late

    def plan(self, instrument: Instrument, model: ProbeModel) -> RegisterPlan:
        """Address, channels and blocks of an instrument."""
        assert isinstance(model, ModbusModel)
        address = instrument.address if instrument.address is not None else model.address
        assert isinstance(address, int)  # the station file's check sees to it
        channels = model.used(instrument.channels)
        return RegisterPlan(address, model, instrument, channels, blocks_to_read(model, channels))

    def read(self, plan: RegisterPlan, timeout_s: float, failed: Callable[[BusError], None]) -> list[Reading]:
        """What the registers of an instrument say now."""
        words = {}
        for block in plan.blocks:
            request = Request(plan.address, block.function, block.start, block.count)
            words[block.id] = self._ask(request, timeout_s, failed)
        return raw_readings(plan.model, plan.channels, words)

    def _ask(self, request: Request, timeout_s: float, failed: Callable[[BusError], None]) -> tuple[int, ...]:
        """One request; a damaged or foreign answer is asked for once more."""
        try:
            return self._counted(request, timeout_s, failed)
        except (NoAnswer, ExceptionAnswer, PortGone, PortBusy):
            raise
        except BusError:
            return self._counted(request, timeout_s, failed)

    def _counted(
        self, request: Request, timeout_s: float, failed: Callable[[BusError], None]
    ) -> tuple[int, ...]:
        try:
            return self._master.read(request, timeout_s)
        except BusError as error:
            failed(error)
            raise

    def settings(self, plan: RegisterPlan, timeout_s: float, failed: Callable[[BusError], None]) -> Told:
        """The registers that change what readings mean."""
        found = []
        values: dict[str, float] = {}
        for setting in plan.model.setting:
            request = Request(plan.address, setting.function, setting.start, WIDTH[setting.type])
            try:
                words = self._master.read(request, timeout_s)
            except ExceptionAnswer:
                found.append(Message("{setting}: the device refuses to tell", setting=setting.id))
                continue
            except BusError as error:
                failed(error)
                found.append(Message("{setting}: not read ({kind})", setting=setting.id, kind=error.kind))
                break
            value = decode(words, 0, setting.type, setting.word_order) * setting.scale
            found.append(_setting_text(setting, value, plan.instrument))
            if math.isfinite(value):
                values[setting.id] = value
        return Told(Message.joined(found), values)


def _setting_text(setting: Setting, value: float, instrument: Instrument) -> Message:
    found = f"{value:.6g} {setting.unit}".rstrip()
    expected = instrument.settings.get(setting.id)
    if expected is None or abs(expected - value) <= abs(setting.scale) / 2:
        return Message("{setting} = {found}", setting=setting.id, found=found)
    return Message(
        "{setting} = {found} but the station file says {expected:g}",
        setting=setting.id,
        found=found,
        expected=expected,
    )


def line_of(
    connection: ModbusRtuConnection, rows: Rows, trace: Trace | None = None, happened: Happened | None = None
) -> ModbusLine:
    """The line of a connection: as quiet as its quietest probe wants it."""
    quiet_s = max([connection.quiet, *(model.quiet for _, model in rows)])
    return ModbusLine(connection, quiet_s, trace, happened)


def polling(
    connection: ModbusRtuConnection,
    rows: Rows,
    clock: Clock,
    deliver: Deliver,
    *,
    trace: Trace | None = None,
    happened: Happened | None = None,
    **more: Any,
) -> PollingThread:
    """The thread that polls the instruments of a line; `more` goes to `PollingThread`."""
    line = line_of(connection, rows, trace, happened)
    return PollingThread(connection.id, str(connection.port), line, rows, clock, deliver, **more)


COMMISSIONING_QUIET_S = 0.05
"""Silence between frames while it is not known who listens [s]; cheap probes want 50 to 100 ms."""
USUAL = LineSettings(baudrate=9600)
"""What most probes leave the factory with."""
_SPEEDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


def _settings(models: Sequence[ProbeModel], everything: bool) -> list[LineSettings]:
    """Line settings to look for probes at: what most models leave the factory with first, then all there are.

    Stop bits do not matter to who listens, so the higher number of them is taken.
    """
    found: dict[tuple[int, str], LineSettings] = {}
    votes: Counter[tuple[int, str]] = Counter()
    for model in models:
        line = model.line or USUAL
        key = line.baudrate, line.parity
        votes[key] += 1
        if key not in found or found[key].stopbits < line.stopbits:
            found[key] = line
    lines = [found[key] for key, _ in votes.most_common()]
    if everything:
        speeds = {*_SPEEDS, *(speed for model in models if model.line for speed in model.line.baudrates)}
        lines += [
            LineSettings.of(f"{speed} 8{parity}1")
            for parity in ("N", "E", "O")
            for speed in sorted(speeds)
            if (speed, parity) not in found
        ]
    return lines


def _line(connection: ModbusRtuConnection) -> LineSettings:
    return LineSettings(baudrate=connection.baudrate, parity=connection.parity, stopbits=connection.stopbits)


def _master(connection: ModbusRtuConnection, trace: Trace, line: LineSettings) -> RtuMaster:
    return RtuMaster(
        str(connection.port),
        baudrate=line.baudrate,
        bytesize=line.bytesize,
        parity=line.parity,
        stopbits=line.stopbits,
        quiet=max(connection.quiet, COMMISSIONING_QUIET_S),
        trace=trace,
    )


class _ModbusRtuDriver(Driver):
    victims = Message("on a Modbus line")
    own_faults = frozenset({"address-clash", "noise"})

    def at(self, place: str, settings: LineSettings | None = None) -> ModbusRtuConnection | None:
        if not is_serial(place):
            return None
        line = settings or USUAL
        return ModbusRtuConnection(
            id="line",
            kind="modbus-rtu",
            port=Path(place),
            baudrate=line.baudrate,
            parity=line.parity,
            stopbits=line.stopbits,
        )

    def line(self, connection: ModbusRtuConnection, rows: Rows, trace: Trace) -> ModbusLine:
        return line_of(connection, rows, trace)

    def scan(self, connection: ModbusRtuConnection, search: Search, trace: Trace) -> Scan:
        models = [model for model in search.models if isinstance(model, ModbusModel)]
        lines = search.lines or _settings(models, search.everything)
        pitches = [Pitch(str(line), partial(_master, connection, trace, line)) for line in lines]
        return sweep(connection.kind, pitches, search)

    def set_address(
        self, connection: ModbusRtuConnection, model: ProbeModel, old: int | str, new: int | str, trace: Trace
    ) -> Message:
        return change_address(_master(connection, trace, _line(connection)), model, old, new)

    def set_line(
        self,
        connection: ModbusRtuConnection,
        model: ProbeModel,
        address: int | str,
        settings: LineSettings,
        trace: Trace,
    ) -> Message:
        masters = partial(_master, connection, trace)
        return change_line(masters, _line(connection), model, address, settings)

    def services(self, host: Host, connections: Sequence[Connection]) -> Mapping[str, Managed]:
        return polled(host, connections, partial(line_of, happened=host.happened))

    def far_end(self, bench: Bench) -> FarEnd:
        from soilco2.ingest.simulate.modbus_probes import SimulatedBus

        return SimulatedBus.of(bench)

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        assert isinstance(model, ModbusModel)
        return raw_readings(model, model.used(names), register_image(model, raws))


DRIVER = _ModbusRtuDriver()
