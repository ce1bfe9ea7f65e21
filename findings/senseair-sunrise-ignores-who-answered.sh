#!/usr/bin/env bash
# Library: senseair-sunrise 0.1.0 (PyPI; Python 3.11).
# Input: Modbus RTU answers with a good CRC, byte 0 naming the sensor that sent them, as the Modbus
#   serial line specification requires; two Sunrise sensors, 0x68 at 10 cm and 0x69 at 40 cm, share a
#   line (the sensor has an address register for this). The very first answer comes just after the
#   driver's time-out.
# Expected: the driver compares the address in the answer with the one it asked and refuses 0x68's
#   answer to a question put to 0x69; the late frame costs one reading.
# Seen: the address is never looked at and the input is never flushed. From the first late frame on,
#   each depth is reported with the other depth's CO2, with a good CRC and no error bit, for ever.
# Meaning: one slow answer turns the profile upside down without a trace in the data.
# Way round: empty the port before each request and check byte 0 of every answer, or use one line for
#   each sensor; a serial object that wraps read() can do both.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check senseair-sunrise==0.1.0
cat > "$tmp/show.py" <<'EOF'
import struct
import sys

import senseair_sunrise
from senseair_sunrise import SunriseModbus, SunriseTimeoutError

TRUE_PPM = {0x68: 1200, 0x69: 4800}


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Line:
    """Two sensors; the answer to the first request arrives after the host has given up."""

    def __init__(self):
        self.buffer, self.late, self.requests = b"", b"", 0

    def write(self, request):
        address, function, first, count = struct.unpack(">BBHH", request[:6])
        words = {3: TRUE_PPM[address], 4: 2150}
        body = bytes([address, function, 2 * count])
        body += b"".join(struct.pack(">H", words.get(first + i, 0)) for i in range(count))
        answer = body + crc(body)
        self.requests += 1
        if self.requests == 1:
            self.late = answer
        else:
            self.buffer += self.late + answer
            self.late = b""

    def read(self, size=1):
        head, self.buffer = self.buffer[:size], self.buffer[size:]
        return head


print("senseair-sunrise", senseair_sunrise.__version__)
line = Line()
sensors = {"10 cm": (0x68, SunriseModbus(line, 0x68)), "40 cm": (0x69, SunriseModbus(line, 0x69))}
seen = []
for turn in range(4):
    for depth, (address, sensor) in sensors.items():
        try:
            got = sensor.read_measurement()
            value, state = got.co2_ppm, int(got.error_status)
        except SunriseTimeoutError:
            value, state = "time-out", "-"
        print(f"turn {turn}  {depth}  asked 0x{address:02x}  true {TRUE_PPM[address]}  got {value}  error bits {state}")
        seen.append(value)
if seen == ["time-out", 1200] + [4800, 1200] * 3:
    print("STILL SO: after one late answer the two depths stay exchanged, without an error.")
    sys.exit(0)
print("CHANGED: the depths were not exchanged as recorded:", seen)
sys.exit(1)
EOF
"$tmp/venv/bin/python" "$tmp/show.py"
