"""pymodbus as the independent second opinion: its server for our master, its client for our probes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from soilco2.ingest.errors import ExceptionAnswer
from soilco2.ingest.protocols.modbus import Request, answer_frame, exception_frame
from soilco2.ingest.protocols.register_map import raw_readings, register_image
from soilco2.ingest.simulate.line import PtyLine
from soilco2.ingest.transports.modbus_serial import RtuMaster
from soilco2.station_config.catalogue.load import load_catalogue

MODELS = load_catalogue()


class Bridge:
    """Two pseudo-terminals joined end to end: a null-modem cable."""

    def __init__(self) -> None:
        pairs = [os.openpty() for _ in range(2)]
        for _, near in pairs:
            tty.setraw(near)
        self._far = [far for far, _ in pairs]
        self._near = [near for _, near in pairs]
        self.ends = [os.ttyname(near) for near in self._near]
        self._wake, self._poke = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _pump(self) -> None:
        one, two = self._far
        other = {one: two, two: one}
        while True:
            ready = select.select([self._wake, one, two], [], [])[0]
            if self._wake in ready:
                return
            for handle in ready:
                os.write(other[handle], os.read(handle, 4096))

    def close(self) -> None:
        os.write(self._poke, b"\0")
        self._thread.join()
        for handle in (*self._far, *self._near, self._wake, self._poke):
            os.close(handle)


@pytest.fixture
def server() -> Iterator[str]:
    """Port at whose other end pymodbus serves a GMP252 (240) and a family-B probe (7)."""
    bridge = Bridge()
    devices = [
        # a device 0 keeps pymodbus 3.16 from a KeyError when an absent address is asked
        SimDevice(0, [SimData(0, values=[0], datatype=DataType.REGISTERS)]),
        # 465.66 ppm, low word first: the bytes of Vaisala's manual
        SimDevice(240, [SimData(0, values=[0xD47A, 0x43E8], datatype=DataType.REGISTERS)]),
        SimDevice(7, [SimData(0, values=[0xFEA2, 1234, 87], datatype=DataType.REGISTERS)]),
    ]
    up = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        running = ModbusSerialServer(devices, port=bridge.ends[1], baudrate=9600)
        await running.serve_forever(background=True)
        up.set()
        await done.wait()
        await running.shutdown()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert up.wait(30)
    try:
        yield bridge.ends[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
        bridge.close()


def test_our_master_reads_pymodbus_server(server: str) -> None:
    master = RtuMaster(server, baudrate=9600, quiet=0.005)
    master.open()
    with contextlib.closing(master):
        words = master.read(Request(240, 3, 0, 2), 5.0)
        gas = MODELS["vaisala-gmp252"]
        co2 = raw_readings(gas, gas.channel, {"values": words, "status": (0, 0)})[0]
        assert co2.raw == pytest.approx(465.66, abs=0.005)
        for _ in range(20):
            soil = MODELS["sensecap-s-temp-vwc-ec-02"]
            values = master.read(Request(7, 3, 0, 3), 5.0)
            assert [row.raw for row in raw_readings(soil, soil.channel, {"values": values})] == [
                -350.0,
                1234.0,
                87.0,
            ]
        with pytest.raises(ExceptionAnswer) as refused:
            master.read(Request(7, 3, 0x100, 1), 5.0)
        assert refused.value.code == 2


@pytest.mark.parametrize("name", [name for name, row in MODELS.items() if row.protocol == "modbus-rtu"])
def test_pymodbus_client_reads_our_probes(name: str, tmp_path: Path) -> None:
    """The register images of every catalogue model, decoded by pymodbus' own converter."""
    model = MODELS[name]
    told = {spec.id: 12.0 + number for number, spec in enumerate(model.channel)}
    image = register_image(model, told)

    def respond(request: Request, foreign: int) -> list[tuple[float, bytes]]:
        for block in model.block:
            if (request.function, request.start, request.registers) == (
                block.function,
                block.start,
                block.count,
            ):
                return [(0.0, answer_frame(request, tuple(image[block.id])))]
        return [(0.0, exception_frame(request, 2))]

    line = PtyLine(tmp_path / "bus", respond)
    client = ModbusSerialClient(str(line.link), baudrate=9600, timeout=5, retries=0)
    types = {
        "int16": client.DATATYPE.INT16,
        "uint16": client.DATATYPE.UINT16,
        "float32": client.DATATYPE.FLOAT32,
        "int32": client.DATATYPE.INT32,
        "uint32": client.DATATYPE.UINT32,
    }
    try:
        assert client.connect()
        for block in model.block:
            read = client.read_holding_registers if block.function == 3 else client.read_input_registers
            words = read(block.start, count=block.count, device_id=9).registers
            for spec in model.channel:
                if spec.at.block == block.id:
                    width = 1 if spec.at.type.endswith("16") else 2
                    part = words[spec.at.offset : spec.at.offset + width]
                    order = "big" if spec.at.word_order == "high-first" else "little"
                    assert client.convert_from_registers(part, types[spec.at.type], order) == told[spec.id]
    finally:
        client.close()
        line.stop()
