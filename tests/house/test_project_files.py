"""The files that other programs read of the project: citation, hooks, forms, workflow, container."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.paths import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
KINDS_OF_FIELD = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def targets() -> set[str]:
    """What can be made."""
    found = re.findall(r"^([\w./ -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return {name for line in found for name in line.split()}


def test_the_citation_is_that_of_this_version() -> None:
    """The keys that Citation File Format 1.2.0 requires, an entity as author, and what pyproject.toml says."""
    told = read("CITATION.cff")
    assert told["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(told)
    assert told["authors"] == [{"name": "soilco2 contributors"}]
    assert (told["version"], told["license"]) == (PROJECT["version"], PROJECT["license"])
    assert told["keywords"] == PROJECT["keywords"]


def test_hooks_are_the_checks_of_make_lint() -> None:
    (source,) = read(".pre-commit-config.yaml")["repos"]
    assert source["repo"] == "local"
    entries = [hook["entry"].split()[0] for hook in source["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert lint is not None
    assert entries == re.findall(r"\$\(BIN\)/(\S+)", lint[1].replace("$(BIN)/", "$(BIN)/.venv/bin/"))
    assert {hook["language"] for hook in source["hooks"]} == {"system"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_can_be_shown(path: Any) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert form == {"blank_issues_enabled": False}
        return
    assert {"name", "description", "body"} <= set(form)
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in form["body"]} <= KINDS_OF_FIELD
    ids = [field["id"] for field in asked]
    assert len(ids) == len(set(ids))
    assert all(field["attributes"]["label"] for field in asked)
    assert any(field["validations"]["required"] for field in asked if "validations" in field)


def test_the_form_for_a_probe_asks_what_a_catalogue_file_needs() -> None:
    assert len(FORMS) == 4
    ids = {field.get("id") for field in read(".github/ISSUE_TEMPLATE/probe.yml")["body"]}
    assert {"model", "manual", "registers", "frames"} <= ids


def test_the_workflow_runs_the_supported_pythons() -> None:
    """From the lowest that is allowed; its commands can be made, and the page says which of them have run."""
    job = read(".github/workflows/tests.yml")["jobs"]["tests"]
    pythons = job["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == f">={pythons[0]}"
    assert {step["run"].removeprefix("make ") for step in job["steps"] if "run" in step} <= targets()
    page = (ROOT / "docs" / "reference" / "platforms.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (3\.\d+) \|", page, re.MULTILINE) == pythons


def test_the_container_makes_what_can_be_made() -> None:
    told = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert told["postCreateCommand"].removeprefix("make ") in targets()
    assert ":3.11" in told["image"]
