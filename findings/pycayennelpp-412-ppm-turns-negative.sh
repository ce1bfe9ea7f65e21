#!/usr/bin/env bash
# pycayennelpp 2.4.0 (PyPI; encoder and decoder of Cayenne LPP, the self-describing LoRaWAN payload). Needs bash, python3.
# Valid input: the type Analog Input of Cayenne LPP: two bytes, signed, 0.01 per bit, so -327.68 to 327.67. The encoder
# promises checks, and does refuse 655.36 with "exceed value range".
# Expected: a value the field cannot hold is refused, 412.5 as well as 700.
# Seen: the check is that of an unsigned number. From 327.68 to 655.35 the value is accepted and goes out with the
# sign bit set: 412.5 arrives as -242.86. There is no check at all downwards: -400 arrives as 255.36.
# For a soil station: CO2 in ppm near 400, at the surface or in a test in free air, lies right in that window, while
# the first high reading in the soil raises an error; soil water tension in -kPa wraps the other way.
# Way round: check for -327.68 to 327.67 before encoding, or send CO2 as Concentration (type 125, whole ppm).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check pycayennelpp==2.4.0
cat > "$d/t.py" <<'PY'
import sys
from importlib.metadata import version

from cayennelpp import LppFrame

print("pycayennelpp", version("pycayennelpp"))


def there_and_back(value):
    frame = LppFrame()
    frame.add_analog_input(1, value)
    try:
        sent = bytes(frame)
    except ValueError as error:
        return f"refused: {error}"
    return LppFrame.from_bytes(sent).data[0].value[0]


expected_today = {
    327.5: 327.5,
    412.5: -242.86,
    655.25: -0.11,
    -327.5: -327.5,
    -400.0: 255.36,
    700.0: "refused: Invalid data, exceed value range!",
}
seen = {value: there_and_back(value) for value in expected_today}
for value, result in seen.items():
    print(f"{value:8} -> {result}")
if seen != expected_today:
    sys.exit("CHANGED: values outside -327.68 to 327.67 are no longer wrapped.")
print("STILL SO: 412.5 becomes -242.86 without an error, 700 is refused.")
PY
"$d/venv/bin/python" "$d/t.py"
