"""Every model of the catalogue has a vector, how many are not our own, and what the page of models says.

Each link keeps its vectors beside its tests, each with its origin: `maker`, `capture` or `made`.
"""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU

from soilco2.ingest.drivers.modbus_line import ModbusLine
from soilco2.ingest.protocols.modbus import Request, find_answer, seal
from soilco2.ingest.transports.modbus_master import ModbusMaster
from soilco2.station_config.catalogue.load import ProbeModel, load_catalogue
from soilco2.station_config.connections.modbus_model import ModbusModel, RegisterChannel
from soilco2.station_config.loader import load_station
from tests.ingest.protocols import lorawan_frames, modbus_vectors, test_sdi12
from tests.ingest.protocols.modbus_vectors import Vector
from tests.station_config.catalogue import test_ascii_models
from tests.station_config.example import YULIN, write

MODELS = load_catalogue()
NO_BYTES = {"soilco2-node", "lorawan-decoded", "logger-sensor"}
"""They take what another program has decoded."""


def origins() -> dict[tuple[str, str], str]:
    """Origin by model and bytes, of every vector of every link."""
    found = {(row.model, row.frame): row.kind for row in modbus_vectors.VECTORS}
    found |= {(row.model, row.line): row.source for row in test_ascii_models.VECTORS}
    found |= {(row.model, row.hex): row.kind for row in lorawan_frames.FRAMES}
    return found | {(name, str(said)): kind for kind, name, said, _, _ in test_sdi12.VECTORS}


def decoding(model: ProbeModel) -> str:
    """What makes a model another one: how it is asked and what its answer means; names, ranges and speeds do not."""
    told = model.model_dump(
        include={"protocol", "block", "input", "command", "record", "payload", "message", "request"}
    )
    channels = [
        (spec.variable, spec.unit, spec.scale, spec.shift, getattr(spec, "at", None))
        for spec in model.channel
    ]
    return repr((told, channels))


def test_there_are_thirty_models_and_twenty_vectors_that_are_not_our_own() -> None:
    wired = [model for model in MODELS.values() if model.protocol in ("modbus-rtu", "ascii", "sdi12")]
    assert len({decoding(model) for model in wired}) >= 30
    assert {model for model, _ in origins()} == MODELS.keys() - NO_BYTES
    count = Counter(origins().values())
    assert count.keys() == {"maker", "capture", "made"}
    assert count["maker"] + count["capture"] >= 20


def _answer(vector: Vector) -> tuple[ModbusModel, tuple[int, ...], list[int]]:
    """The model, the registers by our decoder, and by pymodbus."""
    model = MODELS[vector.model]
    assert isinstance(model, ModbusModel)
    data = bytes.fromhex(vector.frame)
    if data.endswith(b"\0\0"):
        data = seal(data[:-2])
    found = find_answer(data, Request(data[0], data[1], vector.start, data[2] // 2))
    assert found is not None
    _, other = FramerRTU(DecodePDU(False)).handleFrame(data, data[0], 0)
    assert other is not None
    return model, found[0], other.registers


@pytest.mark.parametrize("vector", modbus_vectors.VECTORS, ids=lambda row: f"{row.model} {row.frame[9:20]}")
def test_registers_give_the_values_they_state_and_pymodbus_agrees(vector: Vector) -> None:
    model, words, others = _answer(vector)
    assert list(words) == others
    blocks = {block.id: block for block in model.block}
    for name, value in vector.values.items():
        spec = model.spec(name)
        assert isinstance(spec, RegisterChannel)
        block = blocks[spec.at.block or ""]
        at = block.start + spec.at.offset - vector.start
        assert model.id == "sensecap-s-temp-vwc-ec-02" or block.function == bytes.fromhex(vector.frame)[1]
        raw = model.decoder(spec)(struct.pack(f">{len(words) - at}H", *words[at:]))
        kind = ModbusClientMixin.DATATYPE[spec.at.type.upper()]
        order = "little" if spec.at.word_order == "low-first" else "big"
        own = others[at : at + kind.value[1]]
        assert raw == ModbusClientMixin.convert_from_registers(own, kind, word_order=order)
        if value is None:
            assert raw in spec.sentinels
        else:
            assert raw not in spec.sentinels
            assert raw * spec.scale + spec.shift == pytest.approx(
                value, rel=2e-3 if kind.name == "FLOAT32" else 1e-9
            )


FRESH_AIR = ["senseair-k30", "senseair-s8", "senseair-sunrise", "sensirion-scd30"]
"""They calibrate themselves to fresh air, which soil air never is."""

ROW = """
[[connection]]
id = "uart"
kind = "modbus-rtu"
port = "/dev/ttyUSB9"
baudrate = 9600
[[instrument]]
id = "abc"
model = "senseair-k30"
serial = "ABC1"
connection = "uart"
address = 104
interval = "60s"
settings = { }
[[instrument.installation]]
position = "p1/d10"
from = 2020-01-01
until = 2020-01-02
"""


@pytest.mark.parametrize("name", FRESH_AIR)
def test_what_calibrates_itself_to_fresh_air_says_that_it_must_not_in_soil(name: str) -> None:
    assert list(MODELS[name].in_soil().values()) == [0]
    assert [name for name, model in MODELS.items() if model.in_soil()] == FRESH_AIR


class _Master:
    """It tells 180 h of every register."""

    port = "far"
    is_open = True
    late = 0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self, request: Request, timeout_s: float) -> tuple[int, ...]:
        return (180,)


@pytest.mark.parametrize(
    ("settings", "place", "told"),
    [
        ("{ }", "p1/d10", "abc_period = 180 h but must be 0 in soil"),
        ("{ abc_period = 0 }", "p1/d10", "abc_period = 180 h but the station file says 0"),
        ("{ abc_period = 180 }", "p1/d10", "abc_period = 180 h"),
    ],
)
def test_automatic_calibration_in_soil_is_told(tmp_path: Path, settings: str, place: str, told: str) -> None:
    text = YULIN + ROW.replace("{ }", settings).replace("p1/d10", place)
    station = load_station(write(tmp_path, text))
    row = station.file.instrument[-1]
    line = ModbusLine(lambda _stray: cast("ModbusMaster", _Master()), "uart")
    said = line.settings(line.plan(row, station.models[row.model]), 1.0, lambda _error: None)
    assert str(said.text).startswith(told)
    assert said.values == {"abc_period": 180.0}
    asked = [one for one in station.advice if "abc_period of abc must be 0 in soil" in one.expected]
    assert bool(asked) is (settings == "{ }")
