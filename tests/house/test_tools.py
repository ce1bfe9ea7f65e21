"""Small programs of tools/: lowest versions, coverage by room."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOMS
from tests.paths import ROOT


def tool(name: str) -> Any:
    spec = spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # NamedTuple looks for the module that it stands in
    spec.loader.exec_module(module)
    return module


lowest, coverage = tool("lowest"), tool("coverage_rooms")


@pytest.mark.parametrize(
    ("bound", "found"),
    [("2", "2.0.2"), ("2.0", "2.0.2"), ("2.1", "2.1"), ("2.0.3", "2.1"), ("2.9", "2.10.0"), ("1", "2.0.2")],
)
def test_the_lowest_release_that_is_allowed(bound: str, found: str) -> None:
    """By hand; 2.0.0 was taken back, previews do not count, 2.10 is higher than 2.9."""
    assert lowest.lowest(bound, ["3.0rc1", "2.11.0", "2.10.0", "2.1", "2.0.2", "2.0.0b1"]) == found


def test_no_release_is_told() -> None:
    with pytest.raises(SystemExit, match="no release from 4 on"):
        lowest.lowest("4", ["3.9"])


def test_bounds_are_read_from_what_is_required() -> None:
    assert lowest.bounds(["a>=1.50,<2", "B-c[x]>=3", "tzdata"]) == {"a": "1.50", "b-c": "3", "tzdata": ""}
    with pytest.raises(SystemExit, match=r"'a~=1\.0' has no lower bound"):
        lowest.bounds(["a~=1.0"])


def test_extras_of_extras_are_required_too() -> None:
    project = {
        "name": "p", "dependencies": ["a>=1"],
        "optional-dependencies": {"x": ["b>=2"], "y": ["c>=3", "p[x]"], "z": ["d>=4"]},
    }  # fmt: skip
    assert list(lowest.requirements(project, ["y"])) == ["a>=1", "c>=3", "b>=2"]


def test_constraints_have_every_bound_of_the_project() -> None:
    """Whatever the index has, here each bound itself."""
    lines = lowest.constraints(["analysis", "dashboard", "demo", "documents"], lambda name: ["0.0.1", "99.0"])
    assert {"click==99.0", "numpy==99.0", "python-docx==99.0", "pyyaml==99.0"} <= set(lines)
    names = [line.split("==")[0] for line in lines]
    assert len(names) == len(set(names))
    assert "pytest" in names
    assert "tzdata" not in names


REPORT = {
    "files": {
        "quality/a.py": (10, 9, 4, 2),
        "quality/b.py": (10, 10, 6, 5),
        "src/soilco2/__main__.py": (2, 2, 0, 0),
    }
}
QUALITY = 100 * 26 / 30
"""(9 + 10 lines + 2 + 5 branches) of (20 + 10) [%]."""


def report() -> dict[str, Any]:
    keys = ("num_statements", "covered_lines", "num_branches", "covered_branches")
    return {
        "files": {
            name: {"summary": dict(zip(keys, counts, strict=True))}
            for name, counts in REPORT["files"].items()
        }
    }


def test_a_rooms_coverage_is_of_its_lines_and_branches() -> None:
    found = coverage.rooms(report())
    assert {name: room.percent for name, room in found.items()} == {
        "quality": pytest.approx(QUALITY), "src": 100.0
    }  # fmt: skip
    assert "| `quality` | 20 | 19 | 10 | 7 | 86.7 | 80.0 |" in coverage.table(found, {"quality": 80.0})


@pytest.mark.parametrize(("floor", "falls"), [(86.7, False), (86.76, False), (86.8, True), (90.0, True)])
def test_a_room_may_fall_by_a_tenth(floor: float, falls: bool) -> None:
    assert bool(coverage.fallen(coverage.rooms(report()), {"quality": floor})) is falls


def test_a_room_that_is_gone_has_fallen() -> None:
    (said,) = coverage.fallen(coverage.rooms(report()), {"ingest": 1.0})
    assert said == "ingest: 0.00 % of its lines and branches are run by tests, its floor is 1.0 %"


def test_floors_only_rise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report()), encoding="utf-8")
    floors = tmp_path / "floors.toml"
    monkeypatch.setattr(coverage, "FLOORS", floors)
    floors.write_text("# kept\nquality = 95.0\n", encoding="utf-8")
    for words in ([], ["--raise"]):
        assert coverage.main([str(tmp_path / "report.json"), *words]) == 1
        assert "quality: 86.67 % of its lines" in capsys.readouterr().err
    assert floors.read_text(encoding="utf-8") == "# kept\nquality = 95.0\nsrc = 100.0\n"
    floors.write_text("quality = 80.0\n", encoding="utf-8")
    assert coverage.main([str(tmp_path / "report.json"), "--raise"]) == 0
    assert tomllib.loads(floors.read_text(encoding="utf-8")) == {"quality": 86.6, "src": 100.0}


def test_every_room_has_a_floor_which_its_page_tells() -> None:
    floors = tomllib.loads((ROOT / "tools" / "coverage_floors.toml").read_text(encoding="utf-8"))
    assert set(floors) == ROOMS | {"src"}
    page = (ROOT / "docs" / "reference" / "coverage.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|.*\| ([\d.]+) \|$", page, re.MULTILINE)
    assert {name: float(floor) for name, floor in told} == floors
