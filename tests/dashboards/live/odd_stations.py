"""Stations in every odd state, with measured values of SJER behind them: written by the real writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from soilco2.ingest.simulate.replay import backfill_samples
from soilco2.quality.records import Sample
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.journal.writer import Writer

START = 1_654_041_600_000_000
HALF_HOUR = 1_800_000_000
DAY = 48 * HALF_HOUR
NOW = START + 3 * DAY

HEAD = """
[station]
id = "{id}"
name = {{ en = "{en}", zh = "{zh}" }}
latitude = 38.3
longitude = 109.7
altitude_m = 1150
timezone = "Asia/Shanghai"

[journal]
path = "{id}.sqlite"

[mqtt]
host = "127.0.0.1"

[[connection]]
id = "node"
kind = "mqtt"

[[profile]]
id = "p1"
name = {{ en = "<b>dune</b> 1", zh = "沙丘 <b>1</b>" }}
"""


def _place(depth: float, replicate: str = "") -> str:
    return f"d{round(depth * 1000)}{replicate}"


def _position(depth: float, replicate: str = "") -> str:
    letter = f'replicate = "{replicate}"\n' if replicate else ""
    return f'[[profile.position]]\nid = "{_place(depth, replicate)}"\ndepth_m = {depth}\n{letter}'


def _instrument(depth: float, replicate: str = "", channels: Sequence[str] = ("co2",)) -> str:
    where = _place(depth, replicate)
    compensation = (
        'compensation = { pressure = "device", temperature = "device" }\n' if "co2" in channels else ""
    )
    return (
        f'[[instrument]]\nid = "n{where}"\nmodel = "soilco2-node"\nserial = "S{where}"\nconnection = "node"\n'
        f'interval = "30min"\nchannels = [{", ".join(repr(c) for c in channels)}]\n{compensation}'
        f'[[instrument.installation]]\nposition = "p1/{where}"\nfrom = 2022-01-01T00:00:00Z\n'
    )


def odd_station(
    folder: Path,
    name: str,
    zh: str,
    depths: Sequence[float] = (0.05, 0.1, 0.2),
    *,
    replicates: Sequence[str] = ("",),
    channels: Sequence[str] = ("co2",),
    extra: str = "",
) -> Station:
    """A station file with one node a depth (and replicate letter)."""
    pairs = [(d, r) for d in depths for r in replicates]
    text = HEAD.format(id=name, en=name, zh=zh)
    text += "".join(_position(d, r) for d, r in pairs) + "".join(
        _instrument(d, r, channels) for d, r in pairs
    )
    path = folder / f"{name}.toml"
    path.write_text(text + extra, encoding="utf-8")
    return load_station(path)


def fill(
    station: Station,
    start: int = START,
    end: int = NOW,
    change: Callable[[Sample], Sample | None] = lambda sample: sample,
    shift: int = 0,
) -> None:
    """Measured values between two times, some of them changed or left out."""
    changed = [change(s) for batch in backfill_samples(station, start, end) for s in batch]
    rows = [s._replace(time_us=s.time_us + shift) for s in changed if s is not None and s.time_us is not None]
    with Writer.open(station, now_us=lambda: NOW) as writer:
        writer.commit(rows)


def troubled(folder: Path) -> Station:
    """One probe silent for nine hours, one stuck for two days, one impossible, one without a value, one good."""
    limits = '[[quality.limits]]\nvariable = "co2"\nflat_for = "6h"\n'
    station = odd_station(folder, "troubled", "有故障的台站", (0.02, 0.08, 0.15, 0.2, 0.3), extra=limits)

    def spoil(sample: Sample) -> Sample | None:
        time_us = sample.time_us or 0
        if sample.serial == "Sd80":
            return sample if time_us < NOW - 18 * HALF_HOUR else None
        if sample.serial == "Sd150" and time_us > NOW - 2 * DAY:
            return sample._replace(raw=1500.0, status="")
        if sample.serial == "Sd200" and time_us > NOW - 4 * HALF_HOUR:
            return sample._replace(raw=400_000.0, status="")
        if sample.serial == "Sd300":
            return sample._replace(raw=None, status="no value")
        return sample

    fill(station, change=spoil)
    return station


def unheard(folder: Path) -> Station:
    """Of four probes one never answered, and one was dug out a day ago."""
    station = odd_station(folder, "unheard", "从未应答", (0.05, 0.1, 0.2, 0.3))
    assert station.path is not None
    dug = 'position = "p1/d200"\nfrom = 2022-01-01T00:00:00Z\n'
    text = station.path.read_text(encoding="utf-8").replace(dug, dug + "until = 2022-06-03T00:00:00Z\n")
    station.path.write_text(text, encoding="utf-8")
    station = load_station(station.path)
    fill(station, change=lambda sample: None if sample.serial == "Sd100" else sample)
    return station


def sixty(folder: Path) -> Station:
    """Sixty positions in one profile."""
    station = odd_station(folder, "sixty", "六十层", [round(0.02 + 0.03 * n, 3) for n in range(60)])
    fill(station, NOW - DAY)
    return station


def flagged(folder: Path) -> Station:
    """Every value flagged by hand."""
    station = odd_station(folder, "flagged", "全部有标识")
    fill(station)
    with Writer.open(station, now_us=lambda: NOW) as writer:
        for depth in ("d50", "d100", "d200"):
            writer.flag(("flagged", "p1", depth, "co2"), START, NOW, 4, "field", "lid open")
    return station


def single(folder: Path) -> Station:
    """One value of one probe."""
    station = odd_station(folder, "single", "仅一个值", (0.1,))
    fill(station, NOW - HALF_HOUR, NOW)
    return station


def gap(folder: Path) -> Station:
    """Two days, three months of nothing, a day."""
    station = odd_station(folder, "gap", "中断数月")
    fill(station, START, START + 2 * DAY, shift=-90 * DAY)
    fill(station, NOW - DAY, NOW)
    return station


def stopped(folder: Path) -> Station:
    """Nothing for forty days."""
    station = odd_station(folder, "stopped", "早已停止")
    fill(station, START, START + 2 * DAY, shift=-40 * DAY)
    return station


def unplaced(folder: Path) -> Station:
    """A position that the station file named once and does not name now."""
    fill(odd_station(folder, "unplaced", "深度未知", (0.05, 0.1, 0.2)))
    station = odd_station(folder, "unplaced", "深度未知", (0.05, 0.1))
    with Writer.open(station, now_us=lambda: NOW):
        pass
    return station


def paired(folder: Path) -> Station:
    """Two probes at each depth, and variables without limits or depth."""
    station = odd_station(
        folder,
        "paired",
        "平行探头",
        (0.03, 0.06, 0.2),
        replicates=("a", "b"),
        channels=("co2", "soil_temperature", "wind_speed"),
    )
    fill(station)
    return station


def empty(folder: Path) -> Station:
    """Nothing came yet."""
    station = odd_station(folder, "empty", "尚无数据")
    Writer.open(station).close()
    return station


ODD = (troubled, unheard, sixty, flagged, single, gap, stopped, unplaced, paired, empty)
