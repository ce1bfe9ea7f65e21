#!/usr/bin/env bash
# cftime 1.6.6.1 (the date reader under netCDF4-python, iris and xarray), cf-units 3.3.1, xarray 2026.9.0.
# Needs bash, python3.
# Valid input: the reference time printed as the example in CF Conventions, section 4.4:
# "seconds since 1992-10-8 15:15:42.5 -6:00", which CF itself explains as six hours west of Greenwich.
# Expected: 1992-10-08 21:15:42.5 UTC from every reader.
# Seen: cftime drops a zone whose hour has one digit ("-6:00"; "-06:00" is honoured) and answers 15:15:42.5.
# One library then gives two answers six hours apart: xarray by default and with use_cftime=True, cf-units by
# convert() (UDUNITS) and by num2date() (cftime).
# For a soil station: a file in local standard time is shifted by the zone, or not, depending on the call.
# Way round: write reference times in UTC ("...T00:00:00Z"), or the zone with two digits; check the first stamp.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check cftime==1.6.6.1 cf-units==3.3.1 xarray==2026.9.0 numpy==2.4.6
cat > "$d/t.py" <<'PY'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import cf_units
import cftime
import numpy as np
import xarray as xr

print({p: version(p) for p in ("cftime", "cf-units", "xarray")})


def answers(units):
    ds = xr.Dataset({"time": ("time", [0.0, 60.0], {"units": units})})
    unit = cf_units.Unit(units, calendar="standard")
    epoch = cf_units.Unit("seconds since 1970-01-01 00:00:00", calendar="standard")
    late = xr.decode_cf(ds, decode_times=xr.coders.CFDatetimeCoder(use_cftime=True))
    return {
        "cf-units convert": str(np.datetime64(round(unit.convert(0.0, epoch) * 1000), "ms")),
        "cf-units num2date": unit.num2date(0).strftime("%Y-%m-%dT%H:%M:%S"),
        "cftime num2date": cftime.num2date(0, units).strftime("%Y-%m-%dT%H:%M:%S"),
        "xarray default": str(xr.decode_cf(ds).time.values[0]),
        "xarray use_cftime": late.time.values[0].strftime("%Y-%m-%dT%H:%M:%S"),
    }


UTC, LOCAL = "1992-10-08T21:15:42", "1992-10-08T15:15:42"
two = answers("seconds since 1992-10-8 15:15:42.5 -06:00")
one = answers("seconds since 1992-10-8 15:15:42.5 -6:00")
for name in one:
    print(f"{name:18} zone -06:00: {two[name][:21]:21}  zone -6:00 (CF example): {one[name][:21]}")
assert all(v.startswith(UTC) for v in two.values()), "the two-digit zone is no longer read by all five"
right = {n for n, v in one.items() if v.startswith(UTC)}
wrong = {n for n, v in one.items() if v.startswith(LOCAL)}
if right != {"cf-units convert", "xarray default"} or wrong != set(one) - right:
    sys.exit("CHANGED: the zone of the CF example is no longer dropped by cftime alone.")
print("STILL SO: the example of the CF Conventions is read six hours apart, within xarray and within cf-units.")
PY
"$d/venv/bin/python" "$d/t.py"
