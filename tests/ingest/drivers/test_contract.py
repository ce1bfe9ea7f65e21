"""Every kind of connection in every situation: a kind that joins the project comes with its seven scenarios."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from soilco2.station_config.connections.registry import kinds
from tests.ingest.drivers import (
    asked,
    files,
    lines_of_text,
    logger_files,
    polled,
    polled_tcp,
    pushed,
    sdi12_wires,
)
from tests.ingest.drivers.contract import SITUATIONS, Bench, Rows, hold

TABLE: dict[str, Rows] = {
    "modbus-rtu": polled.ROWS,
    "modbus-tcp": polled_tcp.GATEWAYS,
    "modbus-dtu": polled_tcp.MODEMS,
    "serial-ascii": lines_of_text.ROWS,
    "sdi12": sdi12_wires.ROWS,
    "mqtt": pushed.ROWS,
    "lorawan": pushed.LORAWAN_ROWS,
    "mqtt-json": pushed.JSON_ROWS,
    "http-json": asked.ROWS,
    "tidy-file": files.ROWS,
    "logger-file": logger_files.ROWS,
}
NEEDS = {name: [pytest.mark.mosquitto] for name in ("mqtt", "lorawan", "mqtt-json")}


def test_every_kind_has_every_situation() -> None:
    assert set(TABLE) == set(kinds())
    assert {name: set(SITUATIONS) - set(rows) for name, rows in TABLE.items()} == {
        name: set() for name in TABLE
    }


@pytest.mark.parametrize(
    ("kind", "situation"),
    [
        pytest.param(kind, situation, marks=NEEDS.get(kind, []), id=f"{kind}, {situation}")
        for kind, rows in TABLE.items()
        for situation in rows
    ],
)
def test_the_contract_holds(
    kind: str,
    situation: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        hold(TABLE[kind][situation](Bench(tmp_path, stack, request.getfixturevalue, monkeypatch)))
