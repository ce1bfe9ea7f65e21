#!/usr/bin/env bash
# Library: pymannkendall 1.4.3 (PyPI; Python 3.11), the trend test of environmental series.
# Input: 400 series of 120 independent normal numbers (ten years of monthly means without any trend or
#   memory), and 400 with a lag-1 autocorrelation of 0.5; seeded.
# Expected: yue_wang_modification_test exists for autocorrelated data: it reckons an effective sample
#   size (Yue and Wang 2004) so that false trends become rarer. At alpha 0.05 white noise gives 5 %.
# Seen: as called by default it finds a trend in nearly half of the white-noise series, where the
#   uncorrected test finds 6 %. The correction sums the sample autocorrelation over all n - 1 lags, a
#   sum that is negative by construction, so the "corrected" variance is below the plain one in every
#   white-noise series: effective sample sizes of eight times n in the median.
# Meaning: the test chosen to be careful publishes a warming or a drift of a sensor that is not there.
# Way round: pass lag=1 (the AR(1) form of the paper), or a block bootstrap; never the default.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check pymannkendall==1.4.3 numpy==2.4.6 scipy==1.17.1
cat > "$tmp/show.py" <<'EOF'
import sys
from importlib.metadata import version

import numpy as np
import pymannkendall as mk

SERIES, LENGTH = 400, 120
rng = np.random.default_rng(20260601)


def series(memory):
    noise = rng.standard_normal(LENGTH + 200)
    values = np.zeros_like(noise)
    for i in range(1, len(noise)):
        values[i] = memory * values[i - 1] + noise[i]
    return values[200:]


print("pymannkendall", version("pymannkendall"))
rates = {}
for memory in (0.0, 0.5):
    plain = default = lag_one = smaller = 0
    inflation = []
    for _ in range(SERIES):
        x = series(memory)
        original, corrected = mk.original_test(x), mk.yue_wang_modification_test(x)
        plain += bool(original.h)
        default += bool(corrected.h)
        lag_one += bool(mk.yue_wang_modification_test(x, lag=1).h)
        smaller += bool(corrected.var_s < original.var_s)
        inflation.append(original.var_s / corrected.var_s)
    rates[memory] = plain / SERIES, default / SERIES, lag_one / SERIES, smaller / SERIES, float(np.median(inflation))
    print(
        f"autocorrelation {memory}: false trends at 5 %: plain test {rates[memory][0]:.1%}, "
        f"Yue-Wang by default {rates[memory][1]:.1%}, lag=1 {rates[memory][2]:.1%}"
    )
    print(f"    variance smaller than uncorrected in {rates[memory][3]:.1%}; effective size / n, median {rates[memory][4]:.1f}")
white = rates[0.0]
if white[0] < 0.08 and white[1] > 0.40 and white[3] == 1.0 and white[4] > 3 and rates[0.5][1] > rates[0.5][0]:
    print("STILL SO: the correction for autocorrelation makes false trends several times more frequent.")
    sys.exit(0)
print("CHANGED: the corrected test no longer behaves as recorded.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
