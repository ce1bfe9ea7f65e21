#!/usr/bin/env bash
# Library: chirp-modbus 1.0.2 with minimalmodbus 2.1.1 and pyserial 3.5 (PyPI; Python 3.11), for the RS-485
#   soil moisture sensor of the same name.
# Input: setBaudrate(2), which is 4800 Bd, then getMoisture(); and setParity(1). A pseudo-terminal stands for
#   the sensor, answers every request as the Modbus application protocol says (a written register is
#   echoed), and tells at which speed the port is set when a request comes.
# Expected: after the sensor has confirmed its new speed or parity, the library goes on talking to it so.
# Seen: it sets the port to the new speed and at once builds it anew with the speed of the constructor, so
#   the next request goes out at 19200 Bd, to a sensor that listens at 4800. setParity() writes the
#   register too, and then fails with NameError: the sensor is changed, the caller is told of an error
#   that sounds as if nothing had happened.
# Meaning: a buried probe does not answer any more, and looks dead rather than re-programmed.
# Way round: write register 1 or 2 by hand, and make a new SoilMoistureSensor with the new line settings.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check \
    chirp-modbus==1.0.2 minimalmodbus==2.1.1 pyserial==3.5
cat > "$tmp/show.py" <<'EOF'
import os
import pty
import struct
import sys
import termios
import threading
import tty
from importlib.metadata import version

import chirp_modbus

SPEEDS = {termios.B4800: 4800, termios.B19200: 19200}


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


master, slave = pty.openpty()
tty.setraw(master)
tty.setraw(slave)
heard = []


def sensor():
    while True:
        request = b""
        while len(request) < 8:
            request += os.read(master, 8 - len(request))
        heard.append((request[1], SPEEDS.get(termios.tcgetattr(slave)[4])))
        if request[1] == 6:
            os.write(master, request)
        else:
            answer = request[:2] + bytes([2, 0x01, 0x2C])
            os.write(master, answer + crc(answer))


threading.Thread(target=sensor, daemon=True).start()
probe = chirp_modbus.SoilMoistureSensor(1, os.ttyname(slave))
print("chirp-modbus", version("chirp-modbus"))
probe.getMoisture()
probe.setBaudrate(2)
probe.getMoisture()
for function, speed in heard:
    what = "write of register" if function == 6 else "read"
    print(f"{what:18s} at {speed} Bd")
failed = ""
try:
    probe.setParity(1)
except NameError as error:
    failed = str(error)
print(f"setParity(1): request {heard[-1][0]} was sent and confirmed, then: {failed or 'no error'}")
if [speed for _, speed in heard[:3]] == [19200, 19200, 19200] and heard[-1][0] == 6 and "parities" in failed:
    print("STILL SO: after a confirmed change to 4800 Bd the next request goes out at 19200 Bd.")
    sys.exit(0)
print("CHANGED: other than recorded:", heard, failed)
sys.exit(1)
EOF
"$tmp/venv/bin/python" "$tmp/show.py"
