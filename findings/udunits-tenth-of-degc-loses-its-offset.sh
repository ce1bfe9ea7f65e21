#!/usr/bin/env bash
# cf-units 3.3.1 (brings UDUNITS-2) and compliance-checker 6.1.0. Needs bash, python3.
# Valid input: a soil temperature kept as whole tenths, units "0.1 degC": by the UDUNITS grammar a number before a
# unit scales it, CF allows what UDUNITS reads, and the checker passes the file with no error.
# Expected: 215 of "0.1 degC" is 21.5 degC = 294.65 K, the same as 215 of "ddegC" (deci, the prefix).
# Seen: multiplying an offset unit by a number takes the zero point away: 215 becomes 21.5 K, which is -251.65 degC.
# Even "1 degC" is no longer degC. The prefix form keeps the zero point.
# For a soil station: temperatures come out 273.15 too low; if they only feed a difference, nobody sees it.
# Way round: units "degC" with scale_factor 0.1 as attribute; never a factor inside the units of a temperature.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check cf-units==3.3.1 compliance-checker==6.1.0 netCDF4==1.7.5.1.post1 numpy==2.4.6
cat > "$d/t.py" <<'PY'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import cf_units
import netCDF4

print({p: version(p) for p in ("cf-units", "compliance-checker")})
seen = {}
for units, value in [("degC", 21.5), ("ddegC", 215.0), ("0.1 degC", 215.0), ("1 degC", 21.5)]:
    seen[units] = cf_units.Unit(units).convert(value, "K")
    print(f'{value:6} "{units}" -> {seen[units]:.2f} K')
assert abs(seen["degC"] - 294.65) < 1e-9 and abs(seen["ddegC"] - 294.65) < 1e-6, "degC itself changed"

with netCDF4.Dataset(sys.argv[1], "w") as nc:
    nc.setncatts({k: "x" for k in ("title", "institution", "source", "history", "references", "comment")})
    nc.Conventions, nc.featureType = "CF-1.11", "timeSeries"
    nc.createDimension("time", 2)
    nc.createDimension("length", 2)

    def add(name, kind, dims, values, **attributes):
        v = nc.createVariable(name, kind, dims)
        v.setncatts(attributes)
        v[:] = values

    add("time", "f8", ("time",), [0, 1], units="hours since 2026-11-30 00:00:00", standard_name="time", axis="T",
        calendar="standard", long_name="time", units_metadata="leap_seconds: utc")
    add("lat", "f8", (), 47.0, units="degrees_north", standard_name="latitude", long_name="latitude")
    add("lon", "f8", (), -107.0, units="degrees_east", standard_name="longitude", long_name="longitude")
    add("depth", "f8", (), 0.1, units="m", standard_name="depth", positive="down", axis="Z", long_name="depth")
    add("station", "S1", ("length",), list("M2"), cf_role="timeseries_id", long_name="station")
    add("ts", "i2", ("time",), [215, 213], units="0.1 degC", standard_name="soil_temperature",
        long_name="soil temperature", coordinates="lat lon depth station",
        units_metadata="temperature: on_scale", cell_methods="time: mean")

if abs(seen["0.1 degC"] - 21.5) > 1e-9 or abs(seen["1 degC"] - 21.5) > 1e-9:
    sys.exit('CHANGED: "0.1 degC" and "1 degC" no longer lose the offset of 273.15.')
print("STILL SO in UDUNITS; now the checker on a file with soil_temperature in 0.1 degC:")
PY
"$d/venv/bin/python" "$d/t.py" "$d/soil.nc"
if "$d/venv/bin/compliance-checker" --test=cf:1.11 "$d/soil.nc" > "$d/report" 2> /dev/null; then
    grep -v -e '^-' -e '^ *$' -e 'Report generated' "$d/report"
    echo "STILL SO: the file passes with nothing to say, and its values are 273.15 too low."
else
    cat "$d/report"
    echo "CHANGED: the checker no longer passes units \"0.1 degC\" for soil_temperature."
    exit 1
fi
