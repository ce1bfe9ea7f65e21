"""Warnings about a valid station: what is likely to be a mistake, or costs accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.errors import Fault
from soilco2.station_config.parsing.faults import Path
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.tables.connection import ModbusRtuConnection
from soilco2.station_config.tables.instrument import Instrument

STANDARD_HPA = 1013.25
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANSWER_S = 0.05
_DEEP_M = 3.0
"""Deeper than this a depth may have been meant in centimetres."""
"""Time a probe takes before it begins to answer [s]; cheap ones take about this."""


def advice_on(salvaged: Salvaged, deployments: Deployments) -> Iterator[Fault]:
    """Every warning about a station without faults."""
    said: set[tuple[str, str]] = set()
    for n, row in enumerate(salvaged.file.instrument):
        model = deployments.models[row.model]
        if (row.model, row.connection) not in said:  # once for all probes of a kind on a line
            yield from _line(salvaged, n, row, model)
        if model.unconfirmed and row.model not in {name for name, _ in said}:
            expected = f"not confirmed in the catalogue: {model.unconfirmed.en}"
            chinese = f"型号库中未证实：{model.unconfirmed.zh}"
            yield replace(salvaged.fault(("instrument", n, "model"), row.model, expected), chinese=chinese)
        said.add((row.model, row.connection))
        yield from _use(salvaged, n, row, model, deployments)
    yield from _load(salvaged, deployments)
    yield from _pressure(salvaged, deployments)
    yield from _surface(salvaged)
    yield from _deep(salvaged)
    yield from _open_doors(salvaged)


def _line(salvaged: Salvaged, n: int, row: Instrument, model: ProbeModel) -> Iterator[Fault]:
    connection = next((one for one in salvaged.file.connection if one.id == row.connection), None)
    if model.line is None or not isinstance(connection, ModbusRtuConnection):
        return
    line = model.line
    has = f"{connection.baudrate} 8{connection.parity}{connection.stopbits}"
    if (connection.baudrate, connection.parity) != (line.baudrate, line.parity):
        yield salvaged.fault(
            ("instrument", n, "model"), row.model,
            f"{model.id} leaves the factory at {line} and {connection.id} runs at {has}: set the probe "
            "before it goes on the bus",
        )  # fmt: skip
    elif connection.stopbits != line.stopbits:
        harm = (
            "an extra stop bit does no harm"
            if connection.stopbits > line.stopbits
            else "this usually works but is not guaranteed: set the probe, or stopbits of the connection"
        )
        yield salvaged.fault(
            ("instrument", n, "model"), row.model,
            f"{model.id} leaves the factory at {line} and {connection.id} runs at {has}; {harm}",
        )  # fmt: skip


def _use(
    salvaged: Salvaged, n: int, row: Instrument, model: ProbeModel, deployments: Deployments
) -> Iterator[Fault]:
    path: Path = ("instrument", n)
    if not row.installation:
        yield salvaged.fault(
            path, None,
            f"{row.id} is installed nowhere: it is read, but its readings belong to no series until it has "
            "[[instrument.installation]]",
        )  # fmt: skip
        return
    placed = {span.channel for span in deployments.spans if span.serial == row.serial}
    open_ended = model.protocol == "json-mqtt" and not row.channels
    if open_ended and any(one.channel is None for one in row.installation):
        yield salvaged.fault(
            path, None,
            f"{row.id} may send any variable, so {len(placed)} series are expected of it; list the "
            'channels it has, such as channels = ["co2", "soil_temperature"]',
        )  # fmt: skip
    elif not open_ended:
        idle = [one.key[1] for one in deployments.channels_of(row.serial) if one.key[1] not in placed]
        if idle:
            yield salvaged.fault(
                path, None, f"{', '.join(idle)} of {row.id} is read but installed nowhere: it gives no series"
            )


def read_time(row: Instrument, model: ProbeModel, connection: ModbusRtuConnection) -> float:
    """Time that one reading of an instrument takes on its line [s].

    Every block is a request of 8 bytes and an answer of 5 bytes and 2 for each register, with 10 or 11 bits
    a byte (Modbus over serial line V1.02, 2.5.1), the silence after each frame and the probe's own delay.
    """
    bits = 9 + connection.stopbits + (connection.parity != "N")
    silence = max(connection.quiet, model.quiet, 3.5 * bits / connection.baudrate)
    return sum(
        (8 + 5 + 2 * block.count) * bits / connection.baudrate + 2 * silence + _ANSWER_S
        for block in model.block
    )


def _load(salvaged: Salvaged, deployments: Deployments) -> Iterator[Fault]:
    for n, connection in enumerate(salvaged.file.connection):
        if not isinstance(connection, ModbusRtuConnection):
            continue
        rows = [
            row
            for row in salvaged.file.instrument
            if row.connection == connection.id and any(one.until is None for one in row.installation)
        ]
        share = sum(read_time(row, deployments.models[row.model], connection) / row.interval for row in rows)
        if share > 1.0:
            yield salvaged.fault(
                ("connection", n), None,
                f"reading everything on {connection.id} takes {share:.0%} of the time there is, so rounds "
                "will be missed: make the intervals longer, the line faster, or use two lines",
            )  # fmt: skip


def _pressure(salvaged: Salvaged, deployments: Deployments) -> Iterator[Fault]:
    if any(span.series[3] == "air_pressure" for span in deployments.spans):
        return
    needs = []
    for n, row in enumerate(salvaged.file.instrument):
        for channel in deployments.channels_of(row.serial):
            chosen = row.compensation.pressure if row.compensation is not None else None
            if channel.variable == "co2" and (chosen or channel.spec.pressure) == "none":
                needs.append((n, row, channel))
    if needs:
        n, row, _ = needs[0]
        standard = deployments.standard_pressure_hpa
        more = f" and {len(needs) - 1} more" if len(needs) > 1 else ""
        yield salvaged.fault(
            ("instrument", n), None,
            f"the CO₂ of {row.id}{more} is not compensated for pressure and the station has no barometer: "
            f"the standard atmosphere at {salvaged.file.station.altitude_m:g} m, {standard:.0f} hPa, stands in "
            f"(factor {STANDARD_HPA / standard:.3f}), the values are flagged, and each {standard / 100:.1f} "
            "hPa that the weather differs from it is an error of 1 %",
        )  # fmt: skip


def _surface(salvaged: Salvaged) -> Iterator[Fault]:
    zone = salvaged.file.station.zone
    for n, profile in enumerate(salvaged.file.profile):
        for position in profile.position:
            since = None if position.measured is None else moment_us(position.measured, zone)
            depth = position.depth_m
            for m in sorted(
                range(len(profile.surface)), key=lambda k: moment_us(profile.surface[k].from_, zone)
            ):
                change = profile.surface[m]
                if since is not None and moment_us(change.from_, zone) <= since:
                    continue
                depth += change.change_m
                if position.depth_m > 0 >= depth:
                    yield salvaged.fault(
                        ("profile", n, "surface", m, "change_m"), change.change_m,
                        f"this bares position {profile.id}/{position.id}, which was {position.depth_m:g} m "
                        "deep: its probe is in the air",
                    )  # fmt: skip
                    break


def _deep(salvaged: Salvaged) -> Iterator[Fault]:
    for n, profile in enumerate(salvaged.file.profile):
        for m, position in enumerate(profile.position):
            if position.depth_m > _DEEP_M:
                yield salvaged.fault(
                    ("profile", n, "position", m, "depth_m"), position.depth_m,
                    f"{position.id} is {position.depth_m:g} m deep: is it meant so? {position.depth_m:g} cm are "
                    f"written {position.depth_m / 100:g}",
                )  # fmt: skip


def _open_doors(salvaged: Salvaged) -> Iterator[Fault]:
    page = salvaged.file.page
    if page.host not in _LOOPBACK and page.password_file is None:
        yield salvaged.fault(
            ("page", "host"), page.host,
            "the page is open to the network without a password: set password_file, or leave host out",
        )  # fmt: skip
    mqtt = salvaged.file.mqtt
    if mqtt is not None and mqtt.password is not None:
        if mqtt.username is None:
            yield salvaged.fault(("mqtt", "password"), None, "a password without username is not used")
        if not mqtt.tls and mqtt.host not in _LOOPBACK:
            yield salvaged.fault(
                ("mqtt", "host"), mqtt.host, "the password crosses the network in the clear: set tls = true"
            )
    one = isinstance(salvaged.data.get("influxdb"), dict)
    for n, row in enumerate(salvaged.file.influxdb):
        host = row.url.partition("://")[2].partition("/")[0].rpartition(":")[0]
        if row.url.startswith("http://") and host.strip("[]") not in _LOOPBACK:
            path: Path = ("influxdb", "url") if one else ("influxdb", n, "url")
            yield salvaged.fault(path, row.url, "the token crosses the network in the clear: use https://")
