"""Nothing outside of the seam knows a kind of connection by its name: not by import, not by word.

Looked at are the modules of the rooms; the seam itself is the folders of `SEAM`.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from soilco2.station_config import connections
from soilco2.station_config.connections.registry import kinds, protocols
from tests.house.tree import ROOMS, tracked
from tests.paths import ROOT

SEAM = (
    "station_config/connections/",
    "ingest/drivers/",
    "ingest/protocols/",
    "ingest/transports/",
    "ingest/simulate/",
)
MAY_IMPORT = {
    "station_config/deployments.py: soilco2.station_config.connections.tidy_file":
        "every position has a pseudo-instrument for tables that are brought in",
}  # fmt: skip
MAY_NAME = {
    "cli/commands/status.py: mqtt": "the broker's state, under the name of the table [mqtt]",
    "station_config/tables/platform.py: mqtt": "a platform that is sent to over MQTT, no connection",
    "cli/demo/run.py: mqtt": "the port of the demonstration's broker, in its own notes",
}
ORDINARY = {"none", "table"}
"""The name and the protocol of tidy tables are words that stand for much else: their imports are looked at."""


def _own_modules() -> set[str]:
    """The modules behind the seam: tables of kinds, what they share, and drivers."""
    package = connections.__name__
    names = [name for _, name, _ in pkgutil.iter_modules(connections.__path__, f"{package}.")]
    own = {name for name in names if hasattr(import_module(name), "KIND")}
    return own | {kind.driver.partition(":")[0] for kind in kinds().values()}


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _words(node: ast.expr | ast.pattern | None) -> Iterator[str]:
    """The strings that an expression is, or holds as a collection."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for part in node.elts:
            yield from _words(part)
    elif isinstance(node, ast.Call):  # frozenset({"…"})
        for part in node.args:
            yield from _words(part)
    elif isinstance(node, ast.MatchValue):
        yield from _words(node.value)


def _deciding(tree: ast.AST) -> Iterator[str]:
    """The strings that something is decided by: compared, looked up, keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for part in (node.left, *node.comparators):
                yield from _words(part)
        elif isinstance(node, ast.Dict):
            for key in node.keys:
                yield from _words(key)
        elif isinstance(node, ast.Subscript):
            yield from _words(node.slice)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {
                "get",
                "pop",
                "setdefault",
                "startswith",
                "endswith",
                "getattr",
                "partition",
                "fault",
            }:
                for argument in node.args:
                    yield from _words(argument)
        elif isinstance(node, ast.match_case):
            yield from _words(node.pattern)


def _outside() -> Iterator[tuple[str, ast.AST]]:
    for path in tracked():
        place = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and place.split("/")[0] in ROOMS and not place.startswith(SEAM):
            yield place, ast.parse(path.read_text(encoding="utf-8"))


OUTSIDE = list(_outside())


def test_nobody_imports_a_kinds_own_module() -> None:
    own = _own_modules()
    assert {type(kind).__module__ for kind in kinds().values()} < own
    found = {f"{place}: {name}" for place, tree in OUTSIDE for name in _imports(tree) if name in own}
    assert found == set(MAY_IMPORT)


def test_nothing_is_decided_by_a_kinds_name() -> None:
    names = ({*kinds(), *protocols()}) - ORDINARY
    assert {"modbus-rtu", "mqtt", "json-mqtt"} <= names
    found = {f"{place}: {word}" for place, tree in OUTSIDE for word in _deciding(tree) if word in names}
    assert found == set(MAY_NAME)


@pytest.mark.parametrize(
    "code",
    [
        'row.kind == "mqtt"', 'row.kind in ("x", "mqtt")', 'row.kind in frozenset({"mqtt"})', '{"mqtt": 1}',
        'status["mqtt"]', 'status.get("mqtt")', "match kind:\n    case 'mqtt':\n        pass",
    ],
)  # fmt: skip
def test_a_decision_is_seen(code: str) -> None:
    assert "mqtt" in set(_deciding(ast.parse(code)))


def test_the_folders_of_the_seam_are_there() -> None:
    assert all((ROOT / Path(folder)).is_dir() for folder in SEAM)
