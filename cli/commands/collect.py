"""``soilco2 collect``: read the station and keep every reading safe."""

from __future__ import annotations

import importlib.util
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from soilco2.cli.options import fail, parse_speed, parse_time, station_argument
from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import Message, system

if TYPE_CHECKING:
    from soilco2.ingest.clock.replay import ReplayClock
    from soilco2.ingest.collector import Collector
    from soilco2.station_config.loader import Station

PASSING = 3
"""Exit code of a fault that may pass by itself: a service manager may start the collector again."""


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        row = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "part": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            row["trace"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=False)


def start_log(form: str) -> None:
    """Write the log to standard error, as lines or as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    lines = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    lines.converter = time.gmtime
    handler.setFormatter(_Json() if form == "json" else lines)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def replay_clock(station: Station, window: str, speed: str, file: Path) -> ReplayClock:
    """The clock of a replay ``FROM..TO``, which this process owns."""
    from soilco2.ingest.clock.replay import ReplayClock

    start, dots, end = window.partition("..")
    if not dots:
        raise click.BadParameter(Message("{window!r} is no window; expected FROM..TO", window=window))
    zone = station.deployments.zone
    slot = min((row.interval for row in station.file.instrument), default=1800.0)
    return ReplayClock.own(
        file,
        parse_time(start, zone),
        parse_time(end, zone),
        speed=parse_speed(speed),
        slot_us=round(slot * 1e6),
    )


def parts_of(page: bool, once: bool, station: Path, clock_file: Path | None) -> list[tuple[str, Any]]:
    """Further parts of the collector: (name, from the collector to the part)."""
    if not page:
        return []
    if once:
        fail(Message("--page and --once do not go together: the page would end with the one reading"))
    if importlib.util.find_spec("uvicorn") is None:
        fail(Message("the page needs the extra 'dashboard': {how}", how=how_to_add("dashboard")))
    from soilco2.cli.page_process import PageProcess

    return [("page", lambda _collector: PageProcess(station, clock_file))]


@click.command("collect")
@station_argument
@click.option("--once", is_flag=True, help="Read every probe once, send it on, and end.")
@click.option("--page", is_flag=True, help="Serve the live page beside it, in a process of its own.")
@click.option("--log-format", type=click.Choice(["lines", "json"]), default="lines", show_default=True)
@click.option("--replay", metavar="FROM..TO", help="Run on a replayed clock, for simulated probes.")
@click.option("--speed", default="30min/1s", show_default=True, help="Speed of the replay, or max.")
@click.option(
    "--clock-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that shares the replayed clock.",
)
def command(
    station: Path,
    once: bool,
    page: bool,
    log_format: str,
    replay: str | None,
    speed: str,
    clock_file: Path | None,
) -> None:
    """Read the probes of STATION and keep every reading safe, until stopped.

    SIGTERM and Ctrl-C stop it cleanly; SIGHUP, or a change of the station file, makes it read the file again.
    A faulty file leaves the last valid configuration running.

    Exit codes: 0 stopped, 2 wrong use or a faulty file without a valid predecessor, 3 a fault that may pass.

    \b
    Examples:
      soilco2 collect yulin.toml
      soilco2 collect yulin.toml --page
      soilco2 collect yulin.toml --once
      soilco2 collect demo.toml --replay 2022-06-15T00:00Z..2022-07-01T00:00Z --speed 30min/1s
    """
    from soilco2.ingest.collector import Collector
    from soilco2.ingest.station_file import last_valid
    from soilco2.station_config.errors import StationConfigError
    from soilco2.station_config.loader import load_station
    from soilco2.storage.errors import StorageError
    from soilco2.storage.journal.own_variables import check_station

    start_log(log_format)
    fault: Message | str = ""
    try:
        try:
            loaded = load_station(station)
            check_station(loaded)
        except StationConfigError as error:
            former = None if once else last_valid(station)
            if former is None:
                fail(Message.of(error))
            loaded, fault = former, Message.of(error)
        shared = clock_file or loaded.journal_path.parent / "replay-clock"
        extra = parts_of(page, once, station, None if replay is None else shared)
        clock = None if replay is None else replay_clock(loaded, replay, speed, shared)
        collector = Collector(loaded, station, clock=clock, extra=extra, fault=fault)
        _listen(collector)
        fine = collector.run_once() if once else collector.run()
    except StorageError as error:
        _give_up(Message.of(error))
    except OSError as error:
        _give_up(Message("{file}: {why}", file=error.filename or station, why=system(error)))
    if not fine:
        sys.exit(PASSING)


def _give_up(why: Message) -> NoReturn:
    """End for a reason that may pass, such as a folder without rights; ``systemctl status`` shows it."""
    from soilco2.ingest.systemd import Notifier

    Notifier().send(STATUS=why)
    fail(why, PASSING)


def _listen(collector: Collector) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: collector.stop())
    signal.signal(signal.SIGHUP, lambda _number, _frame: collector.reload())
