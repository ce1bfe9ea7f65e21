#!/usr/bin/env bash
# Library: soil-heat 0.1.3 (PyPI; Python 3.11): one function's output is the next one's input.
# Input: an exact diurnal wave in a uniform soil of thermal diffusivity 5e-7 m2/s; the amplitudes at 5 and
#   10 cm, which give the diffusivity back (Carslaw and Jaeger), and a water content of 0.10 m3/m3.
# Expected: thermal_conductivity() returns W m-1 K-1, as its docstring says: diffusivity times heat
#   capacity, about 1.08 here; its own example prints 0.29 and 0.54. soil_heat_flux() then gives W/m2.
# Seen: the heat capacity used inside is in kJ m-3 K-1, so the conductivity is 0.00108: a thousand times
#   too small, and the flux for 5 K over 5 cm is 0.11 instead of 108 W/m2. The docstring's example gives
#   0.0003 and 0.0004.
# Meaning: a soil heat flux that is zero for all purposes is not refused by any range test; the energy
#   balance just fails to close by the whole of G.
# Way round: multiply by 1000, or multiply the diffusivity by a heat capacity in J m-3 K-1 oneself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    soil-heat==0.1.3 numpy==2.4.6 pandas==2.3.3 scipy==1.17.1
cat > "$tmp/show.py" <<'EOF'
import math
import sys
from importlib.metadata import version

import numpy as np
from soil_heat.soil_heat import soil_heat_flux, thermal_conductivity, thermal_diffusivity_amplitude

DIFFUSIVITY, DAY, WATER = 5e-7, 86400.0, 0.10
damping = math.sqrt(DIFFUSIVITY * DAY / math.pi)
upper, lower = (10 * math.exp(-z / damping) for z in (0.05, 0.10))
found = thermal_diffusivity_amplitude(upper, lower, 0.05, 0.10)
conductivity = thermal_conductivity(found, WATER)
flux = soil_heat_flux(25.0, 20.0, 0.05, 0.10, conductivity)
# dry soil 1.942 and water 4.186 MJ m-3 K-1, the constants named in the package
right = DIFFUSIVITY * ((1 - WATER) * 1.942e6 + WATER * 4.186e6)
example = thermal_conductivity(np.array([1.4e-7, 1.6e-7]), np.array([0.10, 0.25]))
print("soil-heat", version("soil-heat"))
print(f"diffusivity found      {found:.3e} m2/s, put in {DIFFUSIVITY:.3e}")
print(f"conductivity returned  {conductivity:.6f}, by hand {right:.3f} W m-1 K-1")
print(f"flux for 5 K in 5 cm   {flux:.3f}, by hand {right * 5 / 0.05:.1f} W m-2")
print(f"docstring's example    {example[0]:.6f} {example[1]:.6f}, printed there 0.29 0.54")
if math.isclose(found, DIFFUSIVITY, rel_tol=1e-9) and math.isclose(conductivity * 1000, right, rel_tol=1e-6):
    print("STILL SO: the conductivity, and every flux made from it, is a thousand times too small.")
    sys.exit(0)
print("CHANGED: the conductivity is no longer a thousand times too small.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" -W ignore "$tmp/show.py"
