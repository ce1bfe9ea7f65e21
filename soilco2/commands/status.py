"""``soilco2 status``: what came in, what is stored, what waits and what is wrong."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli import emit_json, json_option, load, parse_time, station_argument, window_options

if TYPE_CHECKING:
    from station_config.loader import Station
    from storage.completeness import Day
    from storage.journal_reader import Cursor, JournalReader

_ASK_S = 5.0


def ask_collector(journal: Path) -> dict[str, Any] | None:
    """What the running collector says of itself; None when none runs."""
    from storage.control import socket_path

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(_ASK_S)
            peer.connect(str(socket_path(journal)))
            peer.sendall(b'{"op": "status", "arguments": {}}\n')
            with peer.makefile("rb") as answer:
                found: dict[str, Any] | None = json.loads(answer.readline() or b"{}").get("result")
    except (OSError, ValueError):
        return None
    return found


def take_status(station: Station, reader: JournalReader) -> dict[str, Any]:
    """Everything that is known of a station, for programs: times in µs UTC."""
    live = ask_collector(station.journal_path)
    now_us = live["now_us"] if live else time.time_ns() // 1000
    counters = reader.counters()
    sinks = {row.sink: row for row in reader.cursors()}
    serials = {row.serial for row in station.file.instrument}
    used, size = reader.size()
    limit = station.file.journal.limit_mib * 2**20
    sources = {name: row for name, row in counters.items() if name not in sinks and name not in serials}
    return {
        "station": station.file.station.id,
        "collector": "running" if live else "not running",
        "fault": live["fault"] if live else "",
        "hung": live["hung"] if live else [],
        "configuration": {"in_force": reader.config_hash(), "file": station.hash},
        "clock": {
            "now_us": now_us,
            "trusted": live["clock_trusted"] if live else None,
            "held_samples": reader.held(),
        },
        "sources": {
            name: {key: row.get(key, 0) for key in ("in", "stored", "duplicate", "rejected")} | row
            for name, row in sources.items()
        },
        "parked": reader.parked_counts(),
        "sinks": {
            name: _sink(reader, row, counters.get(name, {}), live, now_us) for name, row in sinks.items()
        },
        "instruments": _instruments(station, reader, counters, live, now_us),
        "buses": live["buses"] if live else [],
        "mqtt": live["mqtt"] if live else None,
        "parts": live["parts"] if live else {},
        "journal": {
            "path": str(station.journal_path),
            "bytes_in_use": used,
            "bytes_of_file": size,
            "limit_bytes": limit,
            "days_left": reader.days_left(limit),
            "error": live["journal_error"] if live else "",
        },
    }


def _sink(
    reader: JournalReader, row: Cursor, counters: dict[str, int], live: dict[str, Any] | None, now_us: int
) -> dict[str, Any]:
    here = (live or {}).get("sinks", {}).get(row.sink, {})
    newest = next((o.time_us for rev, o in reader.observations_after(row.rev - 1, 1) if rev <= row.rev), None)
    return {
        "state": here.get("state", "not running"),
        "newest_confirmed_us": here.get("newest_us") or newest,
        "confirmed_at_us": row.moved_us if row.rev else None,
        "backlog_samples": row.backlog,
        "backlog_hours": None if row.oldest_us is None else max(0.0, (now_us - row.oldest_us) / 3600e6),
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
        for serial, _, start, end in station.directory.instruments_of(one.series):
            if start <= one.time_us and (end is None or one.time_us < end):
                newest[serial] = max(newest.get(serial, one.time_us), one.time_us)
    devices = {
        serial: row for bus in (live or {}).get("buses", []) for serial, row in bus["instruments"].items()
    }
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
            "last_answer_us": (live or {}).get("answered_us", {}).get(row.serial),
            "errors": kept,
            "last_error": device.get("last_error", ""),
        }
    return found


def _moment(time_us: int | None) -> str:
    if time_us is None:
        return "never"
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _print(status: dict[str, Any]) -> None:
    """The same for people."""
    say = click.echo
    config = status["configuration"]
    say(f"{status['station']}: collector {status['collector']}, configuration {config['in_force'] or 'none'}")
    if config["file"] != config["in_force"]:
        say(f"  the station file is {config['file']}: not in force yet")
    if status["fault"]:
        say(f"  FAULT in the station file, the last valid one runs:\n  {status['fault']}")
    if status["hung"]:
        say(f"  NO SIGN OF LIFE: {', '.join(status['hung'])}")
    clock = status["clock"]
    if clock["trusted"] is False:
        say("  the clock is NOT TRUSTED: samples wait for their time")
    if clock["held_samples"]:
        say(f"  {clock['held_samples']} samples wait for their time")
    say("came in")
    for name, row in status["sources"].items():
        say(
            f"  {name}: in {row['in']} = stored {row['stored']} + duplicate {row['duplicate']} "
            f"+ rejected {row['rejected']}"
        )
    if not status["sources"]:
        say("  nothing yet")
    if status["parked"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in status["parked"].items())
        say(f"parked: {kinds} ('soilco2 parked list' shows them)")
    for name, row in status["sinks"].items():
        say(f"database {name}: {row['state']}, newest confirmed {_moment(row['newest_confirmed_us'])}")
        if row["backlog_samples"]:
            say(
                f"  {row['backlog_samples']} wait ({row['backlog_hours']:.1f} h), the oldest of "
                f"{_moment(row['oldest_waiting_us'])}"
            )
        if row["last_error"]:
            say(f"  last error: {row['last_error']}")
    for bus in status["buses"]:
        say(f"{bus['connection']} ({bus['port']}): {bus['error'] or bus['state']}")
    say("instruments")
    for name, row in status["instruments"].items():
        errors = ", ".join(f"{count} {kind}" for kind, count in row["errors"].items())
        state = f" {row['state']}," if row["state"] else ""
        wrong = f"; errors: {errors}" if errors else ""
        say(f"  {name} ({row['serial']}):{state} newest {_moment(row['newest_us'])}{wrong}")
        if row["last_error"]:
            say(f"    {row['last_error']}")
    if status["mqtt"]:
        mqtt = status["mqtt"]
        silent = ", SILENT" if mqtt["silent"] else ""
        say(f"broker {mqtt['broker']}: {mqtt['state']}{silent} {mqtt['error']}".rstrip())
    journal = status["journal"]
    days = journal["days_left"]
    left = "the rate is not known yet" if days is None else f"{days:.0f} days left at this rate"
    used, limit = journal["bytes_in_use"] / 2**20, journal["limit_bytes"] / 2**20
    say(f"journal: {used:.1f} MiB of {limit:.0f}, {left}")
    if journal["error"]:
        say(f"  CANNOT BE WRITTEN: {journal['error']}")


@click.command("status")
@station_argument
@click.option("--completeness", is_flag=True, help="What was expected and what came, by series and day.")
@window_options
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
    from storage.journal_reader import JournalReader

    loaded = load(station)
    with JournalReader(loaded.journal_path) as reader:
        status = take_status(loaded, reader)
        now_us = status["clock"]["now_us"]
        days = _completeness(loaded, reader, since, until, now_us) if completeness else None
    if as_json:
        emit_json(status if days is None else {**status, "completeness": [day.as_dict() for day in days]})
        return
    _print(status)
    for day in days or ():
        causes = ", ".join(f"{count} {cause}" for cause, count in day.causes().items())
        missing = f"; missing: {causes}" if causes else ""
        click.echo(
            f"  {day.day} {'/'.join(day.key[1:])}: expected {day.expected}, received {day.received}, "
            f"stored {day.stored}, usable {day.usable}{missing}"
        )


def _completeness(
    station: Station, reader: JournalReader, since: str | None, until: str | None, now_us: int
) -> list[Day]:
    """Days of every series in a window, the last week when none is given."""
    from storage.completeness import completeness

    zone = station.directory.zone
    end_us = now_us if until is None else parse_time(until, zone)
    start_us = end_us - 7 * 86_400_000_000 if since is None else parse_time(since, zone)
    return list(completeness(station, reader, start_us, end_us, now_us))
