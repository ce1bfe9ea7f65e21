"""Switching the power of a line: a GPIO line of this machine, or a relay on the Modbus line itself.

The state is set when a line is first used, so what a killed collector left behind lasts until the next start at most.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from soilco2.ingest.clock.clock import Clock
from soilco2.ingest.drivers.device import Device
from soilco2.ingest.drivers.driver import DriverEvent
from soilco2.ingest.errors import BusError, PortGone
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message, system

if TYPE_CHECKING:
    from soilco2.station_config.connections.power import Power


class Switch(Protocol):
    """What carries out on and off."""

    def set(self, on: bool) -> None:
        """Switch; a `BusError` when it cannot be done or is not confirmed."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class GpioSwitch:
    """A line of a GPIO chip, by the character device.

    Parameters
    ----------
    power : Power
    library : callable, optional
        Gives the module `gpiod`, version 2.
    """

    def __init__(
        self, power: Power, library: Callable[[], Any] = lambda: importlib.import_module("gpiod")
    ) -> None:
        self._power = power
        self._library = library
        self._held: Any = None

    def set(self, on: bool) -> None:
        power = self._power
        try:
            gpiod = self._library()
        except ImportError as error:
            raise PortGone(
                Message(
                    "{gpio} cannot be switched without the library gpiod. {how}",
                    gpio=power.gpio,
                    how=how_to_add("gpio"),
                )
            ) from error
        value = gpiod.line.Value.ACTIVE if on else gpiod.line.Value.INACTIVE
        try:
            if self._held is None:
                settings = gpiod.LineSettings(
                    direction=gpiod.line.Direction.OUTPUT, active_low=power.active_low, output_value=value
                )
                self._held = gpiod.request_lines(
                    power.gpio, consumer="soilco2", config={power.offset: settings}
                )
            self._held.set_value(power.offset, value)
        except (OSError, ValueError) as error:
            self.close()
            why = system(error) if isinstance(error, OSError) else str(error)
            raise PortGone(
                Message(
                    "line {offset} of {gpio} cannot be switched: {why}",
                    offset=power.offset,
                    gpio=power.gpio,
                    why=why,
                )
            ) from error

    def close(self) -> None:
        if self._held is not None:
            with suppress(OSError):
                self._held.release()
            self._held = None


class RelaySwitch:
    """A coil of a relay module on the line.

    Parameters
    ----------
    line : object
        Has ``open()`` and ``set_coil(address, coil, on)``, as `soilco2.ingest.drivers.modbus_line.ModbusLine`.
    power : Power
    """

    def __init__(self, line: Any, power: Power) -> None:
        self._line = line
        self._power = power

    def set(self, on: bool) -> None:
        self._line.open()
        self._line.set_coil(self._power.relay, self._power.coil, on)

    def close(self) -> None:
        """The line is its owner's."""


class SwitchedPower:
    """The power of a line: on ahead of a round, off after it.

    Parameters
    ----------
    switch : Switch
    lead_s : float
        How long before a round it is on [s].

    Notes
    -----
    `on` is None while nobody knows: before the first switching, and after one that failed.
    """

    def __init__(self, switch: Switch, lead_s: float) -> None:
        self._switch = switch
        self.lead_us = round(lead_s * 1e6)
        self.on: bool | None = None
        self.error = Message.of("")
        self._untold: list[DriverEvent] = []

    def set(self, on: bool) -> Message | None:
        """Switch, if it is not so already; why it failed, where that is new."""
        if self.on is on:
            return None
        try:
            self._switch.set(on)
        except BusError as error:
            before, self.error, self.on = self.error, Message.of(error), None
            return None if before else self.error
        self.on, self.error = on, Message.of("")
        return None

    def turn(self, on: bool, connection: str, devices: Sequence[Device], clock: Clock) -> None:
        """Switch for the devices of a line: who has just got power is warming up."""
        if self.on is on:
            return
        failed = self.set(on)
        now = clock.now_us()
        for device in devices if on else ():
            device.warm_until_us = max(device.warm_until_us, now + device.warm_up_us)
        if failed is not None:
            self._untold.append(DriverEvent(now, "power-failed", connection, failed))

    def untold(self) -> list[DriverEvent]:
        """What is to be told of it, once."""
        told, self._untold = self._untold, []
        return told

    def end(self) -> None:
        """Off, and let go."""
        self.set(False)
        self._switch.close()


def power_of(connection: Any, line: Any, rows: Sequence[tuple[Any, Any]]) -> SwitchedPower | None:
    """The switched power of a connection; None where it is on all the time."""
    power: Power | None = getattr(connection, "power", None)
    if power is None:
        return None
    from soilco2.station_config.connections.power import lead_s

    switch: Switch = GpioSwitch(power) if power.gpio else RelaySwitch(line, power)
    return SwitchedPower(switch, lead_s(rows))
