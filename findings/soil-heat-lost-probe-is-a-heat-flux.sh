#!/usr/bin/env bash
# Library: soil-heat 0.1.3 (PyPI; Python 3.11), written for Campbell SoilVUE profiles.
# Input: six half hours at exactly 20 degC and 0.10 m3/m3 at 5, 10 and 20 cm, as its docstring asks
#   (T_5cm .., SM_5cm ..). Once with the 10 cm temperature missing (NaN) for one half hour, once with
#   the 10 cm water content 0.10 until a shower, 0.20 after it, the temperature unchanged.
# Expected: with nothing warming, the heat flux G is 0 throughout, and NaN where a probe is missing.
# Seen: the layers' heat contents, reckoned from 0 degC, are summed without the missing one, so its whole
#   heat counts as lost: G is -1166 W/m2, and +1166 W/m2 when the probe is back. Rain at the soil's own
#   temperature reads as +348 W/m2; with the same profile in kelvin the figure would be 15 times that.
# Meaning: the sun brings 1000 W/m2 at noon; one lost value makes two plausible-looking half hours of G
#   that close or break an energy balance, and their sum of zero hides them in daily means.
# Way round: blank G wherever any T or SM of the profile was missing in that or the previous row, and
#   use C dT/dz terms (mean heat capacity times temperature change) instead of differences of C T.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    soil-heat==0.1.3 numpy==2.4.6 pandas==2.3.3 scipy==1.17.1
cat > "$tmp/show.py" <<'EOF'
import contextlib
import io
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from soil_heat.soil_heat import calculate_soil_heat_storage

DEPTHS = [5, 10, 20]


def flux(change):
    times = pd.date_range("2026-06-01 12:00", periods=6, freq="30min")
    table = pd.DataFrame(index=times)
    for depth in DEPTHS:
        table[f"T_{depth}cm"] = 20.0
        table[f"SM_{depth}cm"] = 0.10
    change(table)
    with contextlib.redirect_stdout(io.StringIO()):
        return calculate_soil_heat_storage(table, DEPTHS)["G"].to_numpy()


def lose_probe(table):
    table.iloc[3, table.columns.get_loc("T_10cm")] = np.nan


def shower(table):
    table.iloc[3:, table.columns.get_loc("SM_10cm")] = 0.20


def kelvin_shower(table):
    shower(table)
    for depth in DEPTHS:
        table[f"T_{depth}cm"] += 273.15


print("soil-heat", version("soil-heat"))
steady, lost, rain, kelvin = flux(lambda table: None), flux(lose_probe), flux(shower), flux(kelvin_shower)
print("half hour      steady   10 cm T missing   shower   shower, T in kelvin")
for i in range(6):
    print(f"{i:9d} {steady[i]:11.1f} {lost[i]:17.1f} {rain[i]:8.1f} {kelvin[i]:21.1f}")
as_recorded = (
    np.all(steady[1:] == 0)
    and np.allclose(lost[1:], [0, 0, -1166.293, 1166.293, 0], atol=0.01)
    and np.allclose(rain[1:], [0, 0, 348.233, 0, 0], atol=0.01)
    and np.allclose(kelvin[3], rain[3] * 293.15 / 20, rtol=1e-6)
)
if as_recorded:
    print("STILL SO: a missing value and isothermal rain are reported as heat fluxes in W/m2.")
    sys.exit(0)
print("CHANGED: the fluxes are not as recorded.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
