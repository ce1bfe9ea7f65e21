"""The demonstration: a station of simulated probes on measured data, through the real collector, on the real page."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from soilco2.cli.demo.broker_and_database import Broker, Influx, free_port, start_broker, start_influx
from soilco2.cli.demo.reaper import Reaper
from soilco2.cli.options import translate
from soilco2.cli.page_process import CLOCK_NAME
from soilco2.ingest.protocols.soilco2_json import iso_time
from soilco2.station_config.loader import Station, load_station, state_folder
from soilco2.station_config.message import Message
from soilco2.station_config.message import translate as translated
from soilco2.station_config.times import DAY_US

START_US = 1_654_041_600_000_000
"""2022-06-01T00:00Z, the first slot of the data [µs UTC]."""
END_US = 1_656_631_800_000_000
"""2022-06-30T23:30Z, the last slot of the data [µs UTC]."""
BACKFILL_US = 14 * DAY_US
"""The stretch that is there at once [µs]."""
_FOR_LOOKING = Message(
    "amqtt is for looking: killed, it forgets what it has acknowledged, and the node sends it again until the "
    "journal has it; a station has mosquitto with persistence"
)
Say = Callable[[Message], None]


class DemoError(Exception):
    """The demonstration cannot run; the message is one clear sentence."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class Demo:
    """The demonstration's folder and its processes.

    Parameters
    ----------
    say : callable
        Told what happens, a line at a time.
    speed : str
        Replay speed, such as ``"30min/1s"``.
    """

    def __init__(self, say: Say, speed: str) -> None:
        self.folder = state_folder() / "demo"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock_file = self.folder / CLOCK_NAME
        self._say = say
        self._speed = speed
        self._memo_path = self.folder / "ports.json"
        self._lock = self._take_lock()
        self._reaper: Reaper | None = None
        self.broker: Broker | None = None
        self.influx: Influx | None = None

    def _take_lock(self) -> int:
        handle = os.open(self.folder / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            port = self._memo().get("page")
            raise DemoError(
                Message("a demo runs already at http://127.0.0.1:{port}/; stop it first", port=port)
                if port
                else Message("a demo runs already; stop it first")
            ) from None
        return handle

    def _memo(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self._memo_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def fresh(self) -> None:
        """Forget everything an earlier demo left."""
        import shutil

        for path in self.folder.iterdir():
            if path.name == "demo.lock":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def start(self, *, page_port: int | None) -> int | None:
        """Start every part.

        Returns
        -------
        int or None
            Port of the page; None without one.
        """
        memo = self._memo()
        reaper = self._reaper = Reaper()
        self.broker = start_broker(self.folder / "broker", reaper, memo.get("mqtt"))
        self._say(
            Message("MQTT: {kind} on port {port}", kind=self.broker.kind, port=self.broker.port) if self.broker
            else Message("MQTT: no broker here (install mosquitto, or the extra 'demo'); plot 003 stays silent")
        )  # fmt: skip
        if self.broker and self.broker.kind == "amqtt":
            self._say(_FOR_LOOKING)
        self.influx = start_influx(self.folder / "influxdb", reaper, memo.get("influx"))
        self._say(
            Message("InfluxDB: {kind}, {url}", kind=self.influx.kind, url=self.influx.url) if self.influx
            else Message("InfluxDB: none here; the journal alone keeps everything")
        )  # fmt: skip
        memo["mqtt"] = self.broker.port if self.broker else memo.get("mqtt", 1883)
        if self.influx and self.influx.kind.startswith("influxd"):
            memo["influx"] = int(self.influx.url.rsplit(":", 1)[1])
        station = self.write_station(memo["mqtt"])
        self._wait_for_journal(station)
        self.backfill(station)
        words = [sys.executable, "-m", "soilco2"]
        path = str(self.folder / "sjer.toml")
        # one slot of the backfill comes again: a node's first message may reach the broker before anybody listens
        until = f"2022-06-14T23:30Z..{iso_time(END_US)}"
        # the last one started is stopped first: the collector goes before its probes
        self._child("simulate", [*words, "simulate", path, "--clock-file", str(self.clock_file)])
        self._child("collect", [*words, "collect", path, "--replay", until, "--speed", self._speed,
                                "--clock-file", str(self.clock_file)])  # fmt: skip
        if page_port is not None:
            page_port = free_port(page_port or memo.get("page"))
            self._child("page", [*words, "dashboard", "serve", path, "--port", str(page_port),
                                 "--clock-file", str(self.clock_file)])  # fmt: skip
            memo["page"] = page_port
        self._memo_path.write_text(json.dumps(memo), encoding="utf-8")
        return page_port

    def _child(self, name: str, words: list[str]) -> None:
        assert self._reaper is not None
        with (self.folder / f"{name}.log").open("ab") as log:
            self._reaper.start(name, words, stdout=log, stderr=log)

    def write_station(self, mqtt_port: int) -> Station:
        """Write the demo's own station file, with the ports of today, and load it."""
        text = files("soilco2.teaching").joinpath("demo/sjer.toml").read_text(encoding="utf-8")
        text = re.sub(r"(\[mqtt\][^\[]*?port = )\d+", rf"\g<1>{mqtt_port}", text)
        if self.broker and self.broker.kind == "amqtt":
            en, zh = (
                f" MQTT: {translated(_FOR_LOOKING, lang)}{end}" for lang, end in (("en", "."), ("zh", "。"))
            )
            text = re.sub(r'(\nnote = \{ en = "[^"]*)(", zh = "[^"]*)', rf"\g<1>{en}\g<2>{zh}", text, count=1)
        text += '\n[journal]\npath = "journal.sqlite"\n'
        if self.influx:
            text += (
                f'\n[influxdb]\nurl = "{self.influx.url}"\norg = "{self.influx.org}"\n'
                f'bucket = "{self.influx.bucket}"\ntoken = {self.influx.secret}\n'
            )
        path = self.folder / "sjer.toml"
        path.write_text(text, encoding="utf-8")
        return load_station(path)

    def _wait_for_journal(self, station: Station) -> None:
        """Wait for what an earlier demo left running to let the journal go."""
        from soilco2.storage.errors import JournalBusyError
        from soilco2.storage.journal.writer import Writer

        end = time.monotonic() + 20.0
        while True:
            try:
                Writer.open(station).close()
            except JournalBusyError as error:
                if time.monotonic() > end:
                    raise DemoError(Message.of(error)) from None
                time.sleep(0.1)
            else:
                return

    def backfill(self, station: Station) -> None:
        """Bring in the first two weeks, through the register maps of the probes, at once."""
        from rich.progress import BarColumn, Progress, TextColumn

        from soilco2.ingest.simulate.replay import backfill_samples
        from soilco2.storage.journal.reader import JournalReader
        from soilco2.storage.journal.writer import Writer

        end = START_US + BACKFILL_US
        with JournalReader(station.journal_path) as reader:
            times = [info.last_us for info in reader.series() if info.last_us is not None]
        start = max(START_US, max(times, default=START_US))
        if start >= end - 1_800_000_000:
            return
        with (
            Writer.open(station) as writer,
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                transient=True,
            ) as progress,
        ):
            bar = progress.add_task(translate(Message("two weeks at once")), total=(end - start) / 1e6)
            batch: list[Any] = []
            for samples in backfill_samples(station, start, end):
                batch += samples
                if len(batch) >= 5000:
                    writer.commit(batch)
                    moments = [s.time_us for s in batch if s.time_us is not None]
                    progress.update(bar, completed=(max(moments) - start) / 1e6)
                    batch = []
            writer.commit(batch)

    def now_us(self) -> int:
        """The replayed moment [µs UTC]; 0 before the clock is there."""
        try:
            return int.from_bytes(self.clock_file.read_bytes()[:8], "little", signed=True)
        except OSError:
            return 0

    def fallen(self) -> str:
        """Name of a part that has ended by itself; empty when all run."""
        assert self._reaper is not None
        for name, child in self._reaper.children.items():
            if child.poll() is not None:
                return name
        return ""

    def stop(self) -> None:
        """Stop every part, the collector before its probes, and let the folder go."""
        if self._reaper is not None:
            self._reaper.stop("page", "collect", "simulate", "influxd", "broker")
            self._reaper = None
        os.close(self._lock)

    def account(self) -> dict[str, Any]:
        """What came in and what became of it, from the journal."""
        from soilco2.storage.journal.reader import JournalReader

        with JournalReader(self.folder / "journal.sqlite") as reader:
            counters = reader.accounting.counters()
            sinks = {cursor.sink for cursor in reader.accounting.cursors()}
            by_source = {
                name: c.get("in", 0) for name, c in counters.items() if name not in sinks and "in" in c
            }

            def total(name: str) -> int:
                return sum(c.get(name, 0) for source, c in counters.items() if source not in sinks)

            return {
                "samples": by_source,
                "stored": total("stored"),
                "duplicate": total("duplicate"),
                "rejected": total("rejected"),
                "forwarded": sum(counters.get(sink, {}).get("sent", 0) for sink in sinks),
                "waiting": {c.sink: c.backlog for c in reader.accounting.cursors()},
                "newest": {
                    "/".join(o.series[1:]): {"time_us": o.time_us, "value": o.value, "flag": int(o.flag)}
                    for o in reader.latest(self.now_us() or None)
                },
            }
