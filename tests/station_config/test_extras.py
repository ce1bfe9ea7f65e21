"""What is said about a missing extra can be done, and is said in Chinese too."""

from __future__ import annotations

import re
import tomllib

from soilco2.station_config.extras import how_to_add
from soilco2.station_config.message import translate
from tests.house.tree import ROOMS
from tests.paths import ROOT


def test_every_extra_that_is_named_is_one_and_its_sentence_is_known_in_chinese() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    named = {
        name
        for path in sources
        for name in re.findall(r"how_to_add\([\"'](\w+)", path.read_text(encoding="utf-8"))
    }
    assert (
        named
        == {"analysis", "cluster", "dashboard", "documents", "files", "gpio", "notebooks", "sftp"}
        <= set(extras)
    )
    for name in named:
        said = translate(how_to_add(name), "zh")
        assert said.endswith(f"pip install -c constraints.txt '.[{name}]'")
        assert "文件夹" in said
    assert (ROOT / "constraints.txt").is_file()


def test_nobody_is_sent_to_a_package_that_is_not_published() -> None:
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(p for room in ROOMS for p in (ROOT / room).rglob("*.py")),
    ]
    for path in pages:
        assert not re.search(r"pip install '?soilco2", path.read_text(encoding="utf-8")), path
