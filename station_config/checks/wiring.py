"""Rules between tables about wires: connections, addresses, models, line settings, time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.probe import Line, ProbeModel
from soilco2.station_config.errors import Fault
from soilco2.station_config.parsing.faults import Path, nearest
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.tables.connection import ModbusRtuConnection, MqttConnection
from soilco2.station_config.tables.instrument import Instrument

Models = Mapping[str, ProbeModel]

KINDS = {"modbus-rtu": "modbus-rtu", "json-mqtt": "mqtt"}
"""Kind of connection that a protocol needs."""


def twice(salvaged: Salvaged, rows: Iterable[tuple[Path, str]], what: str) -> Iterator[Fault]:
    """A fault for every name that stands a second time."""
    first: dict[str, Path] = {}
    for path, name in rows:
        if name in first:
            line = salvaged.line(first[name])
            yield salvaged.fault(
                path, name, f"this {what} is used already at line {line}; each needs one of its own"
            )
        else:
            first[name] = path


def connections(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids, ports, topics; MQTT needs a broker."""
    rows = list(enumerate(salvaged.file.connection))
    yield from twice(salvaged, [(("connection", n, "id"), row.id) for n, row in rows], "id")
    ports = [
        (("connection", n, "port"), os.path.realpath(row.port))
        for n, row in rows
        if isinstance(row, ModbusRtuConnection)
    ]
    yield from twice(salvaged, ports, "serial port")
    topics = [
        (("connection", n, "topic"), row.topic or f"soilco2/{salvaged.file.station.id}/data")
        for n, row in rows
        if isinstance(row, MqttConnection)
    ]
    yield from twice(salvaged, topics, "topic")
    if salvaged.file.mqtt is None and "mqtt" not in salvaged.data:
        for n, row in rows:
            if isinstance(row, MqttConnection):
                yield salvaged.fault(
                    ("connection", n, "kind"), row.kind,
                    "an mqtt connection needs the broker's table: add [mqtt] with host and port",
                )  # fmt: skip


def sinks(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids of databases."""
    one = isinstance(salvaged.data.get("influxdb"), dict)
    rows = [
        (("influxdb", "id") if one else ("influxdb", n, "id"), row.id)
        for n, row in enumerate(salvaged.file.influxdb)
    ]
    yield from twice(salvaged, [(path, name) for path, name in rows], "id")


def instruments(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Ids, serial numbers, models, connections, addresses, and what names a channel."""
    rows = list(enumerate(salvaged.file.instrument))
    yield from twice(salvaged, [(("instrument", n, "id"), row.id) for n, row in rows], "id")
    yield from twice(
        salvaged, [(("instrument", n, "serial"), row.serial) for n, row in rows], "serial number"
    )
    known = {row.id: row for row in reversed(salvaged.file.connection)}
    named = salvaged.names("connection")
    for n, row in rows:
        path: Path = ("instrument", n)
        model = models.get(row.model)
        if model is None:
            yield salvaged.fault(
                (*path, "model"), row.model, f"no such model in the catalogue; {nearest(row.model, models)}"
            )
        connection = known.get(row.connection)
        if row.connection not in named:
            yield salvaged.fault(
                (*path, "connection"), row.connection, f"no such connection; {nearest(row.connection, named)}"
            )
        elif connection is not None and model is not None and KINDS.get(model.protocol) != connection.kind:
            yield salvaged.fault(
                (*path, "connection"), row.connection,
                f"{model.id} speaks {model.protocol} and needs a connection of kind "
                f'"{KINDS.get(model.protocol, "none")}"; {connection.id} is of kind "{connection.kind}"',
            )  # fmt: skip
        elif isinstance(connection, ModbusRtuConnection):
            yield from _address(salvaged, path, row)
        elif isinstance(connection, MqttConnection) and row.address is not None:
            yield salvaged.fault(
                (*path, "address"), row.address, "only Modbus instruments have an address; take the key out"
            )
        if model is not None:
            yield from _channel_names(salvaged, path, row, model)


def _address(salvaged: Salvaged, path: Path, row: Instrument) -> Iterator[Fault]:
    if row.address is None:
        yield salvaged.fault(
            (*path, "address"), None, "a Modbus instrument needs its address, such as address = 11"
        )
    elif not 1 <= row.address <= 247:
        yield salvaged.fault(
            (*path, "address"), row.address,
            "a Modbus address from 1 to 247 is expected; 0 is for all, 248 to 255 are reserved",
        )  # fmt: skip


def _channel_names(salvaged: Salvaged, path: Path, row: Instrument, model: ProbeModel) -> Iterator[Fault]:
    known = [spec.id for spec in model.channel]
    wrong = f"{model.id} has no such channel; "
    for n, name in enumerate(row.channels):
        if name not in known:
            yield salvaged.fault((*path, "channels", n), name, wrong + nearest(name, known))
    for name in row.modelled:
        if name not in known:
            yield salvaged.fault(
                (*path, "modelled", name), row.modelled[name].en, wrong + nearest(name, known)
            )
    for n, calibration in enumerate(row.calibration):
        name = calibration.channel
        if name not in known:
            yield salvaged.fault((*path, "calibration", n, "channel"), name, wrong + nearest(name, known))
    settings = ["ec_coefficient", "salinity_factor", *(setting.id for setting in model.setting)]
    for name, value in row.settings.items():
        if name not in settings:
            yield salvaged.fault(
                (*path, "settings", name), value,
                f"{model.id} has no such setting; {nearest(name, dict.fromkeys(settings))}",
            )  # fmt: skip
    if row.compensation is not None and not any(spec.variable == "co2" for spec in model.channel):
        yield salvaged.fault(
            (*path, "compensation"), None, f"compensation is for CO₂ probes; {model.id} gives no CO₂"
        )


def _window(salvaged: Salvaged, row: Instrument) -> tuple[float, float]:
    """From when until when an instrument hangs on its bus [µs UTC]; always, when it was never installed."""
    zone = salvaged.file.station.zone
    if not row.installation:
        return float("-inf"), float("inf")
    ends = [float("inf") if one.until is None else moment_us(one.until, zone) for one in row.installation]
    return min(moment_us(one.from_, zone) for one in row.installation), max(ends)


def addresses(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Two instruments at one address of a bus at the same time; a replaced probe may hand its address on."""
    buses = {row.id for row in salvaged.file.connection if isinstance(row, ModbusRtuConnection)}
    seen: dict[tuple[str, int], list[tuple[int, Instrument, tuple[float, float]]]] = defaultdict(list)
    for n, row in enumerate(salvaged.file.instrument):
        if row.address is None or row.connection not in buses:
            continue
        window = _window(salvaged, row)
        for number, other, theirs in seen[row.connection, row.address]:
            if window[0] < theirs[1] and theirs[0] < window[1]:
                line = salvaged.line(("instrument", number, "address"))
                yield salvaged.fault(
                    ("instrument", n, "address"), row.address,
                    f"{other.id} has this address on {row.connection} already (line {line}); two probes at "
                    "one address answer together: set another address, or end the installations of the one "
                    "that was replaced",
                )  # fmt: skip
                break
        seen[row.connection, row.address].append((n, row, window))


def line_settings(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Every probe of a bus must be able to talk as the connection says."""
    for connection in salvaged.file.connection:
        if not isinstance(connection, ModbusRtuConnection):
            continue
        on_bus: list[tuple[int, Instrument, Line]] = []
        for n, row in enumerate(salvaged.file.instrument):
            model = models.get(row.model)
            if row.connection == connection.id and model is not None and model.line is not None:
                on_bus.append((n, row, model.line))
        speeds = [set(line.baudrates) for _, _, line in on_bus if line.baudrates]
        common = set.intersection(*speeds) if speeds else set()
        for n, row, line in on_bus:
            if line.baudrates and connection.baudrate not in line.baudrates:
                fit = _speeds(sorted(common))
                advice = (
                    f"all probes of {connection.id} can be set to {fit}"
                    if common
                    else f"no speed suits all probes of {connection.id}: use one connection for each speed"
                )
                yield salvaged.fault(
                    ("instrument", n, "model"), row.model,
                    f"{row.model} cannot talk at the {connection.baudrate} baud of {connection.id}, only at "
                    f"{_speeds(line.baudrates)}; {advice}",
                )  # fmt: skip


def _speeds(rates: tuple[int, ...] | list[int]) -> str:
    words = [str(rate) for rate in rates]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "none"


def timing(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """A probe that does not answer must not cost more than its interval."""
    buses = {row.id for row in salvaged.file.connection if isinstance(row, ModbusRtuConnection)}
    for n, row in enumerate(salvaged.file.instrument):
        model = models.get(row.model)
        if model is None or row.connection not in buses:
            continue
        requests = max(1, len(model.block))
        timeout = row.timeout if row.timeout is not None else model.timeout
        if timeout * requests >= row.interval:
            key = "interval" if row.timeout is None else "timeout"
            yield salvaged.fault(
                ("instrument", n, key), f"{row.interval if row.timeout is None else row.timeout:g}s",
                f"{requests} request{'s' * (requests > 1)} of {timeout:g} s must fit in the interval of "
                f"{row.interval:g} s; make the timeout shorter or the interval longer",
            )  # fmt: skip


RULES = (connections, sinks, instruments, addresses, line_settings, timing)
