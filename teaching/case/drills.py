"""The station that trainees build, and the faults that are put into it on the bench."""

from __future__ import annotations

import re
from typing import NamedTuple

from soilco2.teaching.case.marking import Context

FROM = "2022-06-02T00:00Z"
TO = "2022-06-03T00:00Z"
BEGIN_US = 1_654_128_000_000_000
END_US = 1_654_214_400_000_000
"""`FROM` and `TO` [µs UTC]."""
LONG_TO = "2022-06-16T00:00Z"
LONG_END_US = 1_655_337_600_000_000
LONG_INTERVAL = "3h"
"""The bench's end where a fault is slow: two weeks, read every three hours."""
FILE = "station/station.toml"
CO2 = (("co2-03", "d03", 0.03), ("co2-08", "d08", 0.08), ("co2-21", "d21", 0.21))
SOIL = (("soil-06", "d06", 0.06), ("soil-16", "d16", 0.16))


class Drill(NamedTuple):
    """A fault on the bench.

    Parameters
    ----------
    kind : str
        As `soilco2 simulate --fault` calls it.
    where : str
        Instrument or connection.
    window : str
        ``FROM`` or ``FROM/TO``.
    also : str
        Another name of the same place; empty when there is none.
    """

    kind: str
    where: str
    window: str
    also: str = ""

    @property
    def option(self) -> str:
        """The value of ``--fault``."""
        return f"{self.kind}:{self.where}@{self.window}"


def addresses(context: Context) -> dict[str, int]:
    """Modbus addresses of the trainee's probes."""
    dice = context.dice("addresses")
    first, second = dice.randrange(10, 40), dice.randrange(50, 90)
    return {name: first + place for place, (name, _, _) in enumerate(CO2)} | {
        name: second + place for place, (name, _, _) in enumerate(SOIL)
    }


NAMES = ("a", "b", "c", "d", "e")
"""The drills; `d` is slow, `e` is on nodes."""


def drills(context: Context) -> dict[str, Drill]:
    """The trainee's faults by the letters of `NAMES`."""
    dice = context.dice("drills")
    probe = dice.choice([name for name, _, _ in CO2])
    soil = dice.choice([name for name, _, _ in SOIL])
    line = dice.choice([
        Drill("unplug", dice.choice(["bus1", "bus2"]), "2022-06-02T10:00Z"),
        Drill("address-clash", probe, "2022-06-02T20:00Z/2022-06-02T22:00Z"),
    ])  # fmt: skip
    value = dice.choice([
        Drill("stuck", dice.choice([name for name, _, _ in CO2]), "2022-06-02T08:00Z"),
        Drill("flood", soil, "2022-06-02T09:00Z"),
    ])  # fmt: skip
    power = Drill(
        "brown-out", dice.choice([name for name, _, _ in CO2]), "2022-06-02T14:00Z/2022-06-02T16:00Z"
    )
    slow = Drill("drift", dice.choice(["co2-08", "co2-21", "soil-06", "soil-16"]), "2022-06-04T00:00Z")
    number = dice.choice([1, 2])
    clock = Drill("clock-reset", f"node{number}", "2022-06-02T12:00Z", SOIL[number - 1][0])
    return dict(zip(NAMES, (line, value, power, slow, clock), strict=True))


def described(context: Context) -> str:
    """The station file of the description: what a right answer may look like."""
    at = addresses(context)
    rows = [
        '[station]\nid = "practice"\nname = { zh = "练习站", en = "practice station" }\nlatitude = 37.107\nlongitude = -119.733\n'
        'altitude_m = 374\ntimezone = "America/Los_Angeles"\n',
        '[[connection]]\nid = "bus1"\nkind = "modbus-rtu"\nport = "bus1"\nbaudrate = 19200\nstopbits = 2\n',
        '[[connection]]\nid = "bus2"\nkind = "modbus-rtu"\nport = "bus2"\nbaudrate = 9600\n',
        '[journal]\npath = "journal.sqlite"\n',
        '[[profile]]\nid = "p004"\n',
    ]
    rows += [
        f'[[profile.position]]\nid = "{place}"\ndepth_m = {depth}\n'
        for _, place, depth in sorted(CO2 + SOIL, key=lambda r: r[2])
    ]
    for name, place, _ in CO2:
        rows.append(
            f'[[instrument]]\nid = "{name}"\nmodel = "vaisala-gmp252"\nserial = "G-{name}"\nconnection = "bus1"\n'
            f'address = {at[name]}\ninterval = "30min"\ntimeout = "400ms"\n'
            'compensation = { pressure = "device", temperature = "device" }\n'
            "settings = { pressure_mode = 1, pressure_setpoint = 964, temperature_mode = 2, filter = 100 }\n"
            "[[instrument.installation]]\n"
            f'position = "p004/{place}"\nfrom = 2022-06-01T00:00:00Z\n'
        )
    for name, place, _ in SOIL:
        rows.append(
            f'[[instrument]]\nid = "{name}"\nmodel = "sensecap-s-temp-vwc-ec-02"\nserial = "S-{name}"\nconnection = "bus2"\n'
            f'address = {at[name]}\ninterval = "30min"\ntimeout = "400ms"\nchannels = ["soil_temperature", "soil_water"]\n'
            "settings = { soil_type = 1 }\n"
            f'[[instrument.installation]]\nposition = "p004/{place}"\nfrom = 2022-06-01T00:00:00Z\n'
        )
    return "\n".join(rows)


def slowly(text: str) -> str:
    """A station file whose probes are read at `LONG_INTERVAL`."""
    return re.sub(r"(?m)^interval\s*=.*$", f'interval = "{LONG_INTERVAL}"', text)


def with_nodes(context: Context, port: int) -> str:
    """The described station with each soil probe on a node of its own; the broker listens on `port` of this machine."""
    head, *tables = described(context).split("\n[[instrument]]\n")
    nodes = "".join(
        f'[[connection]]\nid = "node{n}"\nkind = "mqtt"\ntopic = "soilco2/practice/node{n}"\n\n'
        for n, _ in enumerate(SOIL, 1)
    )
    nodes += f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n\n'
    head = re.sub(r'\[\[connection\]\]\nid = "bus2".*?\n\n', lambda _match: nodes, head, flags=re.DOTALL)
    for n, (name, _, _) in enumerate(SOIL, 1):
        place = next(i for i, table in enumerate(tables) if f'id = "{name}"' in table)
        table = re.sub(r"(?m)^(?:address|settings|timeout) = .*\n", "", tables[place])
        table = re.sub(r'(?m)^model = ".*"$', 'model = "soilco2-node"', table)
        tables[place] = table.replace('connection = "bus2"', f'connection = "node{n}"')
    return "\n[[instrument]]\n".join([head, *tables])


def begun(context: Context) -> str:
    """What the trainee finds: site, lines, and one probe of each kind; the rest is theirs to write."""
    text = described(context)
    tables = text.split("\n[[instrument]]\n")
    positions = tables[0].split("[[profile.position]]\n")
    kept = positions[0] + "[[profile.position]]\n" + positions[1].rstrip() + "\n"
    return kept + "\n[[instrument]]\n" + tables[1]


def description(context: Context) -> str:
    """The site in words."""
    at = addresses(context)
    zh = context.lang == "zh"
    rows = [
        f"| {name} | `vaisala-gmp252` | CO₂ | {depth * 100:g} cm, `{place}` | bus1 | {at[name]} |"
        for name, place, depth in CO2
    ]
    both = "温度、含水率" if zh else "temperature, water"
    rows += [
        f"| {name} | `sensecap-s-temp-vwc-ec-02` | {both} | {depth * 100:g} cm, `{place}` | bus2 | {at[name]} |"
        for name, place, depth in SOIL
    ]
    head = (
        "| 编号 | 型号 | 测量 | 深度 | 线路 | 地址 |\n| --- | --- | --- | --- | --- | --- |"
        if zh
        else "| id | model | measures | depth | line | address |\n| --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *rows])
