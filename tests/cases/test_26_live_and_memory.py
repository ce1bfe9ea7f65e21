"""Row 26: what a logger's memory holds is imported beside what its node sent.

Right, as a table made by hand: the live number stands, the memory fills what is missing. As the device's own file: its
numbers go before the live ones. Every row has its end, and what is not taken is named with time and line.
"""

from __future__ import annotations

import pytest

from tests.cases.node import Node


def said(sequence: int, time: str, value: float | None) -> str:
    number = f'"value":{value}' if value is not None else '"value":null,"status":"read failed"'
    return (
        f'{{"node":"n1","sequence":{sequence},"readings":[{{"serial":"S-010","channel":"soil_temperature",'
        f'"time":"2026-11-29T{time}:00Z",{number},"unit":"degC"}}]}}'
    )


LIVE = [said(0, "02:00", 11.0), said(1, "02:10", 11.1), said(2, "02:40", None)]
MEMORY = "time_utc,profile,position,variable,value,unit\n" + "".join(
    f"2026-11-29T{time}:00Z,p1,d10,soil_temperature,{value},degC\n"
    for time, value in (("02:00", 11.0), ("02:10", 12.9), ("02:20", 11.2), ("02:30", 11.3), ("02:40", 11.4))
)


@pytest.mark.mosquitto
@pytest.mark.parametrize("rank", ["table", "file"])
@pytest.mark.parametrize("first", ["live", "memory"])
def test_live_and_memory_merge_by_rank_in_any_order(node: Node, first: str, rank: str) -> None:
    node.start()
    if first == "live":
        node.publish(*LIVE, came=3)
        taken = rank == "file"
        found = node.bring("b_memory.csv", MEMORY, "--rank", rank, code=0 if taken else 1)
        assert found == {
            "rows": 5, "stored": 3 + taken, "duplicate": 1, "conflict": 1 - taken, "rejected": 0,
        }  # fmt: skip
        if not taken:
            assert (
                "b_memory.csv:3: p1/d10/soil_temperature at 2026-11-29T02:10:00Z: 12.9 differs from 11.1 (node), which "
                "has the better rank and stands" in node.said
            )
    else:
        node.bring("b_memory.csv", MEMORY, "--rank", rank)
        node.publish(*LIVE, came=3)
    stands = 12.9 if rank == "file" else 11.1
    node.becomes("soil_temperature", [(value, 1) for value in (11.0, stands, 11.2, 11.3, 11.4)])
    assert node.parked() == []
