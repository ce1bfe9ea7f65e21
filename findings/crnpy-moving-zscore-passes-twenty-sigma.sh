#!/usr/bin/env bash
# Library: crnpy 0.8.0 (PyPI; Python 3.11), cosmic-ray neutron soil moisture; is_outlier() is its filter.
# Input: 101 hourly counts of mean 1000 and standard deviation 10 (seeded), one of them raised by 100,
#   200 and 100000: 10, 20 and 10000 standard deviations.
# Expected: method "movzscore" calls a value an outlier beyond 3 standard deviations; twenty are found.
# Seen: with its own default window of 11 neither of the first two is found. The value under test is part
#   of the mean and of the standard deviation, and for n values no z-score can exceed (n-1)/sqrt(n):
#   3.015 for 11, so only the wildest spike passes the limit of 3; with a window of 9 (2.667) or less
#   nothing at all is ever flagged, not even 10000 standard deviations.
# Meaning: the filter reports a clean record and thins nothing out; a smaller window, chosen to react
#   faster, switches the test off.
# Way round: method "scaled_mad" or "modified_zscore", or a window of 25 and more; put a spike of known
#   size into the data and see whether the filter finds it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check crnpy==0.8.0 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from crnpy import crnpy

SPIKE_AT = 50
print("crnpy", version("crnpy"))
print("spike [sigma]   movzscore, default window   window 9   window 31   scaled_mad")
seen = {}
for sigmas in (10, 20, 10000):
    counts = pd.Series(np.random.default_rng(5).normal(1000.0, 10.0, 101))
    counts.iloc[SPIKE_AT] = 1000.0 + 10.0 * sigmas
    seen[sigmas] = [
        bool(flags.iloc[SPIKE_AT])
        for flags in (
            crnpy.is_outlier(counts, "movzscore"),
            crnpy.is_outlier(counts, "movzscore", window=9),
            crnpy.is_outlier(counts, "movzscore", window=31),
            crnpy.is_outlier(counts, "scaled_mad"),
        )
    ]
    words = ["found" if hit else "missed" for hit in seen[sigmas]]
    print(f"{sigmas:13d} {words[0]:>27s} {words[1]:>10s} {words[2]:>11s} {words[3]:>12s}")
print("largest possible z-score:", {n: round((n - 1) / n**0.5, 3) for n in (9, 11, 31)})
recorded = {
    10: [False, False, True, True],
    20: [False, False, True, True],
    10000: [True, False, True, True],
}
if seen == recorded:
    print("STILL SO: the default window cannot see a spike of 20 sigma, a shorter one cannot see any.")
    sys.exit(0)
print("CHANGED: other spikes are found than recorded:", seen)
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
