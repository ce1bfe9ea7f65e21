"""Warnings about a valid station: what is likely to be a mistake, or costs accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.over_mqtt import meet
from soilco2.station_config.connections.registry import kind_at, kind_of
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.tables.instrument import Instrument
from soilco2.station_config.tables.mqtt import MqttTable
from soilco2.station_config.tables.platform import HttpPlatform

STANDARD_HPA = 1013.25
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_DEEP_M = 3.0
"""Deeper than this a depth may have been meant in centimetres."""


def advice_on(salvaged: Salvaged, deployments: Deployments) -> Iterator[Fault]:
    """Every warning about a station without faults."""
    said: set[tuple[str, str]] = set()
    for n, row in enumerate(salvaged.file.instrument):
        model = deployments.models[row.model_key]
        if (row.model, row.connection) not in said:  # once for all probes of a kind on a line
            connection = next(one for one in salvaged.file.connection if one.id == row.connection)
            path: Path = ("instrument", n)
            yield from kind_of(connection).advice_on_instrument(salvaged, path, row, model, connection)
        if model.unconfirmed and row.model not in {name for name, _ in said}:
            doubt = Message.ready(en=model.unconfirmed.en, zh=model.unconfirmed.zh)
            expected = Message("not confirmed in the catalogue: {doubt}", doubt=doubt)
            yield salvaged.fault(("instrument", n, "model"), row.model, expected)
        said.add((row.model, row.connection))
        yield from _in_soil(salvaged, n, row, model)
        yield from _use(salvaged, n, row, model, deployments)
    for kind in dict.fromkeys(map(kind_of, salvaged.file.connection)):
        yield from kind.advice(salvaged, deployments.models)
    yield from _pressure(salvaged, deployments)
    yield from _surface(salvaged)
    yield from _deep(salvaged)
    yield from _meeting_topics(salvaged)
    yield from _open_doors(salvaged)


def _in_soil(salvaged: Salvaged, n: int, row: Instrument, model: ProbeModel) -> Iterator[Fault]:
    """Settings that only soil makes wrong, such as an automatic calibration to fresh air."""
    for name, value in model.in_soil().items():
        if row.in_a_profile and row.settings.get(name) is None:
            yield salvaged.fault(
                ("instrument", n), None,
                Message(
                    "{setting} of {instrument} must be {value:g} in soil: the collector logs once a day what it is and "
                    "never writes it; once you have seen to it, put {setting} = {value:g} under [instrument.settings]",
                    setting=name, instrument=row.id, value=value,
                ),
            )  # fmt: skip


def _use(
    salvaged: Salvaged, n: int, row: Instrument, model: ProbeModel, deployments: Deployments
) -> Iterator[Fault]:
    path: Path = ("instrument", n)
    if not row.installation:
        yield salvaged.fault(
            path, None,
            Message(
                "{instrument} is installed nowhere: it is read, but its readings belong to no series until it has "
                "[[instrument.installation]]",
                instrument=row.id,
            ),
        )  # fmt: skip
        return
    placed = {span.channel for span in deployments.spans if span.serial == row.serial}
    open_ended = kind_at(salvaged.file.connection, row.connection).open_ended and not row.channels
    if open_ended and any(one.channel is None for one in row.installation):
        yield salvaged.fault(
            path, None,
            Message(
                "{instrument} may send any variable, so {count} series are expected of it; list the channels it has, "
                'such as channels = ["co2", "soil_temperature"]',
                instrument=row.id, count=len(placed),
            ),
        )  # fmt: skip
    elif not open_ended:
        channels = [one for one in deployments.channels_of(row.serial) if not one.spec.auxiliary]
        idle = [one.key[1] for one in channels if one.key[1] not in placed]
        if idle:
            yield salvaged.fault(
                path,
                None,
                Message(
                    "{channels} of {instrument} is read but installed nowhere: it gives no series",
                    channels=", ".join(idle),
                    instrument=row.id,
                ),
            )


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
        more = Message(" and {count} more", count=len(needs) - 1) if len(needs) > 1 else ""
        yield salvaged.fault(
            ("instrument", n), None,
            Message(
                "the CO₂ of {instrument}{more} is not compensated for pressure and the station has no barometer: the "
                "standard atmosphere at {altitude_m:g} m, {pressure_hpa:.0f} hPa, stands in (factor {factor:.3f}), the "
                "values are flagged, and each {percent_hpa:.1f} hPa that the weather differs from it is an error of "
                "1 %",
                instrument=row.id, more=more, altitude_m=salvaged.file.station.altitude_m, pressure_hpa=standard,
                factor=STANDARD_HPA / standard, percent_hpa=standard / 100,
            ),
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
                        Message(
                            "this bares position {profile}/{position}, which was {depth_m:g} m deep: its probe is in "
                            "the air",
                            profile=profile.id, position=position.id, depth_m=position.depth_m,
                        ),
                    )  # fmt: skip
                    break


def _deep(salvaged: Salvaged) -> Iterator[Fault]:
    for n, profile in enumerate(salvaged.file.profile):
        for m, position in enumerate(profile.position):
            if position.depth_m > _DEEP_M:
                yield salvaged.fault(
                    ("profile", n, "position", m, "depth_m"), position.depth_m,
                    Message(
                        "{position} is {depth_m:g} m deep: is it meant so? {depth_m:g} cm are written {written:g}",
                        position=position.id, depth_m=position.depth_m, written=position.depth_m / 100,
                    ),
                )  # fmt: skip


def _meeting_topics(salvaged: Salvaged) -> Iterator[Fault]:
    """Topics of one broker that a message can fit both of: it goes to the first."""
    station = salvaged.file.station.id
    rows = [
        (n, row, topic)
        for n, row in enumerate(salvaged.file.connection)
        for topic in kind_of(row).topics(row, station)
    ]
    for number, (n, row, topic) in enumerate(rows):
        for _, other, theirs in rows[:number]:
            if (
                kind_of(row).broker(row) == kind_of(other).broker(other)
                and topic != theirs
                and meet(topic, theirs)
            ):
                yield salvaged.fault(
                    ("connection", n, "topic"), topic,
                    Message(
                        "what fits {theirs!r} of {other} as well goes to {other} alone; let the topics not meet",
                        theirs=theirs, other=other.id,
                    ),
                )  # fmt: skip


def _open_doors(salvaged: Salvaged) -> Iterator[Fault]:
    page = salvaged.file.page
    if page.host not in _LOOPBACK and page.password_file is None:
        yield salvaged.fault(
            ("page", "host"), page.host,
            Message("the page is open to the network without a password: set password_file, or leave host out"),
        )  # fmt: skip
    brokers: list[tuple[Path, MqttTable]] = [
        (("broker", n), row) for n, row in enumerate(salvaged.file.broker)
    ]
    if salvaged.file.mqtt is not None:
        brokers.insert(0, (("mqtt",), salvaged.file.mqtt))
    for place, broker in brokers:
        if broker.password is None:
            continue
        if broker.username is None:
            yield salvaged.fault(
                (*place, "password"), None, Message("a password without username is not used")
            )
        if not broker.tls and broker.host not in _LOOPBACK:
            yield salvaged.fault(
                (*place, "host"),
                broker.host,
                Message("the password crosses the network in the clear: set tls = true"),
            )
    one = isinstance(salvaged.data.get("influxdb"), dict)
    for n, row in enumerate(salvaged.file.influxdb):
        host = row.url.partition("://")[2].partition("/")[0].rpartition(":")[0]
        if row.url.startswith("http://") and host.strip("[]") not in _LOOPBACK:
            path: Path = ("influxdb", "url") if one else ("influxdb", n, "url")
            yield salvaged.fault(
                path, row.url, Message("the token crosses the network in the clear: use https://")
            )
    for n, platform in enumerate(salvaged.file.platform):
        if not isinstance(platform, HttpPlatform) or not platform.url.startswith("http://"):
            continue
        if urlsplit(platform.url).hostname not in _LOOPBACK:
            expected = Message("readings and token cross the network in the clear: use https://")
            yield salvaged.fault(("platform", n, "url"), platform.url, expected)
