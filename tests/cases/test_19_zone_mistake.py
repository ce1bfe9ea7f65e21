"""Row 19: a table of local times is imported with a wrong zone, noticed, taken back, and imported as it is meant.

Right: after the undo and the second import the station holds the 48 half hours of the table and nothing else counts.
"""

from __future__ import annotations

import json

from tests.cases.node import Node

VALUES = [16.0 + n * 0.125 for n in range(48)]
TABLE = "time_local,profile,position,variable,value,unit\n" + "".join(
    f"2026-07-01 {n // 2:02d}:{n % 2 * 30:02d}:00,p1,d10,soil_temperature,{value},degC\n"
    for n, value in enumerate(VALUES)
)


def numbers(desk: Node) -> list[tuple[float, int]]:
    return [(row[1], row[2]) for row in desk.observations("soil_temperature") if row[1] is not None]


def test_an_import_is_taken_back_and_given_again(desk: Node) -> None:
    desk.bring("a_local.csv", TABLE, "--timezone", "UTC")
    wrong = desk.observations("soil_temperature")
    found = desk.bring("a_local.csv", TABLE, "--timezone", "Asia/Shanghai", code=1)
    # eight hours, so 32 half hours, of the two meet at other numbers
    assert found == {"rows": 48, "stored": 16, "duplicate": 0, "conflict": 32, "rejected": 0}
    assert len(desk.parked()) == 32
    (first, _) = json.loads(desk.run("import", "--list", "--json"))["imports"]
    assert (first["id"], first["file"], first["counts"]["stored"]) == (1, "a_local.csv", 48)
    assert "48 samples would be withdrawn" in desk.run("import", "--undo", "1", "--dry-run")
    assert len(desk.observations("soil_temperature")) == 64
    desk.run("import", "--undo", "1", "--why", "wrong zone")
    assert numbers(desk) == [(value, 1) for value in VALUES]
    assert desk.observations("soil_temperature")[0][0] == "2026-06-30T16:00:00Z"
    assert desk.parked() == []
    desk.run("import", "--redo", "1")
    desk.run("import", "--undo", "2")
    assert [row for row in desk.observations("soil_temperature") if row[3] != "withdrawn"] == wrong


def test_rows_of_a_mistake_are_dropped_at_once(desk: Node) -> None:
    bad = TABLE.replace("degC", "furlong")
    assert desk.bring("a_local.csv", bad, "--timezone", "UTC", code=1)["rejected"] == 48
    assert "48 entries dropped" in desk.run("parked", "drop", "--import", "1", "--why", "mended")
    assert desk.parked() == []
