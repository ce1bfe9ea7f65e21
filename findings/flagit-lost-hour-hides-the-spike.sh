#!/usr/bin/env bash
# Library: flagit 0.3 (PyPI; Python 3.11), the quality control of the International Soil Moisture Network.
# Input: 96 hourly soil moistures around 12 % with one lone reading of 16 %, a spike by the package's test
#   D06 (Dorigo et al. 2013), given in %, which its limits are made for. Then the same series with one
#   other hour missing (NaN), as every telemetered record has.
# Expected: the spike is flagged D06 either way; a missing hour is at most "not tested" itself.
# Seen: any one NaN within 12 hours on either side switches the test off, and the spike gets G, "good",
#   not "untested": the variance of the 25 hours around wants all 25. The row of the lost hour is gone
#   from the result as well: 95 rows come back for 96. The same hour cut out of the table beforehand
#   leaves the spike flagged.
# Meaning: at a station that loses two scattered hours a day the spike test hardly runs at all, and the
#   share of G looks excellent.
# Way round: interpolate short gaps for the test only, then put NaN back; join the result by time.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    flagit==0.3 setuptools==80.9.0 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from flagit import flagit

SPIKE = 50
hours = np.arange(96)
noise = np.random.default_rng(0).normal(0, 0.02, 96)
times = pd.date_range("2026-06-01", periods=96, freq="h")


def flags_of_spike(lost=None, cut=None):
    values = np.round(12 + 0.2 * np.sin(hours / 24 * 2 * np.pi) + noise, 2)
    values[SPIKE] = 16.0
    if lost is not None:
        values[lost] = np.nan
    table = pd.DataFrame({"soil_moisture": values}, index=times)
    if cut is not None:
        table = table.drop(times[cut])
    result = flagit.Interface(table).run()
    return sorted(result.loc[times[SPIKE], "qflag"]), len(result)


print("flagit", version("flagit"))
seen = {"complete": flags_of_spike(), "row cut out, 5 h before": flags_of_spike(cut=SPIKE - 5)}
for shift in (-13, -12, -5, 5, 12, 13):
    seen[f"NaN {shift:+d} h from the spike"] = flags_of_spike(lost=SPIKE + shift)
for case, (flags, rows) in seen.items():
    print(f"{case:28s} spike flagged {','.join(flags):4s} rows returned {rows}")
recorded = {"complete": (["D06"], 96), "row cut out, 5 h before": (["D06"], 95)}
recorded |= {f"NaN {s:+d} h from the spike": (["G"] if abs(s) <= 12 else ["D06"], 95) for s in (-13, -12, -5, 5, 12, 13)}
if seen == recorded:
    print("STILL SO: one lost hour within 12 hours turns the spike from D06 into G.")
    sys.exit(0)
print("CHANGED: the flags are not as recorded.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
