"""The page of the architecture against the tree, and the modules that other pages name."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath

import pytest

from tests.house.tree import ROOMS, tracked
from tests.paths import ROOT

FILES = frozenset(path.relative_to(ROOT).as_posix() for path in tracked())
FOLDERS = frozenset(parent.as_posix() for name in FILES for parent in PurePosixPath(name).parents) - {"."}
ENDINGS = {PurePosixPath(name).suffix for name in FILES} - {""}
TOPS = {name for name in FOLDERS if "/" not in name}
LEAST_ROWS = 40
NO_PATHS = {"dashboards/soilco2.yaml": "a file in the folder of Grafana's provisioning"}


def page() -> str:
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no heading {heading}"
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def there(path: str) -> bool:
    if path.endswith("/"):
        return path.rstrip("/") in FOLDERS
    return path in FILES or any(fnmatchcase(name, path) for name in FILES if "*" in path)


def folders(text: str) -> list[str]:
    """Folders that the table of rooms names, those of the third column below that of the second."""
    found = []
    for _, folder, words in rows(text, "Rooms and floors"):
        (name,) = quoted(folder)
        found += [name, *(name + below for below in quoted(words) if below.endswith("/"))]
    return found


def missing_paths(text: str) -> list[str]:
    below = [word for row in rows(text, "Rooms and floors") for word in quoted(row[2])]
    named = [word.split(": ")[0] for word in quoted(text) if word not in below]
    paths = [
        word
        for word in named
        if re.fullmatch(r"[\w.@*/-]+", word) and ("/" in word or PurePosixPath(word).suffix in ENDINGS)
    ]
    return [path for path in (*paths, *folders(text)) if not there(path)]


@cache
def definitions(path: str) -> frozenset[str]:
    """Names that a module defines at its top, and those of its classes as ``Class.name``."""

    def of(body: list[ast.stmt], before: str) -> set[str]:
        found = set()
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(before + node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    found |= {before + name.id for name in ast.walk(target) if isinstance(name, ast.Name)}
            if isinstance(node, ast.ClassDef) and not before:
                found |= of(node.body, f"{node.name}.")
        return found

    return frozenset(of(ast.parse((ROOT / path).read_text(encoding="utf-8")).body, ""))


def missing_names(text: str) -> list[str]:
    told = [word.split(": ") for word in quoted(text) if re.match(r"[\w.@*/-]+\.\w+: ", word)]
    return [
        f"{path}: {name}"
        for path, name in told
        if not (path.endswith(".py") and path in FILES and name in definitions(path))
    ]


def repeated(text: str) -> list[str]:
    """Questions asked twice, and places that answer two questions."""
    found: list[str] = []
    for column in zip(*rows(text, "Where is what"), strict=True):
        words = [cell.casefold() for cell in column]
        found += sorted({word for word in words if words.count(word) > 1})
    return found


def untold_rooms(text: str) -> list[str]:
    """Rooms and packages in them that the table lacks, and folders that it names twice."""
    packages = {
        PurePosixPath(name).parent.as_posix() + "/"
        for name in FILES
        if PurePosixPath(name).name == "__init__.py" and name.split("/")[0] in ROOMS
    }
    named = folders(text)
    return sorted((packages - set(named)) | {name for name in named if named.count(name) > 1})


def floors(text: str) -> dict[str, int]:
    return {
        quoted(name)[0].rstrip("/"): int(number)
        for number, name, _ in rows(text, "Rooms and floors")
        if number
    }


def test_every_path_on_the_page_is_there() -> None:
    assert not missing_paths(page())


def test_every_definition_on_the_page_is_there() -> None:
    assert not missing_names(page())


def test_every_room_and_every_package_is_on_the_page() -> None:
    assert not untold_rooms(page())


def test_the_floors_are_those_of_the_contract() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (one for one in told["contracts"] if one["containers"] == ["soilco2"])
    layers = [layer.split(" | ") for layer in reversed(contract["layers"])]
    assert floors(page()) == {room: floor for floor, layer in enumerate(layers) for room in layer}


def test_the_table_answers_each_question_in_one_place() -> None:
    table = rows(page(), "Where is what")
    assert len(table) >= LEAST_ROWS
    for _, place in table:
        assert re.fullmatch(r"`[\w.@*/-]+\.\w+(: [\w.]+)?`", place), place
    assert not repeated(page())


@pytest.mark.parametrize(
    ("fault", "old", "new"),
    [
        (missing_paths, "`quality/tracks.py: Track.finish`", "`quality/track.py: Track.finish`"),
        (missing_paths, "`teaching/notebooks/*.lesson`", "`teaching/notebooks/*.lessons`"),
        (missing_paths, "`tools/bundle.sh`", "`tools/bundles.sh`"),
        (missing_paths, "`pyproject.toml`", "`project.toml`"),
        (missing_paths, "`static/`", "`statics/`"),
        (missing_names, "Track.finish`", "Track.finished`"),
        (missing_names, ": REASONS`", ": REASON`"),
        (missing_names, "`tools/bundle.sh`", "`tools/bundle.sh: main`"),
        (untold_rooms, "`methods/`", "methods"),
        (untold_rooms, "| | `storage/tidy/` |", "| | `storage/influx/` |"),
        (repeated, "| which commands there are |", "| the Q10 fit |"),
        (repeated, "`quality/checks.py: FlatLine`", "`quality/flags.py: verdict`"),
    ],
)  # fmt: skip
def test_the_rules_see_what_is_wrong(fault: Callable[[str], list[str]], old: str, new: str) -> None:
    assert old in page()
    assert fault(page().replace(old, new))


def stale(text: str) -> list[str]:
    """Paths, files and modules in a page's text that are not in the tree."""
    found = []
    for name in re.findall(r"(?<![\w./-])[\w*-]+(?:/[\w.*@-]+)*/?", text):
        path = name.rstrip(".")
        if "/" in path.rstrip("/") and path.split("/")[0] in TOPS - {"src"}:
            found += [path] * (not there(path) and path.rstrip("/") not in FOLDERS | NO_PATHS.keys())
    for name in re.findall(r"(?<![\w./*-])\w+\.py\b", text):
        found += [name] * (not any(PurePosixPath(path).name == name for path in FILES))
    for name in re.findall(r"\bsoilco2((?:\.\w+)+)", text):
        parts = name[1:].split(".")
        if parts[0] in ROOMS:
            found += [f"soilco2{name}"] * (not importable(parts))
    return found


def importable(parts: list[str]) -> bool:
    for length in range(len(parts), 0, -1):
        path, rest = "/".join(parts[:length]), ".".join(parts[length:])
        for module in (f"{path}.py", f"{path}/__init__.py"):
            if module in FILES:
                return not rest or rest in definitions(module)
    return False


def test_pages_name_files_and_modules_that_are_there() -> None:
    pages = [
        "README.md",
        "CONTRIBUTING.md",
        *sorted(name for name in FILES if fnmatchcase(name, "docs/*.md")),
    ]
    found = {name: stale((ROOT / name).read_text(encoding="utf-8")) for name in pages}
    assert "docs/methods/flux/equations.md" in found
    assert not {name: words for name, words in found.items() if words}


@pytest.mark.parametrize(
    "text",
    ["(`tests/ingest/bus`)", "`quality/track.py`", "(`reach.py`)", "`soilco2.quality.track`",
     "soilco2.analysis.soil_response.temperature.q11"],
)  # fmt: skip
def test_the_rule_for_pages_sees_what_is_gone(text: str) -> None:
    assert stale(text)
