"""Row 14: two gateways hear one node, so messages come twice; and a node that failed to read tries again.

Right: (node, sequence) is a message also where a reading has no time; a number goes before "read failed"; two numbers
for one time are both kept, and told.
"""

from __future__ import annotations

import signal

import pytest

from tests.cases.node import Node


def said(sequence: int, time: str | None, value: float | None, status: str = "") -> str:
    stamp = "null" if time is None else f'"2026-11-29T{time}Z"'
    number = "null" if value is None else f"{value}"
    more = f',"status":"{status}"' if status else ""
    return (
        f'{{"node":"gw","sequence":{sequence},"readings":[{{"serial":"S-010","channel":"co2","time":{stamp},'
        f'"value":{number},"unit":"ppm"{more}}}]}}'
    )


@pytest.mark.mosquitto
def test_a_repeat_is_a_repeat_whatever_its_arrival(node: Node) -> None:
    node.start()
    node.publish(said(13, None, 913.0), said(13, None, 913.0), came=2)
    assert node.counters()["duplicate"] == 1
    node.publish(said(14, None, 914.0), came=3)
    node.stop(signal.SIGKILL)  # what was heard is on disk
    node.start()
    found = node.publish(said(14, None, 914.0), said(15, None, 914.0), came=5)
    assert (found["stored"], found["duplicate"]) == (3, 2)
    assert [row[1] for row in node.observations("co2")] == [913.0, 914.0, 914.0]


@pytest.mark.mosquitto
def test_another_number_for_one_time_is_kept_and_told(node: Node) -> None:
    node.start()
    found = node.publish(said(1, "02:40:00", 916.0), said(1, "02:40:00", 916.4), came=2)
    assert found["stored"] == 2
    node.becomes("co2", [(916.0, 3)])
    (entry,) = node.parked()
    assert (
        entry["reason"] == "p1/d10/co2 at 2026-11-29T02:40:00Z: 916 (node) and 916.4 (node); which one holds?"
    )
    node.run("parked", "decide", str(entry["id"]), "--take", "SECOND", "--who", "w")
    node.becomes("co2", [(916.4, 2)])


@pytest.mark.mosquitto
def test_a_number_after_a_failed_reading_is_the_value(node: Node) -> None:
    node.start()
    node.publish(said(0, "02:00:00", None, "read failed"), came=1)
    assert node.observations("co2") == [("2026-11-29T02:00:00Z", None, 9, "missing:read failed")]
    node.publish(said(1, "02:00:00", 911.0), came=2)
    node.becomes("co2", [(911.0, 2)])
    assert node.parked() == []


@pytest.mark.mosquitto
def test_several_readings_of_a_channel_without_a_time_in_one_message_are_refused(node: Node) -> None:
    one = '{"serial":"S-010","channel":"co2","time":null,"value":%s,"unit":"ppm"}'
    other = '{"serial":"S-010","channel":"soil_temperature","time":null,"value":11.0,"unit":"degC"}'
    node.start()
    message = f'{{"node":"gw","sequence":3,"readings":[{one % 1.0},{one % 2.0},{other}]}}'
    found = node.publish(message, came=3)
    assert (found["stored"], found["rejected"]) == (1, 2)
    reasons = {entry["reason"] for entry in node.parked()}
    assert reasons == {
        "2 readings: 'S-010'/'co2': time: several readings of the channel without a time in one message: they would "
        "have the same time"
    }
