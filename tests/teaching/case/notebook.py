"""The drills on real lines and nodes, and what status and series of each must show."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from soilco2.teaching.case.drills import CO2, FILE, SOIL, described, drills
from soilco2.teaching.case.notebook import Notebook
from soilco2.teaching.case.work_folder import Work


def run_drills(work: Work, letters: str) -> None:
    """Run drills of a folder of seed 5, all at a time as a class would, and look at what they show."""
    notebook = Notebook(work, "station")
    notebook.write(FILE, described(work.context()))
    with ThreadPoolExecutor(len(letters)) as threads:
        series = dict(zip(letters, threads.map(notebook.bench, letters), strict=True))
    drill = drills(work.context())
    assert [one.kind for one in drill.values()] == [
        "address-clash", "stuck", "brown-out", "drift", "clock-reset",
    ]  # fmt: skip
    said = {
        name: (work.path / f"station/run-{name}/said.txt").read_text(encoding="utf-8") for name in letters
    }
    for name, text in said.items():
        assert ("clash" in text) == (name == "a"), name
    if "a" in said:
        assert f"{drill['a'].where} (" in said["a"]
    if "b" in said:
        depth = next(z for name, _, z in CO2 if name == drill["b"].where)
        stuck = series["b"][(series["b"]["variable"] == "co2") & (series["b"]["depth_m"] == depth)]
        assert stuck["value"].dropna().tail(25).nunique() == 1
    if "c" in said:
        assert "device_back" in said["c"]
        assert "pressure_setpoint = 1013.25 hPa but the station file says 964" in said["c"]
    if "d" in said:
        assert "rejected 0" in said["d"]
        # on a loaded machine a simulated probe may be late once; a drift is no error of any kind
        assert not re.search(r"errors: (?!\d+ silence\n)", said["d"]), said["d"]
        days = series["d"].groupby([series["d"]["time_utc"].dt.date, "depth_m", "variable"])["value"].mean()
        days = days.unstack([1, 2]).iloc[:-1]
        climbed = days.iloc[-1] / days.iloc[0]
        depth = next(z for name, _, z in (*CO2, *SOIL) if name == drill["d"].where)
        assert climbed[depth].max() > 1.15
        assert climbed.drop(index=depth, level=0).max() < 1.15
    if "e" in said:
        assert f"{drill['e'].where}: in " in said["e"]
        assert "1970-01-01" in said["e"], "why they were not taken"
        late = series["e"][series["e"]["time_utc"] > "2022-06-02T12:00Z"]
        silent = next(z for name, _, z in SOIL if name == drill["e"].also)
        assert silent not in set(late["depth_m"])
