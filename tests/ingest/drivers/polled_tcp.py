"""The situations of `polled.py` on links over the network: two gateways that are dialled, two modems that dial in."""

from __future__ import annotations

from typing import ClassVar

from soilco2.ingest.drivers import modbus_dtu, modbus_tcp
from soilco2.ingest.protocols.mbap import Numbered, wrap
from soilco2.ingest.protocols.modbus import Request, answer_frame
from soilco2.ingest.simulate.far_tcp import Gateway, Modem
from soilco2.ingest.supervisor import Listener
from tests.ingest.drivers.contract import Bench
from tests.ingest.drivers.polled import Wires, rows
from tests.ingest.running import until
from tests.servers import HOST, free_port

_WRONG = (9999,) * 3

_GATEWAY = """
[[connection]]
id = "{id}"
kind = "modbus-tcp"
host = "127.0.0.1"
port = {port}
latency = "0ms"
"""
_MODEM = """
[[connection]]
id = "{id}"
kind = "modbus-dtu"
port = {port}
registration = "8612345{id}"
heartbeat = "ping"
latency = "0ms"
quiet = "2ms"
"""


class Gateways(Wires):
    """Each line is behind a gateway that speaks Modbus TCP."""

    driver: ClassVar = modbus_tcp.DRIVER
    garbled: ClassVar = {
        "silence",
        "wrong_count",
        "wrong_address",
    }  # a gateway drops what is damaged on its line
    clashing: ClassVar = {"silence"}  # … and takes the first of two answers

    def table(self, name: str) -> str:
        self._ports = getattr(self, "_ports", {}) | {name: free_port()}
        return _GATEWAY.format(id=name, port=self._ports[name])

    def far(self, bench: Bench, name: str) -> Gateway:
        return Gateway(HOST, self._ports[name], "tcp", self._respond, patience_s=None)

    def flood(self, address: int) -> None:
        frame = answer_frame(Request(address, 3, 0, 3), _WRONG)
        self.lines["bus1"].say(wrap(Numbered(0, frame)) * 400)

    def owed(self) -> bool:
        return not self.lines["bus1"].links


class Modems(Wires):
    """Each line is behind a modem; both dial one port."""

    driver: ClassVar = modbus_dtu.DRIVER

    def table(self, name: str) -> str:
        self._port = getattr(self, "_port", 0) or free_port()
        return _MODEM.format(id=name, port=self._port)

    def far(self, bench: Bench, name: str) -> Modem:
        return Modem(HOST, self._port, b"8612345" + name.encode(), b"ping", self._respond, heartbeat_s=0.4)

    def flood(self, address: int) -> None:
        self.lines["bus1"].say(b"\xff" * 4095 + answer_frame(Request(address, 3, 0, 3), _WRONG))

    def owed(self) -> bool:
        return not self.lines["bus1"].links

    def settle(self) -> None:
        listeners = [one for one in self.others if isinstance(one, Listener)]
        wanted = {name for name, line in self.lines.items() if line.plugged}
        until(
            lambda: all(
                {name for name, row in one.status()["connections"].items() if row["connected"]} == wanted
                for one in listeners
            )
        )


GATEWAYS = rows(Gateways)
MODEMS = rows(Modems)
