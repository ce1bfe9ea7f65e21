#!/usr/bin/env bash
# csiio-py 0.4.0 and camp2ascii 1.1.1 (PyPI; two readers of Campbell TOB1 files), pandas 3.1.1. Needs bash, python3.
# Valid input: a TOB1 file (LoggerNet manual, Campbell Scientific file formats) with a LONG column: four bytes, signed,
# least significant byte first; ULONG is the unsigned one.
# Expected: -5 from both readers.
# Seen: camp2ascii reads -5. csiio-py takes LONG for ULONG and gives 4294967291 (-5 + 2^32) without a warning; numbers
# from 0 up are right, IEEE4 columns beside it too.
# For a soil station: LONG is what CRBasic makes of counters and of values scaled to whole numbers (soil temperature
# in hundredths of a degree, say): the first frost turns -5 into four thousand million.
# Way round: subtract 2^32 from every value of a LONG column above 2147483647, or convert with camp2ascii.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/pip" install -q --disable-pip-version-check csiio-py==0.4.0 camp2ascii==1.1.1 pandas==3.1.1 numpy==2.4.6
cat > "$d/t.py" <<'PY'
import datetime as dt
import struct
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

warnings.simplefilter("ignore")
import csiio
from camp2ascii import camp2ascii

header = [
    ["TOB1", "M2", "CR1000X", "1", "CR1000X.Std.06", "CPU:M2.CR1X", "2438", "Soil"],
    ["SECONDS", "NANOSECONDS", "RECORD", "T_centi", "CO2_Avg"],
    ["SECONDS", "NANOSECONDS", "RN", "0.01 Deg C", "ppm"],
    ["", "", "", "Smp", "Avg"],
    ["ULONG", "ULONG", "ULONG", "LONG", "IEEE4"],
]
sent = [(7, 412.5), (-5, -0.5), (-1250, 812.5)]
data = "".join(",".join(f'"{x}"' for x in row) + "\r\n" for row in header).encode()
start = int((dt.datetime(2026, 11, 30) - dt.datetime(1990, 1, 1)).total_seconds())
for n, (temperature, co2) in enumerate(sent):
    data += struct.pack("<3Iif", start + 1800 * n, 0, n, temperature, co2)
path = Path(sys.argv[1]) / "soil.dat"
path.write_bytes(data)

one, _ = csiio.read_csi_files(str(path))
(other,) = camp2ascii(str(path), sys.argv[1], output_format=4, verbose=0)
by_csiio = [(int(a), float(b)) for a, b in one.iloc[:, 1:].itertuples(index=False)]
by_camp = [(int(a), float(b)) for a, b in zip(other["T_centi"], other["CO2_Avg"])]
print({p: version(p) for p in ("csiio-py", "camp2ascii")})
print("sent      :", sent, "\ncamp2ascii:", by_camp, "\ncsiio-py  :", by_csiio)
assert by_camp == sent, "camp2ascii no longer agrees with the file"
if by_csiio != [(7, 412.5), (2**32 - 5, -0.5), (2**32 - 1250, 812.5)]:
    sys.exit("CHANGED: csiio-py no longer reads a negative LONG as an unsigned number.")
print("STILL SO: negative LONG values come out 2^32 too large.")
PY
"$d/venv/bin/python" "$d/t.py" "$d"
