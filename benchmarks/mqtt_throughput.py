"""Messages that wait at a broker, until InfluxDB holds them all: ours, beside Telegraf where it is on the PATH.

    python benchmarks/mqtt_throughput.py [--messages 50000] [--telegraf PATH] [--json]

Every message carries one reading and has QoS 1. Ours acknowledges after the journal's fsync and writes to InfluxDB
from the journal; Telegraf runs with its memory buffer and with its disk buffer. One machine, one run, real mosquitto
and real InfluxDB 2.7 for each of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.publish import publish
from soilco2.ingest.protocols.soilco2_json import Reading, encode_message
from tests.ingest.station import STATION, write_station
from tests.servers import ORG, TOKEN, TOKEN_VARIABLE, InfluxBucket, InfluxServer, Mosquitto

START_US = 1_793_491_200_000_000
TOPIC = f"soilco2/{STATION}/data"


def messages(count: int) -> list[bytes]:
    """Numbered readings, a second apart."""
    return [
        encode_message(
            STATION, "n", n, [Reading("N1", "co2", START_US + n * 1_000_000, 400 + n * 0.01, "ppm")]
        )
        for n in range(count)
    ]


def memory_mb(pid: int) -> float:
    """Largest resident memory so far [MB]."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def held(bucket: InfluxBucket, measurement: str) -> int:
    """Points in the database."""
    found = bucket.query(f'SELECT count("co2") FROM "{measurement}"')
    return int(found[0]["values"][0][1]) if found else 0


def timed(
    start: Callable[[], subprocess.Popen[bytes]],
    fill: Callable[[], None],
    count: Callable[[], int],
    total: int,
) -> dict[str, Any]:
    """Make the session, let the messages wait, start the receiver and time it until the database has all."""
    process = start()
    time.sleep(8)  # the session must exist before messages are kept for it
    process.send_signal(signal.SIGINT)
    process.wait(30)
    fill()
    began = time.perf_counter()
    process = start()
    deadline = began + 300
    while count() < total and time.perf_counter() < deadline and process.poll() is None:
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    peak = memory_mb(process.pid) if process.poll() is None else 0.0
    stored = count()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    return {
        "messages_per_s": round(stored / seconds),
        "seconds": round(seconds, 2),
        "stored": stored,
        "peak_mb": round(peak, 1),
    }


TELEGRAF = """
[agent]
  interval = "1s"
  flush_interval = "100ms"
  metric_batch_size = 5000
  metric_buffer_limit = 200000
  omit_hostname = true
  {strategy}
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["{topic}"]
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  max_undelivered_messages = 20000
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "telegraf"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "readings"
      timestamp_key = "time"
      timestamp_format = "2006-01-02T15:04:05Z07:00"
      tags = ["serial", "channel"]
      included_keys = ["value", "time", "serial", "channel"]
      [inputs.mqtt_consumer.json_v2.object.renames]
        value = "co2"
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "{token}"
  organization = "{org}"
  bucket = "{bucket}"
"""


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--telegraf", default=shutil.which("telegraf") or "")
    parser.add_argument("--inflight", type=int, default=5000)
    parser.add_argument("--version", default="3.1.1")
    parser.add_argument(
        "--profile", action="store_true", help="profile the collector with cProfile's clock off"
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soilco2-benchmark-"))
    broker = Mosquitto(folder / "mosquitto", "max_inflight_messages 0", "autosave_interval 0")
    server = InfluxServer(folder / "influxd")
    environment = {
        **os.environ,
        TOKEN_VARIABLE: TOKEN,
        "SOILCO2_STATE": str(folder / "state"),
        "SOILCO2_CLOCK": "trusted",
    }
    os.environ[TOKEN_VARIABLE] = TOKEN
    payloads = messages(chosen.messages)
    rows: dict[str, dict[str, Any]] = {}
    try:
        broker.start()
        server.start()
        bucket = server.bucket()
        table = bucket.table()
        sink = {
            "url": table.url,
            "org": table.org,
            "bucket": table.bucket,
            "token": TOKEN_VARIABLE,
            "batch": 5000,
        }
        path = write_station(
            folder,
            port=broker.port,
            version=chosen.version,
            mqtt=f"inflight = {chosen.inflight}",
            sinks=(sink,),
            commit_every="200ms",
        )
        words = [sys.executable, "-m", "soilco2", "collect", str(path)]
        rows["soilco2, fsynced journal"] = timed(
            lambda: subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL),
            lambda: publish(broker.port, TOPIC, payloads) and None,
            lambda: held(bucket, "soil"),
            chosen.messages,
        )
        for name, strategy in (
            ("memory", ""),
            ("disk", f'buffer_strategy = "disk"\n  buffer_directory = "{folder}/telegraf"'),
        ):
            if not chosen.telegraf:
                continue
            config = folder / f"telegraf-{name}.conf"
            into = server.bucket()
            config.write_text(
                TELEGRAF.format(
                    strategy=strategy,
                    port=broker.port,
                    topic=TOPIC,
                    url=server.url,
                    token=TOKEN,
                    org=ORG,
                    bucket=into.name,
                ),
                encoding="utf-8",
            )
            rows[f"Telegraf, {name} buffer"] = timed(
                lambda c=config: subprocess.Popen(
                    [chosen.telegraf, "--config", str(c), "--quiet"], env=environment
                ),
                lambda: publish(broker.port, TOPIC, payloads) and None,
                lambda b=into: held(b, "telegraf"),
                chosen.messages,
            )
    finally:
        broker.kill()
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        print(
            f"{name:28} {row['messages_per_s']:>8} messages/s  {row['stored']} in {row['seconds']} s, "
            f"peak {row['peak_mb']} MB"
        )


if __name__ == "__main__":
    main()
