#!/usr/bin/env bash
# Library: pedon 0.1.0 (PyPI; Python 3.11), soil water retention models.
# Input: a Brooks-Corey sand and water contents between residual and saturation, once as a Python float
#   (one reading), once as a one-element numpy array (the same reading as a series).
# Expected: Brooks.h(theta), documented as the inverse of theta(h), gives one suction for one water
#   content, and theta(h(theta)) returns theta: h = h_b ((theta - theta_r)/(theta_s - theta_r))^(-1/l).
# Seen: only the array is right. For a float the exponent is applied to the denominator alone, so the
#   suction rises with the water content, stays below the air-entry value, and theta(h) of it is
#   saturation: 0.10 m3/m3 is 384 cm as an array and 0.13 cm as a float.
# Meaning: a stream that converts each reading as it arrives says "saturated" for dry sand, while the
#   reprocessing of the same file says the opposite; no value is refused.
# Way round: always pass arrays, or check theta(h(theta)) == theta once at start.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check pedon==0.1.0 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import sys
from importlib.metadata import version

import numpy as np
from pedon import Brooks

sand = Brooks(k_s=500.0, theta_r=0.05, theta_s=0.40, h_b=15.0, l=0.6)
print("pedon", version("pedon"), sand)
print("theta    by the formula   as an array   as a float   theta(h) array   theta(h) float")
as_recorded = True
for theta in (0.10, 0.20, 0.30, 0.35):
    right = 15.0 * ((theta - 0.05) / 0.35) ** (-1 / 0.6)
    array = float(sand.h(np.array([theta]))[0])
    single = float(sand.h(theta))
    back_array = float(sand.theta(np.array([array]))[0])
    back_single = float(sand.theta(single))
    print(f"{theta:.2f} {right:17.3f} {array:13.3f} {single:12.3f} {back_array:16.3f} {back_single:16.3f}")
    wrong = 15.0 * (theta - 0.05) * 0.35 ** (1 / 0.6)
    as_recorded &= np.isclose(array, right) and np.isclose(back_array, theta)
    as_recorded &= np.isclose(single, wrong) and back_single == 0.40
if as_recorded:
    print("STILL SO: one reading as a float and as an array has two suctions; the float reads as saturated.")
    sys.exit(0)
print("CHANGED: float and array no longer differ as recorded.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" "$tmp/show.py"
