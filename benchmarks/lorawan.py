"""Uplinks of LoRaWAN devices at a steady rate: what part of a processor's core the collector takes.

    python benchmarks/lorawan.py [--rate 50] [--seconds 30] [--devices 50] [--json]

Each uplink is a ChirpStack event of an LSE01 (three readings), with a decoded object and two gateways as events have
them; the collector reads the bytes, judges, and acknowledges after the journal's fsync. Real mosquitto, loopback. The
processor's time is the collector's own, user and system, from the first uplink to the last that was stored.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.mqtt_throughput import memory_mb
from benchmarks.publish import publish
from soilco2.ingest.simulate.lorawan import chirpstack_event
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.reader import JournalReader
from tests.servers import Mosquitto

HEAD = """\
[station]
id = "many"
name = "Many"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"
[journal]
path = "{journal}"
[mqtt]
port = {port}
[[connection]]
id = "lora"
kind = "lorawan"
[[profile]]
id = "p1"
"""
DEVICE = """\
[[profile.position]]
id = "d{n}"
depth_m = {depth}
[[instrument]]
id = "soil{n}"
model = "dragino-lse01"
serial = "S{n}"
connection = "lora"
address = "{n:016x}"
interval = "20min"
[[instrument.installation]]
position = "p1/d{n}"
from = 2020-01-01
"""


def uplink(number: int, devices: int) -> bytes:
    """One of the uplinks; values walk slowly."""
    device, counter = number % devices, number // devices
    water, degc = 2000 + counter % 50, 1500 + counter % 30
    data = (
        bytes.fromhex("0CE40105")
        + water.to_bytes(2, "big")
        + degc.to_bytes(2, "big")
        + bytes.fromhex("012C00")
    )
    decoded = {"BatV": 3.3, "water_SOIL": f"{water / 100}", "temp_SOIL": f"{degc / 100}", "conduct_SOIL": 300}
    at_us = time.time_ns() // 1000
    event = chirpstack_event(
        f"{device:016x}", f"lse01-{device}", at_us, "01aa02bb", counter, 2, data, decoded
    )
    event["rxInfo"] *= 2
    return json.dumps(event).encode()


def processor_s(pid: int) -> float:
    """Processor's time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stored(journal: Path) -> int:
    """Readings in the journal."""
    try:
        with JournalReader(journal) as reader:
            return reader.accounting.counters().get("lora", {}).get("stored", 0)
    except StorageError:
        return 0


def run(folder: Path, rate: int, seconds: int, devices: int) -> dict[str, float]:
    """Publish at a rate; what it cost."""
    broker = Mosquitto(folder / "broker")
    broker.start()
    journal, file = folder / "journal.sqlite", folder / "many.toml"
    text = HEAD.format(journal=journal, port=broker.port)
    text += "".join(DEVICE.format(n=n, depth=round(0.05 + n * 0.01, 2)) for n in range(devices))
    file.write_text(text, encoding="utf-8")
    environment = os.environ | {"SOILCO2_STATE": str(folder / "state"), "SOILCO2_CLOCK": "trusted"}
    log = folder / "log.txt"
    with log.open("wb") as said:
        collector = subprocess.Popen(
            [sys.executable, "-m", "soilco2", "collect", str(file)], env=environment, stderr=said
        )
    try:
        while b"listening to the broker" not in log.read_bytes():
            time.sleep(0.1)
        publish(broker.port, "application/7/device/x/event/up", [uplink(n, devices) for n in range(devices)])
        while stored(journal) < 3 * devices:
            time.sleep(0.1)
        begun, before = time.monotonic(), processor_s(collector.pid)
        total = rate * seconds
        for number in range(0, total, rate // 10):
            ready = begun + number / rate
            time.sleep(max(0.0, ready - time.monotonic()))
            batch = [uplink(devices + n, devices) for n in range(number, number + rate // 10)]
            publish(broker.port, "application/7/device/x/event/up", batch)
        while stored(journal) < 3 * (devices + total):
            time.sleep(0.05)
        took, used = time.monotonic() - begun, processor_s(collector.pid) - before
        return {
            "uplinks": total, "seconds": round(took, 2), "rate": round(total / took, 1),
            "core": round(used / took, 4), "ms_each": round(1000 * used / total, 3),
            "memory_mb": round(memory_mb(collector.pid), 1),
        }  # fmt: skip
    finally:
        collector.terminate()
        collector.wait(30)
        broker.kill()


def main() -> None:
    """Run and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), options.rate, options.seconds, options.devices)
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{found['rate']:g} uplinks/s for {found['seconds']:g} s: {found['core']:.1%} of a core, "
              f"{found['ms_each']:g} ms each, {found['memory_mb']:g} MB at most")  # fmt: skip


if __name__ == "__main__":
    main()
