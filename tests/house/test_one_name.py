"""One import name: what is built, what is installed, and what a folder of a learner's own modules cannot break."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbclient
import nbformat
import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from tests.house.tree import ROOMS, tracked
from tests.paths import ROOT

OWN = {"src/soilco2/__init__.py", "src/soilco2/__main__.py", "src/soilco2/py.typed"}
DATA = {
    "soilco2/dashboards/live/static/app.js",
    "soilco2/teaching/data/neon_sjer_2022_06/soil_co2.csv.gz",
    "soilco2/teaching/questions/bank/facts/basics.toml",
    "soilco2/station_config/catalogue/vaisala-gmp252.toml",
}


def _wheel(project: Path, folder: Path) -> Path:
    (made,) = WheelBuilder(str(project)).build(directory=str(folder), versions=["standard"])
    return Path(made)


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def _expected() -> set[str]:
    inside = {path.relative_to(ROOT) for path in tracked() if not path.is_symlink()}
    rooms = {f"soilco2/{path}" for path in inside if path.parts[0] in ROOMS}
    return rooms | {name.removeprefix("src/") for name in OWN}


def _runs(folder: Path, tmp_path: Path) -> None:
    """What was unpacked in a folder is what ``python -m soilco2`` starts."""
    code = "import soilco2, sys; print(soilco2.__file__)"
    for words in (["-c", code], ["-m", "soilco2", "--help"]):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(folder)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert str(folder) in done.stdout or "soilco2 [OPTIONS] COMMAND" in done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_one_top_with_every_file_of_the_rooms(wheel: Path, tmp_path: Path) -> None:
    assert _names(wheel) == _expected()
    assert _names(wheel) >= DATA
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    _runs(tmp_path / "unpacked", tmp_path)


def test_the_wheel_of_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    (sdist,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert {name for name in names if name.startswith("src/")} == OWN
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again = _wheel(unpacked, tmp_path / "again")
    assert _names(again) == _names(wheel)
    with zipfile.ZipFile(again) as archive:
        archive.extractall(tmp_path / "run")
    _runs(tmp_path / "run", tmp_path)


def _as_text(link: Path, copy: Path) -> None:
    copy.write_text(str(link.readlink()), encoding="utf-8")


def _left_out(link: Path, copy: Path) -> None:
    pass


@pytest.mark.parametrize("links", [_as_text, _left_out])
def test_a_copy_without_links_installs(
    links: Callable[[Path, Path], None], wheel: Path, tmp_path: Path
) -> None:
    """A clone with ``core.symlinks=false`` holds each link as a line of text; some archives leave them out."""
    project = tmp_path / "project"
    for path in tracked():
        copy = project / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            links(path, copy)
        else:
            shutil.copy(path, copy)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", "there", "./project"], cwd=tmp_path, check=True)
    found = {str(p.relative_to(tmp_path / "there")) for p in (tmp_path / "there" / "soilco2").rglob("*.*")}
    assert {name for name in found if not name.endswith(".pyc")} == {n for n in _names(wheel) if "." in n}
    _runs(tmp_path / "there", tmp_path)


def test_installed_for_development_the_rooms_have_no_other_name(tmp_path: Path) -> None:
    for room in ROOMS:
        done = subprocess.run(
            [sys.executable, "-c", f"import soilco2.{room}; import {room}"],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert f"No module named '{room}'" in done.stderr, room


def test_no_module_and_no_test_imports_a_room_by_its_bare_name() -> None:
    """Beside the repository's folders ``import ingest`` would work, and make each module twice."""
    import ast

    bare = []
    for path in tracked():
        if path.suffix != ".py" or path.is_symlink():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            bare += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in ROOMS]
    assert not bare


@pytest.fixture
def learners_folder(tmp_path: Path) -> Path:
    """A folder whose owner wrote modules of the rooms' names, none of which may be imported."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("analysis", "quality", "storage", "ingest"):
        (folder / f"{name}.py").write_text('raise SystemExit("a module of the learner was imported")\n')
    shutil.copy(ROOT / "teaching" / "demo" / "sjer.toml", folder)
    return folder


def test_the_command_works_beside_modules_of_a_rooms_name(
    learners_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOILCO2_STATE", str(learners_folder / "state"))
    for words in (
        ["--help"],
        ["check", "sjer.toml"],
        ["analyse", "audit", "--help"],
        ["status", "sjer.toml"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "soilco2", *words], cwd=learners_folder, capture_output=True, text=True
        )
        assert "learner" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode == (2 if words[0] == "status" else 0), done.stderr  # no journal there yet


def test_a_notebook_works_beside_modules_of_a_rooms_name(learners_folder: Path) -> None:
    book = nbformat.v4.new_notebook()
    book.cells = [
        nbformat.v4.new_code_cell(
            "import soilco2.analysis.flux.job, soilco2.storage.journal.reader, soilco2.quality.pipeline\n"
            "import soilco2.ingest.simulate.measured, soilco2.teaching.case.notebook\n"
            "print(soilco2.__version__)"
        )
    ]
    client = nbclient.NotebookClient(
        book, timeout=100, resources={"metadata": {"path": str(learners_folder)}}
    )
    client.execute()
    assert book.cells[0].outputs[0].text.count(".") == 2


def _modules() -> int:
    own = sum(path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ROOMS for path in tracked())
    return own + sum(name.endswith(".py") for name in OWN)


def test_mypy_checks_each_file_once() -> None:
    done = subprocess.run([sys.executable, "-m", "mypy", "-v"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("Success"), done.stdout
    found = re.findall(r"Found source: .*path='([^']*\.py)'", done.stderr)
    assert len({(ROOT / name).resolve() for name in found}) == len(found) == _modules()


def test_coverage_reports_each_file_once(tmp_path: Path) -> None:
    measured = os.environ | {"COVERAGE_FILE": str(tmp_path / "data")}
    tool = [sys.executable, "-m", "coverage"]
    subprocess.run(
        [*tool, "run", "-m", "soilco2", "--help"], cwd=ROOT, env=measured, capture_output=True, check=True
    )
    subprocess.run([*tool, "combine", "-q"], cwd=ROOT, env=measured, check=True)
    subprocess.run(
        [*tool, "json", "-q", "-o", str(tmp_path / "out.json")], cwd=ROOT, env=measured, check=True
    )
    files = json.loads((tmp_path / "out.json").read_text())["files"]
    assert len({(ROOT / name).resolve() for name in files}) == len(files) == _modules()
