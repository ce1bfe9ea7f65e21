"""The command, as a user of the cases runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def soilco2(*words: str | Path) -> str:
    """What the command prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "soilco2", *map(str, words)],
        env=os.environ | {"SOILCO2_CLOCK": "trusted"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
