#!/usr/bin/env bash
# cf-units 3.3.1 (PyPI; brings UDUNITS-2, the unit reader of CF). Needs bash, python3.
# Valid input: unit labels as they stand in soil science, loggers and flux networks: "degrees C", "cb" and "mb" (centibar,
# millibar of tension), "pF" (log suction), "g C m-2 d-1", "kg N ha-1", "mm/a".
# Expected: either the quantity meant or a refusal, as "deg C" and "gC m-2 d-1" are refused.
# Seen: all are accepted, as something else: angle times electric charge, centibarn and millibarn (areas), picofarad,
# gram times coulomb, kilogram times newton, millimetres per are. Unit(...).is_unknown() is False for each.
# For a soil station: a check that "UDUNITS can read it" passes; conversion to kPa, K or kg m-2 s-1 fails later
# or, within the same false quantity, goes through.
# Way round: test is_convertible() to the quantity you mean (K, kPa, kg m-2 s-1), not that the label can be read;
# write degC, cbar, mbar, mm year-1, and put the element into the name.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check cf-units==3.3.1 cftime==1.6.6.1 numpy==2.4.6
cat > "$d/t.py" <<'PY'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
from cf_units import Unit

print("cf-units", version("cf-units"))
LABELS = [  # label, meant, read as
    ("degrees C", "K", "degree coulomb"),
    ("cb", "kPa", "1e-30 m2"),
    ("mb", "kPa", "1e-31 m2"),
    ("pF", "kPa", "1e-12 farad"),
    ("g C m-2 d-1", "kg m-2 s-1", "gram coulomb m-2 d-1"),
    ("kg N ha-1", "kg m-2", "kilogram newton ha-1"),
    ("mm/a", "m s-1", "mm / (100 m2)"),
]
changed = []
for label, meant, taken in LABELS:
    try:
        unit = Unit(label)
    except ValueError:
        changed.append(label)
        continue
    good, bad = unit.is_convertible(meant), not unit.is_unknown() and unit.convert(1.0, taken)
    print(f"{label:12} meant {meant:11} convertible: {good!s:5}  1 {label} = {bad:.6g} {taken}")
    if good or abs(bad - 1) > 1e-9:
        changed.append(label)
for label in ("deg C", "gC m-2 d-1"):
    try:
        Unit(label)
    except ValueError:
        print(f"{label:12} refused")
    else:
        changed.append(label)
for label, meant in [("degC", "K"), ("cbar", "kPa"), ("mbar", "kPa"), ("mm year-1", "m s-1")]:
    assert Unit(label).is_convertible(meant), label
if changed:
    sys.exit(f"CHANGED: these labels are read differently now: {changed}.")
print("STILL SO: seven labels of the field are accepted as other quantities.")
PY
"$d/venv/bin/python" "$d/t.py"
