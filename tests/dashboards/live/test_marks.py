"""The marks on the time axis know the kinds of events that a station has, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import soilco2.dashboards.live
from soilco2.storage.journal.schema import EventKind

MARKS = Path(soilco2.dashboards.live.__file__).parent / "static" / "marks.js"


def kinds(name: str) -> set[str]:
    found = re.search(rf"^const {name} = new Set\((\[.*?\])\);$", MARKS.read_text(encoding="utf-8"), re.M)
    assert found, name
    return set(re.findall(r'"(\w+)"', found[1]))


def test_every_kind_of_the_marks_is_one_of_the_journal() -> None:
    trouble, people = kinds("TROUBLE"), kinds("PEOPLE")
    assert trouble
    assert people
    assert not trouble & people
    assert trouble | people <= set(EventKind)


def test_what_only_tells_the_course_of_things_is_what_is_left() -> None:
    rest = set(EventKind) - kinds("TROUBLE") - kinds("PEOPLE")
    backs = {kind for kind in EventKind if kind.endswith("_back")}
    assert rest == backs | {"start", "stop", "clock_set", "archived", "pruned", "other"}
