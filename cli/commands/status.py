"""``soilco2 status``: what came in, what is stored, what waits and what is wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.computed_for import computed_for, in_words
from soilco2.cli.options import (
    echo,
    emit_json,
    json_option,
    language,
    load,
    parse_window,
    spoken_language,
    station_argument,
    translate,
    window_options,
    word,
)
from soilco2.station_config.message import Message, marked
from soilco2.station_config.times import DAY_US

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station
    from soilco2.storage.journal.completeness import Day
    from soilco2.storage.journal.reader import JournalReader
    from soilco2.storage.journal.rows import Cursor


_NAMED = 5
"""Devices of others that are named, at most; all that are known stand in the JSON."""
_LINK = {
    "gateways": marked("gateways: {value:.0f}"),
    "rssi_dbm": "{value:.0f} dBm",
    "snr_db": marked("SNR {value:.1f} dB"),
    "battery_voltage": marked("battery {value:.2f} V"),
    "battery_percent": marked("battery {value:.0f} %"),
}


def take_status(station: Station, reader: JournalReader) -> dict[str, Any]:
    """Everything that is known of a station, for programs: times in µs UTC."""
    from soilco2.storage.journal.control import ask_collector

    live = ask_collector(station.journal_path)
    now_us = live["now_us"] if live else time.time_ns() // 1000
    counters = reader.accounting.counters()
    sinks = {row.sink: row for row in reader.accounting.cursors()}
    serials = {row.serial for row in station.file.instrument}
    used, size = reader.accounting.size()
    limit = station.file.journal.limit_mib * 2**20
    sources = {name: row for name, row in counters.items() if name not in sinks and name not in serials}
    return {
        "station": station.file.station.id,
        "collector": "running" if live else Message("not running"),
        "fault": live["fault"] if live else "",
        "hung": live["hung"] if live else [],
        "configuration": {"in_force": reader.config_hash(), "file": station.hash},
        "clock": {
            "now_us": now_us,
            "trusted": live["clock_trusted"] if live else None,
            "held_samples": reader.accounting.held(),
        },
        "sources": {
            name: {key: row.get(key, 0) for key in ("in", "stored", "duplicate", "rejected")} | row
            for name, row in sources.items()
        },
        "waiting_for_judgement": reader.accounting.waiting(),
        "parked": reader.accounting.parked_counts(),
        "sinks": {
            name: _sink(reader, row, counters.get(name, {}), live, now_us) for name, row in sinks.items()
        },
        "instruments": _instruments(station, reader, counters, live, now_us),
        "buses": live["buses"] if live else [],
        "files": live["files"] if live else [],
        "fetched": live.get("fetched", []) if live else [],
        "listeners": live.get("listeners", []) if live else [],
        "mqtt": live.get("mqtt") if live else None,
        "brokers": {row.id: live.get(f"mqtt {row.id}") if live else None for row in station.file.broker},
        "foreign_devices": {
            name: {"named": row["foreign"], "further": row.get("foreign_unnamed", 0)}
            for name, row in _told(station, live).items()
            if "foreign" in row
        },
        "parts": live["parts"] if live else {},
        "journal": {
            "path": str(station.journal_path),
            "bytes_in_use": used,
            "bytes_of_file": size,
            "limit_bytes": limit,
            "days_left": reader.accounting.days_left(limit),
            "error": live["journal_error"] if live else "",
        },
    }


def _told(station: Station, live: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """What the decoders of connections through a broker have to say, by connection."""
    sessions = [
        (live or {}).get(name) for name in ("mqtt", *(f"mqtt {row.id}" for row in station.file.broker))
    ]
    return {name: row for one in sessions if one for name, row in one.get("sources", {}).items()}


def _sink(
    reader: JournalReader, row: Cursor, counters: dict[str, int], live: dict[str, Any] | None, now_us: int
) -> dict[str, Any]:
    here = (live or {}).get("sinks", {}).get(row.sink, {})
    reach_us = min(
        now_us, reader.last_sample_us() or now_us
    )  # a replayed month lies years before the clock of today
    newest = next((o.time_us for rev, o in reader.observations_after(row.rev - 1, 1) if rev <= row.rev), None)
    return {
        "state": here.get("state", Message("not running")),
        "newest_confirmed_us": here.get("newest_us") or newest,
        "confirmed_at_us": row.moved_us if row.rev else None,
        "backlog_samples": row.backlog,
        "backlog_hours": None if row.oldest_us is None else max(0.0, (reach_us - row.oldest_us) / 3600e6),
        "oldest_waiting_us": row.oldest_us,
        "last_error": here.get("error") or row.error,
        "sent": counters.get("sent", 0),
        "parked": counters.get("parked", 0),
    }


def _instruments(
    station: Station,
    reader: JournalReader,
    counters: dict[str, dict[str, int]],
    live: dict[str, Any] | None,
    now_us: int,
) -> dict[str, dict[str, Any]]:
    """Last answer and errors by kind: what the collector knows, on top of what the journal kept."""
    newest: dict[str, int] = {}
    for one in reader.latest(now_us):
        for serial, _, start, end in station.deployments.instruments_of(one.series):
            if start <= one.time_us and (end is None or one.time_us < end):
                newest[serial] = max(newest.get(serial, one.time_us), one.time_us)
    devices = {
        serial: row for bus in (live or {}).get("buses", []) for serial, row in bus["instruments"].items()
    }
    links = {
        serial: link
        for row in _told(station, live).values()
        for serial, link in row.get("devices", {}).items()
    }
    arrived = reader.accounting.last_arrivals(row.serial for row in station.file.instrument)
    found = {}
    for row in station.file.instrument:
        device = devices.get(row.serial, {})
        kept = {k[6:]: n for k, n in counters.get(row.serial, {}).items() if k.startswith("error_")}
        for kind, count in device.get("errors", {}).items():
            kept[kind] = max(kept.get(kind, 0), count)
        found[row.id] = {
            "serial": row.serial,
            "connection": row.connection,
            "state": device.get("state", ""),
            "newest_us": newest.get(row.serial),
            "last_answer_us": (live or {}).get("answered_us", {}).get(row.serial) or arrived.get(row.serial),
            "errors": kept,
            "last_error": device.get("last_error", ""),
        }
        if told := computed_for(station, row, reader):
            found[row.id]["computed_for"] = told
        if row.serial in links:
            found[row.id]["link"] = links[row.serial]
    return found


def _counts(rows: dict[str, int]) -> str:
    return ("、" if language() == "zh" else ", ").join(
        f"{count} {word(kind)}" for kind, count in rows.items()
    )


def _moment(time_us: int | None) -> str:
    if time_us is None:
        return Message("never")
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _print_collector(status: dict[str, Any]) -> None:
    config, clock = status["configuration"], status["clock"]
    echo(
        Message(
            "{station}: collector {state}, configuration {config}",
            station=status["station"],
            state=Message("running") if status["collector"] == "running" else Message("not running"),
            config=config["in_force"] or Message("none"),
        )
    )
    if config["file"] != config["in_force"]:
        echo(Message("  the station file is {file}: not in force yet", file=config["file"]))
    if status["fault"]:
        echo(
            Message("  FAULT in the station file, the last valid one runs:\n  {fault}", fault=status["fault"])
        )
    if status["hung"]:
        echo(Message("  NO SIGN OF LIFE: {parts}", parts=", ".join(status["hung"])))
    if clock["trusted"] is False:
        echo(
            Message(
                "  the clock is NOT TRUSTED: samples wait for their time; let a time service set it, or set "
                "SOILCO2_CLOCK=trusted if you know that it is right"
            )
        )
    if clock["held_samples"]:
        echo(Message("  {count} samples wait for their time", count=clock["held_samples"]))


def _print_flow(status: dict[str, Any]) -> None:
    """What came in, and what went on to databases."""
    echo(Message("came in"))
    for name, row in status["sources"].items():
        echo(
            Message(
                "  {name}: in {came} = stored {stored} + duplicate {duplicate} + rejected {rejected}",
                name=name,
                came=row["in"],
                stored=row["stored"],
                duplicate=row["duplicate"],
                rejected=row["rejected"],
            )
        )
        if row.get("messages_missing"):
            echo(Message("    {count} messages are missing by their numbers", count=row["messages_missing"]))
    if not status["sources"]:
        echo(Message("  nothing yet"))
    if status["waiting_for_judgement"]:
        echo(
            Message(
                "{count} readings that came late wait for judgement", count=status["waiting_for_judgement"]
            )
        )
    for name, row in status["foreign_devices"].items():
        few = list(row["named"])[:_NAMED]
        more = len(row["named"]) - len(few)
        echo(
            Message(
                "  {name}: uplinks of devices that are not in the station file: {devices}",
                name=name,
                devices=Message("{names} and {count} more", names=", ".join(few), count=more)
                if more
                else ", ".join(few),
            )
        )
    if status["parked"]:
        echo(Message("parked: {kinds} ('soilco2 parked list' shows them)", kinds=_counts(status["parked"])))
    for name, row in status["sinks"].items():
        echo(
            Message(
                "database {name}: {state}, newest confirmed {moment}",
                name=name,
                state=word(row["state"]),
                moment=_moment(row["newest_confirmed_us"]),
            )
        )
        if row["backlog_samples"]:
            echo(
                Message(
                    "  {count} wait ({hours:.1f} h), the oldest of {moment}",
                    count=row["backlog_samples"],
                    hours=row["backlog_hours"],
                    moment=_moment(row["oldest_waiting_us"]),
                )
            )
        if row["last_error"]:
            echo(Message("  last error: {why}", why=row["last_error"]))


def _print_devices(status: dict[str, Any]) -> None:
    for bus in status["buses"]:
        said = translate(bus["error"])
        for mark in (": ", "："):
            said = said.removeprefix(bus["port"] + mark)
        click.echo(f"{bus['connection']} ({bus['port']}): {said or word(bus['state'])}")
    for row in status["files"]:
        said = Message(
            "{connection}: {files} files of {path}", **{k: row[k] for k in ("connection", "files", "path")}
        )
        if row["unfinished"]:
            said = Message(
                "{said}; files whose last line is held back, since it has no line end: {count}",
                said=said,
                count=row["unfinished"],
            )
        if row.get("waiting"):
            said = Message(
                "{said}; files that cannot be used as they are, and are parked once nobody writes to them: {count}",
                said=said, count=row["waiting"],
            )  # fmt: skip
        if row["error"]:
            said = Message("{said}; {why}", said=said, why=row["error"])
        echo(said)
    for row in status.get("fetched", ()):
        about = {"connection": row["connection"], "place": row["place"], "moment": _moment(row["newest_us"])}
        said = Message("{connection}: {place}, newest {moment}", **about)
        if row["error"]:
            said = Message("{said}; {why}", said=said, why=row["error"])
        echo(said)
    for listener in status.get("listeners", ()):
        _print_listener(listener)
    echo(Message("instruments"))
    for name, row in status["instruments"].items():
        about = {"name": name, "serial": row["serial"], "moment": _moment(row["newest_us"])}
        said = (
            Message("  {name} ({serial}): {state}, newest {moment}", state=word(row["state"]), **about)
            if row["state"]
            else Message("  {name} ({serial}): newest {moment}", **about)
        )
        if row["errors"]:
            said = Message("{said}; errors: {kinds}", said=said, kinds=_counts(row["errors"]))
        echo(said)
        if row["last_error"]:
            click.echo(f"    {translate(row['last_error'])}")
        if "link" in row:
            click.echo(f"    {_link(row['link'])}")
        if "computed_for" in row:
            click.echo(f"    {in_words(row['computed_for'], language())}")
    for broker in (status["mqtt"], *status["brokers"].values()):
        if not broker:
            continue
        state = word(broker["state"])
        said = Message(
            "broker {name}: {state}",
            name=broker["broker"],
            state=Message("{state}, SILENT", state=state) if broker["silent"] else state,
        )
        click.echo(f"{translate(said)} {translate(broker['error'])}".rstrip())


def _link(link: dict[str, float]) -> str:
    """How a device was heard by radio."""
    parts = [Message("heard {moment}", moment=_moment(int(link["at_us"])))]
    parts += [Message(words, value=link[name]) for name, words in _LINK.items() if name in link]
    return ("、" if language() == "zh" else ", ").join(translate(part) for part in parts)


def _print_listener(listener: dict[str, Any]) -> None:
    """A port that others dial: who is there, and who is not known."""
    if listener["error"]:
        click.echo(translate(listener["error"]))
        return
    rows = listener["connections"].values()
    echo(
        Message(
            "listening on {port}: {connected} of {count} connected",
            port=listener["port"],
            connected=sum(row["connected"] for row in rows),
            count=len(rows),
        )
    )
    for row in listener["unknown"]:
        echo(
            Message(
                "  not known: {registration} from {host}, {count} times, last {moment}",
                registration=row["registration"],
                host=row["from"],
                count=row["count"],
                moment=_moment(row["last_us"]),
            )
        )


def _print_journal(status: dict[str, Any]) -> None:
    journal = status["journal"]
    days = journal["days_left"]
    echo(
        Message(
            "journal: {used:.1f} MiB of {limit:.0f}, {left}",
            used=journal["bytes_in_use"] / 2**20,
            limit=journal["limit_bytes"] / 2**20,
            left=Message("the rate is not known yet")
            if days is None
            else Message("{days:.0f} days left at this rate", days=days),
        )
    )
    if journal["error"]:
        echo(Message("  CANNOT BE WRITTEN: {why}", why=journal["error"]))


def _print_days(days: list[Day]) -> None:
    """Completeness, a line for each series and day."""
    if not days:
        echo(Message("completeness: nothing is expected in this window: no instrument is installed then"))
    for day in days:
        said = Message(
            "  {day} {series}: expected {expected}, received {received}, stored {stored}, usable {usable}",
            day=day.day,
            series="/".join(day.key[1:]),
            expected=day.expected,
            received=day.received,
            stored=day.stored,
            usable=day.usable,
        )
        causes = _counts(day.causes())
        echo(Message("{said}; missing: {causes}", said=said, causes=causes) if causes else said)


@click.command("status")
@station_argument
@click.option("--completeness", is_flag=True, help="What was expected and what came, by series and day.")
@window_options
@spoken_language
@json_option
def command(station: Path, completeness: bool, since: str | None, until: str | None, as_json: bool) -> None:
    """Show how STATION is doing, whether its collector runs or not.

    In = stored + duplicate + rejected, for every source; per database what is confirmed and what waits.

    \b
    Examples:
      soilco2 status yulin.toml
      soilco2 status yulin.toml --json
      soilco2 status yulin.toml --completeness --from 2026-03-01
    """
    from soilco2.storage.journal.reader import JournalReader

    loaded = load(station)
    window = parse_window(since, until, loaded.deployments.zone)
    with JournalReader(loaded.journal_path) as reader:
        status = take_status(loaded, reader)
        now_us = status["clock"]["now_us"]
        days = _completeness(loaded, reader, window, now_us) if completeness else None
    if as_json:
        emit_json(status if days is None else {**status, "completeness": [day.as_dict() for day in days]})
        return
    for show in (_print_collector, _print_flow, _print_devices, _print_journal):
        show(status)
    if days is not None:
        _print_days(days)


def _completeness(
    station: Station, reader: JournalReader, window: tuple[int | None, int | None], now_us: int
) -> list[Day]:
    """Days of every series in a window [µs UTC], the last week when none is given."""
    from soilco2.storage.journal.completeness import completeness

    start_us, end_us = window
    end_us = now_us if end_us is None else end_us
    start_us = end_us - 7 * DAY_US if start_us is None else start_us
    return list(completeness(station, reader, start_us, end_us, now_us))
