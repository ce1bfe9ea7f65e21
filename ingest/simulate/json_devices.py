"""Simulated devices that publish JSON as a connection's mapping has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from soilco2.ingest.protocols.soilco2_json import Reading, iso_time
from soilco2.ingest.simulate.node import SimulatedNode
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.json_mapping import JsonReading
from soilco2.station_config.json_path import path_of, put
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.units import between

_SECOND = {"s": 1_000_000, "ms": 1000, "us": 1}


def messages_of(
    mapping: Any, deployments: Deployments, row: Instrument, readings: Sequence[Reading]
) -> Iterator[Any]:
    """Messages of an instrument's readings of one time: one, or as many as the mapping tells apart."""
    pairs = [
        (one, table)
        for one in readings
        for table in mapping.reading
        if table.channel == one.channel and table.serial in (row.serial, None)
    ]
    if mapping.each is not None:
        yield from ([_message(mapping, deployments, row, [[pair] for pair in pairs])] if pairs else [])
        return
    for group in [[pair] for pair in pairs if pair[1].where], [[p for p in pairs if not p[1].where]]:
        for some in group:
            if some:
                yield _message(mapping, deployments, row, [some])


def _message(
    mapping: Any,
    deployments: Deployments,
    row: Instrument,
    elements: Sequence[Sequence[tuple[Reading, JsonReading]]],
) -> Any:
    root: Any = None
    for some in elements:
        element: Any = None
        for one, table in some:
            rooted, element = _said(mapping, deployments, row, one, table, element)
            for path, value in rooted:
                root = put(path_of(path), value, root)
        if mapping.each is None:
            root = element if root is None else {**element, **root} if element is not None else root
        else:
            root = put(path_of(mapping.each), element, root)
    return root


def _said(
    mapping: Any, deployments: Deployments, row: Instrument, one: Reading, table: JsonReading, element: Any
) -> tuple[list[tuple[str, Any]], Any]:
    """What a reading puts at the places of the whole message, and the element with it."""
    device = table.device or row.address
    unit, value = one.unit, one.value
    spec = deployments.channel(row.serial, one.channel)
    if table.unit is not None and spec is not None:
        factors = between(table.unit, one.unit, spec.variable, deployments.variables)
        if factors is not None and value is not None:
            unit, value = table.unit, float(f"{(value - factors[1]) / factors[0]:.12g}")
    said: dict[str, Any] = {**table.where, table.path: str(value) if mapping.numbers_as_text else value}
    if mapping.time is not None and one.time_us is not None:
        form = mapping.time_format
        said[mapping.time] = iso_time(one.time_us) if form == "iso" else one.time_us / _SECOND[form]
    if mapping.device is not None and device is not None:
        said[mapping.device] = device
    if table.unit_path is not None:
        said[table.unit_path] = unit
    code = table.error_code or mapping.error_code
    if code is not None:
        said[code] = 0
    for path, found in said.items():
        if not path.startswith("$"):
            element = put(path_of(path), found, element)
    return [(path, found) for path, found in said.items() if path.startswith("$")], element


class SimulatedDevices(SimulatedNode):
    """The devices of one connection; what they say and where they publish it is the mapping's."""

    def _kept(self, journal: Path) -> Path:
        return journal.with_name("nobody-asks-it")  # a device never hears what became of a message

    def _post(self, slot: int, readings: Sequence[Reading]) -> None:
        for row in self.instruments:
            mine = [reading for reading in readings if reading.serial == row.serial]
            for message in messages_of(self.connection, self._feed.deployments, row, mine):
                text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
                self.outbox.put(slot, partial(self._packed, f"{self._filled(row)}\n{text}"))

    @staticmethod
    def _packed(text: str, _sequence: int) -> bytes:
        return text.encode()

    def _published(self, payload: bytes) -> tuple[str, bytes]:
        topic, _, message = payload.partition(b"\n")
        return topic.decode(), message

    def _filled(self, row: Instrument) -> str:
        """The topic of an instrument: its device at the level that names it, its serial number at other wild cards."""
        levels = self.topic.split("/")
        named = getattr(self.connection, "device_level", None)
        if named is not None and levels[-1] == "#":
            levels += ["+"] * (named - len(levels))
        device = row.address or next(
            (one.device for one in getattr(self.connection, "reading", ()) if one.serial == row.serial), None
        )
        for n, level in enumerate(levels, 1):
            if n == named and device:
                levels[n - 1] = str(device)
            elif level in ("+", "#"):
                levels[n - 1] = row.serial
        return "/".join(levels)
