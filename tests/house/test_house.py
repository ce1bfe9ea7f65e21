"""The house itself: who imports whom, what the wheel holds, what must not be in the project."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from click.testing import CliRunner

from soilco2 import __version__
from soilco2.cli.main import COMMANDS, cli
from tests.house.tree import ROOMS, texts, tracked
from tests.paths import ROOT


def test_a_room_imports_only_from_lower_floors() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_is_imported_is_declared() -> None:
    """No module and no test leans on a package that is only there because another one needs it."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = told["project"], told["dependency-groups"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    declared = {
        re.split(r"[\[<>=; ]", one)[0].lower().replace("_", "-")
        for some in lists
        for one in some
        if isinstance(one, str)
    }
    owners = packages_distributions()
    missing = set()
    companions = {
        "pydantic_core": "pydantic",
        "IPython": "ipykernel",
        "nbformat": "nbclient",
    }  # two faces of one thing
    for path, text in texts():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(text)):
            names = (
                [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            )
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                if top in sys.stdlib_module_names or top in {"soilco2", "tests"} or top not in owners:
                    continue
                those = {companions.get(top, ""), *(one.lower().replace("_", "-") for one in owners[top])}
                if not those & declared:
                    missing.add(f"{path.relative_to(ROOT)}: {top}")
    assert not missing


def test_help_imports_nothing_heavier_than_click() -> None:
    code = (
        "import sys\n"
        "from soilco2.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "pydantic",
        "rich",
        "numpy",
        "pandas",
        "scipy",
        "paho",
        "serial",
        "influxdb_client",
        "starlette",
        "sqlite3",
    }
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    usage, rest = result.output.split("\n", 1)
    assert "Usage" in usage
    assert f"soilco2 {name}" in rest


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`{name}" in readme or f"soilco2 {name}" in readme, name


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in tracked():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" in target or target.startswith(("#", "mailto:")):
                continue
            if not (path.parent / target.split("#")[0]).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert not broken


def _modules() -> Iterator[tuple[str, str]]:
    """Path and text of every module in a room."""
    for path, text in texts():
        here = path.relative_to(ROOT)
        if path.suffix == ".py" and here.parts[0] in ROOMS:
            yield here.as_posix(), text


def test_modules_stay_small() -> None:
    lines = {name: text.count("\n") for name, text in _modules()}
    assert not {name: n for name, n in lines.items() if n > 500}


def test_functions_stay_small() -> None:
    """Sixty lines from ``def`` to the end, the docstring not counted."""
    long = {}
    for name, text in _modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                told = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
                lines = (node.end_lineno or 0) - node.lineno + 1
                if told is not None:
                    lines -= (told.end_lineno or 0) - told.lineno + 1
                if lines > 60:
                    long[f"{name}: {node.name}"] = lines
    assert not long


def test_no_machine_paths_and_no_package_hosts() -> None:
    forbidden = re.compile(
        r"/(?:work|root)/|\bpypi\.org|files\.pythonhosted|registry\.npmjs|proxy\.golang|crates\.io"
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path, text in texts()
        if path != Path(__file__)
        for match in [forbidden.search(text)]
        if match
    ]
    assert not found


def test_no_lock_file_and_no_minified_script() -> None:
    names = [path.name for path in tracked()]
    assert not [n for n in names if n in {"uv.lock", "poetry.lock", "package-lock.json"} or ".min." in n]


@cache
def _graph() -> grimp.ImportGraph:
    """Who imports whom, imports in functions and those for types counted."""
    return grimp.build_graph("soilco2", cache_dir=None)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = _graph()
    follows = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    order = TopologicalSorter(follows)
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_command_imports_another() -> None:
    """A command is a module of cli/commands, or a folder of them."""
    commands = "soilco2.cli.commands."
    crossing = [
        f"{name} -> {other}"
        for name in _graph().modules
        if name.startswith(commands)
        for other in _graph().find_modules_directly_imported_by(name)
        if other.startswith(commands) and other.split(".")[3] != name.split(".")[3]
    ]
    assert not crossing


def test_statements_number_no_placeholders() -> None:
    """From Python 3.12 on sqlite3 warns where numbered placeholders are filled from a sequence."""
    found = [
        name
        for name, text in _modules()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"[=,(<> ]\?\d", node.value)
    ]
    assert not found
