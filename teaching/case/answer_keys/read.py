"""Lesson "read a profile": marking."""

from __future__ import annotations

import re
from typing import Any

from soilco2.teaching.case import data
from soilco2.teaching.case.answers import fold, in_unit, read_day, read_number, read_word
from soilco2.teaching.case.marking import RIGHT, Context, Task, Verdict, Words, Wrong, choice, number, unread

FORM: Words = (
    '["卡死, co2, 0.08 m, 6月12日", ...]',
    '["stuck, co2, 0.08 m, 12 June", ...]',
)
_KIND = {
    "stuck": ("卡死", "卡住", "flat", "平直", "不变", "constant", "frozen"),
    "sentinel": ("哨兵", "-999", "特殊值", "无值", "novalue", "no value"),
    "unit": ("单位", "华氏", "fahrenheit", "°f", "degf"),
    "swap": ("互换", "交换", "对调", "颠倒", "装反", "swapped", "exchanged", "interchange"),
    "clock": ("时钟", "时间", "钟", "time", "shift"),
    "drift": ("漂移", "漂"),
    "spike": ("尖峰", "跳变", "outlier", "jump"),
    "range": ("量程", "太热", "too hot", "impossible"),
}
_VARIABLE = {
    "co2": ("二氧化碳", "co₂", "浓度", "摩尔分数"),
    "soil_temperature": ("温度", "土温", "temperature", "temp"),
    "soil_water": ("含水", "水分", "water", "moisture", "vwc"),
}


def _truth(context: Context) -> list[data.Planted]:
    found: list[data.Planted] = context.fact("planted", lambda c: data.planted(c.seed, c.level)[1])
    return found


def _median(variable: str, depth: float) -> float:
    table = data.sjer(profiles=(data.PLOT,))
    rows = table[(table["variable"] == variable) & (table["depth_m"].round(3) == depth)]
    return float(rows["value"].median())


def _depth(text: str) -> float | None:
    rest = re.sub(r"co[2₂]", " ", text)
    rest = re.sub(r"-?999|\d{4}-\d\d-\d\d|\d{1,2}\s*月\s*\d{1,2}\s*日?|(?<!\d)\d\d-\d\d(?!\d)", " ", rest)
    for match in re.finditer(r"(\d+(?:\.\d+)?)\s*(cm|mm|m|厘米|毫米|米)?(?![\d.])", rest):
        if match[2] is None and "." not in match[1]:
            continue  # a day, not a depth
        found = read_number(match[0])
        if found is not None and (metres := in_unit(found, "m")):
            return abs(metres[0])
    return None


def _matches(entry: str, one: data.Planted) -> tuple[bool, bool, bool]:
    """Whether kind, series and day of an entry are those of a fault."""
    text = fold(entry)
    kind = read_word(text, _KIND) == one.kind
    variable = read_word(text, _VARIABLE)
    depth = _depth(text)
    series = (
        variable in (one.variable, None)
        and depth is not None
        and any(abs(depth - z) < 0.012 for z in one.depths_m)
    )
    day = read_day(text)
    when = day is not None and day[0] == one.first[0] and one.first[1] - 1 <= day[1] <= one.last[1] + 1
    return kind, series, when


def _entries(answer: Any) -> list[str]:
    if isinstance(answer, str):
        return [row.strip() for row in re.split(r"[\n;；]+", answer) if row.strip()]
    if not isinstance(answer, list | tuple):
        return []
    return [
        ", ".join(str(part) for part in row) if isinstance(row, list | tuple) else str(row) for row in answer
    ]


def mark_faults(context: Context, answer: Any) -> Verdict:
    """Each planted fault by kind, series and day; what is missing is hinted at, not told."""
    truth = _truth(context)
    entries = [one for one in _entries(answer) if one.strip(" .…")]
    if not entries or all(read_word(fold(one), _KIND) is None for one in entries):
        return unread(FORM)
    zh: list[str] = []
    en: list[str] = []
    used: set[int] = set()
    missed = ""
    found = 0
    for one in truth:
        names, hint = data.KINDS[one.kind]
        seen = [(_matches(entry, one), place) for place, entry in enumerate(entries)]
        whole = [place for hits, place in seen if all(hits)]
        if whole:
            used |= set(whole)
            found += 1
            continue
        missed = missed or one.kind
        half = [(hits, place) for hits, place in seen if hits[0]]
        if half:
            hits, place = max(half)
            used.add(place)
            bad = ("序列（变量或深度）", "series (variable or depth)") if not hits[1] else ("日期", "day")
            zh.append(f"{names[0]}：种类对了，{bad[0]}不对。")
            en.append(f"{names[1]}: the kind is right, the {bad[1]} is not.")
        else:
            zh.append(f"还有一处没有找到。提示：{hint[0]}")
            en.append(f"One is still hidden. Hint: {hint[1]}")
    extra = [entry for place, entry in enumerate(entries) if place not in used]
    for entry in extra[:3]:
        zh.append(f"“{entry}”不是植入的故障：罕见不等于错误，表层白天 40 ℃ 以上、雨前后的变化都可能是真的。")
        en.append(
            f"'{entry}' is none of the planted faults: rare is not wrong; a topsoil above 40 °C by day can be real."
        )
    head = (f"五处找到 {found} 处。", f"{found} of five found.")
    if found == len(truth) and not extra:
        return RIGHT._replace(
            words=("对，五处都找到了。先标记，不删除。", "Right, all five. Flag them, never erase.")
        )
    return Verdict(False, missed or "false-alarm", (head[0] + "".join(zh), head[1] + " " + " ".join(en)))


def _right_faults(context: Context) -> list[str]:
    return [
        f"{one.kind}, {one.variable}, {one.depths_m[0]:g} m, 2022-06-{one.first[1]:02d}"
        for one in _truth(context)
    ]


def _without(context: Context, kind: str) -> list[str]:
    return [row for row in _right_faults(context) if not row.startswith(kind)]


def _present(context: Context) -> float:
    del context
    table = data.sjer(profiles=(data.PLOT,))
    rows = table[(table["variable"] == "co2") & (table["depth_m"].round(3) == 0.21)]
    return 100.0 * len(rows) / data.STEPS


def _peak_utc(context: Context) -> float:
    del context
    table = data.sjer(profiles=(data.PLOT,))
    rows = table[(table["variable"] == "soil_temperature") & (table["depth_m"].round(3) == 0.17)]
    mean = rows.groupby(rows["time_utc"].str[11:16])["value"].mean()
    hour, _, minute = str(mean.idxmax()).partition(":")
    return int(hour) + int(minute) / 60 + 0.25  # the middle of the half hour


def _solar(context: Context) -> float:
    return (_peak_utc(context) + data.LONGITUDE / 15) % 24


def _ratio(context: Context) -> float:
    del context
    return _median("co2", 0.21) / _median("co2", 0.03)


def _mean_all() -> float:
    table = data.sjer(profiles=(data.PLOT,))
    return float(table[table["variable"] == "co2"]["value"].median())


def _whole_drift(context: Context) -> str:
    one = next((row for row in _truth(context) if row.kind == "drift"), None)
    days = 30 - (one.first[1] - 1) if one is not None else 12
    return f"{100 * data.DRIFT_PER_DAY * days:g} %"


def _water_flags() -> Any:
    return data.raw_water()[["plot", "depth_m", "qf"]]


def _failed_water(context: Context) -> float:
    rows = context.fact("water", lambda _c: _water_flags())
    here = rows[(rows["plot"] == "004") & (rows["depth_m"] == -0.06)]
    return float(100 * (here["qf"] == 1).mean())


def _failed_everywhere(context: Context) -> str:
    rows = context.fact("water", lambda _c: _water_flags())
    return f"{100 * (rows[rows['plot'] == '004']['qf'] == 1).mean():.2f} %"


TASKS: tuple[Task, ...] = (
    number(
        "read-depth",
        lambda _c: 0.18,
        "m",
        ('"12 cm"', '"12 cm"'),
        [
            Wrong("sign", lambda _c: "-0.18 m", ("距离没有符号：深度向下为正，0.21 m 减 0.03 m。",
                  "A distance has no sign: depth grows downward, 0.21 m less 0.03 m.")),
            Wrong("unit", lambda _c: "18 m", ("数字是厘米，单位却是米：18 cm = 0.18 m。",
                  "The number is in cm and the unit says m: 18 cm = 0.18 m.")),
            Wrong("sum", lambda _c: "24 cm", ("这是两个深度之和；距离是差。", "That is the sum of the depths; a distance is the difference.")),
        ],
        ("距离是最深与最浅两个 CO₂ 探头的深度之差。", "The distance is the depth of the deepest less that of the shallowest CO₂ probe."),
        relative=0.01,
    ),
    number(
        "read-unit",
        lambda _c: _median("co2", 0.21) / 1e4,
        "%",
        ('"0.12 %"', '"0.12 %"'),
        [
            Wrong("ppm", lambda _c: _median("co2", 0.21), ("这是 ppm；换成百分数要除以 10 000。", "That is in ppm; divide by 10 000 for per cent.")),
            Wrong("factor", lambda _c: f"{_median('co2', 0.21) / 1e3:.3f} %", ("1 % 是 10 000 ppm，不是 1 000 ppm。",
                  "1 % is 10 000 ppm, not 1 000 ppm.")),
            Wrong("million", lambda _c: f"{_median('co2', 0.21) / 1e6:.6f} %", ("除以一百万得到的是 mol/mol；百分数还要乘 100。",
                  "Dividing by a million gives mol/mol; a percentage is 100 times that.")),
            Wrong("depth", lambda _c: _median("co2", 0.03) / 1e4, ("这是 0.03 m 的中位数；要的是最深的 0.21 m。",
                  "That is the median at 0.03 m; the deepest, 0.21 m, is asked for.")),
            Wrong("mean-all", lambda _c: _mean_all() / 1e4, ("这是三个深度合在一起的中位数；不同深度不能混在一起。",
                  "That is the median of the three depths together; depths must not be mixed.")),
        ],
        ("取 0.21 m 处 CO₂ 的中位数，再换成百分数：除以 10 000。", "Take the median of CO₂ at 0.21 m and turn it into per cent: divide by 10 000."),
        relative=0.02,
    ),
    number(
        "read-ratio",
        _ratio,
        "1",
        ('"1.5"', '"1.5"'),
        [
            Wrong("upside-down", lambda c: round(1 / _ratio(c), 4), ("分子分母颠倒了：深处比浅处。",
                  "Upside down: deep over shallow.")),
            Wrong("difference", lambda _c: round(_median("co2", 0.21) - _median("co2", 0.03), 1), ("这是差（ppm）；要的是比值。",
                  "That is the difference (ppm); the ratio is asked for.")),
        ],
        ("用 0.21 m 的中位数除以 0.03 m 的中位数。", "Divide the median at 0.21 m by that at 0.03 m."),
        right=("对：CO₂ 在深处产生后向上扩散，所以越深越浓。", "Right: CO₂ is made below and diffuses upward, so it grows with depth."),
    ),
    number(
        "read-complete",
        _present,
        "%",
        ('"87 %"', '"87 %"'),
        [
            Wrong("missing", lambda c: f"{100 - _present(c):.2f} %", ("这是缺测的比例；完整率是有值的比例。",
                  "That is the share missing; completeness is the share present.")),
            Wrong("present-only", lambda _c: "100 %", ("分母应是应有的半小时数（30 天 × 48），不是表里已有的行数：缺测在表里没有行。",
                  "Divide by the half hours there should be (30 days of 48), not by the rows there are: a gap has no row.")),
        ],
        ("有值的半小时数除以应有的半小时数（30 天 × 48），再写成百分数。", "Half hours with a value over half hours there should be (30 days of 48), as a percentage."),
        relative=0.0,
        absolute=0.6,
        bare=(),
    ),
    number(
        "read-hour",
        _solar,
        "h",
        ('"9.5 h"', '"9.5 h"'),
        [
            Wrong("utc", _peak_utc, ("这是 UTC 的钟点；还要换成当地太阳时（经度每 15° 一小时，西经为减）。",
                  "That is the hour in UTC; turn it into local solar time (an hour for 15° of longitude, west is minus).")),
            Wrong("sign", lambda c: (_peak_utc(c) - data.LONGITUDE / 15) % 24, ("符号反了：西经的当地时间比 UTC 晚到，要减。",
                  "The sign is turned: west of Greenwich local time is behind UTC, so subtract.")),
        ],
        ("先求每个钟点（UTC）的平均温度，取最高的钟点，再加经度 / 15（西经为负）。",
         "Average the temperature by hour of day (UTC), take the warmest, and add longitude / 15 (west is negative)."),
        relative=0.0,
        absolute=1.1,
        right=("对：17 cm 处最热在下午，时钟可信。", "Right: 17 cm is warmest in the afternoon, so the clock can be trusted."),
    ),
    choice(
        "read-flag",
        "C",
        {
            "A": ("删掉就再也无法复查；坏值也是记录。", "What is erased can never be looked at again; a bad value is part of the record."),
            "B": ("补上的数不是测到的；以后没有人分得清。", "A number filled in was not measured; later nobody can tell."),
            "D": ("不标记，下一个使用者会把坏值当真。", "Without a flag the next user takes it for true."),
        },
        ("原值保留，加质量标识，写明原因，并且可以撤回。", "The value stays, with a flag and its reason, and it can be taken back."),
    ),
    Task(
        "read-faults",
        mark_faults,
        _right_faults,
        (
            Wrong("stuck", lambda c: _without(c, "stuck"), data.KINDS["stuck"][1]),
            Wrong("swap", lambda c: _without(c, "swap"), data.KINDS["swap"][1]),
            Wrong("unit", lambda c: _without(c, "unit"), data.KINDS["unit"][1]),
            Wrong("clock", lambda c: _without(c, "clock"), data.KINDS["clock"][1]),
            Wrong("false-alarm", lambda c: [*_right_faults(c), "spike, soil_temperature, 0.03 m, 2022-06-11"],
                  ("罕见不等于错误。", "Rare is not wrong.")),
        ),
        FORM,
    ),
    number(
        "read-drift",
        lambda _c: 100 * data.DRIFT_PER_DAY,
        "%",
        ('"0.7 %"', '"0.7 %"'),
        [
            Wrong("whole", _whole_drift, ("这是到月底总共增长的比例；要除以漂移的天数。",
                  "That is the growth up to the end of the month; divide by the days of the drift.")),
            Wrong("sign", lambda _c: f"{-100 * data.DRIFT_PER_DAY:g} %", ("读数在增长，所以是正的。", "The reading grows, so it is positive.")),
        ],
        ("最后一天的读数除以真值，减一，再除以漂移开始以来的天数。",
         "The last reading over the true one, less one, divided by the days since the drift began."),
        relative=0.12,
    ),
    number(
        "read-water",
        _failed_water,
        "%",
        ('"12 %"', '"12 %"'),
        [
            Wrong("passed", lambda c: f"{100 - _failed_water(c):.2f} %", ("这是通过的比例。", "That is the share that passed.")),
            Wrong("all-depths", _failed_everywhere, ("这是全部深度合在一起；只要 0.06 m。", "That is all depths; only 0.06 m is asked for.")),
        ],
        ("qf = 1 的行数除以该深度的全部行数。", "Rows with qf = 1 over all rows of that depth."),
        relative=0.0,
        absolute=0.3,
    ),
    choice(
        "read-cause",
        "AD",
        {
            "A": ("时钟错了，与别的序列按时间配对就全错，滞后分析更是。", "With a wrong clock every pairing by time is wrong, lags above all."),
            "B": ("卡死的探头也有均值，但不是那里的均值。", "A stuck probe has a mean too, but not that of the place."),
            "C": ("互换改变的是深度归属，梯度和通量的符号都会反。", "A swap changes which depth a value belongs to: gradient and flux turn their sign."),
            "D": ("漂移的探头日变化仍是真的，比例误差很小；错的是趋势和与别的深度之差。",
                  "A drifting probe still has a true daily course; what is wrong is the trend and the difference to other depths."),
        },
        ("不同的故障毁掉不同的结论。", "Each fault ruins another conclusion."),
        several=True,
    ),
)  # fmt: skip
