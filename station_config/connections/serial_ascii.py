"""A serial line with instruments that speak lines of text: its table, its wiring rules, its words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from soilco2.station_config.base import Duration
from soilco2.station_config.catalogue.line_pattern import ADDRESS
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.ascii_model import AsciiModel
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Key, Kind, Models
from soilco2.station_config.connections.line_rules import addresses, rounds, timing
from soilco2.station_config.connections.power import Power, power_advice, power_rules
from soilco2.station_config.connections.serial_port import SerialPort
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import either
from soilco2.station_config.tables.instrument import Instrument

ANSWER_S = 0.1
"""Time an instrument takes before it begins to answer [s]."""
_LONGEST_ADDRESS = 15
"""Characters of an address; the longest known is that of Vaisala's PTB210 (M210942EN, .ID)."""


class SerialAsciiConnection(Connection):
    """A serial line with instruments that speak lines of text: one that sends by itself, or any that are asked.

    `quiet` is the silence that is waited for before a command, and kept behind an answer.
    """

    kind: Literal["serial-ascii"]
    """`"serial-ascii"`."""
    port: SerialPort
    """Serial port; take the name under `/dev/serial/by-id/`, which stays after a reboot."""
    baudrate: int = Field(gt=0)
    """Speed of the line [Bd]; every instrument on it is set to this."""
    bytesize: Literal[7, 8] = 8
    """Data bits."""
    parity: Literal["N", "E", "O"] = "N"
    """N none, E even, O odd."""
    stopbits: Literal[1, 2] = 1
    """Stop bits."""
    quiet: Duration = 0.05
    """Silence waited for before a command, and kept behind an answer."""
    power: Power | None = None
    """What switches the power of the line; left out: it is on all the time."""


def address_of(row: Instrument, model: ProbeModel) -> str:
    """The address of an instrument as text: its own, else the factory's; empty without one."""
    address = row.address if row.address is not None else model.address
    return "" if address is None else str(address)


class _SerialAscii(Kind):
    name = "serial-ascii"
    label = ("lines of text on a serial line", "串口文本行")
    contract = "polled"
    table = SerialAsciiConnection
    models = (AsciiModel,)
    driver = "soilco2.ingest.drivers.serial_ascii:DRIVER"
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "port": (Message("serial port"), "串口"),
        "baudrate": ("speed [Bd]", "波特率 [Bd]"),
        "bytesize": ("data bits", "数据位"),
        "parity": ("parity", "校验"),
        "stopbits": ("stop bits", "停止位"),
        "quiet": ("silence around a command", "命令前后静默"),
        "power": ("what switches the power", "由什么控制供电"),
    }

    def describe(self, connection: SerialAsciiConnection, station: str) -> str:
        line = f"{connection.baudrate} {connection.bytesize}{connection.parity}{connection.stopbits}"
        return f"ASCII, {connection.port}, {line}"

    def ports(self, connection: SerialAsciiConnection) -> tuple[Path, ...]:
        return (Path(connection.port),)

    def claims(self, connection: SerialAsciiConnection, station: str) -> Iterator[Claim]:
        yield Claim("port", Message("serial port"), os.path.realpath(connection.port))

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        address = row.address
        if isinstance(address, int):
            fits = address >= 0
        else:
            fits = address is None or (
                0 < len(address) <= _LONGEST_ADDRESS and address.isascii() and address.isalnum()
            )
        if not fits:
            yield draft.fault(
                (*path, "address"), address,
                Message("a number from 0, or letters and digits in quotes, {count} at most, are expected",
                        count=_LONGEST_ADDRESS),
            )  # fmt: skip

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        lines = {row.id: row for _, row in self.connections(draft)}
        yield from addresses(draft, lines)
        yield from timing(draft, models, lines)
        for connection in lines.values():
            yield from _rules(draft, models, connection)
            yield from power_rules(draft, models, connection, relays=False)

    def read_time(self, row: Instrument, model: ProbeModel, connection: SerialAsciiConnection) -> float:
        """Request and message on the wire, the silence around them and the instrument's own delay [s]."""
        assert isinstance(model, AsciiModel)
        if model.request is None:
            return 0.0  # its line was there before
        bits = 1 + connection.bytesize + (connection.parity != "N") + connection.stopbits
        written = len(model.request) + len(model.written(dict.fromkeys(model.pattern.names, "0000.00")))
        return written * bits / connection.baudrate + 2 * max(connection.quiet, model.quiet) + ANSWER_S

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        yield from rounds(self, draft, models)
        for _, connection in self.connections(draft):
            yield from power_advice(draft, connection)

    def advice_on_instrument(
        self, draft: Draft, path: Key, row: Instrument, model: ProbeModel, connection: SerialAsciiConnection
    ) -> Iterator[Fault]:
        if model.line is None:
            return
        has = f"{connection.baudrate} {connection.bytesize}{connection.parity}{connection.stopbits}"
        if has != str(model.line):
            yield draft.fault(
                (*path, "model"), row.model,
                Message(
                    "{model} leaves the factory at {line} and {connection} runs at {has}: set the probe before it goes "
                    "on the bus",
                    model=model.id, line=model.line, connection=connection.id, has=has,
                ),
            )  # fmt: skip


def _rules(draft: Draft, models: Models, connection: SerialAsciiConnection) -> Iterator[Fault]:
    """Speeds that fit, and instruments that can be told apart."""
    on_line: list[tuple[int, Instrument, AsciiModel]] = []
    for n, row in enumerate(draft.file.instrument):
        model = models.get(row.model_key)
        if row.connection == connection.id and isinstance(model, AsciiModel):
            on_line.append((n, row, model))
    for n, row, model in on_line:
        path: Key = ("instrument", n)
        speeds = () if model.line is None else model.line.baudrates
        if speeds and connection.baudrate not in speeds:
            yield draft.fault(
                (*path, "model"), row.model,
                Message("{model} cannot talk at the {baudrate} baud of {connection}, only at {speeds}",
                        model=row.model, baudrate=connection.baudrate, connection=connection.id,
                        speeds=either(map(str, speeds))),
            )  # fmt: skip
        if model.addressed and address_of(row, model) == "":
            yield draft.fault((*path, "address"), None, Message("{model} needs its address", model=model.id))
        if row.address is not None and not model.addressed:
            yield draft.fault((*path, "address"), row.address,
                Message("{model} has no address; take the key out", model=model.id))  # fmt: skip
    together = [entry for entry in on_line if not _ended(entry[1])]
    for n, row, model in together[1:]:
        first = together[0][1]
        if any(other.streams for _, other_row, other in together if other_row is not row) or model.streams:
            yield draft.fault(
                ("instrument", n, "connection"), row.connection,
                Message("an instrument that sends by itself needs a line of its own; {first} is on {connection} too",
                        first=first.id, connection=connection.id),
            )  # fmt: skip
        elif ADDRESS not in model.pattern.names:
            yield draft.fault(
                ("instrument", n, "connection"), row.connection,
                Message("the message of {model} does not say its address, so that instruments on one line cannot be "
                        "told apart; give it a line of its own, or a message with {{address}}", model=model.id),
            )  # fmt: skip


def _ended(row: Instrument) -> bool:
    """Whether an instrument is no longer on its line."""
    return bool(row.installation) and all(one.until is not None for one in row.installation)


KIND = _SerialAscii()
