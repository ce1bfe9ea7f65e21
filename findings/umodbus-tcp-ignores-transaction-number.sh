#!/usr/bin/env bash
# Library: uModbus 1.0.4 client (PyPI; Python 3.11), beside pyModbusTCP 0.3.1 for comparison.
# Input: a Modbus TCP server on loopback, right in every frame: each answer repeats the transaction
#   identifier and unit of its request, as the Modbus messaging guide for TCP/IP requires. It delays one
#   answer: the first is sent only when the second request has come, so the client's time-out is over.
# Expected: the transaction identifier exists for this very case; the client drops the stale answer, or
#   raises, and register 1 is register 1.
# Seen: the client sends random identifiers and never compares them. After one time-out every read
#   returns the register asked for before: all values are good, all are one place late, without an end.
# Meaning: with one register block per depth, 20 cm is stored as 10 cm from the first hiccup of a
#   gateway until the socket is closed. async-modbus builds upon the same functions.
# Way round: close and reopen the socket after any time-out, or use a client that checks the identifier.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -q --no-compile --disable-pip-version-check uModbus==1.0.4 pyserial==3.5 pyModbusTCP==0.3.1
cat > "$tmp/show.py" <<'EOF'
import logging
import socket
import struct
import sys
import threading
from importlib.metadata import version

from pyModbusTCP.client import ModbusClient
from umodbus.client import tcp

logging.disable(logging.CRITICAL)


def receive(conn, count):
    data = b""
    while len(data) < count:
        part = conn.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def serve(listener):
    """Holding register n holds 1000 + n. The first answer waits for the second request."""
    asked = 0
    while True:
        conn, _ = listener.accept()
        held = b""
        try:
            while True:
                number, protocol, length, unit = struct.unpack(">HHHB", receive(conn, 7))
                function, first, count = struct.unpack(">BHH", receive(conn, length - 1))
                pdu = struct.pack(">BB", function, 2 * count)
                pdu += b"".join(struct.pack(">H", 1000 + first + i) for i in range(count))
                answer = struct.pack(">HHHB", number, protocol, len(pdu) + 1, unit) + pdu
                asked += 1
                if asked == 1:
                    held = answer
                else:
                    conn.sendall(held + answer)
                    held = b""
        except (EOFError, OSError):
            conn.close()


def start():
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    return listener.getsockname()[1]


def read_umodbus(port):
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as sock:
        for register in range(8):
            try:
                yield tcp.send_message(tcp.read_holding_registers(1, register, 1), sock)[0]
            except TimeoutError:
                yield None


def read_other(port):
    client = ModbusClient("127.0.0.1", port, unit_id=1, timeout=0.5)
    for register in range(8):
        got = client.read_holding_registers(register, 1)
        yield got[0] if got else None
    client.close()


print("uModbus", version("uModbus"), " pyModbusTCP", version("pyModbusTCP"))
mine, other = list(read_umodbus(start())), list(read_other(start()))
print("register     true   uModbus   pyModbusTCP")
for register in range(8):
    print(f"{register:8d} {1000 + register:8d} {mine[register]!s:>9} {other[register]!s:>13}")
late = [None] + [1000 + register for register in range(7)]
right = [None] + [1000 + register for register in range(1, 8)]
if mine == late and other == right:
    print("STILL SO: uModbus gives each register the value of the one before; the other client does not.")
    sys.exit(0)
print("CHANGED: uModbus", mine, "other", other)
sys.exit(1)
EOF
"$tmp/venv/bin/python" "$tmp/show.py"
