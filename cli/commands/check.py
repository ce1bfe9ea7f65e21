"""``soilco2 check``: what a station file will read from where, or everything that is wrong with it."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.computed_for import in_words, of_station
from soilco2.cli.options import emit_json, json_option, language_option, station_argument, translate
from soilco2.station_config.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from soilco2.station_config.base import Secret
    from soilco2.station_config.connections.line_rules import Round
    from soilco2.station_config.deployments import Channel, Deployments, Span
    from soilco2.station_config.errors import Fault
    from soilco2.station_config.loader import Station
    from soilco2.station_config.tables.instrument import Instrument

_WORDS = {
    "en": {
        "every": "every",
        "address": "Address",
        "instrument": "Instrument",
        "channel": "Channel",
        "series": "Series",
        "depth": "Depth",
        "since": "From … until",
        "calibration": "Calibration",
        "factory": "factory",
        "tried": "read on a device",
        "manual": "from the manual only",
        "round": "a round of {n} takes about {seconds:.2g} s",
        "due": "due",
        "overdue": "OVERDUE since",
        "column": "Column",
        "to": "Series, or instrument and channel",
        "unit": "Unit",
        "own unit": "as the file says",
        "site": "site",
        "nowhere": "installed nowhere",
        "auxiliary": "kept beside",
        "derived": "Computed here",
        "device": "compensated by the probe",
        "none": "corrected here",
        "pressure": "pressure",
        "temperature": "temperature",
        "broker": "Broker",
        "database": "Database",
        "platform": "platform",
        "no database": "none: readings stay in the journal",
        "journal": "Journal",
        "config": "Configuration",
        "modelled": "modelled",
        "warnings": "Warnings",
        "fine": "The station file is fine.",
        "valid": "The station file is fine; see the warnings above.",
        "faults": "{n} fault(s) in the station file:",
    },
    "zh": {
        "every": "每",
        "address": "地址",
        "instrument": "仪器",
        "channel": "通道",
        "series": "序列",
        "depth": "深度",
        "since": "起 … 止",
        "calibration": "校准",
        "factory": "出厂",
        "tried": "已在实物上读过",
        "manual": "仅据手册",
        "round": "读一轮 {n} 台约需 {seconds:.2g} 秒",
        "due": "到期",
        "overdue": "已过期，自",
        "column": "列",
        "to": "序列，或仪器与通道",
        "unit": "单位",
        "own unit": "以文件为准",
        "site": "站点",
        "nowhere": "未安装",
        "auxiliary": "一并保存",
        "derived": "由本程序计算",
        "device": "探头自行补偿",
        "none": "由本程序订正",
        "pressure": "气压",
        "temperature": "温度",
        "broker": "消息代理",
        "database": "数据库",
        "platform": "平台",
        "no database": "无：读数仅存于日志库",
        "journal": "日志库",
        "config": "配置",
        "modelled": "模拟值",
        "warnings": "警告",
        "fine": "台站文件无误。",
        "valid": "台站文件无误，请看以上警告。",
        "faults": "台站文件有 {n} 处错误：",
    },
}


@click.command(epilog="Example: soilco2 check yulin.toml")
@station_argument
@json_option
@language_option
def command(station: Path, as_json: bool, lang: str) -> None:
    """Say what a station file will read from where, or everything that is wrong with it.

    Exit code 0: fine (there may be warnings); 1: the file has faults; 2: there is no such file.
    """
    from soilco2.station_config.errors import StationFileError
    from soilco2.station_config.loader import load_station
    from soilco2.storage.journal.own_variables import check_station

    try:
        loaded = load_station(station)
        check_station(loaded)
        here = _on_this_machine(loaded, time.time_ns() // 1000)
    except StationFileError as error:
        _say_faults(error.faults, as_json, lang)
        raise click.exceptions.Exit(1 if station.is_file() else 2) from None
    warnings = (*loaded.advice, *here)
    if as_json:
        emit_json(summary(loaded, warnings))
    else:
        _print(loaded, warnings, lang)


def _say_faults(faults: Sequence[Fault], as_json: bool, lang: str) -> None:
    if as_json:
        emit_json({"ok": False, "faults": [_fault(fault) for fault in faults]})
        return
    if len(faults) > 1:
        click.echo(_WORDS[lang]["faults"].format(n=len(faults)), err=True)
    for fault in faults:
        click.echo(translate(str(fault)), err=True)


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "file": fault.file,
        "line": fault.line,
        "key": fault.key,
        "value": fault.value,
        "expected": fault.expected,
    }


def _on_this_machine(station: Station, now_us: int) -> list[Fault]:
    """Warnings that depend on the machine and the day: missing ports and secrets, overdue calibrations."""
    from soilco2.station_config.connections.registry import broken, kind_of
    from soilco2.station_config.errors import Fault, StationConfigError

    path = str(station.path)
    found = [Fault(path, None, "", "", Message.of(text)) for text in broken().values()]
    found += [
        Fault(
            path,
            None,
            f"connection {row.id}",
            str(port),
            Message("there is no such port on this machine now"),
        )
        for row in station.file.connection
        for port in kind_of(row).ports(row)
        if not port.exists()
    ]
    secrets: list[tuple[str, Secret]] = [(f"{row.id} token", row.token) for row in station.file.influxdb]
    for platform in station.file.platform:
        held = getattr(platform, "token", None) or getattr(platform, "password", None)
        secrets += [(f"{platform.id} secret", held)] if held is not None else []
    secrets += [
        (f"{name or 'mqtt'} password", broker.password)
        for name, broker in station.file.brokers.items()
        if broker.password is not None
    ]
    for name, secret in secrets:
        try:
            secret.reveal()
        except StationConfigError as error:
            found.append(Fault(path, None, name, "", Message.of(error)))
        if secret.exposed():
            open_to_all = Message(
                "everybody on this machine can read the secret's file {file}; chmod 600 it", file=secret.file
            )
            found.append(Fault(path, None, name, "", open_to_all))
    deployments = station.deployments
    for row in station.file.instrument:
        for channel in deployments.channels_of(row.serial):
            due = deployments.calibration_due(*channel.key, now_us)
            if due is not None and due <= now_us and deployments.active(row.serial, now_us):
                expected = Message(
                    "the calibration was due on {day}; it goes on applying", day=_day(due, station)
                )
                found.append(Fault(path, None, f"{row.id}.{channel.key[1]}", "", expected))
    return found + _wrong_screens(station)


def _wrong_screens(station: Station) -> list[Fault]:
    from soilco2.dashboards.live.screens import read_screens
    from soilco2.station_config.errors import Fault

    folder = station.file.page.screens
    faults = read_screens(station, folder)[1] if folder is not None else []
    return [Fault(str(station.path), None, "page.screens", str(folder), text) for text in faults]


def _day(time_us: int, station: Station) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).astimezone(station.deployments.zone).date().isoformat()


def _stamp(time_us: int | None) -> str | None:
    if time_us is None:
        return None
    from soilco2.station_config.times import iso

    return iso(time_us // 1_000_000 * 1_000_000)


def _spans(deployments: Deployments, channel: Channel) -> list[Span]:
    return sorted(
        (span for span in deployments.spans if (span.serial, span.channel) == channel.key),
        key=lambda span: span.start_us,
    )


def _compensation(channel: Channel) -> dict[str, str]:
    """Who compensates a CO₂ channel, by quantity."""
    chosen = channel.instrument.compensation if channel.instrument is not None else None
    out = {}
    for quantity in ("pressure", "temperature"):
        who = getattr(chosen, quantity, None) or getattr(channel.spec, quantity)
        if who is not None:
            out[quantity] = str(who)
    return out


def _channel(station: Station, channel: Channel, modelled: str, now_us: int) -> dict[str, Any]:
    deployments = station.deployments
    applied = deployments.calibration_at(*channel.key, now_us)
    return {
        "channel": channel.key[1],
        "variable": channel.variable,
        "unit": channel.spec.unit,
        "series": [
            {
                "series": "/".join(span.series),
                "depth_m": _depth_m(deployments, span, now_us),
                "from": _stamp(span.start_us),
                "until": _stamp(span.end_us),
            }
            for span in _spans(deployments, channel)
        ],
        "calibration": None
        if applied is None
        else {
            "valid_from": applied.valid_from.isoformat(),
            "gain": applied.gain,
            "offset": applied.offset,
            "certificate": applied.certificate,
            "due": _stamp(deployments.calibration_due(*channel.key, now_us)),
        },
        "compensation": _compensation(channel),
        "modelled": modelled,
    }


def _instrument(station: Station, row: Instrument, now_us: int) -> dict[str, Any]:
    channels = []
    for channel in station.deployments.channels_of(row.serial):
        modelled = row.modelled.get(channel.key[1])
        channels.append(_channel(station, channel, modelled.en if modelled else "", now_us))
    return {
        "id": row.id,
        "model": row.model,
        "serial": row.serial,
        "connection": row.connection,
        "address": row.address,
        "interval_s": row.interval,
        "tried": station.models[row.model_key].tried,
        "channels": channels,
    }


def summary(station: Station, warnings: Sequence[Fault]) -> dict[str, Any]:
    """Everything that the station file says, as one JSON object."""
    deployments = station.deployments
    now_us = time.time_ns() // 1000
    told = of_station(station)
    return {
        "ok": True,
        "station": station.file.station.model_dump(mode="json"),
        "configuration": station.hash,
        "connections": [row.model_dump(mode="json") for row in station.file.connection],
        "rounds": {name: round(found.seconds, 3) for name, (_, found) in _rounds(station).items()},
        "instruments": [
            _instrument(station, row, now_us) | ({"computed_for": told[row.id]} if row.id in told else {})
            for row in station.file.instrument
        ],
        "derived": [
            {"series": "/".join(series), "from": ["/".join(parent) for parent in parents]}
            for series, parents in deployments.derived.items()
        ],
        "standard_pressure_hpa": round(deployments.standard_pressure_hpa, 2),
        "databases": [
            {"id": row.id, "url": row.url, "org": row.org, "bucket": row.bucket}
            for row in station.file.influxdb
        ],
        "journal": str(station.journal_path),
        "warnings": [_fault(fault) for fault in warnings],
    }


def _rounds(station: Station) -> dict[str, tuple[int, Round]]:
    """Reading everything on a line once, by connection: how many there are, and what it takes."""
    from soilco2.station_config.connections.line_rules import round_of
    from soilco2.station_config.connections.registry import kind_of

    found = {}
    for row in station.file.connection:
        here = [one for one in station.file.instrument if one.connection == row.id]
        takes = round_of(kind_of(row), row, here, station.models)
        if takes.seconds:  # of some kinds it is not known
            found[row.id] = len(here), takes
    return found


def _print(station: Station, warnings: Sequence[Fault], lang: str) -> None:
    from rich.console import Console
    from rich.text import Text

    words = _WORDS[lang]
    console = Console(width=None if os.isatty(1) else 120, highlight=False)
    row = station.file.station
    title = row.name.zh if lang == "zh" else row.name.en
    console.print(Text(title, style="bold"), Text(f"({row.id})"), sep=" ")
    place = f"{row.latitude:g}°, {row.longitude:g}°, {row.altitude_m:g} m, {row.timezone}"
    console.print(Text(place, style="dim"))
    for connection in station.file.connection:
        _print_connection(console, station, connection.id, lang)
    for name, found in of_station(station).items():
        console.print(Text(f"{name}: {in_words(found, lang)}"), soft_wrap=True)
    _print_derived(console, station, words)
    for name, broker in station.file.brokers.items():
        title = f"{words['broker']} {name}".rstrip()
        console.print(Text(f"{title}: {broker.host}:{broker.port}" + (" TLS" if broker.tls else "")))
    for sink in station.file.influxdb:
        console.print(Text(f"{words['database']}: {sink.url} {sink.org}/{sink.bucket}"))
    for platform in station.file.platform:
        console.print(Text(f"{words['platform']}: {platform.id} ({platform.kind})"))
    if not station.file.sinks:
        console.print(Text(f"{words['database']}: {words['no database']}"))
    console.print(Text(f"{words['journal']}: {station.journal_path}"), soft_wrap=True)
    console.print(Text(f"{words['config']}: {station.hash}"))
    if warnings:
        console.print(Text(f"\n{words['warnings']} ({len(warnings)})", style="bold yellow"))
        for fault in warnings:
            console.print(Text(f"- {translate(str(fault))}"), soft_wrap=not console.is_terminal)
    end, colour = ("valid", "yellow") if warnings else ("fine", "green")
    console.print(Text(words[end], style=f"bold {colour}"))


def _print_connection(console: Console, station: Station, name: str, lang: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from soilco2.station_config.connections.registry import kind_of

    words = _WORDS[lang]
    connection = next(row for row in station.file.connection if row.id == name)
    what = f"{connection.id}: {kind_of(connection).describe(connection, station.file.station.id)}"
    console.print()
    if name in (rounds := _rounds(station)):
        what += "; " + words["round"].format(n=rounds[name][0], seconds=rounds[name][1].seconds)
    console.print(Text(what, style="bold"), soft_wrap=True)
    if columns := kind_of(connection).columns(connection):
        mapped = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for key in ("column", "to", "unit"):
            mapped.add_column(words[key], overflow="fold")
        for column, target, unit in columns:
            mapped.add_row(Text(column), Text(target), Text(unit or words["own unit"]))
        console.print(mapped)
        if all(row.connection != name for row in station.file.instrument):
            return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for key in ("address", "instrument", "channel", "series", "depth", "since", "calibration"):
        table.add_column(words[key], overflow="fold")
    deployments = station.deployments
    for row in station.file.instrument:
        if row.connection != name:
            continue
        first = True
        for channel in deployments.channels_of(row.serial):
            spans = _spans(deployments, channel)
            if not spans and kind_of(connection).open_ended:
                continue  # a node may send anything: only what is placed is worth a line
            rows: list[Span | None] = [*spans] if spans else [None]
            nowhere = words["auxiliary" if channel.spec.auxiliary else "nowhere"]
            for span in rows:
                address = "" if row.address is None else str(row.address)
                about = f"{row.id}\n{row.model}\n{row.serial}\n{words['every']} {row.interval:g} s"
                tried = station.models[row.model_key].tried == "device"
                about += f"\n{words['tried' if tried else 'manual']}"
                table.add_row(
                    address if first else "",
                    about if first else "",
                    channel.key[1] if span is None or span is spans[0] else "",
                    nowhere if span is None else "/".join(span.series[1:]).replace("//", "/"),
                    "" if span is None else _depth(station, span, words),
                    "" if span is None else _period(station, span),
                    _remarks(station, channel, lang),
                )
                first = False
    console.print(table)


def _depth_m(deployments: Deployments, span: Span, now_us: int) -> float | None:
    """Depth of a place [m] now, or when its probe was taken out."""
    at = now_us if span.end_us is None else min(now_us, span.end_us)
    return deployments.depth_at(span.series[1], span.series[2], max(at, span.start_us))


def _depth(station: Station, span: Span, words: dict[str, str]) -> str:
    depth = _depth_m(station.deployments, span, time.time_ns() // 1000)
    return words["site"] if depth is None else f"{depth:g} m"


def _period(station: Station, span: Span) -> str:
    end = "" if span.end_us is None else f" {_day(span.end_us, station)}"
    return f"{_day(span.start_us, station)} …{end}"


def _remarks(station: Station, channel: Channel, lang: str) -> str:
    words = _WORDS[lang]
    deployments = station.deployments
    now_us = time.time_ns() // 1000
    applied = deployments.calibration_at(*channel.key, now_us)
    text = words["factory"]
    if applied is not None:
        since = applied.valid_from.isoformat()[:10]
        text = f"{since} ×{applied.gain:g} {applied.offset:+g} {applied.certificate}"
        due = deployments.calibration_due(*channel.key, now_us)
        if due is not None:
            late = words["overdue"] if due <= now_us else words["due"]
            text += f"\n{late} {_day(due, station)}"
    for quantity, who in _compensation(channel).items():
        text += f"\n{words[quantity]}: {words[who]}"
    assert channel.instrument is not None
    if modelled := channel.instrument.modelled.get(channel.key[1]):
        text += f"\n{words['modelled']}: {modelled.zh if lang == 'zh' else modelled.en}"
    return text


def _print_derived(console: Console, station: Station, words: dict[str, str]) -> None:
    from rich.text import Text

    names = ["/".join(series[1:]) for series in station.deployments.derived]
    console.print()
    if names:
        console.print(Text(f"{words['derived']}: {', '.join(names)}"))
