#!/usr/bin/env bash
# pyudunits2 0.1 (PyPI; UDUNITS-2 in pure Python, on UDUNITS' own grammar and XML), against cf-units 3.3.1 (UDUNITS-2 in C).
# Needs bash, python3.
# Valid input: units by the UDUNITS grammar whose zero lies elsewhere: times since two different days or in two zones,
# and tenths of a degree Celsius by the prefix deci ("ddegC").
# Expected: the same numbers from both: 6 hours since 00:00 are 0 hours since 06:00 of that day.
# Seen: pyudunits2 converts the length of the unit and forgets its origin: 6 stays 6, whatever the two reference times and
# zones are; 1 day since midnight is 24 hours since noon (12). With a prefix the zero of degC is lost and the factor
# turned over: 215 ddegC is 2150 K. No error; plain degC to K is right.
# For a soil station: two files joined after "conversion" to one time axis lie over one another, shifted by the difference
# of their reference times.
# Way round: convert times with cftime or cf-units; test each converter with two known values before use.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check pyudunits2==0.1 sympy==1.14.0 lxml==6.1.3 cf-units==3.3.1 cftime==1.6.6.1 numpy==2.4.6
cat > "$d/t.py" <<'PY'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import cf_units
from pyudunits2 import Converter, UnitSystem

system = UnitSystem.from_udunits2_xml()
CASES = [  # value, from, to, UDUNITS-2, pyudunits2 today
    (20.0, "degC", "K", 293.15, 293.15),
    (6.0, "hours since 2026-11-30 00:00", "hours since 2026-11-30 06:00", 0.0, 6.0),
    (6.0, "hours since 2026-11-30 00:00 +8:00", "hours since 2026-11-30 00:00", -2.0, 6.0),
    (1.0, "days since 2026-11-30", "hours since 2026-11-30 12:00", 12.0, 24.0),
    (215.0, "ddegC", "K", 294.65, 2150.0),
]
print({p: version(p) for p in ("pyudunits2", "cf-units")})
changed = []
for value, old, new, right, today in CASES:
    calendar = "standard" if "since" in old else None
    by_c = float(cf_units.Unit(old, calendar=calendar).convert(value, cf_units.Unit(new, calendar=calendar)))
    assert abs(by_c - right) < 1e-6, (old, new, by_c)
    try:
        by_python = float(Converter(system.unit(old), system.unit(new)).convert(value))
    except Exception as error:  # a refusal would be a change for the better
        by_python = float("nan")
        print("refused:", error)
    print(f"{value:5} {old} -> {new}: UDUNITS-2 {by_c:.2f}, pyudunits2 {by_python:.2f}")
    if not abs(by_python - today) < 1e-6:
        changed.append((old, new))
if changed:
    sys.exit(f"CHANGED: pyudunits2 converts {changed} differently now.")
print("STILL SO: reference times, zones and the zero of prefixed degC are ignored.")
PY
"$d/venv/bin/python" "$d/t.py"
