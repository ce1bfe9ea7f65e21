"""Computed questions of the block *monitoring*: corrections, tests, completeness, what the measured data show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median

from soilco2.documents.achieved import pair_uncertainty
from soilco2.quality.checks import CHECKS, RateOfChange
from soilco2.quality.corrections import (
    STANDARD_TEMPERATURE_DEGC,
    ec25,
    pressure_factor,
    salinity,
    temperature_factor,
)
from soilco2.quality.flags import verdict
from soilco2.station_config.catalogue.registers import decode, encode
from soilco2.station_config.deployments import Deployments
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.teaching.questions.bank import sjer
from soilco2.teaching.questions.maker import Body, Registry, number, numeric, short, worded

MONITORING = Registry()

_MINUTE_US = 60_000_000


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "−")


def _added(value: float) -> str:
    return f"{'+' if value >= 0 else '−'} {abs(value):g}"


@MONITORING.add(
    "monitoring", "reading pressure",
    {1: [(900.0, 880.0), (2400.0, 965.0), (640.0, 870.0), (5100.0, 700.0)], 2: [(1350.0, 790.0), (780.0, 905.0), (3900.0, 620.0), (11200.0, 882.0)]},
)  # fmt: skip
def pressure_correction(reading: float, pressure: float) -> Body:
    factor = pressure_factor(pressure)
    return numeric(
        (f"A CO₂ probe without compensation, adjusted at 1013.25 hPa, reads {reading:g} ppm at {pressure:g} hPa. What is the mole fraction?",
         f"一支无补偿 CO₂ 探头（校准气压 1013.25 hPa）在 {pressure:g} hPa 时读数 {reading:g} ppm。实际摩尔分数是多少？"),
        reading * factor, "ppm",
        [(reading / factor, "The ratio was turned upside down: thin air holds fewer molecules, so the probe reads low.", "比值用反：空气稀薄时分子少，探头读数偏低。"),
         (reading, "The reading was taken as it is.", "直接用了读数。"),
         (reading * factor * factor, "The correction was made twice.", "订正做了两次。"),
         (reading + 1013.25 - pressure, "The difference of pressures was added.", "加上了气压差。")],
        (f"x = {reading:g} × 1013.25/{pressure:g}.", f"x = {reading:g} × 1013.25/{pressure:g}。"),
        "Vaisala M211897EN (pressure compensation); soilco2: soilco2.quality.corrections.pressure_factor",
    )  # fmt: skip


@MONITORING.add(
    "monitoring", "reading temperature", {2: [(1200.0, 2.0), (860.0, 40.0), (3300.0, 8.0), (5400.0, 37.0)]}
)
def temperature_correction(reading: float, temperature: float) -> Body:
    factor = temperature_factor(temperature)
    return numeric(
        (f"A CO₂ probe without compensation, adjusted at 25 °C, reads {reading:g} ppm in soil of {temperature:g} °C. What is the mole fraction as far as temperature goes?",
         f"一支无补偿 CO₂ 探头（校准温度 25 ℃）在 {temperature:g} ℃ 的土壤中读数 {reading:g} ppm。仅就温度而言，摩尔分数是多少？"),
        reading * factor, "ppm",
        [(reading / factor, "The ratio was turned upside down.", "比值用反。"),
         (reading * temperature / STANDARD_TEMPERATURE_DEGC, "The ratio was made of degrees Celsius.", "用摄氏度求了比值。"),
         (reading * (1 + (temperature - 25) / 100), "One per cent for a degree: three times too much.", "按每度 1 % 订正，大了三倍。"),
         (reading, "The reading was taken as it is.", "直接用了读数。")],
        (f"x = {reading:g} × {temperature + 273.15:g}/298.15.", f"x = {reading:g} × {temperature + 273.15:g}/298.15。"),
        "ideal gas law; soilco2: soilco2.quality.corrections.temperature_factor",
    )  # fmt: skip


@MONITORING.add(
    "monitoring",
    "ec temperature",
    {
        1: [(0.62, 12.0), (1.35, 5.0), (0.28, 8.0), (2.10, 16.0)],
        2: [(0.45, 3.0), (0.95, 36.0), (1.80, 10.0), (0.33, 14.0)],
    },
)
def to_ec25(ec: float, temperature: float) -> Body:
    a = 0.0191
    value = ec25(ec, temperature, a)
    assert value is not None
    return numeric(
        (f"A probe gives a bulk conductivity of {ec} dS/m in soil of {temperature:g} °C. What is it at 25 °C (a = 0.0191 1/K)?",
         f"土壤 {temperature:g} ℃ 时探头给出表观电导率 {ec} dS/m。25 ℃ 电导率是多少（a = 0.0191 1/K）？"),
        value, "dS/m",
        [(ec * (1 + a * (temperature - 25)), "Multiplied in place of divided: warm soil conducts better, so cold soil must be raised.", "应除而乘：温度高则导电好，低温读数应调高。"),
         (ec, "Not converted.", "没有换算。"),
         (ec / (1 + a * temperature), "The difference to 25 °C was taken as that to 0 °C.", "把与 25 ℃ 的差当成与 0 ℃ 的差。"),
         (ec + a * (25 - temperature), "The coefficient was added, not made a ratio.", "系数被直接相加而不是按比例。")],
        ("EC25 = EC/(1 + a (T − 25)).", "EC25 = EC/(1 + a (T − 25))。"),
        "Hayashi 2004, doi:10.1023/B:EMAS.0000031719.83065.68; soilco2: soilco2.quality.corrections.ec25",
    )  # fmt: skip


@MONITORING.add(
    "monitoring", "conductivity factor", {1: [(0.8, 0.55), (1.6, 0.5), (0.35, 0.64), (2.4, 0.55)]}
)
def to_salinity(conductivity: float, factor: float) -> Body:
    value = salinity(conductivity, factor)
    return numeric(
        (f"Conductivity at 25 °C is {conductivity} dS/m and the probe's factor {factor} mg/L per µS/cm. Which salinity is reported?",
         f"25 ℃ 电导率为 {conductivity} dS/m，探头换算系数为 {factor} mg/L 每 µS/cm。报告的盐分（由电导率换算）是多少？"),
        value, "mg/L",
        [(value / 1000, "dS/m were taken for µS/cm.", "把 dS/m 当作 µS/cm。"),
         (conductivity * 1000 / factor, "The factor was divided by.", "除以了系数。"),
         (value / 10, "1 dS/m is 1000 µS/cm, not 100.", "1 dS/m 等于 1000 µS/cm，不是 100。"),
         (conductivity * 1000, "The factor was left out.", "漏乘系数。")],
        (f"{conductivity} × 1000 µS/cm × {factor}.", f"{conductivity} × 1000 µS/cm × {factor}。"),
        "soilco2: soilco2.quality.corrections.salinity; 1 dS/m = 1000 µS/cm",
    )  # fmt: skip


@MONITORING.add(
    "monitoring",
    "reading gain offset",
    {1: [(850.0, 1.06, -40.0), (1500.0, 0.92, 25.0), (420.0, 1.1, -35.0), (3200.0, 0.95, -60.0)]},
)
def calibrated(reading: float, gain: float, offset: float) -> Body:
    value = gain * reading + offset
    return numeric(
        (f"The certificate of a CO₂ probe states gain {gain:g} and offset {_signed(offset)} ppm. It reads {reading:g} ppm. Which value is stored?",
         f"某 CO₂ 探头证书给出增益 {gain:g}、偏移 {_signed(offset)} ppm。读数为 {reading:g} ppm，存储的数值是多少？"),
        value, "ppm",
        [(gain * (reading + offset), "The offset was added before the gain.", "先加偏移后乘增益。"),
         (gain * reading - offset, "The offset's sign was turned.", "偏移符号反了。"),
         ((reading - offset) / gain, "The relation was inverted.", "把关系式反过来用。"),
         (reading + offset, "The gain was left out.", "漏乘增益。"),
         (reading, "The calibration was not applied.", "没有应用校准。")],
        (f"{gain:g} × {reading:g} {_added(offset)}.", f"{gain:g} × {reading:g} {_added(offset)}。"),
        "soilco2: docs/reference/station_file.md, [[instrument.calibration]]: value = gain x reading + offset", digits=4,
    )  # fmt: skip


def _counted(days: int, minutes: int, stored: int, doubtful: int) -> tuple[int, float]:
    expected = days * 1440 // minutes
    return expected, 100 * (stored - doubtful) / expected


_WEEKS = [(30, 10, 4100, 420), (7, 30, 320, 25), (10, 5, 2500, 300), (14, 15, 1200, 90)]


@MONITORING.add(
    "monitoring", "days minutes stored doubtful",
    {1: _WEEKS, 2: [(365, 30, 16000, 1900), (90, 10, 11800, 700), (28, 20, 1750, 160), (61, 15, 5200, 800)]},
)  # fmt: skip
def usable_share(days: int, minutes: int, stored: int, doubtful: int) -> Body:
    expected, value = _counted(days, minutes, stored, doubtful)
    return numeric(
        (f"A probe is read every {minutes} min for {days} days; {stored} values are stored, {doubtful} of them flagged 3 or 4. What is the completeness of usable values?",
         f"某探头每 {minutes} 分钟读取一次，共 {days} 天；存储 {stored} 个数值，其中 {doubtful} 个质量标识为 3 或 4。可用数据的完整率是多少？"),
        value, "%",
        [(100 * stored / expected, "Suspect and bad values were counted as usable.", "把可疑和错误的数值也算作可用。"),
         (100 * (stored - doubtful) / stored, "Divided by what is stored, not by what was expected: gaps vanish.", "除以存储数而不是应有数：缺口被掩盖。"),
         (100 * doubtful / expected, "The share of flagged values was taken.", "用了有问题数值的比例。"),
         (100 * (1 - doubtful / expected), "Missing values were passed over.", "没有考虑缺测。")],
        (f"{stored - doubtful} of {expected} expected.", f"应有 {expected} 个，可用 {stored - doubtful} 个。"),
        "soilco2: docs/concepts/quality.md; soilco2.storage.journal.completeness (usable = flag 1 or 2, over expected)",
    )  # fmt: skip


_NAMES = [check.name for check in CHECKS]
_MEANINGS = {
    1: ("good", "良好"),
    2: ("not evaluated", "未评估"),
    3: ("suspect", "可疑"),
    4: ("bad", "错误"),
    9: ("missing", "缺测"),
}


@MONITORING.add(
    "monitoring", "first second third",
    {1: [("calibration_overdue", "flat_line", "rate_of_change"), ("standard_pressure", "calibration_overdue", "compensation_unknown"),
         ("saturation", "instrument_range", "standard_pressure"), ("sentinel", "warm_up", "physical_range")]},
)  # fmt: skip
def worst_flag(*failed: str) -> Body:
    value, _ = verdict(sum(1 << _NAMES.index(name) for name in failed))
    listed, listed_zh = ", ".join(failed), "、".join(failed)

    def said(flag: int) -> tuple[str, str]:
        return f"{flag} ({_MEANINGS[flag][0]})", f"{flag}（{_MEANINGS[flag][1]}）"

    others = [flag for flag in (3, 4, 2, 9, 1) if flag != value]
    why = {
        1: ("Tests failed; it cannot be good.", "有检验未通过，不可能是良好。"),
        2: ("A milder flag never outweighs a worse one.", "较轻的标识不能盖过较重的。"),
        3: ("None or not only tests of that weight failed.", "未通过的检验不属于或不止于此级。"),
        4: (
            "No test that gives 4 failed, or a worse one did too.",
            "没有给出 4 的检验未通过，或另有更严重的。",
        ),
        9: ("There is a number, so it is not missing.", "有数字，就不是缺测。"),
    }
    return worded(
        (f"A value fails the tests {listed}. Which quality flag does it get?", f"某数值未通过检验 {listed_zh}。其质量标识是多少？"),
        said(int(value)), [(said(flag), why[flag]) for flag in others],
        ("The worst flag of the tests that failed wins: 1, 2, 3, 4, 9.", "取未通过检验中最差的标识：1、2、3、4、9。"),
        "QARTOD flag scheme (U.S. IOOS, Manual for Real-Time Quality Control); soilco2: soilco2.quality.flags.verdict", float(value),
    )  # fmt: skip


@MONITORING.add(
    "monitoring", "limit a b c d e",
    {2: [(20.0, 800.0, 810.0, 1400.0, 815.0, 820.0), (30.0, 650.0, 1300.0, 660.0, 655.0, 670.0), (25.0, 900.0, 905.0, 915.0, 1600.0, 910.0), (15.0, 500.0, 505.0, 60.0, 510.0, 515.0)],
     3: [(20.0, 800.0, 805.0, 1500.0, 1505.0, 1510.0), (30.0, 700.0, 1500.0, 710.0, 1490.0, 715.0), (10.0, 420.0, 430.0, 425.0, 900.0, 905.0), (50.0, 2000.0, 2100.0, 300.0, 2150.0, 2200.0)]},
)  # fmt: skip
def too_fast(limit: float, *readings: float) -> Body:
    test = RateOfChange(limit, 3_600_000_000)
    failed = [bool(test.judge(10 * _MINUTE_US * i, reading)) for i, reading in enumerate(readings)]
    against_one = [False] + [abs(b - a) > 10 * limit for a, b in pairwise(readings)]

    def said(marks: list[bool]) -> tuple[str, str]:
        hit = [str(i + 1) for i, mark in enumerate(marks) if mark]
        return (f"reading {', '.join(hit)}", f"第 {'、'.join(hit)} 个") if hit else ("none", "没有")

    middle = median(readings)
    plain = [abs(one - middle) > 10 * limit for one in readings]
    shifted = [False, *failed[:-1]]
    listed, listed_zh = (mark.join(f"{one:g}" for one in readings) for mark in (", ", "、"))
    return worded(
        (f"Readings ten minutes apart: {listed} ppm; the limit is {limit:g} ppm/min, and a reading fails when it breaks it against both the one before it and the last one that passed. Which fail?",
         f"每十分钟一个读数：{listed_zh} ppm；限值 {limit:g} ppm/min，与前一个读数相比、与最近一个通过的读数相比均超限，才不通过。哪些不通过？"),
        said(failed),
        [(said(against_one), ("Held against the last reading only: the innocent one after a spike is flagged too.", "只与前一个比较：尖峰之后无辜的读数也被标出。")),
         (said(plain), ("Held against the median, not against neighbours in time.", "与中位数比较，而不是与时间上的邻居比较。")),
         (said(shifted), ("One place too late.", "晚了一个位置。")),
         (said([False] * 5), (f"In ten minutes {10 * limit:g} ppm are allowed; a step is larger.", f"十分钟允许 {10 * limit:g} ppm；有变化更大。")),
         (said([False, True, True, True, True]), ("All after the first were flagged.", "把第一个之后的全标出了。"))],
        (f"Allowed in ten minutes: {10 * limit:g} ppm, and {20 * limit:g} ppm in twenty: behind a reading that failed, the last one that passed is twenty minutes old.", f"十分钟允许 {10 * limit:g} ppm，二十分钟允许 {20 * limit:g} ppm：某读数不通过后，最近一个通过的读数已是二十分钟前。"),
        "soilco2: soilco2.quality.checks.RateOfChange; docs/reference/quality_tests.md", " ".join(str(i + 1) for i, f in enumerate(failed) if f),
    )  # fmt: skip


def _deployments(depth: float, changes: list[float]) -> Deployments:
    surface = [{"from": date(2026, 4, day + 1), "change_m": change} for day, change in enumerate(changes)]
    profile = {"id": "p1", "position": [{"id": "x", "depth_m": depth}], "surface": surface}
    place = {
        "id": "s",
        "name": "S",
        "latitude": 38.3,
        "longitude": 109.7,
        "altitude_m": 1150.0,
        "timezone": "Asia/Shanghai",
    }
    return Deployments(StationFile.model_validate({"station": place, "profile": [profile]}), {})


@MONITORING.add(
    "monitoring", "depth first second",
    {1: [(0.10, 0.04, -0.01), (0.30, -0.06, -0.02), (0.20, 0.05, 0.03), (0.50, -0.08, 0.02)],
     3: [(0.15, 0.07, -0.03), (0.08, -0.05, 0.02), (0.40, 0.11, -0.15), (0.25, -0.04, -0.06)]},
)  # fmt: skip
def moving_surface(depth: float, first: float, second: float) -> Body:
    value = _deployments(depth, [first, second]).depth_at("p1", "x")
    assert value is not None
    return numeric(
        (f"A probe was buried at {100 * depth:g} cm in a dune. Since then the surface changed by {_signed(100 * first)} cm and later by {_signed(100 * second)} cm (sand added is positive). How deep is it now?",
         f"沙丘中一支探头埋深 {100 * depth:g} cm。此后地表先后变化 {_signed(100 * first)} cm 和 {_signed(100 * second)} cm（积沙为正）。现在埋深多少？"),
        100 * value, "cm",
        [(100 * (depth - first - second), "Added sand makes it deeper, not shallower.", "积沙使埋深增加，而不是减小。"),
         (100 * (depth + second), "Only the last change was counted.", "只算了最后一次。"),
         (100 * (depth + first), "Only the first change was counted.", "只算了第一次。"),
         (100 * (depth + abs(first) + abs(second)), "The signs were dropped.", "丢了正负号。"),
         (100 * depth, "The surface was taken as fixed.", "把地表当作不动。")],
        ("Depth plus every change since.", "埋深加上此后每次变化。"), "soilco2: soilco2.station_config.deployments.Deployments.depth_at", digits=2,
    )  # fmt: skip


@MONITORING.add(
    "monitoring", "a b",
    {2: [((21.4, 20.8, 19.9, 18.7), (20.9, 20.6, 19.2, 18.3)), ((8.2, 9.6, 11.4, 12.1), (8.9, 10.0, 11.9, 12.9)),
         ((15.1, 15.9, 17.2, 18.4), (14.8, 16.4, 17.0, 19.0)), ((25.0, 26.2, 27.9, 28.8), (24.1, 25.0, 27.2, 27.7))],
     3: [((0.112, 0.121, 0.134, 0.128), (0.105, 0.119, 0.125, 0.131)), ((740.0, 760.0, 790.0, 820.0), (700.0, 745.0, 742.0, 790.0)),
         ((31.2, 29.4, 26.8, 24.1), (31.9, 29.1, 27.7, 24.9)), ((0.21, 0.24, 0.27, 0.25), (0.19, 0.25, 0.24, 0.26))]},
)  # fmt: skip
def two_probes(a: tuple[float, ...], b: tuple[float, ...]) -> Body:
    value, offset = pair_uncertainty(list(zip(a, b, strict=True)))
    differences = [x - y for x, y in zip(a, b, strict=True)]
    pairs = "; ".join(f"{x:g} / {y:g}" for x, y in zip(a, b, strict=True))
    return numeric(
        (f"Two probes of one kind at the same depth read {pairs}. What standard uncertainty of one value do they show in their unit (root mean square difference over √2)?",
         f"同一深度两个同型探头的读数：{pairs}。由此得到的单个数值的标准不确定度是多少（以读数的单位表示；差值均方根除以 √2）？"),
        value, "",
        [(value * 2**0.5, "That is of the difference: two values err.", "这是差值的：差值包含两个数的误差。"),
         (abs(offset), "The mean difference: errors of both signs cancel in it.", "这是平均差：正负误差相互抵消。"),
         (fmean(abs(d) for d in differences), "The mean of the absolute differences.", "这是绝对差的平均。"),
         (max(abs(d) for d in differences), "The largest difference.", "这是最大差值。")],
        (f"√(Σd²/{len(a)})/√2.", f"√(Σd²/{len(a)})/√2。"),
        "JCGM 100:2008 (GUM), 5.1.2 applied to a difference; soilco2: soilco2.documents.achieved.pair_uncertainty",
    )  # fmt: skip


@MONITORING.add("monitoring", "value", {3: [(812.5,), (1250.0,), (431.75,), (2600.0,)]})
def word_order(value: float) -> Body:
    words = encode(value, "float32", "low-first")
    seen = decode(words, 0, "float32", "low-first")
    shown = " ".join(f"{word:04X}" for word in words)
    return worded(
        (f"Two Modbus registers of a CO₂ probe that sends the low word first hold {shown} (float32). What does it say, in ppm?",
         f"某 CO₂ 探头低字在前，两个 Modbus 寄存器为 {shown}（float32）。读数是多少 ppm？"),
        (f"{seen:g}", f"{seen:g}"),
        [((number(decode(words, 0, "float32", "high-first")),) * 2, ("The words were not exchanged.", "没有交换两个字的顺序。")),
         ((f"{words[1]}", f"{words[1]}"), ("One register was read as a whole number.", "只读了一个寄存器并当作整数。")),
         ((f"{decode(words, 0, 'uint32', 'low-first'):.0f}",) * 2, ("Read as a whole number of 32 bits.", "当作 32 位整数。")),
         ((f"{words[0]}", f"{words[0]}"), ("The wrong register was read as a whole number.", "读了另一个寄存器并当作整数。"))],
        ("Put the second register first, then read IEEE 754.", "先把第二个寄存器放在前面，再按 IEEE 754 解读。"),
        "IEEE 754; Modbus Application Protocol V1.1b3; Vaisala M211897EN; soilco2: soilco2.station_config.catalogue.registers.decode", seen,
    )  # fmt: skip


@MONITORING.add(
    "monitoring", "valid_from valid_until due",
    {2: [("2026-03-01", "2027-03-01", "2026-12-15"), ("2025-11-20", "2026-05-20", "2026-08-01"),
         ("2026-01-10", "2028-01-10", "2027-01-10"), ("2026-06-05", "2026-12-05", "2027-06-05")]},
)  # fmt: skip
def calibration_due(valid_from: str, valid_until: str, due: str) -> Body:
    first = min(valid_until, due)
    other = max(valid_until, due)
    later = (date.fromisoformat(valid_from) + timedelta(days=365)).isoformat()
    far = (date.fromisoformat(other) + timedelta(days=365)).isoformat()
    return worded(
        (f"A calibration applies from {valid_from}; its certificate holds until {valid_until}, and the next one is entered as due on {due}. From when on is it reported as overdue?",
         f"某校准自 {valid_from} 起生效；证书有效至 {valid_until}，登记的应校日期为 {due}。从哪天起报告为逾期？"),
        (first, first),
        [((other, other), ("The later of the two was taken.", "取了两者中较晚的。")),
         ((later, later), ("A year was counted though dates are stated.", "已写明日期，却按一年推算。")),
         ((far, far), ("The maker's interval was added to a date that stands already.", "在已写明的日期上又加了厂家周期。")),
         ((valid_from, valid_from), ("That is when it began to apply.", "这是生效日期。"))],
        ("The earlier of valid_until and due; it goes on applying, with flag 2.", "取 valid_until 与 due 中较早者；仍继续使用，质量标识 2。"),
        "soilco2: soilco2.station_config.deployments.Deployments.calibration_due", first,
    )  # fmt: skip


@MONITORING.add("monitoring", "plot depth", {1: [("001", 0.21), ("002", 0.21), ("003", 0.20), ("004", 0.21)]})
def deepest_mean(plot: str, depth: float) -> Body:
    value = fmean(sjer.good("soil_co2", plot, depth))
    levels = sjer.depths("soil_co2", plot)
    others = [
        fmean(found) for level in levels if level != depth and (found := sjer.good("soil_co2", plot, level))
    ]
    listed, listed_zh = (mark.join(f"{100 * one:g}" for one in levels) for mark in (", ", "、"))
    whole = fmean([*others, value])
    return numeric(
        (f"Open the CO₂ data of plot {plot} (SJER, June 2022; probes at {listed} cm). What is the mean of the values at {100 * depth:g} cm that passed NEON's flag?",
         f"打开 {plot} 号样地的 CO₂ 数据（SJER，2022 年 6 月；探头深度 {listed_zh} cm）。{100 * depth:g} cm 处通过 NEON 质量标识的数值平均是多少？"),
        value, "ppm",
        [*((one, "That is another depth: nearer to the surface CO₂ is lower.", "这是另一深度：近地表处 CO₂ 较低。") for one in others),
         (whole, "The depths were averaged together.", "把各深度平均在一起。"),
         (value / 10, "A power of ten was lost.", "少了一个数量级。")],
        ("Choose plot and depth, drop what failed, average.", "选样地与深度，去掉未通过者，求平均。"), sjer.CITE,
    )  # fmt: skip


@MONITORING.add(
    "monitoring", "plot depth",
    {2: [("002", 0.165), ("003", 0.1625), ("004", 0.06), ("005", 0.2625)], 3: [("002", 0.465), ("003", 0.9625), ("004", 0.66), ("005", 0.0625)]},
)  # fmt: skip
def usable_water(plot: str, depth: float) -> Body:
    usable, present, flagged = (100 * share for share in sjer.usable_share("soil_water_content", plot, depth))
    return numeric(
        (f"In the water data of plot {plot} (SJER, June 2022, 1440 half hours), which share of the half hours at {100 * depth:g} cm has a value that passed NEON's flag?",
         f"在 {plot} 号样地的含水率数据中（SJER，2022 年 6 月，共 1440 个半小时），{100 * depth:g} cm 处有多少比例的半小时有通过 NEON 质量标识的数值？"),
        usable, "%",
        [(present, "Every value was counted, flagged or not.", "有数值就计入，不看标识。"),
         (flagged, "That is the share that failed.", "这是未通过的比例。"),
         (100 * usable / present * usable / 100, "The share was taken of itself.", "在可用比例上又乘了一次。"),
         (100.0, "A file without empty lines is not complete.", "文件没有空行并不等于数据完整。")],
        ("Passed and present, over all half hours of the month.", "通过且有值者，除以当月全部半小时数。"), sjer.CITE,
    )  # fmt: skip


@MONITORING.add("monitoring", "plot depth", {1: [("002", 0.16), ("003", 0.06), ("004", 0.17), ("005", 0.26)]})
def daily_range(plot: str, depth: float) -> Body:
    levels = sjer.depths("soil_temperature", plot)
    index = levels.index(depth)
    value = sjer.daily_range("soil_temperature", plot, depth)
    above, below = (sjer.daily_range("soil_temperature", plot, levels[index + step]) for step in (-1, 1))
    return numeric(
        (f"Open the soil temperature of plot {plot} (SJER, June 2022). What is the mean daily range at {100 * depth:g} cm "
         "(values that passed NEON's flag, days by UTC, days with 40 such values or more)?",
         f"打开 {plot} 号样地的土壤温度（SJER，2022 年 6 月）。{100 * depth:g} cm 处的平均日较差是多少（只取通过 NEON 质量标识的数值，按 UTC 分日，只计这种数值不少于 40 个的日子）？"),
        value, "°C",
        [(above, "That is the probe above; the range dies away with depth.", "这是上一个探头的；日较差随深度衰减。"),
         (below, "That is the probe below.", "这是下一个探头的。"),
         (value / 2, "That is the amplitude: half of the range.", "这是振幅，即日较差的一半。"),
         (value * 2, "The range was doubled.", "把日较差加倍了。")],
        ("Highest minus lowest of each day (UTC), averaged over the days.", "逐日（UTC）最高减最低，再对各天平均。"), sjer.CITE,
    )  # fmt: skip


@MONITORING.add(
    "monitoring",
    "days minutes stored doubtful",
    {1: [(31, 10, 3900, 310), (21, 30, 900, 60)], 2: [(92, 15, 7600, 900), (181, 30, 7900, 420)]},
)
def completeness_in_steps(days: int, minutes: int, stored: int, doubtful: int) -> Body:
    expected, value = _counted(days, minutes, stored, doubtful)
    verdict_en, verdict_zh = ("reaches", "达到") if value >= 90 else ("misses", "未达到")
    return short(
        (f"A probe was read every {minutes} min for {days} days; {stored} values are stored, {doubtful} of them suspect or bad. Work out the completeness, hold it against a target of 90 %, and say what to look at next.",
         f"某探头每 {minutes} 分钟读取一次，共 {days} 天；存储 {stored} 个数值，其中 {doubtful} 个可疑或错误。求完整率，与 90 % 的目标比较，并说明下一步看什么。"),
        [(f"Expected: {days} × 1440/{minutes} = {expected}.", f"应有：{days} × 1440/{minutes} = {expected}。", 2),
         (f"Usable: {stored} − {doubtful} = {stored - doubtful}.", f"可用：{stored} − {doubtful} = {stored - doubtful}。", 1),
         (f"{stored - doubtful}/{expected} = {number(value)} %: {verdict_en} the target.", f"{stored - doubtful}/{expected} = {number(value)} %：{verdict_zh}目标。", 2),
         ("The causes of the gaps (collector, line, device, clock) and the tests most often failed.", "缺口的原因（采集程序、线路、设备、时钟）和最常未通过的检验。", 2)],
        ("Usable over expected, never over stored.", "可用数除以应有数，不能除以存储数。"),
        "soilco2: soilco2.storage.journal.completeness; soilco2.documents.achieved", value,
    )  # fmt: skip


@MONITORING.add(
    "monitoring",
    "seconds",
    {2: [(1_772_294_400,), (1_782_835_200,)], 3: [(1_767_196_800,), (1_790_000_000,)]},
)
def stamp_in_steps(seconds: int) -> Body:
    moment = datetime.fromtimestamp(seconds, UTC)
    local = moment + timedelta(hours=8)
    return short(
        (f"A node stamps a reading with {seconds} s since 1970-01-01T00:00Z; it arrived an hour before that by the collector's clock. Write the stamp in UTC and in Asia/Shanghai, and say what has to happen with it.",
         f"某节点的读数时间戳为自 1970-01-01T00:00Z 起 {seconds} 秒；按采集程序的时钟，它到达时比该时刻早一小时。写出 UTC 与 Asia/Shanghai 时间，并说明应如何处理。"),
        [(f"{moment:%Y-%m-%dT%H:%M:%S}Z.", f"{moment:%Y-%m-%dT%H:%M:%S}Z。", 2), (f"{local:%Y-%m-%d %H:%M:%S} in Shanghai (UTC+8).", f"上海时间 {local:%Y-%m-%d %H:%M:%S}（UTC+8）。", 1),
         ("A stamp from the future is not believed: it is parked with its reason, not stored under a wrong time.", "来自未来的时间戳不可信：连同原因搁置，不以错误时间入库。", 2),
         ("The node's clock is set and the reading tried again; nothing is thrown away.", "校正节点时钟后重试该读数；不丢弃任何数据。", 1)],
        ("Time is suspect until proven.", "时间未经证实即为可疑。"), "soilco2: docs/concepts/reliability.md; [quality] future_tolerance", float(seconds),
    )  # fmt: skip
