"""A node that knows nothing of this project: paho and the message's published schema, and a log of acknowledgements.

    python tests/torture/publisher.py PORT TOPIC LOG

Publishes a numbered reading about every millisecond (QoS 1) until SIGTERM; then waits for what is on its way. Each
number that the broker has acknowledged is a line of LOG.
"""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
IN_FLIGHT = 100


def payload(number: int) -> str:
    """One reading, a second after the one before (docs/reference/message.schema.json)."""
    time = (FIRST + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    reading = {"serial": "N1", "channel": "co2", "time": time, "value": 400.0 + number, "unit": "ppm"}
    message = {"station": "streamlet", "node": "outsider", "sequence": number, "readings": [reading]}
    return json.dumps(message)


def publish(port: int, topic: str, log: Path) -> None:
    """Publish until told to stop."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    numbers: dict[int, int] = {}
    answered: queue.SimpleQueue[int] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="outsider")
    client.on_publish = lambda _client, _data, mid, *_: answered.put(mid)
    client.connect("127.0.0.1", port)
    client.loop_start()
    number = 0
    with log.open("a", encoding="ascii", buffering=1) as acknowledged:
        while numbers or not stop.is_set():
            if len(numbers) < IN_FLIGHT and not stop.wait(0.001):
                numbers[client.publish(topic, payload(number), qos=1).mid] = number
                number += 1
            while not answered.empty() or (numbers and (stop.is_set() or len(numbers) >= IN_FLIGHT)):
                acknowledged.write(f"{numbers.pop(answered.get())}\n")
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    publish(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
