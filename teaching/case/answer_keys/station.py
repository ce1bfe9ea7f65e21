"""Lesson "set up a station": marking."""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soilco2.teaching.case.answers import fold, read_letters, read_word
from soilco2.teaching.case.drills import CO2, FILE, SOIL, Drill, addresses, described, drills
from soilco2.teaching.case.marking import RIGHT, Context, Task, Verdict, Words, Wrong, choice, number, unread

if TYPE_CHECKING:
    from soilco2.station_config.loader import Station

FILE_FORM: Words = (f'"{FILE}"', f'"{FILE}"')
DRILL_FORM: Words = ('["被拔掉", "bus1", "A"]', '["unplug", "bus1", "A"]')
SLOTS = 48
"""Half hours of the bench's day."""

_KIND = {
    "unplug": ("拔", "脱落", "断开", "port gone", "unplugged", "掉线", "串口不见", "adapter"),
    "address-clash": ("地址冲突", "冲突", "地址重复", "clash", "same address", "地址相同"),
    "brown-out": ("欠压", "掉电", "断电", "供电", "brownout", "brown out", "power", "电压"),
    "stuck": ("卡死", "卡住", "不变", "平直", "平线", "flat"),
    "flood": ("浸水", "水淹", "进水", "积水", "淹", "flooded", "water over"),
    "silence": ("沉默", "无应答", "silent"),
    "drift": ("漂移", "drifting", "creeping"),
    "clock-reset": ("时钟", "clock reset", "clock was reset", "node's clock", "clock back", "1970"),
}
CURES = {
    "unplug": "A",
    "address-clash": "B",
    "brown-out": "C",
    "flood": "D",
    "stuck": "E",
    "drift": "G",
    "clock-reset": "H",
}
"""The letter of the cure in the lesson's list."""
_WHY: dict[str, Words] = {
    "unplug": ("线路上的全部探头同时停止，端口不见了。", "All probes of the line stop together and the port is gone."),
    "address-clash": ("只有一个地址出错：校验错或偶尔读到别的探头的值，别的探头都正常。",
                      "One address alone is in trouble: bad checksums or at times another probe's value; the others are well."),
    "brown-out": ("一个探头静默一次后自己回来，设置变回出厂值：它重新启动过。",
                  "One probe is silent once, comes back by itself, and its settings are the factory's: it restarted."),
    "stuck": ("状态全是正常，只有曲线是平的：通信好不等于测量好。", "Status is fine and the curve is flat: good communication is not good measurement."),
    "flood": ("含水率一下跳到孔隙度附近（0.45）并停在那里。", "Water content jumps to about the porosity (0.45) and stays."),
    "drift": ("与第一天之比一天天往上走，邻居没有；量程和状态都看不出来，要靠标准或邻居来比。",
              "Its ratio to the first day climbs day by day and the neighbours' do not; neither range nor status shows it, only a standard or a neighbour."),
    "clock-reset": ("读数一直在来，却因为时间是 1970 年而停放着：探头好，钟坏了，什么也没有丢。",
                    "Readings keep coming and are parked for being of 1970: the probe is well, its clock is not, and nothing is lost."),
}  # fmt: skip


def _station(context: Context, answer: str) -> tuple[Station | None, Words]:
    """The trainee's station, or what its fault is."""
    from soilco2.station_config.errors import StationConfigError
    from soilco2.station_config.loader import load_station
    from soilco2.station_config.message import translate

    with tempfile.TemporaryDirectory() as box:
        if "\n" in answer:
            path = Path(box) / "station.toml"
            path.write_text(answer, encoding="utf-8")
        else:
            root = context.folder or Path()
            name = answer[:80]  # a longer one is no name of a file
            path = next(
                (p for p in (root / name, root / "station" / name, Path(name)) if p.is_file()), root / name
            )
        if not path.is_file():
            return None, (
                f"没有 {path.name} 这个文件；它应在 {FILE}。",
                f"There is no file {path.name}; it belongs in {FILE}.",
            )
        try:
            return load_station(path), ("", "")
        except StationConfigError as error:
            zh, en = (
                translate(str(error), lang).splitlines()[0].replace(f"{path.parent}/", "")
                for lang in ("zh", "en")
            )
            more = len(str(error).splitlines()) - 1
            return None, (
                f"文件还不能用：{zh}" + (f"（另有 {more} 处）" if more else ""),
                f"The file cannot be used yet: {en}" + (f" (and {more} more)" if more else ""),
            )


def mark_file(context: Context, answer: Any) -> Verdict:
    """The station file against the description, one thing at a time."""
    if not isinstance(answer, str):
        return unread(FILE_FORM)
    station, fault = _station(context, answer)
    if station is None:
        return Verdict(False, "file", fault)
    site = station.file.station
    if site.longitude > 0:
        return Verdict(
            False, "longitude", ("经度的符号：西经为负。", "The sign of the longitude: west is negative.")
        )
    at = addresses(context)
    here = {row.id: row for row in station.file.instrument}
    for name, place, depth in (*CO2, *SOIL):
        row = here.get(name)
        if row is None:
            return Verdict(False, "missing", (f"还缺 {name}。", f"{name} is missing."))
        if row.address != at[name]:
            return Verdict(False, "address", (f"{name} 的地址应为 {at[name]}，文件里是 {row.address}。",
                                              f"{name} has address {at[name]}, the file says {row.address}."))  # fmt: skip
        line = "bus1" if name.startswith("co2") else "bus2"
        if row.connection != line:
            return Verdict(False, "line", (f"{name} 应在 {line}。", f"{name} is on {line}."))
        if not row.installation:
            return Verdict(False, "installation", (f"{name} 没有安装位置，读数不知道属于哪个深度。",
                                                   f"{name} has no installation: nobody knows the depth of its readings."))  # fmt: skip
        found = row.installation[0].position.split("/")
        where = {
            p.id: p.depth_m
            for profile in station.file.profile
            if profile.id == found[0]
            for p in profile.position
        }
        stands = where.get(found[-1], -1.0)
        if abs(stands - depth) > 0.0005:
            return Verdict(False, "depth", (f"{name} 应在 {depth:g} m（{place}），文件里是 {stands:g} m：深度用米，向下为正。",
                                            f"{name} belongs at {depth:g} m ({place}), the file says {stands:g} m: metres, positive downward."))  # fmt: skip
        if abs(row.interval - 1800) > 0.5:
            return Verdict(
                False, "interval", (f"{name} 应每 30 分钟读一次。", f"{name} is to be read every 30 minutes.")
            )
    extra = set(here) - {name for name, _, _ in (*CO2, *SOIL)}
    if extra:
        return Verdict(
            False, "extra", (f"说明里没有 {min(extra)}。", f"{min(extra)} is not in the description.")
        )
    return RIGHT._replace(
        words=(
            "对：台站文件与说明一致，可以上台架。",
            "Right: the file says what the description says; on to the bench.",
        )
    )


def _changed(old: str, new: str, context: Context) -> str:
    text = described(context)
    assert re.search(old, text)
    return re.sub(old, new, text, count=1)


def mark_drill(which: str, context: Context, answer: Any) -> Verdict:
    """A drill: kind, place and cure."""
    true: Drill = drills(context)[which]
    parts = (
        [str(p) for p in answer] if isinstance(answer, list | tuple) else re.split(r"[,，;；、]", str(answer))
    )
    if len(parts) < 3:
        return unread(DRILL_FORM)
    kind = read_word(fold(parts[0]), _KIND)
    letters = read_letters(parts[-1])
    if kind is None or len(letters) != 1:
        return unread(DRILL_FORM)
    if kind != true.kind:
        return Verdict(False, "kind", (f"不是这一种。{_hint(true)[0]}", f"Not this one. {_hint(true)[1]}"))
    if not any(name and fold(name) in fold(parts[1]) for name in (true.where, true.also)):
        return Verdict(False, "where", ("种类对了，地方不对：看哪一个探头或哪一条线的状态、曲线变了。",
                                        "The kind is right, the place is not: which probe or line changed in status or curve?"))  # fmt: skip
    if CURES[true.kind] not in letters:
        return Verdict(
            False,
            "cure",
            (
                "故障找对了，处理办法不对：先想它的原因。",
                "The fault is found, the cure is not right: think of its cause.",
            ),
        )
    why = _WHY[true.kind]
    return RIGHT._replace(words=("对。" + why[0], "Right. " + why[1]))


def _hint(true: Drill) -> Words:
    return {
        "unplug": ("看 status 里线路（bus）那一行：端口还在吗？几个探头一起停的？", "See the line (bus) in status: is the port there? How many probes stopped together?"),
        "address-clash": ("看 status 里出错的探头：是没有应答，还是应答坏了？", "See the probe with errors in status: no answer, or a damaged one?"),
        "brown-out": ("看事件：它静默以后自己回来了吗？设置变了没有？", "See the events: did it come back by itself? Did its settings change?"),
        "stuck": ("status 一切正常时，看曲线。", "When all is well in status, look at the curves."),
        "flood": ("status 一切正常时，看曲线，含水率能有多大？", "When all is well in status, look at the curves: how large can water content be?"),
        "drift": ("两个星期里，每条序列与自己第一天之比：哪一条一直往上走？", "Over the two weeks, each series against its own first day: which one keeps climbing?"),
        "clock-reset": ("看状态里“拒收”和“搁置”的数：为什么没有被收下？", "See 'rejected' and 'parked' in status: why were they not taken?"),
    }[true.kind]  # fmt: skip


def _right_drill(which: str, context: Context) -> list[str]:
    true = drills(context)[which]
    return [true.kind, true.where, CURES[true.kind]]


def _wrong_kind(which: str, context: Context) -> list[str]:
    true = drills(context)[which]
    other = next(kind for kind in CURES if kind != true.kind)
    return [other, true.where, CURES[other]]


def _wrong_place(which: str, context: Context) -> list[str]:
    true = drills(context)[which]
    return [true.kind, "baro", CURES[true.kind]]


def _wrong_cure(which: str, context: Context) -> list[str]:
    true = drills(context)[which]
    return [true.kind, true.where, "F"]


def _drill(which: str) -> Task:
    return Task(
        f"station-drill-{which}",
        partial(mark_drill, which),
        partial(_right_drill, which),
        (
            Wrong("kind", partial(_wrong_kind, which), ("不是这一种。", "Not this one.")),
            Wrong("where", partial(_wrong_place, which), ("地方不对。", "Not there.")),
            Wrong("cure", partial(_wrong_cure, which), ("删数据不是办法。", "Erasing is no cure.")),
        ),
        DRILL_FORM,
    )


TASKS: tuple[Task, ...] = (
    Task(
        "station-file",
        mark_file,
        described,
        (
            Wrong("depth", partial(_changed, r"depth_m = 0\.03\b", "depth_m = 3"), ("深度用米。", "Metres.")),
            Wrong("longitude", partial(_changed, r"longitude = -", "longitude = "), ("西经为负。", "West is negative.")),
            Wrong("address", lambda c: described(c).replace(f"address = {addresses(c)['co2-21']}\n", "address = 99\n"), ("地址不符。", "Not the address.")),
            Wrong("missing", lambda c: described(c).rpartition("[[instrument]]")[0], ("缺一个探头。", "A probe is missing.")),
            Wrong("interval", partial(_changed, r'interval = "30min"', 'interval = "30s"'), ("间隔不符。", "Not the interval.")),
            Wrong("file", lambda c: described(c).replace(f"address = {addresses(c)['co2-08']}\n", f"address = {addresses(c)['co2-03']}\n"),
                  ("两个探头不能用同一个地址。", "Two probes cannot have one address.")),
        ),
        FILE_FORM,
    ),
    number(
        "station-count",
        lambda _c: float(SLOTS * (len(CO2) + 2 * len(SOIL))),
        "1",
        ('"120"', '"120"'),
        [
            Wrong("probes", lambda _c: SLOTS * 5, ("按探头数算了；土壤探头有两个通道（温度、含水率）。", "That counts probes; a soil probe has two channels (temperature, water).")),
            Wrong("hours", lambda _c: 24 * 7, ("一小时读两次。", "They are read twice an hour.")),
        ],
        ("48 个半小时 × 通道数。", "48 half hours × number of channels."),
        relative=0.0,
        absolute=7.5,
        right=("对：应有多少先算好，才知道缺了多少。", "Right: only who knows how many there should be sees how many are missing."),
    ),
    _drill("a"),
    _drill("b"),
    _drill("c"),
    _drill("d"),
    _drill("e"),
    choice(
        "station-clock",
        "B",
        {
            "A": ("这样会把新数据混进 1970 年，或把时间猜错。", "That mixes new data into 1970, or guesses the time."),
            "C": ("读数是真的，丢掉就没有了。", "The readings are real, and lost once dropped."),
            "D": ("数据库里的 1970 年会挡住以后所有的图。", "A 1970 in the database spoils every later figure."),
        },
        ("时间先要可信：读数原样保存，时钟对好后再给它时间。", "Time must be trusted first: the readings are kept, and get their time once the clock is set."),
    ),
    choice(
        "station-drift",
        "C",
        {
            "A": ("没有哪一个值超出量程。", "No single value leaves the range."),
            "B": ("两天里只变几个百分点，比日变化小。", "In two days it is a few per cent, less than the daily course."),
            "D": ("通信一切正常，状态看不出漂移。", "Communication is well; status does not show a drift."),
        },
        ("要有邻居或标准来比：所以计划里要写标定周期。", "It takes a neighbour or a standard: that is why a plan has a calibration schedule."),
    ),
)  # fmt: skip
