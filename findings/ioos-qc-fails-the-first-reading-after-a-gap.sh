#!/usr/bin/env bash
# Library: ioos-qc 3.0.0 (PyPI; Python 3.11), QARTOD tests; here attenuated_signal_test, the QARTOD test
#   for a signal that has gone too smooth.
# Input: two days of half-hourly soil CO2 with a lively diurnal course (standard deviation far above both
#   thresholds), the station without power for six hours once; test period three hours, in seconds.
# Expected: all readings 1, pass; at most 2, not evaluated, where the window has too few readings.
# Seen: the first reading of the record and the first one after the gap get 4, fail. A rolling window
#   with one number in it has the standard deviation 0, which is below the fail threshold. Range instead
#   of standard deviation does the same. The docstring says that the returned array holds one single
#   value for all readings.
# Meaning: each restart of a station throws away its first good reading as bad, at stations with bad power
#   most of all; a rule "drop from fail to next pass" drops more.
# Way round: give min_obs (two or more); then the same readings are 2.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check ioos-qc==3.0.0 numpy==2.4.6 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from ioos_qc.qartod import attenuated_signal_test

times = pd.date_range("2026-06-01", periods=96, freq="30min")
kept = np.r_[0:40, 52:96]
times = times[kept]
co2 = 1500 + 400 * np.sin(2 * np.pi * kept / 48) + 30 * np.cos(kept)
settings = {"suspect_threshold": 5, "fail_threshold": 1, "test_period": 3 * 3600}


def odd_ones(**more):
    flags = attenuated_signal_test(co2, times.to_numpy(), **settings, **more)
    return {f"{times[i]:%d %H:%M}": int(flags[i]) for i in np.flatnonzero(np.asarray(flags) != 1)}


print("ioos-qc", version("ioos-qc"))
print(f"{len(co2)} readings, standard deviation {co2.std():.0f} ppm, suspect below 5, fail below 1")
print(f"gap between {times[39]:%d %H:%M} and {times[40]:%d %H:%M}")
by_std, by_range, with_minimum = odd_ones(), odd_ones(check_type="range"), odd_ones(min_obs=2)
print("not 1, standard deviation:", by_std)
print("not 1, range:             ", by_range)
print("not 1, min_obs=2:         ", with_minimum)
starts = ["01 00:00", "02 02:00"]
if by_std == by_range == dict.fromkeys(starts, 4) and with_minimum == dict.fromkeys(starts, 2):
    print("STILL SO: the first reading after each gap is failed as a flat signal.")
    sys.exit(0)
print("CHANGED: the flags are not as recorded.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
