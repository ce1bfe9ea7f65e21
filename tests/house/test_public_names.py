"""The page of public names against the modules: every name is there, with the parameters that the page tells."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from typing import Any, NamedTuple

import pydantic
import pytest

import soilco2
from soilco2.station_config.connections.registry import GROUP
from tests.paths import ROOT

MISSING = object()
LEAST_NAMES = 80
LEAST_IMPORTS = 10


class Told(NamedTuple):
    """A name of the page; `owner` is the class of a member, `parameters` stand in brackets or are not told."""

    module: str
    owner: str
    name: str
    parameters: str


def page() -> str:
    return (ROOT / "docs" / "reference" / "public_names.md").read_text(encoding="utf-8")


def told(text: str) -> list[Told]:
    """The names in the lists below the names of modules; members stand behind their class."""
    found = []
    for section in re.split(r"^(?=`soilco2[\w.]+`$)", text, flags=re.MULTILINE)[1:]:
        module = section.split("`")[1]
        for item in re.findall(r"^\* .*(?:\n  .*)*", section, re.MULTILINE):
            (top, first), *members = re.findall(r"`(\w+)(\(.*?\))?`", item)
            found.append(Told(module, "", top, first))
            found += [Told(module, top, name, parameters) for name, parameters in members]
    return found


def parameters(thing: Any) -> str:
    if isinstance(thing, type) and issubclass(thing, pydantic.BaseModel):
        thing.model_rebuild()  # tables are built when they are first used, their parameters with them
    return f"({', '.join(name for name in inspect.signature(thing).parameters if name != 'self')})"


def fault(one: Told) -> str | None:
    """What is not as the page says it."""
    holder: Any = import_module(one.module)
    if one.owner:
        holder = getattr(holder, one.owner, None)
    if holder is None:
        return "is not there"
    thing = inspect.getattr_static(holder, one.name, MISSING)
    declared = one.owner and any(one.name in vars(cls).get("__annotations__", {}) for cls in holder.__mro__)
    if thing is MISSING:
        return None if declared and not one.parameters else "is not there"
    if not one.parameters:
        return "has parameters" if inspect.isfunction(thing) else None
    if not callable(thing):
        return "takes no parameters"
    found = parameters(thing)
    return None if found == one.parameters else f"has the parameters {found}"


def faults(text: str) -> list[str]:
    return [
        f"{one.module}: {one.owner or one.name} {one.name}: {why}"
        for one in told(text)
        if (why := fault(one))
    ]


def untold(text: str) -> list[str]:
    """Members of the classes on the page that it lacks, parameters of the class counted as told."""
    on_page = {(one.module, one.owner, one.name) for one in told(text)}
    found = []
    for one in told(text):
        cls = getattr(import_module(one.module), one.name, None) if not one.owner else None
        if not isinstance(cls, type):
            continue
        members = set(vars(cls)) | set(vars(cls).get("__annotations__", {}))
        quiet = set(dir(tuple)) | set(dir(pydantic.BaseModel)) | set(one.parameters.strip("()").split(", "))
        found += [
            f"{one.module}: {one.name}.{name}"
            for name in sorted(members - quiet)
            if not name.startswith("_") and (one.module, one.name, name) not in on_page
        ]
    return found


def imported() -> set[tuple[str, str]]:
    """What the lessons import of soilco2."""
    lines = [
        line
        for path in sorted((ROOT / "teaching" / "notebooks").glob("*.lesson"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from soilco2", "import soilco2"))
    ]
    nodes = [node for line in lines for node in ast.parse(line).body]
    assert all(isinstance(node, ast.ImportFrom) for node in nodes)
    return {(node.module or "", alias.name) for node in nodes for alias in node.names}  # type: ignore[attr-defined]


def test_every_name_on_the_page_is_there_with_its_parameters() -> None:
    assert len(told(page())) >= LEAST_NAMES
    assert not faults(page())
    assert f"`{GROUP}`" in page()
    assert isinstance(soilco2.__version__, str)


def test_classes_on_the_page_have_no_other_names() -> None:
    assert not untold(page())


def test_the_page_has_what_notebooks_use() -> None:
    on_page = {(one.module, one.name) for one in told(page()) if not one.owner}
    assert len(imported()) >= LEAST_IMPORTS
    assert imported() <= on_page
    used = {
        name
        for path in (ROOT / "teaching" / "notebooks").glob("*.lesson")
        for name in re.findall(r"\bnotebook\.(\w+)\(", path.read_text(encoding="utf-8"))
    }
    assert used <= {one.name for one in told(page()) if one.owner == "Notebook"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("`refuse(source, reason,", "`refuse(source, why,"),
        ("`open()`", "`open(port)`"),
        ("`Driver()`", "`Drivers()`"),
        ("`late`", "`later`"),
        ("`wait_ready(timeout_s)`", "`wait_ready`"),
        ("`GROUP`", "`GROUP()`"),
        ("`label`, ", "`labels`, "),
    ],
)
def test_the_rule_sees_what_is_wrong(old: str, new: str) -> None:
    assert old in page()
    assert faults(page().replace(old, new))


def test_the_rule_sees_what_is_left_out() -> None:
    assert untold(page().replace("`take()`, ", "")) == ["soilco2.ingest.drivers.driver: Pushed.take"]
    assert untold(page().replace("`contract`, ", "")) == [
        "soilco2.station_config.connections.kind: Kind.contract"
    ]
