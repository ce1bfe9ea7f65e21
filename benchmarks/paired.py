"""This tree beside the build before, in one run: each drives the same work by command line, broker and files.

    python benchmarks/paired.py [--turns 5] [--messages 20000] [--rows 50000] [--late 200] [--json]

Both are wheels in environments of their own, made by ``benchmarks/before.sh``; turns alternate. What is printed is
the median over the turns of the ratio of a turn's pair, this tree over the build before, with its range. Less is
better for times and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.collector_memory import cpu_s
from benchmarks.mqtt_throughput import memory_mb
from benchmarks.publish import publish
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from tests.ingest.station import STATION, write_station
from tests.paths import ROOT
from tests.servers import Mosquitto

START_US = 1_793_491_200_000_000
TOPIC = f"soilco2/{STATION}/data"
Measure = Callable[[Path, Path], dict[str, float]]


def build(commit: str, folder: str = "") -> Path:
    """The command of a commit's wheel."""
    asked = os.environ | {"COMMIT": commit} | ({"FOLDER": folder} if folder else {})
    done = subprocess.run(
        [ROOT / "benchmarks" / "before.sh"], env=asked, stdout=subprocess.PIPE, text=True, check=True
    )
    return Path(done.stdout.strip())


def stored(folder: Path) -> int:
    """Samples in a station's journal."""
    try:
        with closing(sqlite3.connect(f"file:{folder}/journal.sqlite?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM sample").fetchone()[0])
    except sqlite3.Error:
        return 0


def help_(command: Path, folder: Path) -> dict[str, float]:
    """The help, ten times."""
    began = os.times()
    for _ in range(10):
        subprocess.run([command, "--help"], stdout=subprocess.DEVNULL, check=True)
    ended = os.times()
    used = ended.children_user + ended.children_system - began.children_user - began.children_system
    return {"soilco2 --help, processor": used / 10}


def importing(rows: int) -> Measure:
    """A tidy table into a new journal, judged and synced."""

    def run(command: Path, folder: Path) -> dict[str, float]:
        station = write_station(folder, depths=2, port=1)
        table = folder / "table.csv"
        with table.open("w", encoding="ascii") as out:
            out.write("time_utc,profile,position,variable,value,unit\n")
            for n in range(rows):
                at = time.gmtime((START_US + n * 60_000_000) // 1_000_000 - rows * 60)
                out.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', at)},p1,d1,co2,{400 + n % 97 * 0.25},ppm\n")
        found = spent("import", [command, "import", station, table])
        assert stored(folder) == rows
        return found | spent("reprocess", [command, "reprocess", station])

    return run


def spent(name: str, words: list[Path | str]) -> dict[str, float]:
    """Seconds, processor time [s] and largest memory [MB] of a command."""
    began = time.perf_counter()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, code, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(code)
    assert child.returncode == 0
    return {
        f"{name}, seconds": time.perf_counter() - began,
        f"{name}, processor": usage.ru_utime + usage.ru_stime,
        f"{name}, largest memory": usage.ru_maxrss / 1024,
    }


def minute(n: int, slot: int, names: tuple[str, ...] = ("co2", "soil_temperature", "soil_water")) -> bytes:
    """What a node says of a minute."""
    at = START_US + slot * 60_000_000
    values = {"co2": (600.0, "ppm"), "soil_temperature": (15.0, "degC"), "soil_water": (0.2, "m3/m3")}
    rows = [Reading(f"N{n}", c, at, values[c][0] + slot % 97 * 1e-3, values[c][1]) for c in names]
    return encode_message(STATION, f"n{n}", slot * 10 + len(names), rows)


def late(count: int, minutes: int = 240) -> Measure:
    """CO2 readings of 66 series a minute, each five minutes late and in a commit of its own, beside as many in time."""
    missing = {(1 + k % 22, minutes - 6 - k // 22) for k in range(count)}

    def run(command: Path, folder: Path) -> dict[str, float]:
        broker = Mosquitto(folder / "mosquitto")
        broker.start()
        try:
            station = write_station(folder, depths=23, port=broker.port, commit_every="5ms")
            environment = os.environ | {"SOILCO2_CLOCK": "trusted", "SOILCO2_STATE": str(folder / "state")}
            child = subprocess.Popen(
                [command, "collect", station], env=environment, stderr=subprocess.DEVNULL
            )
            done = 0

            def say(payloads: list[bytes], readings: int) -> None:
                nonlocal done
                publish(broker.port, TOPIC, payloads)
                done += readings
                while stored(folder) < done:
                    time.sleep(0.005)

            def settle() -> float:
                while unjudged(folder):
                    time.sleep(0.05)
                return cpu_s(child.pid)

            while not stored(folder):
                publish(broker.port, TOPIC, [minute(1, 0)])
                time.sleep(0.05)
            done = 3
            others = ("soil_temperature", "soil_water")
            history = [
                minute(n, slot, *([others] if (n, slot) in missing else []))
                for slot in range(minutes)
                for n in range(1, 23)
                if (n, slot) != (1, 0)
            ]
            say(history, 3 * 22 * minutes - 3 - len(missing))
            before = settle()
            for k in range(count):
                say([minute(1 + k % 22, minutes + k // 22, ("co2",))], 1)
            between = settle()
            for n, slot in sorted(missing, key=lambda row: (row[1], row[0])):
                say([minute(n, slot, ("co2",))], 1)
            ended = settle()
            child.send_signal(signal.SIGTERM)
            child.wait(30)
            return {
                "in time, ms each": 1000 * (between - before) / count,
                "late, ms each": 1000 * (ended - between) / count,
            }
        finally:
            broker.kill()

    return run


def unjudged(folder: Path) -> bool:
    """Whether samples of a journal have no observation yet, or wait for theirs."""
    with closing(sqlite3.connect(f"file:{folder}/journal.sqlite?mode=ro", uri=True)) as db:
        count = "SELECT (SELECT count(*) FROM sample) > (SELECT count(*) FROM observation)"
        if db.execute(count).fetchone()[0]:
            return True
        marks = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'waiting'").fetchone()
        return bool(marks and db.execute("SELECT count(*) FROM waiting").fetchone()[0])


def collecting(messages: int) -> Measure:
    """Messages of QoS 1 that wait at a broker, until the journal has them all."""
    payloads = [
        encode_message(
            STATION, "n", n, [Reading("N1", "co2", START_US + n * 1_000_000, 400 + n * 0.01, "ppm")]
        )
        for n in range(messages)
    ]

    def run(command: Path, folder: Path) -> dict[str, float]:
        broker = Mosquitto(folder / "mosquitto")
        broker.start()
        try:
            station = write_station(folder, depths=2, port=broker.port, commit_every="200ms")
            environment = os.environ | {"SOILCO2_CLOCK": "trusted", "SOILCO2_STATE": str(folder / "state")}
            words = [command, "collect", station]
            first = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
            publish(broker.port, TOPIC, payloads[:1])
            while stored(folder) < 1:  # its session is there, so messages wait for it
                time.sleep(0.05)
                publish(broker.port, TOPIC, payloads[:1])
            first.send_signal(signal.SIGTERM)
            first.wait(30)
            publish(broker.port, TOPIC, payloads)
            began = time.perf_counter()
            child = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
            while stored(folder) < messages:
                time.sleep(0.02)
            seconds = time.perf_counter() - began
            found = {
                "messages, seconds": seconds,
                "messages, processor": cpu_s(child.pid),
                "collector, largest memory": memory_mb(child.pid),
            }
            child.send_signal(signal.SIGTERM)
            child.wait(30)
            return found
        finally:
            broker.kill()

    return run


def main() -> None:
    """Measure both in turn and print the ratios."""
    os.environ.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # modules are compiled once, as where pip has installed them
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--late", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="soilco2-paired-"))
    try:
        builds = {"now": build("HEAD", str(work / "now")), "before": build("35a5bc9")}
        ratios: dict[str, list[float]] = {}
        values: dict[str, list[float]] = {}
        for turn in range(chosen.turns):
            wanted = (help_, importing(chosen.rows), collecting(chosen.messages), late(chosen.late))
            for number, measure in enumerate(wanted):
                found = {}
                for name, command in builds.items():
                    folder = work / f"{turn}-{number}-{name}"
                    folder.mkdir()
                    found[name] = measure(command, folder)
                    shutil.rmtree(folder)
                for what, value in found["now"].items():
                    ratios.setdefault(what, []).append(value / found["before"][what])
                    values.setdefault(what, []).append(value)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    rows = {
        what: {
            "now": statistics.median(values[what]),
            "ratio": statistics.median(found),
            "from": min(found),
            "to": max(found),
        }
        for what, found in ratios.items()
    }
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return
    for what, row in rows.items():
        beside = f"{row['ratio']:.3f} of the build before ({row['from']:.3f} to {row['to']:.3f})"
        print(f"{what:28} {row['now']:9.3f}   {beside}")


if __name__ == "__main__":
    main()
