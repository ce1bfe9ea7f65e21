#!/usr/bin/env bash
# pycayennelpp 2.4.0 and cayenneLPP 0.5b3 (PyPI; two encoders of Cayenne LPP by different makers), read back by
# python-cayennelpp 0.1.0, a third. Needs bash, python3.
# Valid input: water contents of two decimals as Analog Input, whose resolution in Cayenne LPP is 0.01: each of them has
# an exact place in the field.
# Expected: 0.29 in, 0.29 out; at most half a step of error for any value.
# Seen: both encoders multiply by 100 and cut instead of rounding. 0.29 * 100 is 28.999999999999996, so 28 is sent.
# Of the 101 values 0.00 to 1.00 three (0.29, 0.57, 0.58) arrive 0.01 too low; of 0.00 to 60.00, 287 of 6001; -0.29
# arrives as -0.28.
# For a soil station: 0.29 m3 m-3 is always reported as 0.28 and 0.58 as 0.57, while a test with 0.25 or 0.30 passes.
# Way round: add 0.001 with the sign of the value before encoding (the script shows that it mends all of them).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check pycayennelpp==2.4.0 cayenneLPP==0.5b3 python-cayennelpp==0.1.0
cat > "$d/t.py" <<'PY'
import sys
from importlib.metadata import version

from cayenneLPP import CayenneLPP
from cayennelpp import LppFrame
from python_cayennelpp.decoder import decode

print({p: version(p) for p in ("pycayennelpp", "cayenneLPP", "python-cayennelpp")})


def by_pycayennelpp(value):
    frame = LppFrame()
    frame.add_analog_input(1, value)
    return bytes(frame)


def by_cayennelpp(value):
    frame = CayenneLPP()
    frame.add_analog_input(value, 1)
    return frame.get_payload()


def wrong(encode, hundredths, extra=0.0):
    pairs = [(n / 100, decode(encode(n / 100 + extra).hex())[0]["value"]) for n in hundredths]
    return [(sent, got) for sent, got in pairs if sent != got]


results = {}
for encode in (by_pycayennelpp, by_cayennelpp):
    small = wrong(encode, range(101))
    results[encode.__name__] = (small, len(wrong(encode, range(6001))), wrong(encode, [-29]))
    print(f"{encode.__name__}: sent and received differ for {small}")
    print(f"    0.00 to 60.00: {results[encode.__name__][1]} of 6001 differ; -0.29: {results[encode.__name__][2]}")
    assert not wrong(encode, range(6001), 0.001), "the way round no longer mends all values"
one, other = results.values()
still = (
    one == other
    and one[0] == [(0.29, 0.28), (0.57, 0.56), (0.58, 0.57)]
    and one[1] == 287
    and one[2] == [(-0.29, -0.28)]
)
if not still:
    sys.exit("CHANGED: the encoders no longer cut the same values by 0.01.")
print("STILL SO: 0.29 is sent as 0.28 by both.")
PY
"$d/venv/bin/python" "$d/t.py"
