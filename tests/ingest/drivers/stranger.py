"""A kind of connection in a distribution of its own: the one of docs/howto/add_a_driver.md, built and installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ingest.running import until
from tests.paths import ROOT

PAGE = ROOT / "docs" / "howto" / "add_a_driver.md"

TOP = """
[station]
id = "meadow"
name = "Meadow"
latitude = 37.1
longitude = -119.7
altitude_m = 400
timezone = "UTC"

[[profile]]
id = "p1"
[[profile.position]]
id = "d10"
depth_m = 0.10
"""

DATA = """\
time_utc,profile,depth_m,variable,value,unit
2022-06-01T00:00:00Z,p1,0.10,soil_temperature,18.3,degC
2022-06-01T00:00:00Z,p1,0.10,soil_water,0.21,m3/m3
"""


def blocks(language: str, page: Path = PAGE) -> list[str]:
    """The code of a page, in its order."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def install(folder: Path, project: str, files: dict[str, str], to: str = "site") -> Path:
    """Build a distribution and install it into a folder, which is returned."""
    source = folder / "source" / to
    for name, text in {"pyproject.toml": project, **files}.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--no-index", "--target", str(folder / to), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / to


def install_the_page(folder: Path) -> Path:
    """Install the distribution of the page."""
    kind, driver = blocks("python")
    files = {
        "soilco2_line_of_text/__init__.py": "",
        "soilco2_line_of_text/kind.py": kind,
        "soilco2_line_of_text/driver.py": driver,
    }
    return install(folder, blocks("toml")[0], files)


class Stranger:
    """A station that uses the kind, and commands in processes that know its distribution.

    Parameters
    ----------
    folder : Path
        For the station.
    *sites : Path
        Folders of installed distributions.
    """

    def __init__(self, folder: Path, *sites: Path) -> None:
        _, probe, station = blocks("toml")
        self.folder = folder
        self.file = folder / "station.toml"
        catalogue, tables = station.split("\n", 1)
        self.write(catalogue + TOP + tables)
        (folder / "probes").mkdir()
        (folder / "probes" / "two-in-one.toml").write_text(probe, encoding="utf-8")
        (folder / "data.csv").write_text(DATA, encoding="utf-8")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PYTHONPATH": os.pathsep.join(map(str, sites)),
            "PYTHONUNBUFFERED": "1",
            "SOILCO2_STATE": str(folder / "state"),
            "SOILCO2_CLOCK": "trusted",
            "LC_ALL": "C.UTF-8",
        }

    def write(self, text: str) -> None:
        """Write the station file."""
        self.text = text
        self.file.write_text(text, encoding="utf-8")

    def words(self, command: str, *options: str) -> list[str]:
        """The words of a command on the station."""
        return [sys.executable, "-m", "soilco2", command, str(self.file), *options]

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; none of them may show a traceback."""
        done = subprocess.run(
            self.words(command, *options),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def status(self) -> Any:
        """What ``status --json`` says."""
        done = self.run("status", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def started(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command while it runs; what it says on standard error is `said`."""
        with (self.folder / "log.txt").open("wb") as log:
            child = subprocess.Popen(
                self.words(command),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    def said(self) -> str:
        """The log of what was started."""
        return (self.folder / "log.txt").read_text(encoding="utf-8")

    def until_said(self, words: str) -> None:
        """Wait for words in the log."""
        until(lambda: words in self.said(), self.said)
