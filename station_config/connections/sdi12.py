"""An SDI-12 line behind a serial adapter: its table, its wiring rules, its words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from soilco2.station_config.base import Duration
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Claim, Connection, Draft, Key, Kind, Models
from soilco2.station_config.connections.line_rules import addresses, rounds, timing
from soilco2.station_config.connections.power import Power, power_advice, power_rules
from soilco2.station_config.connections.sdi12_model import Sdi12Model
from soilco2.station_config.connections.serial_port import SerialPort
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

CHARACTER_S = 10 / 1200
"""Time of a character on the line [s]."""
ANSWER_S = 0.03
"""Break, mark and the probe's own delay around a command [s]."""

Mode = Literal["text", "transparent"]


class Adapter(NamedTuple):
    """What is known of an adapter.

    Parameters
    ----------
    mode : str
        ``"text"``: it takes commands, does break and timing itself and gives the answer's line;
        ``"transparent"``: what is sent goes on the line as it is.
    baudrate, bytesize, parity
        Of the port.
    settle : float
        Time after opening in which it does not listen [s]; opening resets an Arduino.
    ending : str
        What stands behind a command.
    prepare : tuple of str
        What it is told after opening.
    """

    mode: Mode
    baudrate: int
    bytesize: Literal[7, 8] = 8
    parity: Literal["N", "E"] = "N"
    settle: float = 0.0
    ending: str = ""
    prepare: tuple[str, ...] = ()


ADAPTERS = {
    # Dr. Liu, SDI-12 USB adapter user manual (2019-06-18), and his scripts: 9600 8N1, 2.5 s after opening
    "dr-liu": Adapter("text", 9600, settle=2.5),
    # EnviroDIY Arduino-SDI-12, example i: text is sent verbatim after "mode v", without echo after "fb off"
    "envirodiy": Adapter("text", 115200, settle=2.5, ending="\r", prepare=("mode v", "fb off")),
    # joembedded/SDI12Term: an RS-232 port, a diode and a resistor
    "rs232-diode": Adapter("transparent", 1200, 7, "E"),
}
"""Adapters that were read about; none was tried."""

_USUAL = {"text": Adapter("text", 9600), "transparent": Adapter("transparent", 1200, 7, "E")}


class Sdi12Connection(Connection):
    """An SDI-12 line behind a serial adapter.

    `adapter` is one that was read about; of any other, `mode` says how it works, and it is unconfirmed.
    """

    kind: Literal["sdi12"]
    """`"sdi12"`."""
    port: SerialPort
    """Serial port of the adapter; take the name under `/dev/serial/by-id/`, which stays after a reboot."""
    adapter: Literal["dr-liu", "envirodiy", "rs232-diode"] | None = None
    """Which adapter it is; left out: another one, that `mode` describes."""
    mode: Mode | None = None
    """`"text"`: the adapter takes commands and gives answers, and does break and timing itself; `"transparent"`: bytes
    go through as they are, at 1200 baud 7E1. Left out: what is known of `adapter`."""
    baudrate: int | None = Field(default=None, gt=0)
    """Speed of the port [Bd], not of the line; left out: that of `adapter`, else 9600, or 1200 when transparent."""
    bytesize: Literal[7, 8] | None = None
    """Data bits of the port; left out: 8, or 7 when transparent."""
    parity: Literal["N", "E"] | None = None
    """Parity of the port: N none, E even; left out: N, or E when transparent."""
    break_by: Literal["port", "adapter"] = "port"
    """Who makes the break that wakes the probes on a transparent line: the serial port, or the adapter by itself."""
    settle: Duration | None = None
    """Time after opening in which the adapter does not listen; left out: what is known of `adapter`, else none."""
    crc: bool = True
    """Values are asked for with a check sum where the probe knows it."""
    serials: bool = True
    """The serial number that a probe tells (`aI!`) has to be that of the station file, or it is not read; `false` for
    probes that all tell the same. Its model is compared in any case, where the catalogue says how it is called."""
    power: Power | None = None
    """What switches the power of the line; left out: it is on all the time."""

    @property
    def known(self) -> Adapter:
        """The adapter as it is used: what is known of it, and what the keys say otherwise."""
        facts = ADAPTERS[self.adapter] if self.adapter else _USUAL[self.mode or "text"]
        said = {
            key: getattr(self, key)
            for key in ("mode", "baudrate", "bytesize", "parity", "settle")
            if getattr(self, key) is not None
        }
        return facts._replace(**said)


def characters(model: Sdi12Model) -> int:
    """Characters on the line for one reading: what starts each measurement, and its values of nine characters."""
    start = len("0MC!") + len("00013\r\n")
    data = len("0D0!") + len("0\r\n") + 3
    return sum(start + data + 9 * (row.values or 9) for row in model.command)


class _Sdi12(Kind):
    name = "sdi12"
    label = ("SDI-12", "SDI-12")
    contract = "polled"
    table = Sdi12Connection
    models = (Sdi12Model,)
    driver = "soilco2.ingest.drivers.sdi12:DRIVER"
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "port": (Message("serial port"), "串口"),
        "adapter": ("adapter", "转换器"),
        "mode": ("how the adapter works", "转换器工作方式"),
        "baudrate": ("speed of the port [Bd]", "串口波特率 [Bd]"),
        "bytesize": ("data bits", "数据位"),
        "parity": ("parity", "校验"),
        "break_by": ("who makes the break", "由谁发出 break"),
        "settle": ("time after opening", "打开后等待时间"),
        "crc": ("check sum where the probe knows it", "探头支持时使用校验和"),
        "serials": ("serial numbers are compared", "核对序列号"),
        "power": ("what switches the power", "由什么控制供电"),
    }
    left_out: ClassVar = {
        "adapter": ("another one", "其他转换器"),
        "mode": ("as is known of the adapter", "按转换器已知情况"),
        "baudrate": ("as is known of the adapter", "按转换器已知情况"),
        "bytesize": ("as is known of the adapter", "按转换器已知情况"),
        "parity": ("as is known of the adapter", "按转换器已知情况"),
        "settle": ("as is known of the adapter", "按转换器已知情况"),
    }

    def describe(self, connection: Sdi12Connection, station: str) -> str:
        return f"SDI-12, {connection.port}, {connection.adapter or connection.known.mode}"

    def ports(self, connection: Sdi12Connection) -> tuple[Path, ...]:
        return (Path(connection.port),)

    def claims(self, connection: Sdi12Connection, station: str) -> Iterator[Claim]:
        yield Claim("port", Message("serial port"), os.path.realpath(connection.port))

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        text = "" if row.address is None else str(row.address)
        if not (len(text) == 1 and text.isascii() and text.isalnum()):
            yield draft.fault(
                (*path, "address"), row.address,
                Message('an SDI-12 address is one character, 0 to 9, a to z or A to Z, such as address = "1"'),
            )  # fmt: skip

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        lines = {}
        for n, row in self.connections(draft):
            lines[row.id] = row
            if not {"adapter", "mode"} & draft.data["connection"][n].keys():
                yield draft.fault(
                    ("connection", n), None,
                    Message(
                        "an SDI-12 line needs its adapter, one of {names}, or of another one how it works: "
                        'mode = "text" or mode = "transparent"',
                        names=", ".join(ADAPTERS),
                    ),
                )  # fmt: skip
        yield from addresses(draft, lines)
        yield from timing(draft, models, lines)
        for connection in lines.values():
            yield from power_rules(draft, models, connection, relays=False)

    def advice_on_instrument(
        self, draft: Draft, path: Key, row: Instrument, model: ProbeModel, connection: Sdi12Connection
    ) -> Iterator[Fault]:
        assert isinstance(model, Sdi12Model)
        same = [one for one in draft.file.instrument if one.connection == connection.id]
        if str(row.address) == model.address and len(same) > 1:
            yield draft.fault(
                (*path, "address"), row.address,
                Message(
                    "{address} is the address every {model} has from the factory: a new probe put on {connection} "
                    "answers together with this one; give each probe an address of its own",
                    address=model.address, model=model.id, connection=connection.id,
                ),
            )  # fmt: skip

    def read_time(self, row: Instrument, model: ProbeModel, connection: Sdi12Connection) -> float:
        return read_time(row, model)

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        for n, connection in self.connections(draft):
            if connection.adapter is None and connection.mode is not None:
                yield draft.fault(
                    ("connection", n, "mode"), connection.mode,
                    Message(
                        "nothing is known of the adapter of {connection}, so this is unconfirmed: compare a reading "
                        "with what the probe tells a terminal program",
                        connection=connection.id,
                    ),
                )  # fmt: skip
        yield from rounds(self, draft, models)
        for _, connection in self.connections(draft):
            yield from power_advice(draft, connection)


def read_time(row: Instrument, model: ProbeModel) -> float:
    """Time that one reading of an instrument takes on its line [s], without what it announces."""
    assert isinstance(model, Sdi12Model)
    return characters(model) * CHARACTER_S + 2 * len(model.command) * ANSWER_S


KIND = _Sdi12()
