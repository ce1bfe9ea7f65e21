#!/usr/bin/env bash
# Library: pecos 1.0.0 (PyPI; Python 3.11), quality control of monitoring time series.
# Input: 200 half-hourly CO2 readings, all present, in order; only the first is stamped 3 seconds early,
#   as when a logger sets its clock after its first scan. check_timestamp(1800), as in its manual.
# Expected: a test looks and flags; at most one odd stamp is reported and all 200 readings are still there.
# Seen: the expected times are counted from the first stamp, to the second, and the table is reindexed to
#   them in place: 199 of 200 readings turn into NaN and are reported as "Missing timestamp". The same
#   early stamp on the second reading costs one reading. exact_times=False loses none.
# Meaning: a quality test erases the record it was given; what follows (range, increment, missing) finds
#   nothing wrong, because nothing is left, and a written "cleaned" file is empty.
# Way round: exact_times=False, or round the stamps to the interval before; compare the number of values
#   before and after each quality step.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check pecos==1.0.0 numpy==2.4.6 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import logging
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pecos

logging.disable(logging.CRITICAL)


def readings_left(early, **options):
    times = pd.date_range("2026-06-01", periods=200, freq="30min").to_series()
    if early is not None:
        times.iloc[early] -= pd.Timedelta(seconds=3)
    table = pd.DataFrame({"co2": 1000.0 + np.arange(200)}, index=pd.DatetimeIndex(times))
    monitor = pecos.monitoring.PerformanceMonitoring()
    monitor.add_dataframe(table)
    monitor.check_timestamp(1800, **options)
    monitor.check_range([0, 60000])
    flags = sorted(set(monitor.test_results["Error Flag"])) if len(monitor.test_results) else []
    return int(monitor.df["co2"].notna().sum()), flags


print("pecos", version("pecos"))
cases = {
    "all stamps on the half hour": readings_left(None),
    "first stamp 3 s early": readings_left(0),
    "second stamp 3 s early": readings_left(1),
    "first stamp 3 s early, exact_times=False": readings_left(0, exact_times=False),
}
for name, (count, flags) in cases.items():
    print(f"{name:42s} readings left {count:3d} of 200, reported: {', '.join(flags) or 'nothing'}")
counts = [count for count, _ in cases.values()]
if counts == [200, 1, 199, 200]:
    print("STILL SO: three seconds on the first stamp cost 199 of 200 readings.")
    sys.exit(0)
print("CHANGED: readings left", counts)
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
