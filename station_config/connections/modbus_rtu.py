"""A serial line with Modbus RTU slaves: its table, its wiring rules, its words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from soilco2.station_config.base import Duration
from soilco2.station_config.catalogue.probe import Line, ProbeModel
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Key, Kind, Models
from soilco2.station_config.connections.line_rules import addresses, modbus_address, rounds, timing
from soilco2.station_config.connections.modbus_model import ANSWER_S, ModbusModel
from soilco2.station_config.connections.power import Power, power_advice, power_rules
from soilco2.station_config.connections.serial_port import SerialPort
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import either
from soilco2.station_config.tables.instrument import Instrument


class ModbusRtuConnection(Connection):
    """A serial line with Modbus RTU slaves.

    `quiet` is the silence kept between frames; cheap probes want 50 to 100 ms. `echo` says that the adapter
    returns what is sent.
    """

    kind: Literal["modbus-rtu"]
    """`"modbus-rtu"`."""
    port: SerialPort
    """Serial port; take the name under `/dev/serial/by-id/`, which stays after a reboot."""
    baudrate: int = Field(gt=0)
    """Speed of the line [Bd]; every probe on it is set to this."""
    bytesize: Literal[8] = 8
    """Data bits; Modbus RTU has 8."""
    parity: Literal["N", "E", "O"] = "N"
    """N none, E even, O odd."""
    stopbits: Literal[1, 2] = 1
    """Stop bits."""
    quiet: Duration = 0.02
    """Silence kept between frames; cheap probes want 50 to 100 ms."""
    echo: bool = False
    """The adapter returns what is sent."""
    power: Power | None = None
    """What switches the power of the line; left out: it is on all the time."""


def read_time(row: Instrument, model: ProbeModel, connection: ModbusRtuConnection) -> float:
    """Time that one reading of an instrument takes on its line [s].

    Every block is a request of 8 bytes and an answer of 5 bytes and 2 for each register, with 10 or 11 bits
    a byte (Modbus over serial line V1.02, 2.5.1), the silence after each frame and the probe's own delay.
    """
    assert isinstance(model, ModbusModel)
    bits = 9 + connection.stopbits + (connection.parity != "N")
    silence = max(connection.quiet, model.quiet, 3.5 * bits / connection.baudrate)
    return sum(
        (8 + 5 + 2 * block.count) * bits / connection.baudrate + 2 * silence + ANSWER_S
        for block in model.block
    )


class _ModbusRtu(Kind):
    name = "modbus-rtu"
    label = ("Modbus RTU", "Modbus RTU")
    contract = "polled"
    table = ModbusRtuConnection
    models = (ModbusModel,)
    driver = "soilco2.ingest.drivers.modbus_rtu:DRIVER"
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "port": (Message("serial port"), "串口"),
        "baudrate": ("speed [Bd]", "波特率 [Bd]"),
        "bytesize": ("data bits", "数据位"),
        "parity": ("parity", "校验"),
        "stopbits": ("stop bits", "停止位"),
        "quiet": ("silence between frames", "帧间静默"),
        "echo": ("adapter returns what is sent", "转换器回送所发内容"),
        "power": ("what switches the power", "由什么控制供电"),
    }

    def describe(self, connection: ModbusRtuConnection, station: str) -> str:
        line = f"{connection.baudrate} {connection.bytesize}{connection.parity}{connection.stopbits}"
        return f"Modbus RTU, {connection.port}, {line}"

    def read_time(self, row: Instrument, model: ProbeModel, connection: ModbusRtuConnection) -> float:
        return read_time(row, model, connection)

    def ports(self, connection: ModbusRtuConnection) -> tuple[Path, ...]:
        return (Path(connection.port),)

    def claims(self, connection: ModbusRtuConnection, station: str) -> Iterator[Claim]:
        yield Claim("port", Message("serial port"), os.path.realpath(connection.port))

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        yield from modbus_address(draft, path, row)

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        lines = {row.id: row for _, row in self.connections(draft)}
        yield from addresses(draft, lines)
        for connection in lines.values():
            yield from _line_settings(draft, models, connection)
            yield from power_rules(draft, models, connection)
        yield from timing(draft, models, lines)

    def advice_on_instrument(
        self, draft: Draft, path: Key, row: Instrument, model: ProbeModel, connection: ModbusRtuConnection
    ) -> Iterator[Fault]:
        if model.line is None:
            return
        line = model.line
        has = f"{connection.baudrate} 8{connection.parity}{connection.stopbits}"
        if (connection.baudrate, connection.parity) != (line.baudrate, line.parity):
            yield draft.fault(
                (*path, "model"), row.model,
                Message(
                    "{model} leaves the factory at {line} and {connection} runs at {has}: set the probe before it goes "
                    "on the bus",
                    model=model.id, line=line, connection=connection.id, has=has,
                ),
            )  # fmt: skip
        elif connection.stopbits != line.stopbits:
            harm = (
                Message("an extra stop bit does no harm")
                if connection.stopbits > line.stopbits
                else Message(
                    "this usually works but is not guaranteed: set the probe, or stopbits of the connection"
                )
            )
            yield draft.fault(
                (*path, "model"), row.model,
                Message(
                    "{model} leaves the factory at {line} and {connection} runs at {has}; {harm}",
                    model=model.id, line=line, connection=connection.id, has=has, harm=harm,
                ),
            )  # fmt: skip

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        yield from rounds(self, draft, models)
        for _, connection in self.connections(draft):
            yield from power_advice(draft, connection)


def _line_settings(draft: Draft, models: Models, connection: ModbusRtuConnection) -> Iterator[Fault]:
    """Every probe of a bus must be able to talk as the connection says."""
    on_bus: list[tuple[int, Instrument, Line]] = []
    for n, row in enumerate(draft.file.instrument):
        model = models.get(row.model_key)
        if row.connection == connection.id and model is not None and model.line is not None:
            on_bus.append((n, row, model.line))
    speeds = [set(line.baudrates) for _, _, line in on_bus if line.baudrates]
    common = set.intersection(*speeds) if speeds else set()
    for n, row, line in on_bus:
        if line.baudrates and connection.baudrate not in line.baudrates:
            fit = either(map(str, sorted(common)))
            advice = (
                Message(
                    "all probes of {connection} can be set to {speeds}", connection=connection.id, speeds=fit
                )
                if common
                else Message(
                    "no speed suits all probes of {connection}: use one connection for each speed",
                    connection=connection.id,
                )
            )
            yield draft.fault(
                ("instrument", n, "model"), row.model,
                Message(
                    "{model} cannot talk at the {baudrate} baud of {connection}, only at {speeds}; {advice}",
                    model=row.model, baudrate=connection.baudrate, connection=connection.id,
                    speeds=either(map(str, line.baudrates)), advice=advice,
                ),
            )  # fmt: skip


KIND = _ModbusRtu()
