"""Print the lowest versions that pyproject.toml allows for its own dependencies, as constraints for pip.

Use: python tools/lowest.py EXTRA... > FILE. Asked is the pip of the Python that runs this, so a version has a wheel for
it. Test tools have the versions of constraints.txt; what needs no certain version is left free, and so is what only
others need.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def requirements(project: dict[str, Any], extras: Sequence[str]) -> Iterator[str]:
    """What the project and some of its extras need, extras of extras included."""
    yield from project["dependencies"]
    for extra in extras:
        for one in project["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{project['name']}\[(.+)\]", one)
            if own is None:
                yield one
            else:
                yield from list(requirements(project, own[1].split(",")))[len(project["dependencies"]) :]


def bounds(lines: Iterable[str]) -> dict[str, str]:
    """Lower bounds by name; empty for what has none."""
    found = {}
    for line in lines:
        told = re.fullmatch(r"([\w.-]+)(?:\[.*\])?(?:>=([\d.]+))?(?:,<.*)?", line)
        if told is None:
            raise SystemExit(
                f"pyproject.toml: {line!r} has no lower bound that this can read; write name>=version"
            )
        found[told[1].lower()] = told[2] or ""
    return found


def number(version: str) -> tuple[int, ...]:
    """A release for comparing: 2 and 2.0.0 are the same."""
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def lowest(bound: str, releases: Sequence[str]) -> str:
    """The lowest release that a bound allows; previews do not count."""
    allowed = [one for one in releases if re.fullmatch(r"[\d.]+", one) and number(one) >= number(bound)]
    if not allowed:
        raise SystemExit(f"no release from {bound} on has a wheel for this Python")
    return min(allowed, key=number)


def releases(name: str) -> list[str]:
    """Versions of a package that have a wheel for this Python."""
    tool = [sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions", "--json"]
    done = subprocess.run([*tool, "--only-binary", ":all:", name], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"pip does not tell the versions of {name}: {done.stderr.strip()}")
    found: list[str] = json.loads(done.stdout)["versions"]
    return found


def constraints(extras: Sequence[str], ask: Callable[[str], Sequence[str]] = releases) -> list[str]:
    """The lines of the file."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    own = bounds(requirements(told["project"], extras))
    lines = [f"{name}=={lowest(bound, ask(name))}" for name, bound in sorted(own.items()) if bound]
    tools = bounds(told["dependency-groups"]["test-base"]).keys() - own.keys()
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return lines + [line for line in pinned if line.split("==")[0] in tools]


if __name__ == "__main__":
    print("\n".join(constraints(sys.argv[1:])))
