"""A modem (DTU) with Modbus slaves that dials in: its table, its rules, its words."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from soilco2.station_config.base import Duration
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.kind import Connection, Draft, Key, Kind, Models
from soilco2.station_config.connections.line_rules import addresses, modbus_address, rounds, timing
from soilco2.station_config.connections.modbus_model import ModbusModel
from soilco2.station_config.connections.modbus_tcp import host_and_port
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument

LEAST_BYTES = 2
"""Of a registration: one byte is found in too many others."""
MOST_BYTES = 64
"""Of a registration or heartbeat."""


def as_bytes(text: str) -> bytes:
    """What a modem sends: text as it stands, or bytes in hex after ``0x``."""
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def as_text(data: bytes) -> str:
    """The inverse of `as_bytes` for what somebody sent: text where all of it can be printed."""
    text = data.decode("ascii", errors="replace")
    return text if text.isascii() and text.isprintable() and not text.startswith("0x") else f"0x{data.hex()}"


def _sendable(text: str) -> str:
    try:
        found = as_bytes(text)
    except ValueError:
        found = b""
    if not 0 < len(found) <= MOST_BYTES:
        raise ValueError(
            Message(
                'what the modem sends is expected, {most} bytes at most: text, or bytes in hex such as "0x55 AA 01"',
                most=MOST_BYTES,
            )
        )
    return text


def _of_this_machine(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(
            Message("an address of this machine is expected, such as 127.0.0.1, or 0.0.0.0 for all it has")
        ) from None
    return text


Sent = Annotated[str, AfterValidator(_sendable)]


TRIP_S = 0.2
"""A round trip over a mobile network, with what the modem waits before it sends [s]."""


class ModbusDtuConnection(Connection):
    """A modem (DTU) with Modbus slaves behind it that dials in.

    Connections with the same `host` and `port` share one listening port; the modem's registration packet says which one
    it is. That is no proof: who knows the registration can pretend to be the modem, so the port belongs behind a VPN, a
    private APN or a firewall.
    """

    kind: Literal["modbus-dtu"]
    """`"modbus-dtu"`."""
    host: Annotated[str, AfterValidator(_of_this_machine)] = "127.0.0.1"
    """Address to listen on; loopback unless told otherwise."""
    port: int = Field(ge=1, le=65535)
    """Port to listen on; several modems may share it."""
    registration: Sent
    """Registration packet of the modem: IMEI, ICCID or a text of your own, or bytes in hex such as `"0x55 AA 01"`."""
    heartbeat: Sent | None = None
    """What the modem sends to keep its connection alive, in the same way; it is taken out of what instruments say."""
    latency: Duration = 2.0
    """What the mobile network adds to the time-out of an instrument."""
    quiet: Duration = 0.02
    """Silence kept between frames on the line behind the modem."""

    @property
    def listens_on(self) -> str:
        """The host and port."""
        return host_and_port(self.host, self.port)


class _ModbusDtu(Kind):
    name = "modbus-dtu"
    label = ("Modbus RTU by a modem that dials in", "Modbus RTU，DTU 拨入")
    contract = "polled"
    table = ModbusDtuConnection
    models = (ModbusModel,)
    driver = "soilco2.ingest.drivers.modbus_dtu:DRIVER"
    keys: ClassVar = {
        "id": ("line", "线路"),
        "kind": ("protocol", "协议"),
        "rank": ("rank", "级别"),
        "host": ("address to listen on", "监听地址"),
        "port": ("port to listen on", "监听端口"),
        "registration": ("registration packet", "注册包"),
        "heartbeat": ("heartbeat", "心跳包"),
        "latency": ("delay of the network", "网络延迟"),
        "quiet": ("silence between frames", "帧间静默"),
    }

    def describe(self, connection: ModbusDtuConnection, station: str) -> str:
        return f"Modbus RTU, {self.place(connection)}"

    def place(self, connection: ModbusDtuConnection) -> str:
        return f"{connection.registration} > {connection.listens_on}"

    def read_time(self, row: Instrument, model: ProbeModel, connection: ModbusDtuConnection) -> float:
        assert isinstance(model, ModbusModel)
        return model.read_time(TRIP_S, connection.quiet)

    def instrument(self, draft: Draft, path: Key, row: Instrument) -> Iterator[Fault]:
        yield from modbus_address(draft, path, row)

    def rules(self, draft: Draft, models: Models) -> Iterator[Fault]:
        lines = {row.id: row for _, row in self.connections(draft)}
        yield from addresses(draft, lines)
        yield from timing(draft, models, lines, {name: row.latency for name, row in lines.items()})
        yield from self._shared(draft)
        for n, row in self.connections(draft):
            if len(as_bytes(row.registration)) < LEAST_BYTES:
                yield draft.fault(
                    ("connection", n, "registration"), row.registration,
                    Message(
                        "the modem's registration packet is expected, {least} to {most} bytes; "
                        "'soilco2 scan dtu://{place}' lists what the modems that dial in send",
                        least=LEAST_BYTES, most=MOST_BYTES, place=row.listens_on,
                    ),
                )  # fmt: skip

    def _shared(self, draft: Draft) -> Iterator[Fault]:
        """One port listens on one address, and no registration there begins like another."""
        before: list[tuple[int, ModbusDtuConnection]] = []
        for n, row in self.connections(draft):
            for m, other in before:
                if other.port != row.port:
                    continue
                if other.host != row.host:
                    yield draft.fault(
                        ("connection", n, "host"), row.host,
                        Message(
                            "port {port} listens on {host} already (line {line}); a port listens on one address: write "
                            "the same host, or take another port",
                            port=row.port, host=other.host, line=draft.line(("connection", m)),
                        ),
                    )  # fmt: skip
                    break
                one, two = as_bytes(row.registration), as_bytes(other.registration)
                if one.startswith(two) or two.startswith(one):
                    yield draft.fault(
                        ("connection", n, "registration"), row.registration,
                        Message(
                            "{other} (line {line}) has this registration on the same port, or one that begins like it: "
                            "they cannot be told apart; choose another registration, or another port",
                            other=other.id, line=draft.line(("connection", m)),
                        ),
                    )  # fmt: skip
                    break
            before.append((n, row))

    def advice(self, draft: Draft, models: Models) -> Iterator[Fault]:
        yield from rounds(self, draft, models)
        told = set()
        for n, row in self.connections(draft):
            if ipaddress.ip_address(row.host).is_loopback or row.port in told:
                continue
            told.add(row.port)
            yield draft.fault(
                ("connection", n, "host"), row.host,
                Message(
                    "a registration is no password: whoever reaches port {port} and knows it can send numbers in the "
                    "modem's name; let only a VPN, a private APN or a firewall's rule lead to it",
                    port=row.port,
                ),
            )  # fmt: skip


KIND = _ModbusDtu()
