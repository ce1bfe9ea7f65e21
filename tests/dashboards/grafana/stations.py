"""Station files that try the dashboards: names that break out of things, many depths, replicates, a moving surface."""

from __future__ import annotations

from pathlib import Path

from soilco2.station_config.loader import Station, load_station
from soilco2.teaching.demo import TEMPLATE

DATABASE = '\n[influxdb]\nurl = "http://127.0.0.1:8086"\norg = "o"\nbucket = "soil"\ntoken = { env = "T" }\n'

NASTY = (
    r"</title><script>alert(1)</script> {{ .Labels }} ${__user.login} $HOME [[x]] "
    r"""'; DROP MEASUREMENT "soil"; -- ../../etc, a : b"""
)


def sjer(folder: Path, more: str = DATABASE) -> Station:
    """The demonstration with a database."""
    path = folder / "sjer.toml"
    path.write_text(TEMPLATE.read_text(encoding="utf-8") + more, encoding="utf-8")
    return load_station(path)


def hostile(folder: Path, station: str = "a..b.-_.2") -> Station:
    """A station whose names try everything, and whose ids are as odd as ids may be."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    head = f"""
[station]
id = "{station}"
name = {{ en = {quoted(NASTY * 3)}, zh = {quoted(NASTY + "土壤" + chr(0x2028) + "气体")} }}
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"

[[connection]]
id = "n"
kind = "mqtt"
[mqtt]
host = "127.0.0.1"
"""
    text = head
    for profile in ("p.1", "P-2"):
        text += f'[[profile]]\nid = "{profile}"\nname = {quoted(NASTY)}\n'
        text += "[[profile.surface]]\nfrom = 2026-05-01T00:00:00Z\nchange_m = 0.015\n"
        for n in range(12):
            letter = 'replicate = "A"\n' if n == 8 else ""
            text += f'[[profile.position]]\nid = "d.{n}"\ndepth_m = {round(n * 0.05 - 0.3, 3)}\n{letter}'
        text += '[[profile.position]]\nid = "rep"\ndepth_m = 0.1\nreplicate = "B"\n'
        for n in [*range(12), "rep"]:
            text += (
                f'[[instrument]]\nid = "i-{profile}-{n}"\nmodel = "soilco2-node"\nserial = "S-{profile}-{n}"\n'
                f'connection = "n"\ninterval = "{"60s" if n == 3 else "10min"}"\nchannels = ["co2", "soil_water"]\n'
                f'[[instrument.installation]]\nposition = "{profile}/d.{n}"\nfrom = 2026-01-01T00:00:00Z\n'
            ).replace("d.rep", "rep")
    path = folder / f"{station}.toml"
    path.write_text(text + DATABASE, encoding="utf-8")
    return load_station(path)
