"""The Python example of the documents runs as it stands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from tests.paths import ROOT

HOWTO = ROOT / "docs" / "howto" / "analyse.md"


def test_the_notebook_example_runs(capsys: Any) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    times = pd.date_range("2026-05-01", periods=24 * 30, freq="1h", tz="Asia/Shanghai")
    rng = np.random.default_rng(1)
    wave = np.sin(2 * np.pi * (times.hour.to_numpy() - 9) / 24)
    table = pd.DataFrame(
        {
            "co2_10cm": 800 + 50 * wave + rng.normal(0, 9, times.size),
            "t_10cm": 20 + 8 * wave + rng.normal(0, 0.3, times.size),
            "w_10cm": 0.1 + 0.02 * np.sin(np.arange(times.size) / 90) + rng.normal(0, 0.002, times.size),
        },
        index=times,
    )
    names: dict[str, Any] = {"table": table}
    exec(compile(code, str(HOWTO), "exec"), names)
    assert "pearson_r" in capsys.readouterr().out
    assert len(names["rows"]) == len(names["found"].rows) > 0
    assert names["windows"]["q10"]
    assert names["pictures"][0].svg.startswith("<?xml")
