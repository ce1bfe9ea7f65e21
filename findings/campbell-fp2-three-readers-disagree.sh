#!/usr/bin/env bash
# Libraries: PyCampbellCR1000 0.4, csiio-py 0.4.0, camp2ascii 1.1.1 (PyPI; Python 3.11).
# Input: Campbell Scientific FP2, the two-byte number in which loggers keep and send most values. By the
#   CR1000 manual's FP2 appendix: 13-bit magnitude, at most 7999 for a number, so what lies above is no
#   measurement. csiio-py names the patterns: 0x9FFE is NAN, 0x1FFF +INF, 0x9FFF -INF.
# Expected: three readers of one maker's format agree, above all on "no value".
# Seen: csiio-py reads nan, inf, -inf; camp2ascii nan, nan, nan, and also turns 7999 into nan;
#   PyCampbellCR1000, the one that polls a live logger, gives -8190.0, 8191.0 and -8191.0 as numbers.
# Meaning: the same broken probe is a gap in the file that is fetched by card and a reading of -8190 in
#   the record that is fetched by PakBus; 8191 is believable for CO2 in ppm and for a permittivity count.
# Way round: after decoding set everything beyond +-7998 to missing, in one place and for every reader,
#   or let the logger program store IEEE4.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    PyCampbellCR1000==0.4 csiio-py==0.4.0 camp2ascii==1.1.1 numpy==2.4.6 pandas==2.3.3
cat > "$tmp/show.py" <<'EOF'
import sys
from importlib.metadata import version

import numpy as np
from camp2ascii.decode import decode_fp2
from csiio.read_csi_files import fp22float
from pycampbellcr1000.pakbus import PakBus

for name in ("PyCampbellCR1000", "csiio-py", "camp2ascii"):
    print(name, version(name))


class Wire:
    """PakBus wants a link to write to; nothing is read from it here."""

    def write(self, data):
        return len(data)

    def read(self, *args):
        return b""

    def close(self):
        pass


decoder = PakBus(Wire())
patterns = {"1.000": "63e8", "-69.99": "db57", "7999": "1f3f", "NAN": "9ffe", "INF": "1fff", "-INF": "9fff"}
seen = {}
print(f"{'logger meant':14s}{'bytes':8s}{'PyCampbellCR1000':>18s}{'csiio-py':>12s}{'camp2ascii':>12s}")
for meant, text in patterns.items():
    raw = bytes.fromhex(text)
    number = int.from_bytes(raw, "big")
    row = (
        float(decoder.decode_bin(("FP2",), raw)[0][0]),
        float(fp22float(number)),
        float(decode_fp2(np.array([number], dtype=np.uint16))[0]),
    )
    seen[meant] = tuple(f"{value:.6g}" for value in row)
    print(f"{meant:14s}{text:8s}{seen[meant][0]:>18s}{seen[meant][1]:>12s}{seen[meant][2]:>12s}")
recorded = {
    "1.000": ("1", "1", "1"),
    "-69.99": ("-69.99", "-69.99", "-69.99"),
    "7999": ("7999", "7999", "nan"),
    "NAN": ("-8190", "nan", "nan"),
    "INF": ("8191", "inf", "nan"),
    "-INF": ("-8191", "-inf", "nan"),
}
if seen == recorded:
    print("STILL SO: ordinary values agree; 'no value' is a number, an infinity or a gap, by the reader.")
    sys.exit(0)
print("CHANGED: the three readers no longer differ as recorded.")
sys.exit(1)
EOF
"$tmp/venv/bin/python" "$tmp/show.py"
