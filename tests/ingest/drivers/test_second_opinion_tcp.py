"""pymodbus over TCP as the independent second opinion: its server for our masters, its client for our gateway."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from soilco2.ingest.errors import ExceptionAnswer
from soilco2.ingest.protocols.modbus import Request, UnitRequest, answer_frame
from soilco2.ingest.simulate.far_tcp import Gateway
from soilco2.ingest.transports.modbus_master import ModbusMaster
from soilco2.ingest.transports.modbus_tcp import NumberedStream
from soilco2.ingest.transports.tcp import DialledStream
from tests.servers import HOST, free_port

FRAMERS = {"tcp": FramerType.SOCKET, "rtu": FramerType.RTU}


@pytest.fixture(params=["tcp", "rtu"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Framing and port at which pymodbus serves the units 0, 240 and 7."""
    devices = [
        SimDevice(0, [SimData(0, values=[42], datatype=DataType.REGISTERS)]),
        # 465.66 ppm, low word first: the bytes of Vaisala's manual
        SimDevice(240, [SimData(0, values=[0xD47A, 0x43E8], datatype=DataType.REGISTERS)]),
        SimDevice(7, [SimData(0, values=[0xFEA2, 1234, 87], datatype=DataType.REGISTERS)]),
    ]
    port, up = free_port(), threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        running = ModbusTcpServer(devices, framer=FRAMERS[request.param], address=(HOST, port))
        await running.serve_forever(background=True)
        up.set()
        await done.wait()
        await running.shutdown()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert up.wait(30)
    try:
        yield request.param, port
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def test_our_masters_read_pymodbus_server(served: tuple[str, int]) -> None:
    framing, port = served
    stream = (NumberedStream if framing == "tcp" else DialledStream)(HOST, port)
    master = ModbusMaster(stream, quiet=0.0, dropped=(lambda: 0) if framing == "tcp" else None)
    master.open()
    with contextlib.closing(master):
        for _ in range(5):
            assert master.read(Request(240, 3, 0, 2), 5.0) == (0xD47A, 0x43E8)
            assert master.read(Request(7, 3, 0, 3), 5.0) == (0xFEA2, 1234, 87)
        if framing == "tcp":
            assert master.read(UnitRequest(0, 3, 0, 1), 5.0) == (42,)
        with pytest.raises(ExceptionAnswer) as refused:
            master.read(Request(7, 3, 0x100, 1), 5.0)
        assert refused.value.code == 2


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
def test_pymodbus_client_reads_our_gateway(framing: Any) -> None:
    words = (0xFEA2, 1234, 87)
    port = free_port()
    gateway = Gateway(HOST, port, framing, lambda asked, _foreign: [(0.0, answer_frame(asked, words))])
    client = ModbusTcpClient(HOST, port=port, framer=FRAMERS[framing], timeout=5, retries=0)
    try:
        assert client.connect()
        assert tuple(client.read_input_registers(0, count=3, device_id=7).registers) == words
    finally:
        client.close()
        gateway.stop()
