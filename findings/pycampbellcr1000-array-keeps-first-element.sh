#!/usr/bin/env bash
# PyCampbellCR1000 0.4 (PyPI; PakBus client for CR800/CR1000/CR3000 loggers). Needs bash, python3.
# Valid input: a PakBus table definition and a Collect Data reply put together by the BMP5/PakBus field layout:
# an array in CRBasic (Public SoilT(4)) is ONE field of Dimension 4, its four values follow one another.
# Expected: four soil temperatures per record (a list, or SoilT(1) to SoilT(4) as in TOA5).
# Seen: the reader steps over all 16 bytes, but keeps the first element alone under the field's name.
# For a soil station: of a profile of four depths only the uppermost arrives; nothing tells that there were more,
# and the fields behind the array are right, so the record looks whole.
# Way round: compare Dimension in table_def with what came back; give each depth a scalar of its own in the
# program, or collect TOA5/TOB1 files.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check PyCampbellCR1000==0.4 PyLink==0.3.3 pyserial==3.5
cat > "$d/t.py" <<'PY'
import struct
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
from pycampbellcr1000.pakbus import PakBus


class NoLink:
    def write(self, data):
        pass

    def close(self):
        pass


def text(s):
    return s.encode() + b"\0"


def field(code, name, unit, dimension):
    sub = struct.pack(">LL", dimension, 0) if dimension > 1 else struct.pack(">L", 0)
    head = bytes([code]) + text(name) + b"\0" + text("Avg") + text(unit) + text("")
    return head + struct.pack(">LL", 1, dimension) + sub


IEEE4B = 9
profile = [21.5, 18.25, 15.5, 12.75]
definition = b"\x01" + text("Soil") + struct.pack(">L", 1000) + bytes([14])
definition += struct.pack(">2l", 0, 0) + struct.pack(">2l", 1800, 0)  # offset and interval: 30 min
definition += field(IEEE4B, "SoilT", "Deg C", 4) + field(IEEE4B, "CO2_Avg", "ppm", 1) + b"\0"
reply = struct.pack(">HLH", 1, 7, 1) + struct.pack(">2l", 1164844800, 0)  # table 1, record 7, one record, time
reply += struct.pack(">5f", *profile, 812.5) + b"\0"

pakbus = PakBus(NoLink())
tables = pakbus.parse_tabledef(definition)
(fragment,), _ = pakbus.parse_collectdata(reply, tables)
values = fragment["RecFrag"][0]["Fields"]
print("PyCampbellCR1000", version("PyCampbellCR1000"))
print("defined :", [(f["FieldName"].decode(), f["Dimension"]) for f in tables[0]["Fields"]])
print("sent    :", {"SoilT": profile, "CO2_Avg": 812.5})
print("received:", values)
assert tables[0]["Fields"][0]["Dimension"] == 4, "the table definition is no longer read as expected"
if values != {b"SoilT": 21.5, b"CO2_Avg": 812.5}:
    sys.exit("CHANGED: the array field no longer comes back as its first element alone.")
print("STILL SO: three of four depths are dropped without a word.")
PY
"$d/venv/bin/python" "$d/t.py"
