"""Row 13: the broker hands a retained message over to a collector that never had it.

A reading with a time of its own is data; of one without, nobody knows when it was measured: it is parked, once.
"""

from __future__ import annotations

import paho.mqtt.publish
import pytest

from tests.cases.node import TOPIC, Node
from tests.ingest.running import until

NO_TIME = (
    '{"node":"n1","sequence":0,"readings":[{"serial":"S-010","channel":"co2","time":null,'
    '"value":911.0,"unit":"ppm"}]}'
)
TIMED = (
    '{"node":"n1","sequence":5,"readings":[{"serial":"S-010","channel":"co2","time":"2026-11-29T02:00:00Z",'
    '"value":911.0,"unit":"ppm"}]}'
)


def retain(node: Node, message: str) -> None:
    paho.mqtt.publish.single(TOPIC, message, qos=1, retain=True, hostname="127.0.0.1", port=node.port)


@pytest.mark.mosquitto
def test_one_with_a_time_of_its_own_is_stored_once(node: Node) -> None:
    retain(node, TIMED)
    node.start()
    assert node.until_in(1)["stored"] == 1
    assert node.observations("co2") == [("2026-11-29T02:00:00Z", 911.0, 2, "compensation_unknown")]
    node.stop()
    node.start()
    assert node.until_in(2)["duplicate"] == 1
    assert node.parked() == []


@pytest.mark.mosquitto
def test_one_without_is_parked_once(node: Node) -> None:
    retain(node, NO_TIME)
    node.start()
    assert node.until_in(1)["rejected"] == 1
    (entry,) = node.parked()
    assert "nobody knows when it was measured" in entry["reason"]
    node.stop()
    node.start()
    assert node.until_in(2)["duplicate"] == 1
    assert len(node.parked()) == 1


@pytest.mark.mosquitto
def test_one_that_came_live_is_known(node: Node) -> None:
    node.start()
    node.publish(NO_TIME, came=1)
    node.stop()
    retain(node, NO_TIME)
    node.start()
    until(lambda: node.counters()["in"] >= 2, node.log)  # the session's own copy, and the one that is kept
    found = node.counters()
    assert (found["stored"], found["duplicate"]) == (1, found["in"] - 1)
    assert len(node.observations("co2")) == 1
    assert node.parked() == []
