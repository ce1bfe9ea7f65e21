"""Coverage by room from coverage's JSON, against floors that may only rise.

Use: python tools/coverage_rooms.py FILE.json [--raise]. Ends with 1 when a room is more than 0.1 below its floor in
coverage_floors.toml; with --raise, floors go up to what was measured, rounded down to 0.1.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

FLOORS = Path(__file__).with_name("coverage_floors.toml")
SLACK = 0.1
"""How far a room may fall below its floor: threads and processes end a little differently each time [%]."""


class Room(NamedTuple):
    """Lines and branches of a room, and how many of them were run."""

    lines: int
    lines_run: int
    branches: int
    branches_run: int

    @property
    def percent(self) -> float:
        """Lines and branches run, of all [%]."""
        return 100 * (self.lines_run + self.branches_run) / max(self.lines + self.branches, 1)


def rooms(report: dict[str, Any]) -> dict[str, Room]:
    """Rooms of a report, by name."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    keys = ("num_statements", "covered_lines", "num_branches", "covered_branches")
    for name, told in report["files"].items():
        room = Path(name).parts[0]
        counts[room] = [have + told["summary"][key] for have, key in zip(counts[room], keys, strict=True)]
    return {name: Room(*numbers) for name, numbers in sorted(counts.items())}


def table(found: dict[str, Room], floors: dict[str, float]) -> str:
    """A table of Markdown."""
    lines = [
        "| room | lines | run | branches | run | both, % | floor, % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, room in found.items():
        lines.append(
            f"| `{name}` | {room.lines} | {room.lines_run} | {room.branches} | {room.branches_run} "
            f"| {room.percent:.1f} | {floors.get(name, 0.0):.1f} |"
        )
    return "\n".join(lines)


def fallen(found: dict[str, Room], floors: dict[str, float]) -> list[str]:
    """A sentence for each room that is below its floor, or gone."""
    said = []
    for name, floor in floors.items():
        percent = found[name].percent if name in found else 0.0
        if percent < floor - SLACK:
            said.append(
                f"{name}: {percent:.2f} % of its lines and branches are run by tests, its floor is {floor} %"
            )
    return said


def raised(found: dict[str, Room], floors: dict[str, float]) -> dict[str, float]:
    """Floors that are no lower than before."""
    return {
        name: max(floors.get(name, 0.0), math.floor(10 * room.percent) / 10) for name, room in found.items()
    }


def main(words: list[str]) -> int:
    """Print the table; 1 when a room has fallen."""
    found = rooms(json.loads(Path(words[0]).read_text(encoding="utf-8")))
    text = FLOORS.read_text(encoding="utf-8")
    floors = tomllib.loads(text)
    if "--raise" in words:
        floors = raised(found, floors)
        heading = "".join(line + "\n" for line in text.splitlines() if line.startswith("#"))
        FLOORS.write_text(heading + "".join(f"{k} = {v}\n" for k, v in floors.items()), encoding="utf-8")
    print(table(found, floors))
    said = fallen(found, floors)
    print("\n".join(said), file=sys.stderr, end="\n" if said else "")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
