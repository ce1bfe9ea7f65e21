#!/usr/bin/env bash
# Library: senseair-s8 0.1.0 with pyserial 3.5 (PyPI; Python 3.11).
# Input: the exception answer of the Modbus application protocol (function code + 0x80, one code byte,
#   CRC), five bytes instead of seven; a sensor may send it to any request it cannot serve. Played by a
#   pseudo-terminal in place of the sensor.
# Expected: None, which the docstring promises for an exception, or an error.
# Seen: co2() takes bytes 3 and 4 of whatever came. In an exception answer these are the two CRC bytes,
#   so each exception code has "its" CO2: 29427 ppm for code 4 and 13105 ppm for code 3. Neither the
#   function code nor the CRC is checked; a frame with a damaged value byte is accepted as well.
# Meaning: 13105 ppm is a believable reading under wet soil, so a range test will not find it, and it is
#   the same number each time, as a real plateau would be.
# Way round: check bytes 0-2 (fe 04 02) and the CRC before the value, as in the Modbus specification.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check senseair-s8==0.1.0 pyserial==3.5
cat > "$tmp/show.py" <<'EOF'
import os
import pty
import struct
import sys
import threading
import tty
from importlib.metadata import version

from senseair_s8 import SenseairS8


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


good = bytes([0xFE, 0x04, 0x02, 0x01, 0x90])
good += crc(good)
damaged = bytearray(good)
damaged[3] ^= 0x20  # one bit of the value, the CRC left as it was
answers = [("good answer, 400 ppm", good)]
answers += [(f"exception code {code}", bytes([0xFE, 0x84, code]) + crc(bytes([0xFE, 0x84, code]))) for code in (3, 4)]
answers += [("one bit damaged on the line", bytes(damaged))]

master, slave = pty.openpty()
tty.setraw(master)
tty.setraw(slave)


def sensor():
    for _, frame in answers:
        request = b""
        while len(request) < 8:
            request += os.read(master, 8 - len(request))
        os.write(master, frame)


threading.Thread(target=sensor, daemon=True).start()
driver = SenseairS8(port=os.ttyname(slave))
print("senseair-s8", version("senseair-s8"))
seen = []
for name, frame in answers:
    value = driver.co2()
    seen.append(value)
    print(f"{name:30s} {frame.hex(' '):22s} -> co2() = {value}")
if seen == [400, 13105, 29427, 8592]:
    print("STILL SO: the checksum of an exception answer is returned as ppm, and a bad CRC is accepted.")
    sys.exit(0)
print("CHANGED: other values than recorded:", seen)
sys.exit(1)
EOF
"$tmp/venv/bin/python" "$tmp/show.py"
