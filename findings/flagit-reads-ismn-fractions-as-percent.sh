#!/usr/bin/env bash
# Libraries: ismn 1.5.4, which reads the files of the International Soil Moisture Network, and flagit 0.3,
#   the network's own quality control (PyPI; Python 3.11); the table of one is the input of the other.
# Input: an ISMN "header and values" file (.stm), whose soil moisture is in m3/m3 by the network's own
#   definition: 0.12 with three impossible readings, 0.70, 0.95 and -0.01.
# Expected: test C02, printed by flagit itself as "soil moisture > 0.60 m3/m3", flags 0.70 and 0.95; the
#   threshold table, too, says that its unit is m3/m3.
# Seen: both get G, "good"; only the negative one is flagged. The limit in the code is 60, so it wants per
#   cent; with the same table times 100 both are C02. No name, column or argument holds a unit.
# Meaning: a probe in water or with a broken calibration passes the network's own range test when the
#   network's own reader delivers it; the break test's absolute step of 1 is as blind.
# Way round: multiply by 100 before flagit, and put one value of 0.95 m3/m3 through the chain as a test.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    ismn==1.5.4 flagit==0.3 setuptools==80.9.0 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import contextlib
import io
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from flagit import flagit
from ismn.interface import ISMN_Interface

WRONG = {20: 0.70, 30: 0.95, 40: -0.01}
times = pd.date_range("2026-06-01", periods=72, freq="h")
values = 0.12 + 0.002 * np.sin(np.arange(72) / 24 * 2 * np.pi)
for row, value in WRONG.items():
    values[row] = value
folder = Path(sys.argv[1]) / "archive" / "NET" / "DUNE"
folder.mkdir(parents=True)
lines = ["NET NET DUNE 38.0000 109.7000 1200.00 0.0500 0.0500 PROBE"]
lines += [f"{time:%Y/%m/%d %H:%M} {value:.4f} U M" for time, value in zip(times, values, strict=True)]
(folder / "NET_NET_DUNE_sm_0.050000_0.050000_PROBE_20260601_20260603.stm").write_text("\n".join(lines) + "\n")

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    archive = ISMN_Interface(folder.parents[1], parallel=False)
    table = archive.read_ts(archive.get_dataset_ids("soil_moisture")[0])[["soil_moisture"]]


def flags(data):
    result = flagit.Interface(data.copy()).run(name=["C01", "C02", "G"])
    return [",".join(sorted(result.loc[times[row], "qflag"])) for row in WRONG]


print("ismn", version("ismn"), " flagit", version("flagit"))
with contextlib.redirect_stdout(io.StringIO()) as printed:
    flagit.Interface(table.copy()).get_flag_description()
print("flagit says:", next(line.strip() for line in printed.getvalue().splitlines() if line.startswith("C02")))
as_read, as_percent = flags(table), flags(table * 100)
for i, (row, value) in enumerate(WRONG.items()):
    read = table.loc[times[row], "soil_moisture"]
    print(f"written {value:5.2f} m3/m3, read as {read:5.2f}, flagged {as_read[i]:3s}; times 100 flagged {as_percent[i]}")
if as_read == ["G", "G", "C01"] and as_percent == ["C02", "C02", "C01"]:
    print("STILL SO: 0.70 and 0.95 m3/m3 are good soil moisture to the network's own range test.")
    sys.exit(0)
print("CHANGED: flagged", as_read, "and, times 100,", as_percent)
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py" "$tmp"
