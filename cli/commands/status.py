"""``soilco2 status``: what came in, what is stored, what waits and what is wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soilco2.cli.computed_for import computed_for, in_words
from soilco2.cli.options import (
    emit_json,
    json_option,
    language,
    language_option,
    load,
    parse_time,
    station_argument,
    translate,
    window_options,
    word,
)
from soilco2.station_config.times import DAY_US

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station
    from soilco2.storage.journal.completeness import Day
    from soilco2.storage.journal.reader import JournalReader
    from soilco2.storage.journal.rows import Cursor


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
        "collector": "running" if live else "not running",
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
        "mqtt": live["mqtt"] if live else None,
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


def _sink(
    reader: JournalReader, row: Cursor, counters: dict[str, int], live: dict[str, Any] | None, now_us: int
) -> dict[str, Any]:
    here = (live or {}).get("sinks", {}).get(row.sink, {})
    reach_us = min(
        now_us, reader.last_sample_us() or now_us
    )  # a replayed month lies years before the clock of today
    newest = next((o.time_us for rev, o in reader.observations_after(row.rev - 1, 1) if rev <= row.rev), None)
    return {
        "state": here.get("state", "not running"),
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
        if told := computed_for(station, row, reader):
            found[row.id]["computed_for"] = told
    return found


def _moment(time_us: int | None) -> str:
    if time_us is None:
        return ""
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "head": "{station}: collector {collector}, configuration {config}",
        "running": "running", "stopped": "not running", "never": "never", "none": "none",
        "not_yet": "  the station file is {file}: not in force yet",
        "fault": "  FAULT in the station file, the last valid one runs:\n  {text}",
        "hung": "  NO SIGN OF LIFE: {parts}",
        "untrusted": "  the clock is NOT TRUSTED: samples wait for their time",
        "held": "  {n} samples wait for their time",
        "came": "came in", "nothing": "  nothing yet",
        "source": "  {name}: in {in} = stored {stored} + duplicate {duplicate} + rejected {rejected}",
        "late": "{n} readings that came late wait for judgement",
        "parked": "parked: {kinds} ('soilco2 parked list' shows them)",
        "sink": "database {name}: {state}, newest confirmed {moment}",
        "waits": "  {n} wait ({hours:.1f} h), the oldest of {moment}",
        "error": "last error: {text}",
        "instruments": "instruments", "comma": ",", "gap": " ",
        "instrument": "  {name} ({serial}):{state} newest {moment}{wrong}",
        "errors": "; errors: {text}",
        "broker": "broker {name}: {state}{silent} {error}", "silent": ", SILENT",
        "journal": "journal: {used:.1f} MiB of {limit:.0f}, {left}",
        "no_rate": "the rate is not known yet", "days": "{n:.0f} days left at this rate",
        "unwritable": "  CANNOT BE WRITTEN: {text}",
        "day": "  {day} {series}: expected {expected}, received {received}, stored {stored}, usable {usable}{missing}",
        "missing": "; missing: {text}",
        "unexpected": "completeness: nothing is expected in this window: no instrument is installed then",
    },
    "zh": {
        "head": "{station}：采集程序{collector}，配置 {config}",
        "running": "运行中", "stopped": "未运行", "never": "从未", "none": "无",
        "not_yet": "  台站文件为 {file}：尚未生效",
        "fault": "  台站文件有误，仍按上一份有效文件运行：\n  {text}",
        "hung": "  无响应：{parts}",
        "untrusted": "  时钟不可信：样本等待确定时间",
        "held": "  {n} 个样本等待确定时间",
        "came": "接收", "nothing": "  尚无",
        "source": "  {name}：收到 {in} = 入库 {stored} + 重复 {duplicate} + 拒收 {rejected}",
        "late": "{n} 个迟到的读数等待判定",
        "parked": "搁置：{kinds}（用 soilco2 parked list 查看）",
        "sink": "数据库 {name}：{state}，最新已确认 {moment}",
        "waits": "  {n} 条待发送（{hours:.1f} 小时），最早的为 {moment}",
        "error": "最近的错误：{text}",
        "instruments": "仪器", "comma": "，", "gap": "",
        "instrument": "  {name}（{serial}）：{state}最新 {moment}{wrong}",
        "errors": "；错误：{text}",
        "broker": "消息服务器 {name}：{state}{silent} {error}", "silent": "，无消息",
        "journal": "日志库：{used:.1f} MiB，上限 {limit:.0f} MiB，{left}",
        "no_rate": "速率尚未知", "days": "按目前速率还可用 {n:.0f} 天",
        "unwritable": "  无法写入：{text}",
        "day": "  {day} {series}：应收 {expected}，实收 {received}，入库 {stored}，可用 {usable}{missing}",
        "missing": "；缺失：{text}",
        "unexpected": "完整性：此时段没有应收的数据：没有已安装的仪器",
    },
}  # fmt: skip
"""What is said, by language; what devices and servers say keeps their words."""


def _counts(rows: dict[str, int]) -> str:
    return ("、" if language() == "zh" else ", ").join(
        f"{count} {word(kind)}" for kind, count in rows.items()
    )


class _Report:
    """A status in people's words, part by part."""

    def __init__(self, status: dict[str, Any], lang: str) -> None:
        self._status, self._words = status, _WORDS[lang]

    def _echo(self, word: str, **values: Any) -> None:
        click.echo(self._words[word].format(**values).rstrip())

    def _moment(self, time_us: int | None) -> str:
        return _moment(time_us) or self._words["never"]

    def print(self) -> None:
        """All of it."""
        self._print_collector()
        self._print_flow()
        self._print_devices()
        self._print_journal()

    def _print_collector(self) -> None:
        status, words = self._status, self._words
        config = status["configuration"]
        state = words["running"] if status["collector"] == "running" else words["stopped"]
        self._echo(
            "head", station=status["station"], collector=state, config=config["in_force"] or words["none"]
        )
        if config["file"] != config["in_force"]:
            self._echo("not_yet", file=config["file"])
        if status["fault"]:
            self._echo("fault", text="\n".join(translate(line) for line in status["fault"].splitlines()))
        if status["hung"]:
            self._echo("hung", parts=", ".join(status["hung"]))
        clock = status["clock"]
        if clock["trusted"] is False:
            self._echo("untrusted")
        if clock["held_samples"]:
            self._echo("held", n=clock["held_samples"])

    def _print_flow(self) -> None:
        """What came in, and what went on to databases."""
        status = self._status
        self._echo("came")
        for name, row in status["sources"].items():
            self._echo("source", name=name, **row)
        if not status["sources"]:
            self._echo("nothing")
        if status["waiting_for_judgement"]:
            self._echo("late", n=status["waiting_for_judgement"])
        if status["parked"]:
            self._echo("parked", kinds=_counts(status["parked"]))
        for name, row in status["sinks"].items():
            newest = self._moment(row["newest_confirmed_us"])
            self._echo("sink", name=name, state=word(row["state"]), moment=newest)
            if row["backlog_samples"]:
                waits = self._moment(row["oldest_waiting_us"])
                self._echo("waits", n=row["backlog_samples"], hours=row["backlog_hours"], moment=waits)
            if row["last_error"]:
                click.echo("  " + self._words["error"].format(text=translate(row["last_error"])))

    def _print_devices(self) -> None:
        status, words = self._status, self._words
        for bus in status["buses"]:
            state = translate(bus["error"].removeprefix(f"{bus['port']}: ")) or word(bus["state"])
            click.echo(f"{bus['connection']} ({bus['port']}): {state}")
        self._echo("instruments")
        for name, row in status["instruments"].items():
            wrong = words["errors"].format(text=_counts(row["errors"])) if row["errors"] else ""
            state = f"{words['gap']}{word(row['state'])}{words['comma']}" if row["state"] else ""
            newest = self._moment(row["newest_us"])
            self._echo("instrument", name=name, serial=row["serial"], state=state, moment=newest, wrong=wrong)
            if row["last_error"]:
                click.echo(f"    {translate(row['last_error'])}")
            if "computed_for" in row:
                click.echo(f"    {in_words(row['computed_for'], language())}")
        if mqtt := status["mqtt"]:
            silent = words["silent"] if mqtt["silent"] else ""
            error = translate(mqtt["error"])
            self._echo("broker", name=mqtt["broker"], state=word(mqtt["state"]), silent=silent, error=error)

    def _print_journal(self) -> None:
        journal, words = self._status["journal"], self._words
        days = journal["days_left"]
        left = words["no_rate"] if days is None else words["days"].format(n=days)
        used, limit = journal["bytes_in_use"] / 2**20, journal["limit_bytes"] / 2**20
        self._echo("journal", used=used, limit=limit, left=left)
        if journal["error"]:
            self._echo("unwritable", text=translate(journal["error"]))


@click.command("status")
@station_argument
@click.option("--completeness", is_flag=True, help="What was expected and what came, by series and day.")
@window_options
@language_option
@json_option
def command(
    station: Path, completeness: bool, since: str | None, until: str | None, lang: str, as_json: bool
) -> None:
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
    with JournalReader(loaded.journal_path) as reader:
        status = take_status(loaded, reader)
        now_us = status["clock"]["now_us"]
        days = _completeness(loaded, reader, since, until, now_us) if completeness else None
    if as_json:
        emit_json(status if days is None else {**status, "completeness": [day.as_dict() for day in days]})
        return
    _Report(status, lang).print()
    words = _WORDS[lang]
    if days == []:
        click.echo(words["unexpected"])
    for day in days or ():
        causes = _counts(day.causes())
        click.echo(
            words["day"].format(
                day=day.day, series="/".join(day.key[1:]), expected=day.expected, received=day.received,
                stored=day.stored, usable=day.usable,
                missing=words["missing"].format(text=causes) if causes else "",
            )
        )  # fmt: skip


def _completeness(
    station: Station, reader: JournalReader, since: str | None, until: str | None, now_us: int
) -> list[Day]:
    """Days of every series in a window, the last week when none is given."""
    from soilco2.storage.journal.completeness import completeness

    zone = station.deployments.zone
    end_us = now_us if until is None else parse_time(until, zone)
    start_us = end_us - 7 * DAY_US if since is None else parse_time(since, zone)
    return list(completeness(station, reader, start_us, end_us, now_us))
