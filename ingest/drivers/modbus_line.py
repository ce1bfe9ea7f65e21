"""Modbus slaves as polling sees them, whatever carries their frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from soilco2.ingest.drivers.driver import Driver, Told
from soilco2.ingest.drivers.search import Scan, Search
from soilco2.ingest.errors import BusError, ExceptionAnswer, NoAnswer, NotChanged, PortBusy, PortGone
from soilco2.ingest.protocols.modbus import Request, coil_asked, coil_frame, coil_said
from soilco2.ingest.protocols.reading import Reading
from soilco2.ingest.protocols.register_map import blocks_to_read, raw_readings, register_image
from soilco2.ingest.transports.modbus_master import ModbusMaster, Stray
from soilco2.ingest.transports.trace import Trace
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.catalogue.registers import WIDTH, decode
from soilco2.station_config.connections.modbus_model import Block, ModbusModel, RegisterChannel, Setting
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

COIL_TRIES = 3
COIL_WAIT_S = 0.5
"""How often a relay module is asked to switch, and how long it may take to say so [s]."""

Happened = Callable[[str, str, Message], None]


class RegisterPlan(NamedTuple):
    """What is asked of one slave."""

    address: int
    model: ModbusModel
    instrument: Instrument
    channels: tuple[RegisterChannel, ...]
    blocks: tuple[Block, ...]


class ModbusLine:
    """A line of slaves.

    Parameters
    ----------
    master : callable
        Makes the master; it takes who is told of an address that answers when nobody waits for it.
    connection : str
        Its id.
    happened : callable, optional
        Takes kind, subject and one sentence.
    request : type of Request
    again : bool
        Whether a line that is lost in the middle of a request is opened anew and asked once more: a connection over the
        network often ends while nobody asks, and says so only then.
    """

    def __init__(
        self,
        master: Callable[[Stray], ModbusMaster],
        connection: str,
        happened: Happened | None = None,
        *,
        request: type[Request] = Request,
        again: bool = False,
    ) -> None:
        self._connection = connection
        self._happened = happened
        self._strays: set[int] = set()
        self._request = request
        self._again = again
        self._master = master(self._stray)
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
            port=self._master.port,
            address=address,
        )
        self._happened("stray-answer", self._connection, text)

    @property
    def is_open(self) -> bool:
        """Whether the line can be used."""
        return self._master.is_open

    @property
    def late(self) -> int:
        """Answers that came too late and were dropped."""
        return self._master.late

    def listen(self, trace: Trace) -> None:
        """Show every byte to another listener from now on."""
        self._master.trace(trace)

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
            request = self._request(plan.address, block.function, block.start, block.count)
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
            if self._again and not self._master.is_open:  # it has ended while nobody asked
                self._master.open()
            return self._read(request, timeout_s, failed)
        except BusError as error:
            failed(error)
            raise

    def _read(
        self, request: Request, timeout_s: float, failed: Callable[[BusError], None]
    ) -> tuple[int, ...]:
        try:
            return self._master.read(request, timeout_s)
        except PortGone as error:
            if not self._again:
                raise
            failed(error)
        self._master.open()
        return self._master.read(request, timeout_s)

    def set_coil(self, address: int, coil: int, on: bool) -> None:
        """Switch a coil of a relay module, and ask it whether that is so: an echo of the line is no answer."""
        sound = coil_said(address, on)
        heard = b""
        for _ in range(COIL_TRIES):
            self._master.ask(
                coil_frame(address, coil, on), COIL_WAIT_S, lambda data: coil_frame(address, coil, on) in data
            )
            heard = self._master.ask(coil_asked(address, coil), COIL_WAIT_S, lambda data: sound in data)
            if sound in heard:
                return
        raise NoAnswer(
            Message(
                "{port}: the relay module at address {address} does not say that coil {coil} is switched; "
                "look at its address, speed and supply",
                port=self._master.port, address=address, coil=coil,
            ),
            heard,
        )  # fmt: skip

    def settings(self, plan: RegisterPlan, timeout_s: float, failed: Callable[[BusError], None]) -> Told:
        """The registers that change what readings mean."""
        found = []
        values: dict[str, float] = {}
        for setting in plan.model.setting:
            request = self._request(plan.address, setting.function, setting.start, WIDTH[setting.type])
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
    if expected is None and setting.in_soil not in (None, value) and instrument.in_a_profile:
        return Message(
            "{setting} = {found} but must be {expected:g} in soil: set it with the maker's program, soilco2 never does",
            setting=setting.id,
            found=found,
            expected=setting.in_soil,
        )
    if expected is None or abs(expected - value) <= abs(setting.scale) / 2:
        return Message("{setting} = {found}", setting=setting.id, found=found)
    return Message(
        "{setting} = {found} but the station file says {expected:g}",
        setting=setting.id,
        found=found,
        expected=expected,
    )


class ModbusDriver(Driver):
    """What drivers of Modbus have in common."""

    victims = Message("on a Modbus line")
    own_faults = frozenset({"address-clash", "noise"})

    def master(self, connection: Any, trace: Trace) -> ModbusMaster:
        """The master of a connection over the network, on which instruments are looked for."""
        raise NotImplementedError

    def scan(self, connection: Any, search: Search, trace: Trace) -> Scan:
        from soilco2.ingest.drivers.modbus_scan import Pitch, sweep

        return sweep(connection.kind, [Pitch("", partial(self.master, connection, trace))], search)

    def set_address(
        self, connection: Any, model: ProbeModel, old: int | str, new: int | str, trace: Trace
    ) -> Message:
        from soilco2.ingest.drivers.modbus_change import change_address

        return change_address(self.master(connection, trace), model, old, new)

    def set_line(
        self, connection: Any, model: ProbeModel, address: int | str, settings: LineSettings, trace: Trace
    ) -> Message:
        raise NotChanged(
            Message(
                "the line settings behind {place} are those of the gateway or modem too, which soilco2 cannot set: "
                "connect the probe to a serial port of this machine",
                place=kind_of(connection).place(connection),
            )
        )

    def simulated(
        self, model: ProbeModel, names: Sequence[str], raws: Mapping[str, float | None]
    ) -> list[Reading]:
        assert isinstance(model, ModbusModel)
        return raw_readings(model, model.used(names), register_image(model, raws))
